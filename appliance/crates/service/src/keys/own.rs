//! Reads back ID tokens that the house signed, as apps hand them in for a hint.

use jsonwebtoken::Validation;
use serde_json::{Map, Value};

use super::Keyring;
use crate::Idp;

/// What a text that should be an ID token of ours is.
pub(crate) enum OwnToken {
    /// Signed with a key that is published; whether it is over, and for whom it is, is for the caller to look at.
    Ours(Map<String, Value>),
    /// It names a key that is not, or no longer, ours: nobody can tell.
    Retired,
    /// No such token, or its signature is wrong.
    Foreign,
}

impl Idp {
    /// Reads an ID token that we issued, by whichever name the house had; it may be over.
    pub(crate) fn own_token(&self, text: &str) -> OwnToken {
        let house = self.house();
        let former = house.former().map(|former| house.issuer_of(&former.host));
        match self.oauth.keyring().read_own(text) {
            OwnToken::Ours(claims) => {
                let issuer = claims.get("iss").and_then(|iss| iss.as_str());
                let ours = issuer == Some(&house.issuer()) || (former.is_some() && issuer == former.as_deref());
                if ours { OwnToken::Ours(claims) } else { OwnToken::Foreign }
            }
            other @ (OwnToken::Retired | OwnToken::Foreign) => other,
        }
    }
}

impl Keyring {
    /// Verifies the signature of an ID token. Other JWTs of ours say so in `typ` (RFC 8725 section 3.11).
    fn read_own(&self, text: &str) -> OwnToken {
        let Ok(header) = jsonwebtoken::decode_header(text) else { return OwnToken::Foreign };
        let plain = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        let Some(kid) = header.kid.filter(|_| plain) else { return OwnToken::Foreign };
        let Some(key) = self.keys.iter().find(|key| key.pair.kid() == kid) else { return OwnToken::Retired };
        let mut validation = Validation::new(key.header.alg);
        // Every ID token ends some time; signed userinfo, which is of the same type, does not.
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        match jsonwebtoken::decode(text, &key.verifier, &validation) {
            Ok(token) => OwnToken::Ours(token.claims),
            Err(_) => OwnToken::Foreign,
        }
    }
}
