//! Loads what `domain::admission` decides upon.

use std::sync::Arc;

use domain::account::{Account, AccountKind};
use domain::admission::{self, Door, NotAdmitted};
use domain::claim::{self, Person, Released, RequestedClaims};
use domain::client::SubjectType;
use domain::id::AccountId;
use domain::scope::{Scope, Scopes};
use domain::strength::Strength;
use domain::time::Timestamp;
use store::{Fault, Reader};

use crate::known::{Known, KnownApp, KnownPerson};

/// A person who may use the app.
pub(crate) struct Admitted {
    person: Arc<KnownPerson>,
    app: Arc<KnownApp>,
}

impl Known {
    /// Asks whether the app is open to the person, or to the service account that calls it, or may act as that one.
    pub(crate) fn admit(
        &self,
        reader: &Reader<'_>,
        app: &Arc<KnownApp>,
        account: AccountId,
        (proven, now): (Strength, Timestamp),
    ) -> Result<Result<Admitted, NotAdmitted>, Fault> {
        let Some(person) = self.person(reader, account)? else { return Ok(Err(NotAdmitted::NoPerson)) };
        let door = Door { access: &app.access, strength: app.client.settings.strength };
        let settings = &app.client.settings;
        let verdict = match person.account.kind {
            AccountKind::Service if settings.acts_as == Some(account) => admission::admit_service(&person.account, now),
            AccountKind::Service if settings.service_accounts => {
                admission::admit_caller(&person.account, &person.groups, &app.access, now)
            }
            AccountKind::Service | AccountKind::Person => {
                admission::admit(&person.account, &person.groups, door, proven, now)
            }
        };
        Ok(verdict.map(|()| Admitted { person, app: Arc::clone(app) }))
    }
}

impl Admitted {
    /// The person.
    pub(crate) fn account(&self) -> &Account {
        &self.person.account
    }

    /// Whether one of their groups is let in.
    pub(crate) fn is_let_in(&self) -> bool {
        self.person.groups.iter().any(|group| self.app.access.contains(&group.id))
    }

    /// The names of all their groups.
    pub(crate) fn groups(&self) -> Vec<String> {
        self.person.groups.iter().map(|group| group.name.to_string()).collect()
    }

    /// What of the scopes asked for this person may grant.
    pub(crate) fn grantable(&self, asked: &Scopes) -> Scopes {
        asked.grantable(&self.extra_scopes())
    }

    /// All that can be asked for.
    pub(crate) fn all_scopes(&self) -> Scopes {
        let standard: Scopes =
            domain::scope::STANDARD.iter().filter_map(|(name, _)| name.parse::<Scope>().ok()).collect();
        standard.with(&self.extra_scopes())
    }

    fn extra_scopes(&self) -> Scopes {
        let mine = |group| self.person.groups.iter().any(|one| one.id == group);
        self.app.scopes.iter().filter(|(group, _)| mine(*group)).map(|(_, scope)| scope.clone()).collect()
    }

    /// What of the claims asked for by name the app can get.
    pub(crate) fn askable(&self, asked: RequestedClaims) -> RequestedClaims {
        asked.known(&self.app.claims)
    }

    /// The claims about this person for the app.
    pub(crate) fn claims(&self, scopes: &Scopes, issuer: &str) -> Vec<Released> {
        self.claims_asked(scopes, &RequestedClaims::default(), issuer)
    }

    /// The same with those that the app asked for by name.
    pub(crate) fn claims_asked(&self, scopes: &Scopes, asked: &RequestedClaims, issuer: &str) -> Vec<Released> {
        let KnownPerson { account, groups, picture } = &*self.person;
        // The address of a picture says who it is at all apps, which an app that knows a pairwise name is not to learn.
        let picture = picture.filter(|_| self.app.client.settings.subject == SubjectType::Public);
        let picture = picture.map(|at| picture_url(issuer, account, at));
        let person = Person { account, groups, picture: picture.as_deref() };
        claim::release_asked(person, scopes, asked, &self.app.claims)
    }
}

/// The address of a picture: unguessable by the `sub` in it, and another one with every new picture.
fn picture_url(issuer: &str, account: &Account, updated_at: Timestamp) -> String {
    format!("{issuer}/picture/{}?v={}", account.subject, updated_at.unix())
}

/// What a scope means to the person who is asked.
pub(crate) fn meaning(scope: &Scope) -> String {
    domain::scope::STANDARD
        .iter()
        .find(|(name, _)| *name == scope.as_str())
        .map_or_else(|| format!("Use \u{201c}{scope}\u{201d} of the app"), |(_, meaning)| (*meaning).to_owned())
}
