//! The keys that sign ID tokens (OpenID Connect Core section 10.1). A new key is published a day before it signs, so that apps
//! have fetched it; an old one stays published until the last token that it signed is over.

mod generate;
mod own;
mod ring_provider;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::client::Algorithm;
use domain::clock::Moment;
use domain::permission::Need;
use domain::secret::Digest;
use domain::time::{Span, Timestamp};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::SigningKeyRow;

use crate::operation::Abort;
use crate::{Context, Fault, Idp, OpError, Refusal};
pub(crate) use own::OwnToken;
use ring_provider::{PublicHalf, SigningPair};

/// How long a new key is published before it signs.
const LEAD: Span = Span::days(1);

/// How long an old key stays published after its last signature: the longest life of an ID token and an hour of clocks that
/// differ.
const REMAIN: Span = Span::hours(25);

/// After how long a key is replaced by itself.
const AGE: Span = Span::days(90);

/// How a key is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing happened: the old key signs for another day and stays published after that.
    Planned,
    /// The old key may be in wrong hands: it is not published from now on, and its tokens are worth nothing. Who has it may
    /// have the key of the access tokens as well, so that one is replaced too.
    Emergency,
}

/// A signing key as the admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// Its public name.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Whether it signs now.
    pub signs: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs nothing.
    pub retired_at: Option<Timestamp>,
    /// From when on it is not published.
    pub expires_at: Option<Timestamp>,
}

/// All keys that are published, read and ready.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: Vec<ReadyKey>,
    /// The JWK Set (RFC 7517 section 5), written once.
    jwks: Arc<[u8]>,
}

struct ReadyKey {
    pair: Arc<SigningPair>,
    handle: EncodingKey,
    verifier: DecodingKey,
    header: Header,
    algorithm: Algorithm,
    created_at: Timestamp,
    retired_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl Keyring {
    /// Reads the rows; one that ring refuses is corrupt.
    fn new(rows: &[SigningKeyRow], now: Timestamp) -> Result<Self, Fault> {
        let live = rows.iter().filter(|row| row.expires_at.is_none_or(|end| now < end));
        let keys = live.map(ReadyKey::new).collect::<Result<Vec<_>, _>>()?;
        let set: Vec<Value> = keys.iter().map(|key| jwk(&key.pair.public(), key.pair.kid(), key.algorithm)).collect();
        let jwks = json!({ "keys": set }).to_string().into_bytes().into();
        Ok(Self { keys, jwks })
    }

    /// The key that signs: the one that retires first of those that have not, because a newer one may not have been fetched
    /// yet.
    fn signing(&self, algorithm: Algorithm, now: Timestamp) -> Option<&ReadyKey> {
        let able = |key: &&ReadyKey| key.algorithm == algorithm && key.retired_at.is_none_or(|end| now < end);
        let end = |key: &&ReadyKey| (key.retired_at.is_none(), key.retired_at, key.created_at);
        self.keys.iter().filter(able).min_by_key(end)
    }

    /// Signs the claims as a token of that type; `None` when there is no key for that algorithm yet.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        kind: JwtKind,
        claims: &impl Serialize,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        let Some(key) = self.signing(algorithm, now) else { return Ok(None) };
        let mut header = key.header.clone();
        header.typ = Some(kind.typ().to_owned());
        jsonwebtoken::encode(&header, claims, &key.handle).map(Some).map_err(Fault::unexpected)
    }

    /// What a token of that type says that one of our published keys signed; `None` for any other. The key says by which
    /// algorithm (RFC 8725 section 3.1), and the type is looked at first (section 3.11). What the claims mean, the time
    /// included, is for the caller to look at.
    pub(crate) fn verify(&self, kind: JwtKind, token: &str, now: Timestamp) -> Option<Map<String, Value>> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if !header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(kind.typ())) {
            return None;
        }
        let kid = header.kid?;
        let published = |key: &&ReadyKey| key.expires_at.is_none_or(|end| now < end);
        let key = self.keys.iter().filter(published).find(|key| key.pair.kid() == kid)?;
        let mut validation = Validation::new(key.header.alg);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(token, &key.verifier, &validation).ok().map(|token| token.claims)
    }
}

/// What a JWT of ours is, by its `typ` (RFC 8725 section 3.11): one is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwtKind {
    /// An ID token, or signed userinfo.
    Plain,
    /// An access token (RFC 9068 section 2.1).
    AccessToken,
    /// A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).
    Logout,
}

impl JwtKind {
    /// `typ`.
    pub(crate) const fn typ(self) -> &'static str {
        match self {
            Self::Plain => "JWT",
            Self::AccessToken => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

impl ReadyKey {
    fn new(row: &SigningKeyRow) -> Result<Self, Fault> {
        let corrupt = || store::Fault::Corrupt { table: "signing_key", row: row.kid.clone() };
        let pair = SigningPair::read(row.algorithm, row.private_key.expose(), thumbprint).ok_or_else(corrupt)?;
        if pair.kid() != row.kid {
            return Err(corrupt().into());
        }
        let mut header = Header::new(match row.algorithm {
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        });
        header.kid = Some(row.kid.clone());
        Ok(Self {
            handle: pair.handle(),
            verifier: pair.verifier(),
            pair,
            header,
            algorithm: row.algorithm,
            created_at: row.created_at,
            retired_at: row.retired_at,
            expires_at: row.expires_at,
        })
    }
}

fn jwk(public: &PublicHalf, kid: &str, algorithm: Algorithm) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let alg = algorithm.as_str();
    match public {
        PublicHalf::Ec { x, y } => {
            json!({ "kty": "EC", "use": "sig", "alg": alg, "kid": kid, "crv": "P-256", "x": text(x), "y": text(y) })
        }
        PublicHalf::Rsa { n, e } => {
            json!({ "kty": "RSA", "use": "sig", "alg": alg, "kid": kid, "n": text(n), "e": text(e) })
        }
    }
}

/// The key's name is its thumbprint (RFC 7638), so two keys never share one.
fn thumbprint(public: &PublicHalf) -> String {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let members = match public {
        PublicHalf::Ec { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y)),
        PublicHalf::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
    };
    text(Digest::of(members.as_bytes()).as_bytes())
}

impl Idp {
    /// The JWK Set, as bytes to send.
    pub fn jwks(&self) -> Arc<[u8]> {
        Arc::clone(&self.oauth.keyring().jwks)
    }

    /// The signing keys.
    pub fn signing_keys(&self, ctx: &Context) -> Result<Vec<KeyView>, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |_| Ok(()))?;
        let ring = self.oauth.keyring();
        let signs = |key: &ReadyKey| {
            ring.signing(key.algorithm, ctx.now).is_some_and(|signing| Arc::ptr_eq(&signing.pair, &key.pair))
        };
        Ok(ring
            .keys
            .iter()
            .map(|key| KeyView {
                kid: key.pair.kid().to_owned(),
                algorithm: key.algorithm,
                signs: signs(key),
                created_at: key.created_at,
                retired_at: key.retired_at,
                expires_at: key.expires_at,
            })
            .collect())
    }

    /// Replaces the signing key of that algorithm; returns the name of the new one.
    pub fn rotate_signing_key(
        &self,
        ctx: &Context,
        algorithm: Algorithm,
        rotation: Rotation,
    ) -> Result<String, OpError<Refusal>> {
        self.read(ctx, Need::Own, |_| Ok(()))?;
        match rotation {
            Rotation::Planned => ctx.timely()?,
            // What was stolen has to go whatever the time is.
            Rotation::Emergency => {}
        }
        // One at a time: what is in use afterwards is what was stored last.
        let _turn = self.oauth.key_making();
        self.replace_key(ctx, Need::Own, algorithm, rotation)
    }

    /// Reads the keys at start, and makes the EC key that every house has.
    pub(crate) fn load_keys(&self, moment: Moment) -> Result<(), OpError<Refusal>> {
        ring_provider::install();
        self.reload_keyring(moment)?;
        self.prepare_key(Algorithm::Es256, moment)
    }

    /// Makes sure that there is a key for that algorithm. May take long, so never within a transaction.
    pub(crate) fn prepare_key(&self, algorithm: Algorithm, moment: Moment) -> Result<(), OpError<Refusal>> {
        if self.oauth.keyring().signing(algorithm, moment.now).is_some() {
            return Ok(());
        }
        // One at a time: two first sign-ins at once must not make two keys.
        let _turn = self.oauth.key_making();
        if self.oauth.keyring().signing(algorithm, moment.now).is_some() {
            return Ok(());
        }
        self.replace_key(&Context::system(moment), Need::System, algorithm, Rotation::Planned).map(|_| ())
    }

    /// Replaces keys of a certain age and forgets those that nobody needs.
    pub(crate) fn tend_keys(&self, moment: Moment) -> Result<(), OpError<Refusal>> {
        for algorithm in Algorithm::ALL {
            let ring = self.oauth.keyring();
            let newest = ring.keys.iter().rfind(|key| key.algorithm == algorithm && key.retired_at.is_none());
            if newest.is_some_and(|key| moment.now >= key.created_at + AGE) {
                drop(ring);
                self.replace_key(&Context::system(moment), Need::System, algorithm, Rotation::Planned)?;
            }
        }
        self.write(&Context::system(moment), Need::System, |op| {
            op.delete_expired_signing_keys(moment.now)?;
            Ok(())
        })?;
        self.reload_keyring(moment)
    }

    fn replace_key(
        &self,
        ctx: &Context,
        need: Need,
        algorithm: Algorithm,
        rotation: Rotation,
    ) -> Result<String, OpError<Refusal>> {
        let now = ctx.now;
        let private_key = generate::generate(algorithm, self.entropy())?;
        let pair = SigningPair::read(algorithm, private_key.expose(), thumbprint)
            .ok_or_else(|| Fault::unexpected("a new key cannot be read"))?;
        let kid = pair.kid().to_owned();
        self.write(ctx, need, |op| {
            for old in op.signing_keys()?.iter().filter(|old| old.algorithm == algorithm) {
                match rotation {
                    // Lets an earlier one run its course.
                    Rotation::Planned if old.retired_at.is_some() => {}
                    Rotation::Planned => op.retire_signing_key(&old.kid, now + LEAD, now + LEAD + REMAIN)?,
                    // Not left to expire: a clock that goes back would bring it back.
                    Rotation::Emergency => op.delete_signing_key(&old.kid)?,
                }
            }
            op.insert_signing_key(&SigningKeyRow {
                kid: kid.clone(),
                algorithm,
                private_key,
                created_at: now,
                retired_at: None,
                expires_at: None,
            })?;
            let emergency = rotation == Rotation::Emergency;
            if emergency {
                self.replace_access_key(op, now)?;
            }
            op.record("key.rotate", &kid, json!({ "algorithm": algorithm, "emergency": emergency }))?;
            Ok::<_, Abort<Refusal>>(())
        })?;
        self.reload_access_key(ctx.moment())?;
        self.reload_keyring(ctx.moment())?;
        Ok(kid)
    }

    fn reload_keyring(&self, moment: Moment) -> Result<(), OpError<Refusal>> {
        let rows = self.read(&Context::system(moment), Need::System, |op| Ok(op.signing_keys()?))?;
        self.oauth.set_keyring(Keyring::new(&rows, moment.now)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
