//! Pairwise subjects (OpenID Connect Core section 8.1): another `sub` in each sector, so that apps cannot put together what they
//! know about a person.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::document_uri::DocumentUri;
use crate::host::Host;
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

impl fmt::Debug for PairwiseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// What apps with several hosts have in common, so that people are called the same at all of them: a host that an admin named, or
/// the address (`sector_identifier_uri`) of a document that names their redirect URIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Sector {
    /// That host.
    Host(Host),
    /// The host of that document.
    Document(DocumentUri),
}

impl Sector {
    /// The sector identifier: a host.
    pub fn identifier(&self) -> String {
        match self {
            Self::Host(host) => host.to_string(),
            Self::Document(uri) => uri.host(),
        }
    }
}

impl fmt::Display for Sector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Document(uri) => uri.fmt(f),
        }
    }
}

impl FromStr for Sector {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        match raw.contains("://") {
            true => raw.parse().map(Self::Document),
            false => raw
                .parse()
                .map(Self::Host)
                .map_err(|_| "it is the name of a host in lower case, such as home.example".to_owned()),
        }
    }
}

impl TryFrom<String> for Sector {
    type Error = String;

    fn try_from(raw: String) -> Result<Self, String> {
        raw.parse()
    }
}

impl From<Sector> for String {
    fn from(sector: Sector) -> Self {
        sector.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sector_is_a_host_or_where_a_document_is() {
        let sector = |raw: &str| raw.parse::<Sector>();
        assert_eq!(sector("home.example").unwrap().identifier(), "home.example");
        let document = sector("https://home.example:8443/sector.json").unwrap();
        assert_eq!(
            (document.identifier(), document.to_string()),
            ("home.example".to_owned(), "https://home.example:8443/sector.json".to_owned())
        );
        for bad in ["", "a b", "http://home.example/x", "https://home.example/#x", "192.0.2.1"] {
            assert!(sector(bad).is_err(), "{bad}");
        }
    }

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
