//! Keys that apps publish (RFC 7517 section 5), as they were when they were fetched: when to fetch them again, and for how long to
//! trust them. The fetching itself is done where there are sockets, never within a transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::document_uri::DocumentUri;
use domain::id::ClientId;
use domain::jwk::JwkSet;
use domain::name::ClientName;
use domain::time::{Span, Uptime};

/// How long fetched keys are good without another look.
const FRESH: Span = Span::minutes(10);

/// How long they are used while the app does not answer.
const STALE: Span = Span::hours(1);

/// How often an app's keys are fetched at the most, whoever asks for which.
const PAUSE: Span = Span::minutes(1);

/// Most apps whose fetched keys are remembered.
const MAX_FETCHED: usize = 64;

/// Which key a client says it signed with.
#[derive(Clone, Debug)]
pub struct KeyQuestion {
    pub(super) name: ClientName,
    pub(super) kid: Option<String>,
}

/// Keys that have to be fetched.
#[derive(Clone, Debug)]
pub struct KeysToFetch {
    /// Of that app.
    pub app: ClientName,
    /// From there.
    pub uri: DocumentUri,
    pub(super) client: ClientId,
}

/// Keys that apps publish, as they were when they were fetched.
#[derive(Default)]
pub(crate) struct FetchedKeys(Mutex<HashMap<ClientId, Fetched>>);

struct Fetched {
    uri: DocumentUri,
    tried: Uptime,
    /// Whether somebody is fetching; whoever wants them too waits.
    under_way: bool,
    keys: Option<(Arc<JwkSet>, Uptime)>,
}

impl Fetched {
    /// The same app may publish elsewhere now. Its keys are others then, and the pause is the same: else whoever moves them all the
    /// time has us fetch all the time.
    fn at(&mut self, uri: &DocumentUri) {
        if self.uri != *uri {
            (self.uri, self.keys) = (uri.clone(), None);
        }
    }

    fn wants(&self, question: &KeyQuestion, now: Uptime) -> bool {
        let named = |keys: &JwkSet| question.kid.as_ref().is_none_or(|kid| keys.names(kid));
        let good = self.keys.as_ref().is_some_and(|(keys, at)| now < *at + FRESH && named(keys));
        !good && now >= self.tried + PAUSE
    }
}

impl FetchedKeys {
    /// The keys from that address, if they are not too old.
    pub(super) fn of(&self, client: ClientId, uri: &DocumentUri, now: Uptime) -> Option<Arc<JwkSet>> {
        let kept = self.lock();
        let (keys, at) = kept.get(&client).filter(|fetched| fetched.uri == *uri)?.keys.as_ref()?;
        (now < *at + STALE).then(|| Arc::clone(keys))
    }

    pub(super) fn lacks(&self, client: ClientId, uri: &DocumentUri, (question, now): (&KeyQuestion, Uptime)) -> bool {
        let mut kept = self.lock();
        let Some(fetched) = kept.get_mut(&client) else { return true };
        fetched.at(uri);
        fetched.under_way || fetched.wants(question, now)
    }

    /// Whether to fetch them now. Asked by one at a time, so whoever was under way has given up.
    pub(super) fn begin(&self, client: ClientId, uri: &DocumentUri, (question, now): (&KeyQuestion, Uptime)) -> bool {
        let mut kept = self.lock();
        if let Some(fetched) = kept.get_mut(&client) {
            fetched.at(uri);
            fetched.under_way = fetched.wants(question, now);
            if fetched.under_way {
                fetched.tried = now;
            }
            return fetched.under_way;
        }
        if kept.len() >= MAX_FETCHED
            && let Some(oldest) = kept.iter().min_by_key(|(_, fetched)| fetched.tried).map(|(client, _)| *client)
        {
            kept.remove(&oldest);
        }
        kept.insert(client, Fetched { uri: uri.clone(), tried: now, under_way: true, keys: None });
        true
    }

    pub(super) fn end(&self, wanted: &KeysToFetch, keys: Option<JwkSet>, now: Uptime) {
        let mut kept = self.lock();
        if let Some(fetched) = kept.get_mut(&wanted.client) {
            fetched.under_way = false;
            if let Some(keys) = keys.filter(|_| fetched.uri == wanted.uri) {
                fetched.keys = Some((Arc::new(keys), now));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, Fetched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_fetched_again_after_a_while_and_never_more_than_once_a_minute() {
        let fetched = FetchedKeys::default();
        let uri: DocumentUri = "https://app.example/jwks.json".parse().unwrap();
        let at = |seconds| Uptime::default() + Span::seconds(seconds);
        let client = ClientId(1);
        let question = |kid: &str| KeyQuestion { name: "photos".parse().unwrap(), kid: Some(kid.to_owned()) };
        let begin = |kid, seconds| fetched.begin(client, &uri, (&question(kid), at(seconds)));
        let lacks = |kid, seconds| fetched.lacks(client, &uri, (&question(kid), at(seconds)));
        assert!(lacks("a", 0) && begin("a", 0), "none are there");
        assert!(lacks("a", 1), "somebody fetches");
        let wanted = KeysToFetch { app: "photos".parse().unwrap(), uri: uri.clone(), client };
        fetched.end(&wanted, None, at(5));
        assert!(!lacks("a", 59) && !begin("a", 59), "nobody answered");
        assert!(lacks("a", 60) && begin("a", 60));
        let number = URL_SAFE_NO_PAD.encode([7; 32]);
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": number, "kid": "a" });
        fetched.end(&wanted, Some(JwkSet::given(&json!({ "keys": [key] })).unwrap()), at(60));
        assert!(!begin("a", 600));
        assert!(begin("b", 600), "perhaps a new one");
        fetched.end(&wanted, None, at(601));
        assert!(!begin("c", 659));
        assert!(begin("a", 660), "they may have gone");
        assert!(fetched.of(client, &uri, at(3659)).is_some() && fetched.of(client, &uri, at(3660)).is_none());
        let other: DocumentUri = "https://app.example/other.json".parse().unwrap();
        assert!(fetched.of(client, &other, at(60)).is_none(), "another address has other keys");
        fetched.end(&wanted, None, at(661));
        assert!(!fetched.lacks(client, &other, (&question("a"), at(719))), "who moves them often has nothing of it");
        assert!(fetched.begin(client, &other, (&question("a"), at(720))));
        for n in 0..1000 {
            fetched.begin(ClientId(n), &uri, (&question("a"), at(1000 + n)));
        }
        assert_eq!(fetched.lock().len(), MAX_FETCHED);
    }
}
