//! Loads what `domain::admission` decides upon.

use std::sync::Arc;

use domain::account::Account;
use domain::admission::{self, NotAdmitted};
use domain::claim::{self, Person, Released};
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
    /// Asks whether the app is open to the person.
    pub(crate) fn admit(
        &self,
        reader: &Reader<'_>,
        app: &Arc<KnownApp>,
        account: AccountId,
        (proven, now): (Strength, Timestamp),
    ) -> Result<Result<Admitted, NotAdmitted>, Fault> {
        let Some(person) = self.person(reader, account)? else { return Ok(Err(NotAdmitted::NoPerson)) };
        let verdict = admission::admit(&person.account, &person.groups, &app.access, proven, now);
        Ok(verdict.map(|()| Admitted { person, app: Arc::clone(app) }))
    }
}

impl Admitted {
    /// The person.
    pub(crate) fn account(&self) -> &Account {
        &self.person.account
    }

    /// The names of all their groups.
    pub(crate) fn groups(&self) -> Vec<String> {
        self.person.groups.iter().map(|group| group.name.to_string()).collect()
    }

    /// What of the scopes asked for this person may grant.
    pub(crate) fn grantable(&self, asked: &Scopes) -> Scopes {
        let mine = |group| self.person.groups.iter().any(|one| one.id == group);
        let extra = self.app.scopes.iter().filter(|(group, _)| mine(*group)).map(|(_, scope)| scope.clone());
        asked.grantable(&extra.collect())
    }

    /// The claims about this person for the app.
    pub(crate) fn claims(&self, scopes: &Scopes, issuer: &str) -> Vec<Released> {
        let KnownPerson { account, groups, picture } = &*self.person;
        let picture = picture.map(|at| picture_url(issuer, account, at));
        claim::release(Person { account, groups, picture: picture.as_deref() }, scopes, &self.app.claims)
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
