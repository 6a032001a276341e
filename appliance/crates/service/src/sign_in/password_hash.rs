//! Passwords: which are taken, and how they are hashed (Argon2id, RFC 9106; OWASP's parameters).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use domain::credential::PasswordHash;
use domain::credential::password::{HashCost, MAX_LENGTH, MIN_LENGTH};
use domain::entropy::{self, Entropy};
use domain::secret::Secret;
use subtle_eq::equal;
use unicode_normalization::UnicodeNormalization;
use zxcvbn::Score;
use zxcvbn::matching::patterns::MatchPattern;

use crate::Fault;

/// More bytes than any accepted password has; longer input is not even normalized.
const MAX_BYTES: usize = MAX_LENGTH * 4;
/// A damaged row must not make us ask for all memory.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
/// glibc gives a block of 32 MiB or more back to the kernel at once, whatever its thresholds have grown to; below that it
/// may keep it. The part that is never touched costs no memory.
const ALWAYS_RETURNED_KIB: usize = 33 * 1024;

/// A password as it is hashed: NFKC, so that one keyboard's `é` is another's.
pub(crate) fn normalized(typed: &str) -> Option<Secret<String>> {
    (typed.len() <= MAX_BYTES).then(|| Secret::new(typed.nfkc().collect()))
}

/// Why a password is not taken, in words that say what to do; `None` when it is fine.
///
/// `words` are what an acquaintance would try: names, addresses, the house.
pub(crate) fn objection(password: &str, words: &[&str]) -> Option<String> {
    let length = password.chars().count();
    if length < MIN_LENGTH {
        return Some(format!("use at least {MIN_LENGTH} characters; three or four unrelated words are good"));
    }
    if length > MAX_LENGTH {
        return Some(format!("use at most {MAX_LENGTH} characters"));
    }
    let estimate = zxcvbn::zxcvbn(password, words);
    // The estimator carries the 30,000 most common passwords, and word and name lists: one hit from end to end is one guess.
    if let [only] = estimate.sequence()
        && matches!(only.pattern, MatchPattern::Dictionary(_))
    {
        return Some("this is on every attacker's list; use three or four unrelated words".into());
    }
    if estimate.score() >= Score::Three {
        return None;
    }
    let hint = estimate.feedback().and_then(|feedback| feedback.warning()).map(|warning| format!(" ({warning})"));
    Some(format!("this is too easy to guess{}; use three or four unrelated words", hint.unwrap_or_default()))
}

/// Hashes a new password with a new salt at today's cost.
pub(crate) fn make(password: &str, entropy: &dyn Entropy) -> Result<PasswordHash, Fault> {
    make_with(password, HashCost::CURRENT, &entropy::bytes::<16>(entropy))
}

/// Hashes a password at that cost.
pub(crate) fn make_with(password: &str, cost: HashCost, salt: &[u8; 16]) -> Result<PasswordHash, Fault> {
    Ok(PasswordHash { cost, salt: salt.to_vec(), hash: compute(password, salt, cost)?.to_vec() })
}

/// Whether the password is the one that was hashed.
pub(crate) fn verify(password: &str, stored: &PasswordHash) -> Result<bool, Fault> {
    Ok(equal(&compute(password, &stored.salt, stored.cost)?, &stored.hash))
}

/// What stands in for an account without a password: the same work, never right.
pub(crate) fn nobodys() -> PasswordHash {
    PasswordHash { cost: HashCost::CURRENT, salt: vec![0; 16], hash: Vec::new() }
}

fn compute(password: &str, salt: &[u8], cost: HashCost) -> Result<[u8; 32], Fault> {
    if cost.memory > MAX_MEMORY_KIB {
        return Err(Fault::unexpected("a stored password asks for too much memory"));
    }
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).map_err(Fault::unexpected)?;
    let mut memory: Vec<Block> = Vec::with_capacity(params.block_count().max(ALWAYS_RETURNED_KIB));
    memory.resize(params.block_count(), Block::new());
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut hash, &mut memory)
        .map_err(Fault::unexpected)?;
    Ok(hash)
}

mod subtle_eq {
    use domain::secret::Digest;

    /// In constant time, through digests, so that lengths do not matter either.
    pub(super) fn equal(left: &[u8], right: &[u8]) -> bool {
        Digest::of(left) == Digest::of(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    #[test]
    fn a_password_proves_itself_and_no_other() {
        let stored = make("correct horse battery", &SeededEntropy::new(1)).unwrap();
        assert!(verify("correct horse battery", &stored).unwrap());
        assert!(!verify("correct horse batterz", &stored).unwrap());
        assert!(!verify("", &nobodys()).unwrap());
    }

    #[test]
    fn the_hash_is_argon2id_as_published() {
        // RFC 9106 has no vector without a secret; this one is the reference implementation's own test.
        let cost = HashCost { memory: 65536, passes: 2, lanes: 1 };
        let hash = compute("password", b"somesalt", cost).unwrap();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }

    #[test]
    fn a_row_that_asks_for_all_memory_is_a_fault() {
        let stored = PasswordHash { cost: HashCost { memory: 1 << 30, passes: 1, lanes: 1 }, ..nobodys() };
        assert!(verify("x", &stored).is_err());
    }

    #[test]
    fn the_same_letters_from_another_keyboard_are_the_same_password() {
        assert_eq!(normalized("cafe\u{301}").unwrap().expose(), normalized("caf\u{e9}").unwrap().expose());
    }

    #[test]
    fn weak_passwords_are_refused_with_a_hint() {
        for weak in [
            "",
            "short1!",
            "password123",
            "qwertyuiop",
            "1234567890",
            "aaaaaaaaaaaaaaaa",
            "basketball",
            "iloveyou12",
            "P@ssw0rd123",
            "anna.example",
            "december2024",
            &"x".repeat(257),
        ] {
            let objection = objection(weak, &["anna", "example", "anna.example"]);
            assert!(objection.is_some_and(|why| why.contains("use ")), "{weak}");
        }
    }

    #[test]
    fn good_passwords_are_taken() {
        for good in ["otter lantern sixty moss", "vU8#kqz!Tw2p", "mandarine fenster wolke zug", "пыльный чайник у окна"]
        {
            assert_eq!(objection(good, &["anna"]), None, "{good}");
        }
    }
}
