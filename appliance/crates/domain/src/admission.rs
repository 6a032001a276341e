//! Whether a person may use an app now: asked when a code is made, and again at each later step, so that a change takes effect at
//! once.

use std::fmt;

use crate::account::{Account, AccountKind, Unusable};
use crate::group::Group;
use crate::id::GroupId;
use crate::strength::Strength;
use crate::time::Timestamp;

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The account is gone, or is none of a person.
    NoPerson,
    /// The account cannot be used now.
    Unusable(Unusable),
    /// None of the person's groups is let in.
    NoAccess,
    /// The person must prove more.
    TooWeak {
        /// What the groups or the app demand.
        demanded: Strength,
        /// What was proven.
        proven: Strength,
    },
}

impl fmt::Display for NotAdmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPerson => f.write_str("there is no such person any more"),
            Self::Unusable(Unusable::Locked) => f.write_str("the account is locked; ask whoever manages the house"),
            Self::Unusable(Unusable::NotYet(_)) => f.write_str("the account cannot be used yet"),
            Self::Unusable(Unusable::Expired(_)) => {
                f.write_str("the account has expired; ask whoever manages the house")
            }
            Self::NoAccess => {
                f.write_str("you are in none of the groups that may use this app; ask whoever manages the house")
            }
            Self::TooWeak { demanded, proven } => {
                write!(f, "a sign-in of strength {demanded} is needed here, and this one was of strength {proven}")
            }
        }
    }
}

/// How strongly a member of these groups must sign in.
pub fn demanded(groups: &[Group]) -> Strength {
    groups.iter().map(|group| group.strength).max().unwrap_or_default()
}

/// What an app asks of everybody who wants in.
#[derive(Clone, Copy, Debug)]
pub struct Door<'a> {
    /// The groups whose members it lets in.
    pub access: &'a [GroupId],
    /// How strongly everybody has to sign in there.
    pub strength: Strength,
}

/// Decides for a person in these groups (all of them, direct or not) who stands before that app.
pub fn admit(
    account: &Account,
    groups: &[Group],
    door: Door<'_>,
    proven: Strength,
    now: Timestamp,
) -> Result<(), NotAdmitted> {
    match account.kind {
        AccountKind::Person => {}
        AccountKind::Service => return Err(NotAdmitted::NoPerson),
    }
    account.usable(now).map_err(NotAdmitted::Unusable)?;
    if !groups.iter().any(|group| door.access.contains(&group.id)) {
        return Err(NotAdmitted::NoAccess);
    }
    let demanded = demanded(groups).max(door.strength);
    if proven < demanded { Err(NotAdmitted::TooWeak { demanded, proven }) } else { Ok(()) }
}

/// Decides for a service account that brought an API token of its own. It cannot prove more, so no strength is demanded of it.
pub fn admit_caller(
    account: &Account,
    groups: &[Group],
    access: &[GroupId],
    now: Timestamp,
) -> Result<(), NotAdmitted> {
    admit_service(account, now)?;
    match groups.iter().any(|group| access.contains(&group.id)) {
        true => Ok(()),
        false => Err(NotAdmitted::NoAccess),
    }
}

/// Decides for the service account that an app acts as: no group has to let it in, since nobody signs in.
pub fn admit_service(account: &Account, now: Timestamp) -> Result<(), NotAdmitted> {
    match account.kind {
        AccountKind::Service => account.usable(now).map_err(NotAdmitted::Unusable),
        AccountKind::Person => Err(NotAdmitted::NoPerson),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, Subject};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn door(access: &[GroupId]) -> Door<'_> {
        Door { access, strength: Strength::Any }
    }

    fn account() -> Account {
        Account {
            id: AccountId(1),
            subject: Subject::from_bytes([7; 16]),
            kind: AccountKind::Person,
            name: "anna".parse().unwrap(),
            attributes: std::collections::BTreeMap::new(),
            valid_from: None,
            valid_until: None,
            locked: false,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn group(id: i64, strength: Strength) -> Group {
        Group {
            id: GroupId(id),
            name: format!("g{id}").parse().unwrap(),
            description: String::new(),
            builtin: None,
            strength,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    #[test]
    fn an_app_that_lets_nobody_in_is_open_to_nobody() {
        let groups = [group(1, Strength::Any)];
        assert_eq!(admit(&account(), &groups, door(&[]), Strength::Passkey, NOW), Err(NotAdmitted::NoAccess));
        assert_eq!(admit(&account(), &groups, door(&[GroupId(2)]), Strength::Passkey, NOW), Err(NotAdmitted::NoAccess));
        assert_eq!(admit(&account(), &groups, door(&[GroupId(1)]), Strength::Any, NOW), Ok(()));
    }

    #[test]
    fn the_strictest_of_all_groups_counts_also_one_that_opens_no_app() {
        let groups = [group(1, Strength::Any), group(2, Strength::Passkey)];
        assert_eq!(
            admit(&account(), &groups, door(&[GroupId(1)]), Strength::Mfa, NOW),
            Err(NotAdmitted::TooWeak { demanded: Strength::Passkey, proven: Strength::Mfa })
        );
    }

    #[test]
    fn an_app_may_demand_more_than_the_groups_do() {
        let groups = [group(1, Strength::Any)];
        let strict = Door { access: &[GroupId(1)], strength: Strength::Mfa };
        assert_eq!(
            admit(&account(), &groups, strict, Strength::Any, NOW),
            Err(NotAdmitted::TooWeak { demanded: Strength::Mfa, proven: Strength::Any })
        );
        assert_eq!(admit(&account(), &groups, strict, Strength::Mfa, NOW), Ok(()));
    }

    #[test]
    fn an_app_acts_as_a_service_account_only_while_that_can_be_used() {
        assert!(admit_service(&account(), NOW).is_err(), "never as a person");
        let service = Account { kind: AccountKind::Service, ..account() };
        assert_eq!(admit_service(&service, NOW), Ok(()));
        assert!(admit_service(&Account { locked: true, ..service.clone() }, NOW).is_err());
        assert!(admit_service(&Account { valid_until: Some(NOW), ..service }, NOW).is_err());
    }

    #[test]
    fn a_service_account_calls_an_app_that_one_of_its_groups_is_let_into() {
        let groups = [group(1, Strength::Passkey)];
        let service = Account { kind: AccountKind::Service, ..account() };
        let call = |account: &Account, access: &[i64]| {
            let access: Vec<GroupId> = access.iter().copied().map(GroupId).collect();
            admit_caller(account, &groups, &access, NOW)
        };
        assert_eq!(call(&service, &[1]), Ok(()), "it cannot prove more than its token");
        assert_eq!(call(&service, &[2]), Err(NotAdmitted::NoAccess));
        assert_eq!(call(&service, &[]), Err(NotAdmitted::NoAccess));
        assert_eq!(call(&account(), &[1]), Err(NotAdmitted::NoPerson));
        assert!(call(&Account { locked: true, ..service }, &[1]).is_err());
    }

    #[test]
    fn locked_expired_and_future_accounts_use_no_app() {
        let groups = [group(1, Strength::Any)];
        for account in [
            Account { locked: true, ..account() },
            Account { valid_until: Some(NOW), ..account() },
            Account { valid_from: Some(Timestamp::from_unix(1_900_000_000)), ..account() },
            Account { kind: AccountKind::Service, ..account() },
        ] {
            assert!(admit(&account, &groups, door(&[GroupId(1)]), Strength::Passkey, NOW).is_err());
        }
    }
}
