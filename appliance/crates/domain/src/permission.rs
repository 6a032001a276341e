//! Who may do what. The service names what an operation needs; this decides; without the answer there is no transaction.

use crate::group::Builtin;
use crate::id::{AccountId, ApiTokenNumber, SessionNumber};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody yet: the sign-in page, the apps' endpoints.
    Anonymous,
    /// The control socket, used by root or by the server's own user: an owner by presence.
    Console,
    /// A signed-in person.
    Person {
        /// Who.
        account: AccountId,
        /// In which session.
        session: SessionNumber,
        /// Whether the person proved it within the last ten minutes.
        fresh: bool,
    },
    /// A service account with an API token.
    Service {
        /// Who.
        account: AccountId,
        /// With which token.
        token: ApiTokenNumber,
    },
    /// The server itself: expiry, rotation, first start.
    System,
}

impl Actor {
    /// The account that acts, if any.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Person { account, .. } | Self::Service { account, .. } => Some(*account),
            Self::Anonymous | Self::Console | Self::System => None,
        }
    }
}

/// Which built-in groups somebody is in, directly or through other groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// These and that one.
    #[must_use]
    pub const fn with(self, role: Builtin) -> Self {
        Self(self.0 | Self::bit(role))
    }

    /// Whether that one is among them.
    pub const fn has(self, role: Builtin) -> bool {
        self.0 & Self::bit(role) != 0
    }

    /// Whether there is a role that can change something or read the audit log.
    pub const fn any_office(self) -> bool {
        self.0 & !Self::bit(Builtin::Everyone) != 0
    }

    const fn bit(role: Builtin) -> u8 {
        match role {
            Builtin::Owners => 1,
            Builtin::PeopleAdmins => 2,
            Builtin::AppAdmins => 4,
            Builtin::Auditors => 8,
            Builtin::Everyone => 16,
        }
    }
}

/// What an operation needs. Every operation names one; see `decide` for who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the operation proves its caller by other means (a password, a code, a client secret).
    Nothing,
    /// To be the server itself.
    System,
    /// To be that person, looking at what is theirs.
    SeeSelf(AccountId),
    /// To be that person, changing what is harmless: ending a session, withdrawing a consent.
    ActForSelf(AccountId),
    /// To be that person with a fresh authentication: changing credentials or profile.
    ChangeSelf(AccountId),
    /// To read accounts, groups and apps.
    ReadDirectory,
    /// To read audit events.
    ReadAudit,
    /// To create persons or service accounts, or to change one that holds these roles.
    ManagePerson(Roles),
    /// To create a group, or to change one whose members get these roles.
    ManageGroup(Roles),
    /// To change apps.
    ManageApps,
    /// To change the house itself: keys, settings.
    Own,
}

impl Need {
    /// What it is called in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::System => "system",
            Self::SeeSelf(_) => "see_self",
            Self::ActForSelf(_) => "act_for_self",
            Self::ChangeSelf(_) => "change_self",
            Self::ReadDirectory => "read_directory",
            Self::ReadAudit => "read_audit",
            Self::ManagePerson(_) => "manage_person",
            Self::ManageGroup(_) => "manage_group",
            Self::ManageApps => "manage_apps",
            Self::Own => "own",
        }
    }
}

/// Proof that `decide` said yes. Only this module makes one.
#[derive(Debug)]
pub struct Permit(());

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Nobody is signed in.
    NotSignedIn,
    /// Signed in, but without the office for this.
    NotAllowed,
    /// Allowed after a fresh authentication.
    NotFresh,
}

/// Decides whether an actor with these roles has what the operation needs.
pub fn decide(actor: &Actor, roles: Roles, need: Need) -> Result<Permit, Denied> {
    let allowed = match actor {
        Actor::Console => console_may(need),
        Actor::System => true,
        Actor::Anonymous => {
            return if need == Need::Nothing { Ok(Permit(())) } else { Err(Denied::NotSignedIn) };
        }
        Actor::Person { account, .. } | Actor::Service { account, .. } => account_may(*account, roles, need),
    };
    if !allowed {
        return Err(Denied::NotAllowed);
    }
    if matches!(actor, Actor::Person { fresh: false, .. }) && wants_fresh(need) {
        return Err(Denied::NotFresh);
    }
    Ok(Permit(()))
}

fn console_may(need: Need) -> bool {
    match need {
        Need::System => false,
        Need::Nothing
        | Need::SeeSelf(_)
        | Need::ActForSelf(_)
        | Need::ChangeSelf(_)
        | Need::ReadDirectory
        | Need::ReadAudit
        | Need::ManagePerson(_)
        | Need::ManageGroup(_)
        | Need::ManageApps
        | Need::Own => true,
    }
}

fn account_may(me: AccountId, roles: Roles, need: Need) -> bool {
    let owner = roles.has(Builtin::Owners);
    match need {
        Need::Nothing => true,
        Need::System => false,
        Need::SeeSelf(who) | Need::ActForSelf(who) | Need::ChangeSelf(who) => me == who,
        Need::ReadDirectory => roles.any_office(),
        Need::ReadAudit => owner || roles.has(Builtin::Auditors),
        // A people admin who could touch an office holder could take the office.
        Need::ManagePerson(held) | Need::ManageGroup(held) => {
            owner || (roles.has(Builtin::PeopleAdmins) && !held.any_office())
        }
        Need::ManageApps => owner || roles.has(Builtin::AppAdmins),
        Need::Own => owner,
    }
}

/// Reading needs no second proof; every change by a person does.
fn wants_fresh(need: Need) -> bool {
    match need {
        Need::Nothing
        | Need::System
        | Need::SeeSelf(_)
        | Need::ActForSelf(_)
        | Need::ReadDirectory
        | Need::ReadAudit => false,
        Need::ChangeSelf(_) | Need::ManagePerson(_) | Need::ManageGroup(_) | Need::ManageApps | Need::Own => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: AccountId = AccountId(1);
    const OTHER: AccountId = AccountId(2);

    fn person(fresh: bool) -> Actor {
        Actor::Person { account: ME, session: SessionNumber(1), fresh }
    }

    fn denied(actor: &Actor, roles: Roles, need: Need) -> Option<Denied> {
        decide(actor, roles, need).err()
    }

    #[test]
    fn nobody_may_do_anything_that_needs_something() {
        for need in [
            Need::SeeSelf(ME),
            Need::ReadDirectory,
            Need::ManagePerson(Roles::NONE),
            Need::ManageApps,
            Need::Own,
            Need::System,
        ] {
            assert_eq!(denied(&Actor::Anonymous, Roles::NONE, need), Some(Denied::NotSignedIn));
        }
    }

    #[test]
    fn a_person_sees_only_what_is_theirs() {
        assert_eq!(denied(&person(false), Roles::NONE, Need::SeeSelf(ME)), None);
        assert_eq!(denied(&person(true), Roles::NONE, Need::SeeSelf(OTHER)), Some(Denied::NotAllowed));
        assert_eq!(denied(&person(true), Roles::NONE, Need::ReadDirectory), Some(Denied::NotAllowed));
    }

    #[test]
    fn a_people_admin_cannot_touch_an_office_holder() {
        let roles = Roles::NONE.with(Builtin::PeopleAdmins);
        assert_eq!(denied(&person(true), roles, Need::ManagePerson(Roles::NONE.with(Builtin::Everyone))), None);
        for office in [Builtin::Owners, Builtin::PeopleAdmins, Builtin::AppAdmins, Builtin::Auditors] {
            assert_eq!(
                denied(&person(true), roles, Need::ManagePerson(Roles::NONE.with(office))),
                Some(Denied::NotAllowed)
            );
            assert_eq!(
                denied(&person(true), roles, Need::ManageGroup(Roles::NONE.with(office))),
                Some(Denied::NotAllowed)
            );
        }
    }

    #[test]
    fn an_auditor_reads_and_changes_nothing() {
        let roles = Roles::NONE.with(Builtin::Auditors);
        assert_eq!(denied(&person(false), roles, Need::ReadAudit), None);
        for need in [Need::ManagePerson(Roles::NONE), Need::ManageGroup(Roles::NONE), Need::ManageApps, Need::Own] {
            assert_eq!(denied(&person(true), roles, need), Some(Denied::NotAllowed));
        }
    }

    #[test]
    fn every_change_by_a_person_wants_a_fresh_authentication() {
        let roles = Roles::NONE.with(Builtin::Owners);
        for need in [
            Need::ChangeSelf(ME),
            Need::ManagePerson(Roles::NONE),
            Need::ManageGroup(Roles::NONE),
            Need::ManageApps,
            Need::Own,
        ] {
            assert_eq!(denied(&person(false), roles, need), Some(Denied::NotFresh));
            assert_eq!(denied(&person(true), roles, need), None);
        }
    }

    #[test]
    fn only_the_server_itself_may_do_its_housekeeping() {
        assert_eq!(denied(&Actor::Console, Roles::NONE, Need::System), Some(Denied::NotAllowed));
        assert_eq!(denied(&person(true), Roles::NONE.with(Builtin::Owners), Need::System), Some(Denied::NotAllowed));
        assert_eq!(denied(&Actor::System, Roles::NONE, Need::System), None);
    }
}
