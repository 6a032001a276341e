//! Names that people type and apps see. Written rules, checked on parsing: a name that exists is a good name.
//!
//! Account, group and app names: 1 to 32 of `a-z 0-9 . _ -`, beginning with a letter, not ending with `.` or `-`; upper case is
//! taken as lower case. Short enough for Unix and LDAP, so that a name never has to change later.

mod suggest;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most characters of an account, group or app name (Linux takes 32 for a user).
pub const MAX_NAME: usize = 32;

/// Names that would be taken for a part of the system, of the protocol, or of the household's own officers.
const RESERVED: &[&str] = &[
    "admin",
    "administrator",
    "anonymous",
    "bin",
    "console",
    "daemon",
    "everyone",
    "guest",
    "host",
    "latchkey",
    "localhost",
    "me",
    "nobody",
    "null",
    "postmaster",
    "root",
    "self",
    "support",
    "sys",
    "system",
    "undefined",
    "webmaster",
];

/// Why a name was not taken. `Display` says what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing was given.
    Empty,
    /// Longer than the limit, given here in characters.
    TooLong(usize),
    /// Holds a character that is not allowed.
    Character(char),
    /// Does not begin with a letter, or ends with `.` or `-`.
    Edge,
    /// Belongs to the system.
    Reserved,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("give a name"),
            Self::TooLong(limit) => write!(f, "use at most {limit} characters"),
            Self::Character(c) => {
                write!(f, "{c:?} is not allowed here; use letters a-z, digits, dot, underscore and hyphen")
            }
            Self::Edge => f.write_str("begin with a letter and end with a letter, digit or underscore"),
            Self::Reserved => f.write_str("this name is reserved; choose another"),
        }
    }
}

impl std::error::Error for NameError {}

fn slug(raw: &str) -> Result<String, NameError> {
    if raw.is_empty() {
        return Err(NameError::Empty);
    }
    if raw.len() > MAX_NAME {
        return Err(NameError::TooLong(MAX_NAME));
    }
    let name = raw.to_ascii_lowercase();
    if let Some(c) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-')) {
        return Err(NameError::Character(c));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.ends_with(['.', '-']) {
        return Err(NameError::Edge);
    }
    Ok(name)
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(raw: &str) -> Result<Self, NameError> {
                let parse: fn(&str) -> Result<String, NameError> = $parse;
                parse(raw).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(raw: String) -> Result<Self, NameError> {
                raw.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_type!(
    /// What a person or a service account signs in with.
    Username,
    |raw| {
        let name = slug(raw)?;
        if RESERVED.contains(&name.as_str()) { Err(NameError::Reserved) } else { Ok(name) }
    }
);
text_type!(
    /// What a group is called.
    GroupName,
    slug
);
text_type!(
    /// What an app is called; also its `client_id`.
    ClientName,
    slug
);
text_type!(
    /// Free text on one line for people to read: 1 to 128 characters, no control characters, no white space at the ends.
    Label,
    label
);

/// Most characters of a label.
pub const MAX_LABEL: usize = 128;

fn label(raw: &str) -> Result<String, NameError> {
    let text = raw.trim();
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.chars().count() > MAX_LABEL {
        return Err(NameError::TooLong(MAX_LABEL));
    }
    // Bidirectional overrides let one name look like another.
    match text.chars().find(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        Some(c) => Err(NameError::Character(c)),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_any_case() {
        assert_eq!("Anna".parse::<Username>().unwrap(), "anna".parse().unwrap());
    }

    #[test]
    fn names_that_would_mislead_are_refused() {
        for raw in [
            "",
            "9lives",
            "-a",
            "a-",
            "a.",
            "an na",
            "änna",
            "root",
            "Admin",
            "everyone",
            "a/b",
            "a\0b",
            &"x".repeat(33),
        ] {
            assert!(raw.parse::<Username>().is_err(), "{raw}");
        }
    }

    #[test]
    fn a_label_keeps_other_alphabets_but_no_control_characters() {
        assert_eq!(" Zoë 李 ".parse::<Label>().unwrap().as_str(), "Zoë 李");
        assert!("a\nb".parse::<Label>().is_err());
        assert!("a\u{202e}b".parse::<Label>().is_err());
        assert!("ä".repeat(129).parse::<Label>().is_err());
    }
}
