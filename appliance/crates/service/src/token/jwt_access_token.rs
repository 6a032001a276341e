//! Access tokens as JWTs (RFC 9068), for resource servers that read them themselves. Here they are good for the same as opaque
//! ones: `jti` leads to the family, and the family's row says whether it was revoked since.
//!
//! An ID token is no access token, by its type. The reverse is up to the app: it compares `typ` (RFC 9068 section 5), and finds a
//! second audience beside its own, which no ID token of ours has.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::client::Client;
use domain::clock::Moment;
use domain::grant::access_token::{AccessToken, AccessTokenKey};
use domain::scope::Scopes;
use domain::secret::Digest;
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

use super::Material;
use crate::keys::{JwtKind, Keyring};

/// The longest that is looked at; a head of a request is not longer either.
const MAX_TOKEN: usize = 8 * 1024;

/// The app, whose resource servers are its own, and the house, whose userinfo the token opens.
pub(super) fn audience(client: &Client, issuer: &str) -> Value {
    json!([client.name, issuer])
}

/// What it says (RFC 9068 section 2.2).
pub(super) fn claims(material: &Material, access: &AccessToken, sub: &str, jti: String) -> Map<String, Value> {
    let client_id = material.app.client.name.as_str();
    let authentication = material.family.granted.authentication;
    let scopes = material.scopes();
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    say("iss", material.issuer.as_str().into());
    say("exp", access.expires_at.unix().into());
    say("aud", audience(&material.app.client, &material.issuer));
    say("sub", sub.into());
    say("client_id", client_id.into());
    say("iat", access.issued_at.unix().into());
    say("jti", jti.into());
    say("scope", scopes.to_string().into());
    say("auth_time", authentication.at.unix().into());
    say("acr", authentication.strength.as_str().into());
    say("amr", authentication.factors.amr().into());
    // Section 2.2.3.1.
    if scopes.has("groups")
        && let Some(groups) = material.claims.iter().find(|released| released.name == "groups")
    {
        say("groups", groups.value.clone());
    }
    if let Some(thumbprint) = &material.family.bound_to {
        say("cnf", confirmation(thumbprint));
    }
    claims
}

/// `cnf` of a token that is bound to a key (RFC 9449 section 6.1).
pub(super) fn confirmation(thumbprint: &Digest) -> Value {
    json!({ "jkt": URL_SAFE_NO_PAD.encode(thumbprint.as_bytes()) })
}

/// What a JWT access token of this issuer says; `None` for any other. Expiry is for the caller to look at, as for opaque ones.
pub(super) fn read(
    (ring, key): (&Keyring, &AccessTokenKey),
    text: &str,
    issuer: &str,
    moment: Moment,
) -> Option<AccessToken> {
    if text.len() > MAX_TOKEN {
        return None;
    }
    let claims = ring.verify(JwtKind::AccessToken, text, moment.now)?;
    let audience = claims.get("aud")?.as_array()?;
    if claims.get("iss")?.as_str()? != issuer || !audience.iter().any(|one| one.as_str() == Some(issuer)) {
        return None;
    }
    let (account, family) = key.decode_jti(claims.get("jti")?.as_str()?)?;
    let scopes: Scopes = claims.get("scope")?.as_str()?.parse().ok()?;
    let time = |name: &str| claims.get(name)?.as_i64().map(Timestamp::from_unix);
    Some(AccessToken { account, family, issued_at: time("iat")?, expires_at: time("exp")?, narrowed: Some(scopes) })
}

#[cfg(test)]
mod tests;
