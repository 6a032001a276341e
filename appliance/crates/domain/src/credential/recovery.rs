//! Recovery codes: ten, each good once, 80 bits each, so that a plain digest is enough to store them.

use serde::{Deserialize, Serialize};

use crate::entropy::{self, Entropy};
use crate::secret::{Digest, Secret};
use crate::sign_in::{Factor, Factors};
use crate::strength::Strength;

/// How many are made at once.
pub const COUNT: usize = 10;

/// What a recovery code is good for in the hands of its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// With the name it leads to a new passkey.
    Alone,
    /// It is the second step after the password, and no more.
    WithPassword,
    /// With the name and somebody at the box, who opens a recovery window, it leads to a new passkey.
    WithPresence,
}

impl Worth {
    /// Who holds an office can change what others have: that is not given back for a paper alone. It takes another admin, or
    /// somebody at the box.
    pub fn of(office: bool, enrolled: Factors, demanded: Strength) -> Self {
        if !office {
            Self::Alone
        } else if enrolled.has(Factor::Password) && demanded <= Strength::Mfa {
            Self::WithPassword
        } else {
            Self::WithPresence
        }
    }
}

/// Crockford's base 32: no i, l, o, u, so nothing is misread from paper.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS: usize = 16;
const GROUP: usize = 4;

/// The digests of the codes that are left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    digests: Vec<StoredDigest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredDigest(#[serde(with = "super::password::base64_bytes")] Vec<u8>);

impl RecoveryCodes {
    /// Makes a set; the texts are to be shown now and never again.
    pub fn generate(entropy: &dyn Entropy) -> (Self, Vec<Secret<String>>) {
        let mut digests = Vec::with_capacity(COUNT);
        let mut texts = Vec::with_capacity(COUNT);
        for _ in 0..COUNT {
            let bytes: [u8; CHARACTERS] = entropy::bytes(entropy);
            let code: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
            digests.push(StoredDigest(Digest::of(code.as_bytes()).as_bytes().to_vec()));
            let mut text = String::with_capacity(CHARACTERS + 3);
            for (index, c) in code.chars().enumerate() {
                if index > 0 && index % GROUP == 0 {
                    text.push('-');
                }
                text.push(c);
            }
            texts.push(Secret::new(text));
        }
        (Self { digests }, texts)
    }

    /// What stands in for somebody without codes: the same work, never right.
    pub fn nobodys() -> Self {
        Self { digests: vec![StoredDigest(vec![0; 32]); COUNT] }
    }

    /// How many are left.
    pub fn left(&self) -> usize {
        self.digests.len()
    }

    /// Spends the code that was typed; false when it is none of these.
    pub fn spend(&mut self, typed: &str) -> bool {
        let Some(code) = normalized(typed) else { return false };
        let digest = Digest::of(code.as_bytes());
        // Every digest is compared, so the time does not tell which one it was.
        let matches: Vec<bool> = self
            .digests
            .iter()
            .map(|stored| <[u8; 32]>::try_from(stored.0.as_slice()).is_ok_and(|s| Digest::from_bytes(s) == digest))
            .collect();
        match matches.iter().position(|hit| *hit) {
            Some(index) => {
                self.digests.remove(index);
                true
            }
            None => false,
        }
    }
}

/// What people type: any case, with or without hyphens and blanks, o for 0, i or l for 1.
fn normalized(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    (code.len() == CHARACTERS && code.bytes().all(|b| ALPHABET.contains(&b))).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    #[test]
    fn a_code_works_once() {
        let (mut codes, texts) = RecoveryCodes::generate(&SeededEntropy::new(1));
        assert_eq!((codes.left(), texts.len()), (10, 10));
        assert!(codes.spend(texts[3].expose()));
        assert!(!codes.spend(texts[3].expose()));
        assert_eq!(codes.left(), 9);
    }

    #[test]
    fn a_code_is_taken_as_people_type_it() {
        let (mut codes, texts) = RecoveryCodes::generate(&SeededEntropy::new(1));
        let typed = texts[0].expose().to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l");
        assert!(codes.spend(&typed));
    }

    #[test]
    fn rubbish_is_no_code() {
        let (mut codes, texts) = RecoveryCodes::generate(&SeededEntropy::new(1));
        for raw in ["", "0000-0000-0000-0000", "aaaa", &"é".repeat(16), &format!("{}0", texts[0].expose())] {
            assert!(!codes.spend(raw), "{raw}");
        }
        assert_eq!(codes.left(), 10);
    }

    #[test]
    fn the_codes_of_one_set_differ() {
        let (_, texts) = RecoveryCodes::generate(&SeededEntropy::new(2));
        let distinct: std::collections::BTreeSet<_> = texts.iter().map(|text| text.expose().clone()).collect();
        assert_eq!(distinct.len(), COUNT);
    }

    #[test]
    fn nobodys_codes_take_nothing() {
        let (_, texts) = RecoveryCodes::generate(&SeededEntropy::new(1));
        assert!(texts.iter().all(|text| !RecoveryCodes::nobodys().spend(text.expose())));
    }

    #[test]
    fn a_paper_alone_never_gives_an_office_back() {
        let password = Factors::NONE.with(Factor::Passkey).with(Factor::Password);
        let passkey = Factors::NONE.with(Factor::Passkey);
        assert_eq!(Worth::of(false, passkey, Strength::Passkey), Worth::Alone);
        assert_eq!(Worth::of(true, password, Strength::Mfa), Worth::WithPassword);
        assert_eq!(Worth::of(true, password, Strength::Passkey), Worth::WithPresence);
        assert_eq!(Worth::of(true, passkey, Strength::Any), Worth::WithPresence);
    }

    #[test]
    fn nothing_that_is_stored_shows_a_code() {
        let (codes, texts) = RecoveryCodes::generate(&SeededEntropy::new(2));
        let stored = serde_json::to_string(&codes).unwrap();
        assert!(texts.iter().all(|text| !stored.contains(&text.expose().replace('-', ""))));
    }
}
