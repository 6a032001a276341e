//! Scopes (RFC 6749 section 3.3): what an app asks to know or to do.

use std::collections::BTreeSet;
use std::collections::btree_set;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most bytes of one scope.
pub const MAX_SCOPE: usize = 64;

/// Most scopes in one request.
pub const MAX_SCOPES: usize = 32;

/// The scopes that every app may ask for, with what they mean to the person who is asked.
pub const STANDARD: [(&str, &str); 5] = [
    ("openid", "Know that it is you"),
    ("profile", "See your name, picture and language"),
    ("email", "See your mail address"),
    ("groups", "See which groups you are in"),
    ("offline_access", "Stay signed in while you are away"),
];

/// Why a scope was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// Empty, or with a character that RFC 6749 does not allow.
    Character,
    /// Longer than `MAX_SCOPE`.
    TooLong,
    /// More than `MAX_SCOPES`.
    TooMany,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character => f.write_str("a scope is made of printable ASCII without space, \" and \\"),
            Self::TooLong => write!(f, "a scope has at most {MAX_SCOPE} characters"),
            Self::TooMany => write!(f, "at most {MAX_SCOPES} scopes"),
        }
    }
}

impl std::error::Error for ScopeError {}

/// One scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

impl Scope {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether every app may ask for it.
    pub fn is_standard(&self) -> bool {
        STANDARD.iter().any(|(name, _)| *name == self.0)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(raw: &str) -> Result<Self, ScopeError> {
        if raw.len() > MAX_SCOPE {
            return Err(ScopeError::TooLong);
        }
        if raw.is_empty() || raw.bytes().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\\')) {
            return Err(ScopeError::Character);
        }
        Ok(Self(raw.to_owned()))
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(raw: String) -> Result<Self, ScopeError> {
        raw.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A set of scopes; written with single spaces, in order of the alphabet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Whether it holds that one.
    pub fn has(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it holds all of `others`.
    pub fn covers(&self, others: &Self) -> bool {
        others.0.is_subset(&self.0)
    }

    /// Both together.
    #[must_use]
    pub fn with(&self, others: &Self) -> Self {
        Self(self.0.union(&others.0).cloned().collect())
    }

    /// What is in both.
    #[must_use]
    pub fn within(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).cloned().collect())
    }

    /// What of these may be granted: the standard ones and `extra`. Others are left out (RFC 6749 section 3.3), and the answer
    /// says so.
    #[must_use]
    pub fn grantable(&self, extra: &Self) -> Self {
        self.iter().filter(|scope| scope.is_standard() || extra.0.contains(*scope)).cloned().collect()
    }

    /// Each of them.
    pub fn iter(&self) -> btree_set::Iter<'_, Scope> {
        self.0.iter()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(raw: &str) -> Result<Self, ScopeError> {
        let mut scopes = BTreeSet::new();
        // RFC 6749 wants single spaces; apps write more of them.
        for scope in raw.split(' ').filter(|scope| !scope.is_empty()) {
            scopes.insert(scope.parse()?);
            if scopes.len() > MAX_SCOPES {
                return Err(ScopeError::TooMany);
            }
        }
        Ok(Self(scopes))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes(raw: &str) -> Scopes {
        raw.parse().unwrap()
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(scopes("openid  email openid"), scopes("email openid"));
        assert_eq!(scopes("openid email").to_string(), "email openid");
    }

    #[test]
    fn a_scope_that_nobody_may_have_is_left_out() {
        let asked = scopes("openid admin write");
        assert_eq!(asked.grantable(&scopes("write")), scopes("openid write"));
    }

    #[test]
    fn scopes_out_of_the_alphabet_are_refused() {
        for raw in ["a\"b", "a\\b", "ä", "a\tb", &"x".repeat(65)] {
            assert!(raw.parse::<Scopes>().is_err(), "{raw}");
        }
        let many: Vec<_> = (0..33).map(|n| n.to_string()).collect();
        assert_eq!(many.join(" ").parse::<Scopes>(), Err(ScopeError::TooMany));
    }

    proptest! {
        #[test]
        fn scopes_read_back_as_what_was_written(raw in "[ -~]{0,100}") {
            if let Ok(scopes) = raw.parse::<Scopes>() {
                prop_assert_eq!(scopes.to_string().parse::<Scopes>(), Ok(scopes));
            }
        }
    }
}
