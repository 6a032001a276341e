//! Pairwise subjects (OpenID Connect Core section 8.1): another `sub` in each sector, so that apps cannot put together what they
//! know about a person.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::id::Subject;

/// The key of all pairwise subjects. It is never replaced: with another one nobody would be known anywhere.
pub struct PairwiseKey(hmac::Key);

impl PairwiseKey {
    /// From its 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// What the person is called in that sector: always the same, and no way back.
    pub fn subject(&self, sector: &str, subject: Subject) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        // Of fixed length, so it cannot run into the sector.
        context.update(subject.as_bytes());
        context.update(sector.as_bytes());
        URL_SAFE_NO_PAD.encode(context.sign())
    }
}

impl std::fmt::Debug for PairwiseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_person_has_one_name_in_a_sector_and_another_in_the_next(one: [u8; 16], other: [u8; 16], sector in "[a-z.]{1,20}") {
            let key = PairwiseKey::new(&[1; 32]);
            let name = |key: &PairwiseKey, sector: &str, bytes| key.subject(sector, Subject::from_bytes(bytes));
            let mine = name(&key, &sector, one);
            prop_assert_eq!(&mine, &name(&key, &sector, one));
            prop_assert_eq!(mine.len(), 43);
            prop_assert_ne!(&mine, &name(&key, &format!("{sector}x"), one));
            prop_assert_ne!(&mine, &name(&PairwiseKey::new(&[2; 32]), &sector, one));
            prop_assert_eq!(mine == name(&key, &sector, other), one == other);
        }
    }
}
