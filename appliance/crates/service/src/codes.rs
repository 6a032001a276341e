//! Authorization codes in flight. Worth nothing after a reboot, so never on the card; bounded in number, in all and per person.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::entropy::Entropy;
use domain::grant::authorization_code::{AuthorizationCode, CodeState};
use domain::id::{AccountId, FamilyNumber};
use domain::secret::{self, Digest, Secret};
use domain::time::{Span, Timestamp};

/// Most codes that are remembered.
const ALL: usize = 4096;

/// Most codes of one person, so that one cannot push out the others'.
const PER_ACCOUNT: usize = 1024;

/// How long a spent code is remembered, so that a replay still revokes what it made.
const MEMORY: Span = Span::minutes(10);

const PREFIX: &str = "lk_c_";

type Key = [u8; 32];

/// See the module.
#[derive(Default)]
pub(crate) struct Codes(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    states: HashMap<Key, CodeState>,
    /// In order of issue, which is the order of being forgotten.
    order: VecDeque<(Key, AccountId, Timestamp)>,
    per_account: HashMap<AccountId, usize>,
}

/// What somebody found who offered a code.
#[derive(Debug)]
pub(crate) enum Taken {
    /// None like it.
    Nothing,
    /// A code in flight; it is spent from now on.
    Code(Box<AuthorizationCode>),
    /// A code that was offered before.
    Spent {
        /// Whose.
        account: AccountId,
        /// What it made, if anything.
        family: FamilyNumber,
    },
}

impl Codes {
    /// Keeps the code and returns the text to hand out.
    pub(crate) fn issue(&self, code: AuthorizationCode, entropy: &dyn Entropy) -> Secret<String> {
        let key = secret::random_key(entropy);
        let account = code.granted.account;
        let now = code.issued_at;
        let mut inner = self.lock();
        inner.forget(now);
        if inner.per_account.get(&account).is_some_and(|count| *count >= PER_ACCOUNT) {
            inner.drop_oldest_of(account);
        } else if inner.order.len() >= ALL {
            inner.drop_oldest();
        }
        let name = *Digest::of(key.expose()).as_bytes();
        inner.states.insert(name, CodeState::Issued(Box::new(code)));
        inner.order.push_back((name, account, now));
        *inner.per_account.entry(account).or_default() += 1;
        let mut text = String::from(PREFIX);
        URL_SAFE_NO_PAD.encode_string(key.expose(), &mut text);
        Secret::new(text)
    }

    /// Spends the code, which makes `family` if it is good.
    pub(crate) fn take(&self, text: &str, family: FamilyNumber, now: Timestamp) -> Taken {
        let Some(name) = name_of(text) else { return Taken::Nothing };
        let mut inner = self.lock();
        inner.forget(now);
        let Some(state) = inner.states.get_mut(&name) else { return Taken::Nothing };
        let account = match state {
            CodeState::Issued(code) => code.granted.account,
            CodeState::Spent { account, family, .. } => return Taken::Spent { account: *account, family: *family },
        };
        match std::mem::replace(state, CodeState::Spent { account, family, until: now + MEMORY }) {
            CodeState::Issued(code) => Taken::Code(code),
            CodeState::Spent { account, family, .. } => Taken::Spent { account, family },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The map knows a digest only, so how long a look-up takes says nothing about the codes in it.
fn name_of(text: &str) -> Option<Key> {
    let body = text.strip_prefix(PREFIX).filter(|body| body.len() == 43)?;
    let key = Secret::new(URL_SAFE_NO_PAD.decode(body).ok()?);
    Some(*Digest::of(key.expose()).as_bytes())
}

impl Inner {
    fn forget(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(_, _, issued)| now.since(*issued) >= MEMORY) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((name, account, _)) = self.order.pop_front() {
            self.remove(&name, account);
        }
    }

    fn drop_oldest_of(&mut self, account: AccountId) {
        if let Some(at) = self.order.iter().position(|(_, owner, _)| *owner == account)
            && let Some((name, account, _)) = self.order.remove(at)
        {
            self.remove(&name, account);
        }
    }

    fn remove(&mut self, name: &Key, account: AccountId) {
        self.states.remove(name);
        if let Some(count) = self.per_account.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                self.per_account.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::grant::authorization_code::{Authentication, Granted};
    use domain::id::ClientId;
    use domain::sign_in::Factors;
    use domain::strength::Strength;

    use super::*;
    use crate::testing::SeededEntropy;

    const T0: Timestamp = Timestamp::from_unix(1_800_000_000);
    const FAMILY: FamilyNumber = FamilyNumber(5);

    fn code(account: i64, issued_at: Timestamp) -> AuthorizationCode {
        AuthorizationCode {
            granted: Granted {
                account: AccountId(account),
                client: ClientId(1),
                scopes: "openid".parse().unwrap(),
                authentication: Authentication {
                    session: None,
                    strength: Strength::Any,
                    factors: Factors::NONE,
                    at: T0,
                },
                claims: domain::claim::RequestedClaims::default(),
            },
            redirect_uri: String::new(),
            host: domain::host::Host::provisional(),
            challenge: None,
            nonce: None,
            dpop_jkt: None,
            trial: false,
            issued_at,
        }
    }

    #[test]
    fn a_code_is_taken_once_and_remembered_as_spent() {
        let (codes, entropy) = (Codes::default(), SeededEntropy::new(1));
        let text = codes.issue(code(1, T0), &entropy);
        assert!(matches!(codes.take(text.expose(), FAMILY, T0), Taken::Code(_)));
        let again = codes.take(text.expose(), FamilyNumber(6), T0);
        assert!(matches!(again, Taken::Spent { account: AccountId(1), family: FAMILY }), "{again:?}");
        assert!(matches!(codes.take(text.expose(), FAMILY, T0 + MEMORY), Taken::Nothing));
    }

    #[test]
    fn rubbish_is_no_code() {
        let codes = Codes::default();
        for text in
            ["", "lk_c_", "lk_c_x", "x", &format!("lk_c_{}", "!".repeat(43)), &format!("lk_c_{}", "A".repeat(43))]
        {
            assert!(matches!(codes.take(text, FAMILY, T0), Taken::Nothing), "{text}");
        }
    }

    #[test]
    fn one_person_cannot_push_out_the_codes_of_others() {
        let (codes, entropy) = (Codes::default(), SeededEntropy::new(1));
        let mine = codes.issue(code(1, T0), &entropy);
        let first = codes.issue(code(2, T0), &entropy);
        for _ in 0..5000 {
            codes.issue(code(2, T0), &entropy);
        }
        assert!(matches!(codes.take(first.expose(), FAMILY, T0), Taken::Nothing));
        assert!(matches!(codes.take(mine.expose(), FAMILY, T0), Taken::Code(_)));
        assert!(codes.lock().states.len() <= PER_ACCOUNT + 1);
    }

    #[test]
    fn the_codes_of_everybody_are_bounded() {
        let (codes, entropy) = (Codes::default(), SeededEntropy::new(1));
        for account in 0..5000 {
            codes.issue(code(account, T0), &entropy);
        }
        let inner = codes.lock();
        assert_eq!((inner.states.len(), inner.order.len(), inner.per_account.len()), (ALL, ALL, ALL));
    }
}
