//! Changes to an account: what is asked for, and the account that comes of it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::account::{Account, AccountKind};
use crate::attribute::{self, AttributeError, Edit};
use crate::name::Username;
use crate::time::Timestamp;

/// What to change; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Amendment {
    /// A new name.
    pub name: Option<Username>,
    /// New values by the key of their attribute; null unsets.
    pub attributes: BTreeMap<String, Value>,
    /// The first moment of use; `Some(None)` lifts it.
    pub valid_from: Option<Option<Timestamp>>,
    /// The moment at which use ends; `Some(None)` lifts it.
    pub valid_until: Option<Option<Timestamp>>,
    /// Shut or opened.
    pub locked: Option<bool>,
}

/// An account as it shall be, and what is different.
#[derive(Clone, Debug, PartialEq)]
pub struct Amended {
    /// The account, with `updated_at` moved when anything is different.
    pub account: Account,
    /// The names of what is different; empty when nothing is.
    pub changed: Vec<&'static str>,
}

/// Why a change was not taken. `Display` says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmendError {
    /// No such attribute for accounts of this kind.
    Unknown(String),
    /// Not a good value.
    Value(&'static str, AttributeError),
    /// Only whoever manages persons may change it.
    NotYours(&'static str),
    /// It would end before it begins.
    Window,
}

impl AmendError {
    /// Which value is meant.
    pub fn what(&self) -> &str {
        match self {
            Self::Unknown(key) => key,
            Self::Value(key, _) | Self::NotYours(key) => key,
            Self::Window => "valid_until",
        }
    }
}

impl fmt::Display for AmendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(_) => {
                f.write_str("there is no such attribute; the attributes are ")?;
                for (index, def) in attribute::ATTRIBUTES.iter().enumerate() {
                    write!(f, "{}{}", if index > 0 { ", " } else { "" }, def.key)?;
                }
                Ok(())
            }
            Self::Value(_, why) => why.fmt(f),
            Self::NotYours(_) => f.write_str("only an admin changes this, because apps trust it; ask one"),
            Self::Window => f.write_str("choose an end after the beginning"),
        }
    }
}

impl std::error::Error for AmendError {}

impl Amendment {
    /// The account with this done to it, on behalf of `by`.
    pub fn apply(&self, account: &Account, by: Edit, now: Timestamp) -> Result<Amended, AmendError> {
        let mut next = account.clone();
        let mut changed = Vec::new();
        for (key, value) in &self.attributes {
            let def = attribute::by_key(key)
                .filter(|def| def.service || account.kind == AccountKind::Person)
                .ok_or_else(|| AmendError::Unknown(key.chars().take(64).collect()))?;
            if by == Edit::Holder && def.edit == Edit::Admin {
                return Err(AmendError::NotYours(def.key));
            }
            let value = def.parse(value).map_err(|why| AmendError::Value(def.key, why))?;
            if next.attributes.get(def.key) != value.as_ref() {
                match value {
                    Some(value) => next.attributes.insert(def.key.to_owned(), value),
                    None => next.attributes.remove(def.key),
                };
                changed.push(def.key);
            }
        }
        replace(&mut next.name, self.name.as_ref(), "name", &mut changed);
        replace(&mut next.valid_from, self.valid_from.as_ref(), "valid_from", &mut changed);
        replace(&mut next.valid_until, self.valid_until.as_ref(), "valid_until", &mut changed);
        replace(&mut next.locked, self.locked.as_ref(), "locked", &mut changed);
        if let (Some(from), Some(until)) = (next.valid_from, next.valid_until)
            && until <= from
        {
            return Err(AmendError::Window);
        }
        if !changed.is_empty() {
            next.updated_at = now;
        }
        Ok(Amended { account: next, changed })
    }
}

fn replace<T: Clone + PartialEq>(
    current: &mut T,
    wanted: Option<&T>,
    what: &'static str,
    changed: &mut Vec<&'static str>,
) {
    if let Some(wanted) = wanted
        && wanted != current
    {
        *current = wanted.clone();
        changed.push(what);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::{AccountId, Subject};

    const THEN: Timestamp = Timestamp::from_unix(1_000);
    const NOW: Timestamp = Timestamp::from_unix(2_000);

    fn account(kind: AccountKind) -> Account {
        Account {
            id: AccountId(1),
            subject: Subject::from_bytes([7; 16]),
            kind,
            name: "anna".parse().unwrap(),
            attributes: BTreeMap::from([("display_name".to_owned(), json!("Anna"))]),
            valid_from: None,
            valid_until: None,
            locked: false,
            created_at: THEN,
            updated_at: THEN,
        }
    }

    fn set(key: &str, value: Value) -> Amendment {
        Amendment { attributes: BTreeMap::from([(key.to_owned(), value)]), ..Amendment::default() }
    }

    #[test]
    fn the_same_value_again_changes_nothing() {
        let before = account(AccountKind::Person);
        let same = Amendment { locked: Some(false), ..set("display_name", json!(" Anna ")) };
        let after = same.apply(&before, Edit::Admin, NOW).unwrap();
        assert_eq!(after, Amended { account: before, changed: vec![] });
    }

    #[test]
    fn a_change_moves_updated_at() {
        let after = set("given_name", json!("Anna")).apply(&account(AccountKind::Person), Edit::Holder, NOW).unwrap();
        assert_eq!((after.changed, after.account.updated_at), (vec!["given_name"], NOW));
    }

    #[test]
    fn null_unsets() {
        let after = set("display_name", Value::Null).apply(&account(AccountKind::Person), Edit::Holder, NOW).unwrap();
        assert_eq!(after.account.display_name(), "anna");
    }

    #[test]
    fn nobody_changes_their_own_address() {
        let change = set("mail", json!(["boss@example.org"]));
        let refused = change.apply(&account(AccountKind::Person), Edit::Holder, NOW);
        assert_eq!(refused, Err(AmendError::NotYours("mail")));
        assert!(change.apply(&account(AccountKind::Person), Edit::Admin, NOW).is_ok());
    }

    #[test]
    fn a_program_has_no_family_name() {
        let refused = set("family_name", json!("Bot")).apply(&account(AccountKind::Service), Edit::Admin, NOW);
        assert_eq!(refused, Err(AmendError::Unknown("family_name".to_owned())));
    }

    #[test]
    fn an_end_before_the_beginning_is_refused() {
        let change = Amendment { valid_from: Some(Some(NOW)), valid_until: Some(Some(NOW)), ..Amendment::default() };
        assert_eq!(change.apply(&account(AccountKind::Person), Edit::Admin, NOW), Err(AmendError::Window));
    }
}
