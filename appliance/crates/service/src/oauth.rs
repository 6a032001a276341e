//! What the OAuth operations hold in memory: keys that were read, and codes in flight.

use domain::id::ClientId;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use domain::client::{Client, SubjectType};
use domain::clock::Moment;
use domain::entropy;
use domain::grant::access_token::AccessTokenKey;
use domain::id::{FamilyNumber, Subject};
use domain::pairwise::PairwiseKey;
use domain::permission::Need;
use domain::secret;
use domain::time::Timestamp;

use crate::authorize::Pushed;
use crate::codes::Codes;
use crate::device_codes::DeviceCodes;
use crate::doctor::Complaints;
use crate::keys::Keyring;
use crate::operation::{Abort, Writing};
use crate::proof::Seen;
use crate::token::FetchedKeys;
use crate::trial::Trials;
use crate::{Context, Fault, Idp, OpError, Refusal};

/// Under which name the key of the access tokens is stored.
const ACCESS_KEY: &str = "access_token";

/// Under which name the key of the pairwise subjects is stored.
const PAIRWISE_KEY: &str = "pairwise";

/// See the module.
#[derive(Default)]
pub(crate) struct OAuth {
    keyring: RwLock<Arc<Keyring>>,
    making: Mutex<()>,
    access: RwLock<Option<Arc<AccessTokenKey>>>,
    pairwise: OnceLock<PairwiseKey>,
    /// How many families were numbered, from a random number on.
    families: AtomicU32,
    /// Authorization codes.
    pub(crate) codes: Codes,
    /// Authorization requests that apps pushed.
    pub(crate) pushed: Pushed,
    /// Devices that wait for a person.
    pub(crate) devices: DeviceCodes,
    /// Assertions that were taken.
    pub(crate) assertions: Seen<ClientId>,
    /// Proofs of keys that were taken, by key: one that is used too often stands in nobody else's way.
    pub(crate) proofs: Seen<[u8; 32]>,
    /// Keys that apps publish.
    pub(crate) client_keys: FetchedKeys,
    /// Sign-ins that an admin tries out.
    pub(crate) trials: Trials,
    /// What apps did wrong lately.
    pub(crate) complaints: Complaints,
}

impl OAuth {
    /// The keys of this moment.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other keys from now on.
    pub(crate) fn set_keyring(&self, keyring: Keyring) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
    }

    /// A number that no family of this run has, and none of another run but by a chance in two million for each of the
    /// same second.
    pub(crate) fn family_number(&self, now: Timestamp) -> FamilyNumber {
        FamilyNumber::new(now, self.families.fetch_add(1, Ordering::Relaxed))
    }

    /// The turn to make a key.
    pub(crate) fn key_making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of the access tokens.
    pub(crate) fn access_key(&self) -> Result<Arc<AccessTokenKey>, Fault> {
        let key = self.access.read().unwrap_or_else(PoisonError::into_inner).clone();
        key.ok_or_else(|| Fault::unexpected("the key of the access tokens was not read"))
    }
}

impl Idp {
    /// Reads every key at start, and makes those that are missing.
    pub(crate) fn start_oauth(&self, moment: Moment) -> Result<(), OpError<Refusal>> {
        self.oauth.families.store(u32::from_be_bytes(entropy::bytes(self.entropy())), Ordering::Relaxed);
        if !self.reload_access_key(moment)? {
            self.write(&Context::system(moment), Need::System, |op| self.replace_access_key(op, moment.now))?;
            self.reload_access_key(moment)?;
        }
        self.load_pairwise_key(moment)?;
        self.load_keys(moment)
    }

    /// What the person is called at that app: in every token, in userinfo and in introspection.
    pub(crate) fn subject_at(&self, client: &Client, subject: Subject) -> Result<String, Fault> {
        match client.settings.subject {
            SubjectType::Public => Ok(subject.to_string()),
            SubjectType::Pairwise => {
                let sector = client.sector().map_err(Fault::unexpected)?;
                let key = self.oauth.pairwise.get();
                let key = key.ok_or_else(|| Fault::unexpected("the key of the pairwise subjects was not read"))?;
                Ok(key.subject(&sector, subject))
            }
        }
    }

    /// The key of the pairwise subjects, made at the first start. Unlike that of the access tokens it is never replaced, not
    /// even in an emergency: that would make a stranger of everybody at the apps that know them by it.
    fn load_pairwise_key(&self, moment: Moment) -> Result<(), OpError<Refusal>> {
        let ctx = Context::system(moment);
        let stored = self.read::<_, Refusal>(&ctx, Need::System, |op| Ok(op.symmetric_key(PAIRWISE_KEY)?))?;
        let bytes = match stored {
            Some(bytes) => bytes,
            None => {
                let bytes = secret::random_key(self.entropy());
                self.write::<_, Refusal>(&ctx, Need::System, |op| {
                    Ok(op.put_symmetric_key(PAIRWISE_KEY, &bytes, moment.now)?)
                })?;
                bytes
            }
        };
        self.oauth.pairwise.get_or_init(|| PairwiseKey::new(bytes.expose()));
        Ok(())
    }

    /// Another key of the access tokens, in that transaction: every access and refresh token made so far is over, because its
    /// seal is.
    pub(crate) fn replace_access_key(&self, op: &Writing<'_>, now: Timestamp) -> Result<(), Abort<Refusal>> {
        op.put_symmetric_key(ACCESS_KEY, &secret::random_key(self.entropy()), now)?;
        Ok(())
    }

    /// Takes the stored key of the access tokens into use; whether there is one.
    pub(crate) fn reload_access_key(&self, moment: Moment) -> Result<bool, OpError<Refusal>> {
        let ctx = Context::system(moment);
        let stored = self.read(&ctx, Need::System, |op| Ok::<_, OpError<Refusal>>(op.symmetric_key(ACCESS_KEY)?))?;
        let key = stored.map(|key| Arc::new(AccessTokenKey::new(key.expose())));
        let found = key.is_some();
        *self.oauth.access.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(found)
    }

    /// The server's own work, once in a while: replaces old keys, forgets keys and tokens that are over.
    pub fn tend_tokens(&self, moment: Moment) -> Result<usize, OpError<Refusal>> {
        let ctx = Context::system(moment);
        // A clock that is wrong must not end what is good.
        ctx.timely()?;
        self.tend_keys(moment)?;
        self.write(&ctx, Need::System, |op| Ok(op.delete_expired_token_families(moment.now)?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::house::{House, NOW};

    #[test]
    fn families_of_one_second_never_share_a_number() {
        let house = House::new();
        let numbers: HashSet<_> = (0..100_000).map(|_| house.idp.oauth.family_number(NOW)).collect();
        assert_eq!(numbers.len(), 100_000);
    }
}
