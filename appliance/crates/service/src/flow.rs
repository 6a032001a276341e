//! A house with a person and apps that go through the code flow, for the tests of OpenID Connect.

use std::collections::BTreeMap;

use domain::account::Account;
use domain::client::ConsentMode;
use domain::grant::pkce::{CodeChallenge, CodeVerifier};
use domain::id::SessionNumber;
use domain::name::ClientName;
use domain::permission::{Actor, Need};
use domain::secret::Digest;
use domain::session::{self, Session};
use domain::sign_in::{Factor, Factors};
use domain::strength::Strength;
use domain::time::{Span, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::house::{House, NOW, console, group};
use crate::moment::steady;
use crate::{
    AppAmendment, AppKind, Authorization, AuthorizationAnswer, AuthorizationRequest, AuthorizeRefusal, BearerRefusal,
    Context, OpError, Origin, Refusal, TokenAnswer, TokenQuery, TokenRefusal, TokenRequest, Userinfo,
};

pub(crate) const REDIRECT: &str = "https://photos.example.org/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Anna, of the group `family`, at the confidential app `photos`.
pub(crate) struct Flow {
    pub(crate) house: House,
    pub(crate) anna: Account,
    pub(crate) secret: String,
}

impl Flow {
    pub(crate) fn new() -> Self {
        let house = House::new();
        house.group("family", &[]);
        let anna = house.newcomer("anna", &["family"]);
        let secret = app(&house, "photos", AppKind::Confidential, REDIRECT).unwrap();
        let flow = Self { house, anna, secret };
        flow.session(1, Factors::NONE.with(Factor::Passkey), NOW);
        flow
    }

    /// A session of Anna's.
    pub(crate) fn session(&self, number: i64, factors: Factors, at: Timestamp) {
        let session = Session {
            account: self.anna.id,
            number: SessionNumber(number),
            digest: Digest::of(b"cookie"),
            strength: factors.strength(),
            factors,
            device: String::new(),
            address: String::new(),
            created_at: at,
            authenticated_at: at,
            last_seen_at: at,
            expires_at: at + session::ABSOLUTE,
        };
        self.write(|op| op.insert_session(&session));
    }

    /// Changes something in the store that no operation of these tests is about.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&store::Writer<'_>) -> Result<T, store::Fault>) -> T {
        self.house.idp.write::<_, Refusal>(&Context::system(steady(NOW)), Need::System, |op| Ok(work(op)?)).unwrap()
    }

    /// Changes a group.
    pub(crate) fn demand(&self, name: &str, strength: Strength) {
        let amendment = crate::GroupAmendment { strength: Some(strength), ..crate::GroupAmendment::default() };
        self.house.idp.set_group(&console(), &group(name), &amendment).unwrap();
    }

    /// Changes the app.
    pub(crate) fn set(&self, amendment: &AppAmendment) {
        self.house.idp.set_app(&console(), &photos(), amendment).unwrap();
    }

    /// Does not ask for consent.
    pub(crate) fn trusted(self) -> Self {
        self.set(&AppAmendment { consent: Some(ConsentMode::Skip), ..AppAmendment::default() });
        self
    }

    /// Anna in her first session.
    pub(crate) fn anna(&self, now: Timestamp) -> Context {
        let actor = Actor::Person { account: self.anna.id, session: SessionNumber(1), fresh: true };
        Context::new(actor, steady(now), Origin::default())
    }

    pub(crate) fn authorize(
        &self,
        now: Timestamp,
        changes: &[(&str, &str)],
    ) -> Result<Authorization, OpError<AuthorizeRefusal>> {
        self.house.idp.authorize(&self.anna(now), &request(changes))
    }

    pub(crate) fn answer(&self, now: Timestamp, changes: &[(&str, &str)]) -> AuthorizationAnswer {
        match self.authorize(now, changes).unwrap() {
            Authorization::Answer(answer) => answer,
            Authorization::SignIn(_) | Authorization::Consent(_) => panic!("expected an answer"),
        }
    }

    /// The value of `error`.
    pub(crate) fn error(&self, changes: &[(&str, &str)]) -> String {
        self.answer(NOW, changes).get("error").unwrap().to_owned()
    }

    pub(crate) fn code(&self, now: Timestamp, changes: &[(&str, &str)]) -> String {
        let answer = self.answer(now, changes);
        answer.get("code").unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    pub(crate) fn token(&self, now: Timestamp, changes: &[(&str, &str)]) -> Result<TokenAnswer, TokenRefusal> {
        let mut fields = BTreeMap::from([("client_id", "photos"), ("client_secret", self.secret.as_str())]);
        fields.extend(changes.iter().copied());
        let request = TokenRequest::parse(fields, None)?;
        answered(self.house.idp.token(&Context::anonymous(steady(now), Origin::default()), &request))
    }

    pub(crate) fn exchange(
        &self,
        code: &str,
        now: Timestamp,
        changes: &[(&'static str, &'static str)],
    ) -> Result<TokenAnswer, TokenRefusal> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        fields.extend_from_slice(changes);
        self.token(now, &fields)
    }

    pub(crate) fn refresh(&self, token: &str, now: Timestamp) -> Result<TokenAnswer, TokenRefusal> {
        self.token(now, &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// The whole flow.
    pub(crate) fn tokens(&self, scope: &str) -> TokenAnswer {
        self.exchange(&self.code(NOW, &[("scope", scope)]), NOW, &[]).unwrap()
    }

    pub(crate) fn userinfo(&self, token: &str, now: Timestamp) -> Result<Map<String, Value>, BearerRefusal> {
        match self.house.idp.userinfo(&Context::anonymous(steady(now), Origin::default()), token) {
            Ok(Userinfo::Plain(claims)) => Ok(claims),
            Ok(Userinfo::Signed(token)) => Ok(self.verified_text(&token)),
            Err(OpError::Refused(refusal)) => Err(refusal),
            Err(OpError::Fault(fault)) => panic!("{fault}"),
        }
    }

    pub(crate) fn introspect(
        &self,
        token: &str,
        now: Timestamp,
        changes: &[(&str, &str)],
    ) -> Result<Map<String, Value>, TokenRefusal> {
        let query = self.query(token, changes)?;
        answered(self.house.idp.introspect(&Context::anonymous(steady(now), Origin::default()), &query))
    }

    pub(crate) fn revoke(&self, token: &str, now: Timestamp, changes: &[(&str, &str)]) -> Result<(), TokenRefusal> {
        let query = self.query(token, changes)?;
        answered(self.house.idp.revoke(&Context::anonymous(steady(now), Origin::default()), &query))
    }

    /// About that token, by `photos` unless the changes say otherwise.
    fn query(&self, token: &str, changes: &[(&str, &str)]) -> Result<TokenQuery, TokenRefusal> {
        let mut fields = BTreeMap::from([("client_id", "photos"), ("client_secret", self.secret.as_str())]);
        fields.insert("token", token);
        fields.extend(changes.iter().copied());
        TokenQuery::parse(fields, None)
    }

    /// Verifies an ID token as an app does: with the published keys.
    pub(crate) fn verified(&self, answer: &TokenAnswer) -> Map<String, Value> {
        self.verified_text(answer.id_token.as_ref().unwrap().expose())
    }

    /// The same for any JWT.
    pub(crate) fn verified_text(&self, token: &str) -> Map<String, Value> {
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let set: JwkSet = serde_json::from_slice(&self.house.idp.jwks()).unwrap();
        let jwk: &Jwk = set.find(&kid).unwrap();
        let algorithm = jwk.common.key_algorithm.unwrap().to_string().parse().unwrap();
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&["photos"]);
        validation.set_issuer(&["https://id.example.org"]);
        // The clock of these tests stands still, and the library's does not.
        validation.validate_exp = false;
        // Signed userinfo has no end.
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).unwrap().claims
    }
}

/// The answer, or the refusal that it must have been.
pub(crate) fn answered<T>(outcome: Result<T, OpError<TokenRefusal>>) -> Result<T, TokenRefusal> {
    outcome.map_err(|error| match error {
        OpError::Refused(refusal) => refusal,
        OpError::Fault(fault) => panic!("{fault}"),
    })
}

/// Makes an app that the family may use; returns its secret.
pub(crate) fn app(house: &House, name: &str, kind: AppKind, redirect_uri: &str) -> Option<String> {
    let amendment =
        AppAmendment { redirect_uris: Some(vec![redirect_uri.parse().unwrap()]), ..AppAmendment::default() };
    let name: ClientName = name.parse().unwrap();
    let made = house.idp.create_app(&console(), &name, kind, &amendment).unwrap();
    house.idp.allow_group(&console(), &name, &group("family")).unwrap();
    made.secret.map(|secret| secret.expose().clone())
}

pub(crate) fn photos() -> ClientName {
    "photos".parse().unwrap()
}

/// The usual request with these parameters instead; an empty one is left out.
pub(crate) fn request(changes: &[(&str, &str)]) -> AuthorizationRequest {
    let challenge = CodeChallenge::of(&CodeVerifier::parse(VERIFIER).unwrap()).to_text();
    let mut fields = BTreeMap::from([
        ("client_id", "photos"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s1"),
        ("nonce", "n1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    fields.extend(changes.iter().copied());
    AuthorizationRequest::from_pairs(fields)
}

/// The request that a path of ours goes on with.
pub(crate) fn resumed(path: &str) -> AuthorizationRequest {
    let query = path.strip_prefix("/authorize?").unwrap();
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    AuthorizationRequest::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// A moment after the tests began.
pub(crate) fn after(span: Span) -> Timestamp {
    NOW + span
}
