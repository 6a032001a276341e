//! Who lives in the demo, and which apps they have.

use std::collections::BTreeMap;

use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::name::{GroupName, NameError, Username};
use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::{Value, json};
use service::{Context, Fault, GroupAmendment, Idp, Member, OpError, PageQuery, Refusal, Whose};

/// Somebody who has no way in yet.
pub(super) struct Link {
    /// What they sign in with.
    pub(super) name: String,
    /// Who they are.
    pub(super) who: String,
    /// To be opened in a browser, once.
    pub(super) url: Secret<String>,
}

struct Person {
    name: &'static str,
    display_name: &'static str,
    given_name: &'static str,
    family_name: &'static str,
    groups: &'static [&'static str],
}

/// The first one owns the house.
const PERSONS: [Person; 3] = [
    Person {
        name: "mira",
        display_name: "Mira Holm",
        given_name: "Mira",
        family_name: "Holm",
        groups: &["owners", "parents"],
    },
    Person {
        name: "jonas",
        display_name: "Jonas Holm",
        given_name: "Jonas",
        family_name: "Holm",
        groups: &["parents"],
    },
    Person { name: "lea", display_name: "Lea Holm", given_name: "Lea", family_name: "Holm", groups: &["children"] },
];

/// Each with the groups that are put into it.
const GROUPS: [(&str, &str, &[&str]); 3] = [
    ("parents", "Who decides", &[]),
    ("children", "Who would rather decide", &[]),
    ("family", "Everybody who lives here", &["parents", "children"]),
];

/// Makes the household, where there is nobody yet.
pub(super) fn found(idp: &Idp, now: Timestamp) -> Result<(), OpError<Refusal>> {
    let ctx = Context::console(now);
    if !idp.list_accounts(&ctx, AccountKind::Person, &PageQuery::default())?.items.is_empty() {
        return Ok(());
    }
    for (name, description, members) in GROUPS {
        let amendment = GroupAmendment { description: Some(description.to_owned()), ..GroupAmendment::default() };
        idp.create_group(&ctx, &group(name)?, &amendment)?;
        for member in members {
            idp.add_member(&ctx, &group(name)?, &Member::Group(group(member)?))?;
        }
    }
    for person in &PERSONS {
        let name = username(person.name)?;
        let attributes = BTreeMap::from(attributes(person));
        idp.create_account(&ctx, AccountKind::Person, &name, &Amendment { attributes, ..Amendment::default() })?;
        for to in person.groups {
            idp.add_member(&ctx, &group(to)?, &Member::Account(name.clone()))?;
        }
    }
    Ok(())
}

fn attributes(person: &Person) -> [(String, Value); 4] {
    [
        ("display_name".to_owned(), json!(person.display_name)),
        ("given_name".to_owned(), json!(person.given_name)),
        ("family_name".to_owned(), json!(person.family_name)),
        ("mail".to_owned(), json!([format!("{}@example.org", person.name)])),
    ]
}

/// A new link for each of them who is still there and has nothing to sign in with.
pub(super) fn links(idp: &Idp, now: Timestamp) -> Result<Vec<Link>, OpError<Refusal>> {
    let ctx = Context::console(now);
    let here = idp.list_accounts(&ctx, AccountKind::Person, &PageQuery::default())?;
    let mut links = Vec::new();
    for person in &PERSONS {
        let name = username(person.name)?;
        let gone = !here.items.iter().any(|account| account.name == name);
        if gone || !idp.list_credentials(&ctx, &Whose::Of(name.clone()))?.is_empty() {
            continue;
        }
        let url = idp.create_invite(&ctx, &name, None, None)?.url;
        let who = format!("{} ({})", person.display_name, person.groups.join(", "));
        links.push(Link { name: person.name.to_owned(), who, url });
    }
    Ok(links)
}

fn username(raw: &str) -> Result<Username, Fault> {
    raw.parse().map_err(|error: NameError| Fault::unexpected(error))
}

fn group(raw: &str) -> Result<GroupName, Fault> {
    raw.parse().map_err(|error: NameError| Fault::unexpected(error))
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::testing::{self, NOW};

    use super::*;

    fn house() -> Idp {
        testing::idp(&Config::parse("host = \"localhost\"").unwrap())
    }

    #[test]
    fn everybody_of_a_new_household_gets_a_link() {
        let idp = house();
        found(&idp, NOW).unwrap();
        let links = links(&idp, NOW).unwrap();
        assert_eq!(links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["mira", "jonas", "lea"]);
    }

    #[test]
    fn a_household_is_founded_once() {
        let idp = house();
        found(&idp, NOW).unwrap();
        let ctx = Context::console(NOW);
        idp.delete_account(&ctx, AccountKind::Person, &username("lea").unwrap()).unwrap();
        found(&idp, NOW).unwrap();
        assert_eq!(links(&idp, NOW).unwrap().len(), 2);
    }
}
