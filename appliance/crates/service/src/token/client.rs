//! Who the client is (RFC 6749 section 2.3): by its secret, by what it signed with a registered key (RFC 7523), or, for one that
//! can keep neither, by name alone. Every endpoint of clients asks here.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::client::{ClientAuthentication, ClientKeys};
use domain::document_uri::DocumentUri;
use domain::id::ClientId;
use domain::jwk::JwkSet;
use domain::name::ClientName;
use domain::permission::Need;
use domain::proof::assertion::{self, AssertionRefusal};
use domain::secret::{Digest, Secret};
use serde_json::Value;
use store::Reader;

use super::TokenRefusal;
use super::fetched_keys::{KeyQuestion, KeysToFetch};
use super::request::keep;
use crate::known::KnownApp;
use crate::operation::Abort;
use crate::proof::{MAX_SIGNED, Noted, Signed, unverified_claims};
use crate::{Context, Fault, Idp, OpError, path};

/// Most bytes of a name or a secret; ours are shorter.
const MAX_VALUE: usize = 1024;

/// How a client says who it is.
#[derive(Debug)]
pub struct ClientCredentials {
    pub(crate) client_id: String,
    pub(crate) secret: Option<Secret<String>>,
    /// A text that it signed.
    pub(crate) assertion: Option<Secret<String>>,
    /// Whether it used HTTP Basic, which decides how it is refused (RFC 6749 section 5.2).
    pub(crate) basic: bool,
}

/// The parameters by which a client says who it is.
#[derive(Default)]
struct Form {
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
}

impl Form {
    fn take(&mut self, name: &str, value: &str) -> Result<(), TokenRefusal> {
        let (place, most) = match name {
            "client_id" => (&mut self.client_id, MAX_VALUE),
            "client_secret" => (&mut self.client_secret, MAX_VALUE),
            "client_assertion" => (&mut self.client_assertion, MAX_SIGNED),
            "client_assertion_type" => (&mut self.client_assertion_type, MAX_VALUE),
            _ => return Ok(()),
        };
        keep(place, value, most)
    }
}

impl ClientCredentials {
    /// From the decoded pairs of a form and the `Authorization` header. Other parameters are passed over; of these none comes
    /// twice, and no two ways at once (RFC 6749 section 2.3).
    ///
    /// # Errors
    /// When they cannot be read as one way.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        authorization: Option<&str>,
    ) -> Result<Self, TokenRefusal> {
        let mut form = Form::default();
        for (name, value) in pairs {
            form.take(name, value)?;
        }
        let ways = [authorization.is_some(), form.client_secret.is_some(), form.client_assertion.is_some()];
        if ways.into_iter().filter(|used| *used).count() > 1 {
            return Err(TokenRefusal::InvalidRequest("the client proved itself in two ways; use one"));
        }
        if let Some(header) = authorization {
            let (client_id, secret) = basic(header).ok_or(TokenRefusal::InvalidClient { basic: true })?;
            if form.client_id.is_some_and(|other| other != client_id) {
                return Err(TokenRefusal::InvalidRequest("client_id is not the one of the Authorization header"));
            }
            return Ok(Self { client_id, secret: Some(secret), assertion: None, basic: true });
        }
        if let Some(text) = form.client_assertion {
            return Self::asserted(text, form.client_assertion_type.as_deref(), form.client_id);
        }
        let client_id = form.client_id.ok_or(TokenRefusal::InvalidClient { basic: false })?;
        Ok(Self { client_id, secret: form.client_secret.map(Secret::new), assertion: None, basic: false })
    }

    /// `client_id` may be left out, since the assertion says the same (RFC 7521 section 4.2).
    fn asserted(text: String, kind: Option<&str>, client_id: Option<String>) -> Result<Self, TokenRefusal> {
        if kind != Some(assertion::TYPE) {
            return Err(TokenRefusal::InvalidRequest(
                "client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        // Looked at before the client is: what cannot be read is answered alike, whoever sends it.
        let claims = Signed::read(&text).and_then(|_| unverified_claims(&text));
        let claims = claims.ok_or(TokenRefusal::InvalidAssertion(AssertionRefusal::Malformed))?;
        let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| subject.len() <= MAX_VALUE);
        let subject = subject.ok_or(TokenRefusal::InvalidAssertion(AssertionRefusal::OtherClient))?;
        if client_id.is_some_and(|other| other != subject) {
            return Err(TokenRefusal::InvalidAssertion(AssertionRefusal::OtherClient));
        }
        Ok(Self { client_id: subject.to_owned(), secret: None, assertion: Some(Secret::new(text)), basic: false })
    }

    /// Who it says to come from.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Whether it brought a secret, right or wrong.
    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether it says who it is and proves nothing.
    pub(super) fn is_only_named(&self) -> bool {
        self.secret.as_ref().is_none_or(|secret| self.basic && secret.expose().is_empty()) && self.assertion.is_none()
    }

    /// Which key has to be there to look at the assertion, if there is one.
    pub fn key_question(&self) -> Option<KeyQuestion> {
        let signed = Signed::read(self.assertion.as_ref()?.expose())?;
        let kid = signed.header("kid").and_then(Value::as_str).map(str::to_owned);
        Some(KeyQuestion { name: self.name()?, kid })
    }

    fn name(&self) -> Option<ClientName> {
        self.client_id.parse().ok()
    }
}

/// RFC 7617, with both parts form-encoded before (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Option<(String, Secret<String>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > MAX_VALUE {
        return None;
    }
    let decoded = Secret::new(String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?);
    let (client_id, secret) = decoded.expose().split_once(':')?;
    Some((form_decode(client_id)?, Secret::new(form_decode(secret)?)))
}

fn form_decode(raw: &str) -> Option<String> {
    // A pair with a name alone is one decoded text; `&` and `=` cannot stand in it unencoded.
    if raw.contains(['&', '=']) {
        return None;
    }
    url::form_urlencoded::parse(raw.as_bytes()).next().map_or(Some(String::new()), |(text, _)| Some(text.into_owned()))
}

impl Idp {
    /// RFC 6749 section 2.3. An unknown client, a wrong secret and a wrong signature are answered alike.
    pub(crate) fn authenticate(
        &self,
        ctx: &Context,
        reader: &Reader<'_>,
        credentials: &ClientCredentials,
    ) -> Result<Arc<KnownApp>, Abort<TokenRefusal>> {
        let refusal = TokenRefusal::InvalidClient { basic: credentials.basic };
        let app = self.named(reader, credentials)?;
        let Some(app) = app else { return Err(refusal.into()) };
        let offered = credentials.secret.as_ref().map(|secret| Digest::of(secret.expose().as_bytes()));
        match (app.client.authentication(), offered, &credentials.assertion) {
            (ClientAuthentication::Public, None, None) => Ok(app),
            // Basic without a password is how some libraries say `none`.
            (ClientAuthentication::Public, Some(offered), None) if credentials.basic && offered == Digest::of(b"") => {
                Ok(app)
            }
            (ClientAuthentication::Secret(_), Some(offered), None) if app.client.has_secret(&offered, ctx.now) => {
                Ok(app)
            }
            (ClientAuthentication::Keys(keys), None, Some(assertion)) => {
                self.check_assertion(ctx, &app, (keys, assertion.expose()))?;
                Ok(app)
            }
            (ClientAuthentication::Public | ClientAuthentication::Secret(_) | ClientAuthentication::Keys(_), _, _) => {
                Err(refusal.into())
            }
        }
    }

    /// The app that the client says it is, not proven.
    pub(crate) fn named(
        &self,
        reader: &Reader<'_>,
        credentials: &ClientCredentials,
    ) -> Result<Option<Arc<KnownApp>>, store::Fault> {
        match credentials.name() {
            Some(name) => self.known.app_by_name(reader, &name),
            None => Ok(None),
        }
    }

    /// RFC 7523 section 3, in the order of what an admin can mend: first the key, then what is said under it.
    fn check_assertion(
        &self,
        ctx: &Context,
        app: &KnownApp,
        (keys, text): (&ClientKeys, &str),
    ) -> Result<(), Abort<TokenRefusal>> {
        let name = app.client.name.as_str();
        let refuse = |why| Abort::from(TokenRefusal::InvalidAssertion(why));
        let signed = Signed::read(text).ok_or_else(|| refuse(AssertionRefusal::Malformed))?;
        let kid = signed.header("kid").and_then(Value::as_str);
        let keys = match keys {
            ClientKeys::Jwks(set) => Some(Arc::new(set.clone())),
            ClientKeys::JwksUri(uri) => self.oauth.client_keys.of(app.client.id, uri, ctx.uptime),
        };
        let picked = keys.as_ref().and_then(|keys| keys.pick(kid, signed.algorithm));
        let Some(claims) = picked.and_then(|key| signed.verified(key)) else {
            let kid: Option<String> = kid.map(|kid| kid.chars().take(64).collect());
            tracing::info!(app = name, ?kid, "a client assertion is by none of the app's keys");
            return Err(TokenRefusal::InvalidClient { basic: false }.into());
        };
        let issuer = self.reached_at(ctx).issuer();
        let audiences = ["", path::TOKEN, path::PUSHED_AUTHORIZATION].map(|path| format!("{issuer}{path}"));
        let once = assertion::check(&claims, name, &audiences, ctx.now).map_err(refuse)?;
        match self.oauth.assertions.note(app.client.id, once, ctx.now) {
            Noted::New => Ok(()),
            Noted::Again => Err(refuse(AssertionRefusal::Replayed)),
            Noted::Full => Err(Fault::Busy.into()),
        }
    }

    /// Whether the client may have to be asked for its keys, or somebody is asking for them now.
    pub fn lacks_keys(&self, ctx: &Context, question: &KeyQuestion) -> Result<bool, OpError<TokenRefusal>> {
        let published = self.publisher(ctx, question)?;
        let lacks = |(client, uri): &(ClientId, DocumentUri)| {
            self.oauth.client_keys.lacks(*client, uri, (question, ctx.uptime))
        };
        Ok(published.as_ref().is_some_and(lacks))
    }

    /// Where to fetch keys before [`Self::authenticate`] can tell who this is; it never does that itself, since it runs within a
    /// transaction. The answer counts as a try, so that not every request fetches.
    pub fn keys_to_fetch(
        &self,
        ctx: &Context,
        question: &KeyQuestion,
    ) -> Result<Option<KeysToFetch>, OpError<TokenRefusal>> {
        let Some((client, uri)) = self.publisher(ctx, question)? else { return Ok(None) };
        let wanted = self.oauth.client_keys.begin(client, &uri, (question, ctx.uptime));
        Ok(wanted.then(|| KeysToFetch { app: question.name.clone(), uri, client }))
    }

    /// Takes the keys that were fetched, or that there were none.
    pub fn keep_fetched_keys(&self, ctx: &Context, wanted: &KeysToFetch, keys: Option<JwkSet>) {
        self.oauth.client_keys.end(wanted, keys, ctx.uptime);
    }

    fn publisher(
        &self,
        ctx: &Context,
        question: &KeyQuestion,
    ) -> Result<Option<(ClientId, DocumentUri)>, OpError<TokenRefusal>> {
        self.read(ctx, Need::Nothing, |op| {
            let app = self.known.app_by_name(op, &question.name)?;
            Ok(app.and_then(|app| match &app.client.settings.keys {
                Some(ClientKeys::JwksUri(uri)) => Some((app.client.id, uri.clone())),
                Some(ClientKeys::Jwks(_)) | None => None,
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pairs: &[(&'static str, &'static str)], header: Option<&str>) -> TokenRefusal {
        ClientCredentials::parse(pairs.iter().copied(), header).unwrap_err()
    }

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn basic_credentials_are_form_decoded() {
        let client = ClientCredentials::parse([("grant_type", "x")], Some(&header("my%2Dapp:a%3Ab+c"))).unwrap();
        assert_eq!(client.client_id, "my-app");
        assert_eq!(client.secret.unwrap().expose(), "a:b c");
    }

    #[test]
    fn a_client_proves_itself_in_one_way() {
        assert!(matches!(refused(&[("client_secret", "s")], Some(&header("a:s"))), TokenRefusal::InvalidRequest(_)));
        assert!(matches!(refused(&[("client_id", "b")], Some(&header("a:s"))), TokenRefusal::InvalidRequest(_)));
        let both = [("client_id", "a"), ("client_secret", "s"), ("client_assertion", "x.y.z")];
        assert!(matches!(refused(&both, None), TokenRefusal::InvalidRequest(_)));
        let assertion = [("client_assertion", "x.y.z"), ("client_assertion_type", assertion::TYPE)];
        assert!(matches!(refused(&assertion, Some(&header("a:s"))), TokenRefusal::InvalidRequest(_)));
        assert!(matches!(refused(&[("client_id", "a"), ("client_id", "a")], None), TokenRefusal::InvalidRequest(_)));
    }

    #[test]
    fn headers_that_are_no_credentials_are_refused() {
        for raw in ["", "Basic", "Basic !!!", "Bearer x", "Basic YQ==", &header("a=b:c"), &header("\u{fffd}")[..9]] {
            assert_eq!(refused(&[], Some(raw)), TokenRefusal::InvalidClient { basic: true }, "{raw}");
        }
    }

    #[test]
    fn an_assertion_that_says_nothing_is_refused() {
        for text in ["x", "x.y.z", "e30.e30.", "e30.W10.x", "..", "e30.eyJzdWIiOjd9.x"] {
            let pairs = [("client_assertion", text), ("client_assertion_type", assertion::TYPE)];
            let refusal = ClientCredentials::parse(pairs, None).unwrap_err();
            assert!(matches!(refusal, TokenRefusal::InvalidAssertion(_)), "{text} {refusal:?}");
        }
        for kind in ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"] {
            let pairs = [("client_assertion", "e30.e30.x"), ("client_assertion_type", kind)];
            assert!(matches!(refused(&pairs, None), TokenRefusal::InvalidRequest(_)));
        }
    }
}
