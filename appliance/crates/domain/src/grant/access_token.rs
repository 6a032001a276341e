//! Access tokens: the family and the moment of expiry under an HMAC. The HMAC turns away what we did not make before anything is
//! looked up; the family's row says whether it was revoked since.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use subtle::ConstantTimeEq;

use crate::entropy::Entropy;
use crate::id::{AccountId, FamilyNumber, SessionNumber};
use crate::scope::Scopes;
use crate::secret::{Digest, Secret};
use crate::time::Timestamp;
use crate::token::OpaqueToken;

const PREFIX: &str = "lk_a_";
const BODY: usize = 24;
const TAG: usize = 32;

/// Most bytes of the narrower scopes that a token can carry.
const MAX_NARROWED: usize = 1024;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Whose.
    pub account: AccountId,
    /// Of which family.
    pub family: FamilyNumber,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// For what it is good, where the app asked for less than the family has (RFC 6749 section 6).
    pub narrowed: Option<Scopes>,
}

/// The key of all access tokens of the house.
pub struct AccessTokenKey(hmac::Key);

impl AccessTokenKey {
    /// From its 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The text to hand out.
    pub fn encode(&self, token: &AccessToken) -> String {
        let mut bytes = Vec::with_capacity(BODY + TAG);
        bytes.extend_from_slice(&token.account.0.to_be_bytes());
        bytes.extend_from_slice(&token.family.0.to_be_bytes());
        bytes.extend_from_slice(&token.expires_at.unix().to_be_bytes());
        if let Some(scopes) = &token.narrowed {
            bytes.extend_from_slice(scopes.to_string().as_bytes());
        }
        let tag = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(tag.as_ref());
        let mut text = String::with_capacity(PREFIX.len() + bytes.len().div_ceil(3) * 4);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        text
    }

    /// A new refresh token. Half of its secret is random, half is a seal of ours over the rest: so a token that we never made
    /// is told from one that was used before, and nobody can end a family by guessing.
    pub fn new_refresh_token(&self, account: AccountId, family: FamilyNumber, entropy: &dyn Entropy) -> OpaqueToken {
        let mut secret: [u8; 32] = [0; 32];
        entropy.fill(&mut secret[..16]);
        let seal = self.seal(account, family, &secret[..16]);
        secret[16..].copy_from_slice(&seal.as_ref()[..16]);
        OpaqueToken::with_secret(account, family.0, Secret::new(secret))
    }

    /// Whether we made it, at whatever time.
    pub fn made_refresh_token(&self, token: &OpaqueToken) -> bool {
        let secret = token.secret().expose();
        let seal = self.seal(token.account, FamilyNumber(token.row), &secret[..16]);
        secret[16..].ct_eq(&seal.as_ref()[..16]).into()
    }

    fn seal(&self, account: AccountId, family: FamilyNumber, random: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"refresh");
        context.update(&account.0.to_be_bytes());
        context.update(&family.0.to_be_bytes());
        context.update(random);
        context.sign()
    }

    /// What the session is called in ID tokens (`sid`): always the same, and no way back to its number.
    pub fn session_name(&self, account: AccountId, session: SessionNumber) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"sid");
        context.update(&account.0.to_be_bytes());
        context.update(&session.0.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&context.sign().as_ref()[..16])
    }

    /// The moment from when on something counts as asked for by that request, sealed so that it can stand in an address.
    pub fn encode_since(&self, request: &Digest, since: Timestamp) -> String {
        let seal = self.seal_since(request, since);
        format!("{}.{}", since.unix(), URL_SAFE_NO_PAD.encode(&seal.as_ref()[..16]))
    }

    /// The moment that we sealed for that request; `None` for anything else. Its age is for the caller to look at.
    pub fn decode_since(&self, request: &Digest, text: &str) -> Option<Timestamp> {
        let (moment, seal) = text.split_once('.')?;
        let since = Timestamp::from_unix(moment.parse().ok()?);
        let given = URL_SAFE_NO_PAD.decode(seal).ok()?;
        let right: bool = self.seal_since(request, since).as_ref()[..16].ct_eq(&given).into();
        right.then_some(since)
    }

    /// A seal for another purpose; no two purposes are the beginning of one another.
    pub(crate) fn sealing(&self, purpose: &[u8]) -> hmac::Context {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose);
        context
    }

    fn seal_since(&self, request: &Digest, since: Timestamp) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"since");
        context.update(&since.unix().to_be_bytes());
        context.update(request.as_bytes());
        context.sign()
    }

    /// What a text of ours says; `None` for any other. Expiry is for the caller to look at.
    pub fn decode(&self, text: &str) -> Option<AccessToken> {
        let body = text.strip_prefix(PREFIX)?;
        if body.len() > ((BODY + MAX_NARROWED + TAG) * 4).div_ceil(3) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
        let (said, tag) = bytes.split_last_chunk::<TAG>()?;
        hmac::verify(&self.0, said, tag).ok()?;
        let (numbers, scopes) = said.split_first_chunk::<BODY>()?;
        let narrowed = match scopes {
            [] => None,
            scopes => Some(std::str::from_utf8(scopes).ok()?.parse().ok()?),
        };
        Some(AccessToken {
            account: AccountId(i64::from_be_bytes(numbers[..8].try_into().ok()?)),
            family: FamilyNumber(i64::from_be_bytes(numbers[8..16].try_into().ok()?)),
            expires_at: Timestamp::from_unix(i64::from_be_bytes(numbers[16..].try_into().ok()?)),
            narrowed,
        })
    }
}

impl std::fmt::Debug for AccessTokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::SeededEntropy;

    proptest! {
        #[test]
        fn an_access_token_reads_back_and_no_changed_one_does(
            account: i64, family: i64, expires: i64, narrowed in proptest::option::of("[a-z]{1,20}( [a-z]{1,20}){0,3}"),
            at in 0usize..75, to in "[A-Za-z0-9_-]"
        ) {
            let key = AccessTokenKey::new(&[1; 32]);
            let token = AccessToken {
                account: AccountId(account),
                family: FamilyNumber(family),
                expires_at: Timestamp::from_unix(expires),
                narrowed: narrowed.map(|scopes| scopes.parse().unwrap()),
            };
            let text = key.encode(&token);
            prop_assert_eq!(key.decode(&text), Some(token));
            prop_assert_eq!(AccessTokenKey::new(&[2; 32]).decode(&text), None);
            let mut changed = text.clone();
            changed.replace_range(PREFIX.len() + at..=PREFIX.len() + at, &to);
            if changed != text {
                prop_assert_eq!(key.decode(&changed), None);
            }
        }

        #[test]
        fn a_refresh_token_that_we_made_is_known_and_no_other(account: i64, family: i64, seed: u64, flip in 0usize..32) {
            let key = AccessTokenKey::new(&[1; 32]);
            let token = key.new_refresh_token(AccountId(account), FamilyNumber(family), &SeededEntropy::new(seed));
            prop_assert!(key.made_refresh_token(&token));
            prop_assert!(!AccessTokenKey::new(&[2; 32]).made_refresh_token(&token));
            let mut secret = *token.secret().expose();
            secret[flip] ^= 1;
            let forged = OpaqueToken::with_secret(AccountId(account), family, Secret::new(secret));
            prop_assert!(!key.made_refresh_token(&forged));
            let moved = OpaqueToken::with_secret(AccountId(account), family ^ 1, token.secret().clone());
            prop_assert!(!key.made_refresh_token(&moved));
        }

        #[test]
        fn a_sealed_moment_reads_back_and_no_changed_one_does(since in 0i64..1 << 40, at in 0usize..60, to in "[A-Za-z0-9_.-]") {
            let (key, request) = (AccessTokenKey::new(&[1; 32]), Digest::of(b"request"));
            let text = key.encode_since(&request, Timestamp::from_unix(since));
            prop_assert_eq!(key.decode_since(&request, &text), Some(Timestamp::from_unix(since)));
            prop_assert_eq!(key.decode_since(&Digest::of(b"other"), &text), None);
            prop_assert_eq!(AccessTokenKey::new(&[2; 32]).decode_since(&request, &text), None);
            let mut changed = text.clone();
            let at = at % text.len();
            changed.replace_range(at..=at, &to);
            let read = key.decode_since(&request, &changed);
            prop_assert!(changed == text || read.is_none_or(|read| read == Timestamp::from_unix(since)));
        }

        #[test]
        fn rubbish_is_no_access_token(text in "(lk_a_)?.{0,90}") {
            prop_assert_eq!(AccessTokenKey::new(&[1; 32]).decode(&text), None);
        }
    }
}
