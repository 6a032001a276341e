//! Makes the answer of the token endpoint: access token, refresh token, and ID token (OpenID Connect Core sections 2 and 3.1.3).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::claim::Released;
use domain::client::{AccessTokenFormat, Algorithm};
use domain::clock::Moment;
use domain::grant::access_token::AccessToken;
use domain::grant::refresh_token::TokenFamily;
use domain::id::Subject;
use domain::scope::Scopes;
use domain::secret::{Digest, Secret};
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::TokenRefusal;
use super::jwt_access_token;
use crate::keys::JwtKind;
use crate::known::KnownApp;
use crate::{Fault, Idp, OpError, Refusal};

/// What tokens are made of.
pub(crate) struct Material {
    /// By the name under which they were asked for.
    pub(crate) issuer: String,
    pub(crate) app: Arc<KnownApp>,
    pub(crate) family: TokenFamily,
    /// The scopes of this answer, where the app asked for less than the family has.
    pub(crate) narrowed: Option<Scopes>,
    pub(crate) subject: Subject,
    pub(crate) claims: Vec<Released>,
    pub(crate) refresh_token: Option<Secret<String>>,
    pub(crate) nonce: Option<String>,
}

impl Material {
    /// The scopes of this answer.
    pub(super) fn scopes(&self) -> &Scopes {
        self.narrowed.as_ref().unwrap_or(&self.family.granted.scopes)
    }
}

/// The answer (RFC 6749 section 5.1).
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    /// For userinfo.
    pub access_token: Secret<String>,
    /// How it is presented: `Bearer`, or `DPoP` for one that is bound to a key.
    pub token_type: &'static str,
    /// Its life in seconds.
    pub expires_in: i64,
    /// For the next tokens, where `offline_access` was granted.
    pub refresh_token: Option<Secret<String>>,
    /// Who the person is, where `openid` was granted.
    pub id_token: Option<Secret<String>>,
    /// What was granted.
    pub scope: String,
    /// What the access token is called to whoever exchanged another one for it (RFC 8693 section 2.2.1).
    pub issued_token_type: Option<&'static str>,
}

impl Idp {
    pub(super) fn issue(&self, material: Material, moment: Moment) -> Result<TokenAnswer, OpError<TokenRefusal>> {
        let now = moment.now;
        let settings = &material.app.client.settings;
        let family = &material.family;
        let expires_at = (now + material.app.client.settings.lifetimes.access()).min(family.expires_at);
        let scopes = material.scopes();
        let access = AccessToken {
            account: family.granted.account,
            family: family.number,
            issued_at: now,
            expires_at,
            narrowed: material.narrowed.clone(),
        };
        let key = self.oauth.access_key()?;
        let sub = self.subject_at(&material.app.client, material.subject)?;
        let access_token = match settings.access_token {
            AccessTokenFormat::Opaque => key.encode(&access),
            AccessTokenFormat::Jwt => {
                let jti = key.encode_jti(access.account, access.family, self.entropy());
                let claims = jwt_access_token::claims(&material, &access, &sub, jti);
                self.sign(settings.algorithm, JwtKind::AccessToken, &claims, moment)?
            }
        };
        let id_token = match scopes.has("openid") {
            true => {
                let mut claims = id_token_claims(&material, now, expires_at);
                claims.insert("sub".to_owned(), sub.into());
                claims.insert("at_hash".to_owned(), at_hash(&access_token).into());
                if let Some(sid) = self.session_claim(family)? {
                    claims.insert("sid".to_owned(), sid.into());
                }
                Some(Secret::new(self.sign(settings.algorithm, JwtKind::Plain, &claims, moment)?))
            }
            false => None,
        };
        let scope = scopes.to_string();
        Ok(TokenAnswer {
            access_token: Secret::new(access_token),
            token_type: if family.bound_to.is_some() { "DPoP" } else { "Bearer" },
            expires_in: expires_at.since(now).as_seconds(),
            refresh_token: material.refresh_token,
            id_token,
            scope,
            issued_token_type: None,
        })
    }

    /// Signs what an app gets, outside of any transaction.
    pub(crate) fn sign<R>(
        &self,
        algorithm: Algorithm,
        kind: JwtKind,
        claims: &impl Serialize,
        moment: Moment,
    ) -> Result<String, OpError<R>> {
        if let Some(token) = self.oauth.keyring().sign(algorithm, kind, claims, moment.now)? {
            return Ok(token);
        }
        // The first token of this algorithm in the house.
        self.prepare_key(algorithm, moment).map_err(|error| match error {
            OpError::Fault(fault) => OpError::Fault(fault),
            OpError::Refused(refusal) => OpError::Fault(unexpected(&refusal)),
        })?;
        let token = self.oauth.keyring().sign(algorithm, kind, claims, moment.now)?;
        token.ok_or_else(|| OpError::Fault(Fault::unexpected("a key was made but is not there")))
    }

    /// `sid`: names the session to the app without being its number.
    fn session_claim(&self, family: &TokenFamily) -> Result<Option<String>, Fault> {
        let Some(session) = family.granted.authentication.session else { return Ok(None) };
        let key = self.oauth.access_key()?;
        Ok(Some(key.session_name(family.granted.account, session, family.granted.client)))
    }
}

fn unexpected(refusal: &Refusal) -> Fault {
    Fault::unexpected(refusal)
}

/// The claims of an ID token but those that need a key.
pub(crate) fn id_token_claims(material: &Material, now: Timestamp, expires_at: Timestamp) -> Map<String, Value> {
    let authentication = material.family.granted.authentication;
    let mut claims = Map::new();
    for released in &material.claims {
        if released.placement.in_id_token() {
            claims.insert(released.name.clone(), released.value.clone());
        }
    }
    // After the others: no rule can replace what the protocol says.
    let protocol: [(&str, Value); 7] = [
        ("iss", material.issuer.as_str().into()),
        ("aud", material.app.client.name.as_str().into()),
        ("iat", now.unix().into()),
        ("exp", expires_at.unix().into()),
        ("auth_time", authentication.at.unix().into()),
        ("acr", material.family.granted.acr().as_str().into()),
        ("amr", authentication.factors.amr().into()),
    ];
    for (name, value) in protocol {
        claims.insert(name.to_owned(), value);
    }
    if let Some(nonce) = &material.nonce {
        claims.insert("nonce".to_owned(), nonce.as_str().into());
    }
    claims
}

/// OpenID Connect Core section 3.1.3.6: the left half of the digest.
fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Digest::of(access_token.as_bytes()).as_bytes()[..16])
}
