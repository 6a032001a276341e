//! Access tokens: the family and the moment of expiry under an HMAC. The HMAC turns away what we did not make before anything is
//! looked up; the family's row says whether it was revoked since.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use subtle::ConstantTimeEq;

use crate::entropy::{self, Entropy};
use crate::id::{AccountId, ClientId, FamilyNumber, SessionNumber};
use crate::scope::Scopes;
use crate::secret::{Digest, Secret};
use crate::time::Timestamp;
use crate::token::OpaqueToken;

const PREFIX: &str = "lk_a_";
const BODY: usize = 32;
const TAG: usize = 32;

/// How long a nonce is the newest, in seconds.
const NONCE_SECONDS: i64 = 60;

/// How many of the newest nonces are good.
const NONCE_COUNTS: i64 = 5;
/// Account, family and chance of a `jti`, and the bytes of its seal.
const JTI: usize = 24;
const JTI_SEAL: usize = 16;

/// Most bytes of the narrower scopes that a token can carry.
const MAX_NARROWED: usize = 1024;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Whose.
    pub account: AccountId,
    /// Of which family.
    pub family: FamilyNumber,
    /// When it was made.
    pub issued_at: Timestamp,
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
        bytes.extend_from_slice(&token.issued_at.unix().to_be_bytes());
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

    /// What a JWT access token is called (`jti`, RFC 9068 section 2.2): no two alike, and the way back to its family. It opens
    /// nothing by itself, so that it may stand in the logs of resource servers.
    pub fn encode_jti(&self, account: AccountId, family: FamilyNumber, entropy: &dyn Entropy) -> String {
        let mut bytes = Vec::with_capacity(JTI + JTI_SEAL);
        bytes.extend_from_slice(&account.0.to_be_bytes());
        bytes.extend_from_slice(&family.0.to_be_bytes());
        bytes.extend_from_slice(&entropy::bytes::<8>(entropy));
        let seal = self.seal_jti(&bytes);
        bytes.extend_from_slice(&seal.as_ref()[..JTI_SEAL]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The family of a `jti` that we made; `None` for any other.
    pub fn decode_jti(&self, text: &str) -> Option<(AccountId, FamilyNumber)> {
        if text.len() != ((JTI + JTI_SEAL) * 4).div_ceil(3) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (said, seal) = bytes.split_at_checked(JTI)?;
        let right: bool = self.seal_jti(said).as_ref()[..JTI_SEAL].ct_eq(seal).into();
        if !right {
            return None;
        }
        let number = |at: usize| Some(i64::from_be_bytes(said.get(at..at + 8)?.try_into().ok()?));
        Some((AccountId(number(0)?), FamilyNumber(number(8)?)))
    }

    fn seal_jti(&self, said: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"jti");
        context.update(said);
        context.sign()
    }

    /// What the session is called in ID tokens (`sid`): always the same at one app and another at the next, so that apps
    /// cannot put together what they know; and no way back to its number.
    pub fn session_name(&self, account: AccountId, session: SessionNumber, client: ClientId) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"sid");
        context.update(&account.0.to_be_bytes());
        context.update(&session.0.to_be_bytes());
        context.update(&client.0.to_be_bytes());
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

    /// The nonce for DPoP proofs at this moment (RFC 9449 section 8): a count of minutes under a seal, so that none is stored.
    pub fn proof_nonce(&self, now: Timestamp) -> String {
        self.nonce_of(now.unix().div_euclid(NONCE_SECONDS))
    }

    /// Whether that is a nonce of the last few minutes.
    pub fn is_proof_nonce(&self, text: &str, now: Timestamp) -> bool {
        let count = now.unix().div_euclid(NONCE_SECONDS);
        (0..NONCE_COUNTS).any(|ago| self.nonce_of(count - ago).as_bytes().ct_eq(text.as_bytes()).into())
    }

    fn nonce_of(&self, count: i64) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"dpop");
        context.update(&count.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&context.sign().as_ref()[..16])
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
            issued_at: Timestamp::from_unix(i64::from_be_bytes(numbers[16..24].try_into().ok()?)),
            expires_at: Timestamp::from_unix(i64::from_be_bytes(numbers[24..].try_into().ok()?)),
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

    #[test]
    fn a_nonce_is_good_for_a_few_minutes_and_under_its_key() {
        let (key, at) = (AccessTokenKey::new(&[1; 32]), |seconds: i64| Timestamp::from_unix(1_800_000_000 + seconds));
        let nonce = key.proof_nonce(at(0));
        assert!(key.is_proof_nonce(&nonce, at(0)) && key.is_proof_nonce(&nonce, at(299)));
        assert!(!key.is_proof_nonce(&nonce, at(300)) && !key.is_proof_nonce(&nonce, at(-1)));
        assert!(!key.is_proof_nonce("", at(0)) && !AccessTokenKey::new(&[2; 32]).is_proof_nonce(&nonce, at(0)));
    }

    proptest! {
        #[test]
        fn an_access_token_reads_back_and_no_changed_one_does(
            account: i64, family: i64, issued: i64, expires: i64, narrowed in proptest::option::of("[a-z]{1,20}( [a-z]{1,20}){0,3}"),
            at in 0usize..75, to in "[A-Za-z0-9_-]"
        ) {
            let key = AccessTokenKey::new(&[1; 32]);
            let token = AccessToken {
                account: AccountId(account),
                family: FamilyNumber(family),
                issued_at: Timestamp::from_unix(issued),
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
        fn the_name_of_a_jwt_leads_to_its_family_and_no_changed_one_does(
            account: i64, family: i64, seed: u64, at in 0usize..54, to in "[A-Za-z0-9_-]"
        ) {
            let key = AccessTokenKey::new(&[1; 32]);
            let text = key.encode_jti(AccountId(account), FamilyNumber(family), &SeededEntropy::new(seed));
            prop_assert_eq!(key.decode_jti(&text), Some((AccountId(account), FamilyNumber(family))));
            prop_assert_eq!(AccessTokenKey::new(&[2; 32]).decode_jti(&text), None);
            prop_assert_eq!(key.decode(&format!("{PREFIX}{text}")), None);
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            if changed != text {
                prop_assert_eq!(key.decode_jti(&changed), None);
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
