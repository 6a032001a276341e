//! Loads what `domain::admission` decides upon.

use domain::account::Account;
use domain::admission::{self, NotAdmitted};
use domain::claim::{self, Person, Released};
use domain::client::Client;
use domain::group::Group;
use domain::id::AccountId;
use domain::scope::{Scope, Scopes};
use domain::strength::Strength;
use domain::time::Timestamp;
use store::{Fault, Reader};

/// A person who may use the app.
pub(crate) struct Admitted {
    pub(crate) account: Account,
    pub(crate) groups: Vec<Group>,
    /// The scopes beyond the standard ones.
    extra: Scopes,
}

/// Loads the person and asks whether the app is open to them.
pub(crate) fn admit(
    reader: &Reader<'_>,
    client: &Client,
    account: AccountId,
    proven: Strength,
    now: Timestamp,
) -> Result<Result<Admitted, NotAdmitted>, Fault> {
    let Some(account) = reader.account(account)? else { return Ok(Err(NotAdmitted::NoPerson)) };
    let groups = reader.effective_groups(account.id, account.kind)?;
    let access = reader.client_access(client.id)?;
    if let Err(why) = admission::admit(&account, &groups, &access, proven, now) {
        return Ok(Err(why));
    }
    let extra = reader.client_scopes(client.id)?;
    let extra: Scopes = extra
        .into_iter()
        .filter(|(group, _)| groups.iter().any(|one| one.id == *group))
        .map(|(_, scope)| scope)
        .collect();
    Ok(Ok(Admitted { account, groups, extra }))
}

impl Admitted {
    /// What of the scopes asked for this person may grant.
    pub(crate) fn grantable(&self, asked: &Scopes) -> Scopes {
        asked.grantable(&self.extra)
    }

    /// The claims about this person for the app.
    pub(crate) fn claims(
        &self,
        reader: &Reader<'_>,
        client: &Client,
        scopes: &Scopes,
        issuer: &str,
    ) -> Result<Vec<Released>, Fault> {
        let rules = reader.client_claims(client.id)?;
        let picture = match scopes.has("profile") {
            true => reader.picture_updated_at(self.account.id)?,
            false => None,
        };
        let picture = picture.map(|at| picture_url(issuer, &self.account, at));
        let person = Person { account: &self.account, groups: &self.groups, picture: picture.as_deref() };
        Ok(claim::release(person, scopes, &rules))
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
