//! Who lives in the demo, and which apps they have.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::claim::{Combine, Placement};
use domain::clock::Moment;
use domain::name::{ClientName, Username};
use domain::secret::Secret;
use serde_json::{Value, json};
use service::{
    AppAmendment, AppKind, ClaimRuleView, Context, Fault, GroupAmendment, Idp, Member, OpError, PageQuery, Refusal,
    Whose,
};

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

struct App {
    name: &'static str,
    display_name: &'static str,
    redirect_uri: &'static str,
    launch_url: &'static str,
    allow: &'static str,
    /// A claim that it reads roles from, and who gets which.
    role_claim: &'static str,
    roles: &'static [(&'static str, &'static str)],
}

/// Immich and Paperless-ngx, as they run on this machine when nothing else was said to them.
const APPS: [App; 2] = [
    App {
        name: "photos",
        display_name: "Photos",
        redirect_uri: "http://localhost:2283/auth/login",
        launch_url: "http://localhost:2283",
        allow: "family",
        role_claim: "immich_role",
        roles: &[("parents", "admin"), ("children", "user")],
    },
    App {
        name: "letters",
        display_name: "Letters",
        redirect_uri: "http://localhost:8000/accounts/oidc/latchkey/login/callback/",
        launch_url: "http://localhost:8000",
        allow: "parents",
        role_claim: "role",
        roles: &[("parents", "archivist")],
    },
];

/// An app that was just made, with the secret that is to be typed into it.
pub(super) struct NewApp {
    /// Its name, which is its `client_id`.
    pub(super) name: &'static str,
    /// Shown this once.
    pub(super) secret: Option<Secret<String>>,
}

/// Makes the household, where there is nobody yet.
pub(super) fn found(idp: &Idp, moment: Moment) -> Result<Vec<NewApp>, OpError<Refusal>> {
    let ctx = Context::console(moment);
    if !idp.list_accounts(&ctx, AccountKind::Person, &PageQuery::default())?.items.is_empty() {
        return Ok(Vec::new());
    }
    groups(idp, &ctx)?;
    persons(idp, &ctx)?;
    APPS.iter().map(|app| add_app(idp, &ctx, app)).collect()
}

fn groups(idp: &Idp, ctx: &Context) -> Result<(), OpError<Refusal>> {
    for (name, description, members) in GROUPS {
        let amendment = GroupAmendment { description: Some(description.to_owned()), ..GroupAmendment::default() };
        idp.create_group(ctx, &named(name)?, &amendment)?;
        for member in members {
            idp.add_member(ctx, &named(name)?, &Member::Group(named(member)?))?;
        }
    }
    Ok(())
}

fn persons(idp: &Idp, ctx: &Context) -> Result<(), OpError<Refusal>> {
    for person in &PERSONS {
        let name: Username = named(person.name)?;
        let attributes = BTreeMap::from(attributes(person));
        idp.create_account(ctx, AccountKind::Person, &name, &Amendment { attributes, ..Amendment::default() })?;
        for to in person.groups {
            idp.add_member(ctx, &named(to)?, &Member::Account(name.clone()))?;
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
pub(super) fn links(idp: &Idp, moment: Moment) -> Result<Vec<Link>, OpError<Refusal>> {
    let ctx = Context::console(moment);
    let here = idp.list_accounts(&ctx, AccountKind::Person, &PageQuery::default())?;
    let mut links = Vec::new();
    for person in &PERSONS {
        let name: Username = named(person.name)?;
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

fn add_app(idp: &Idp, ctx: &Context, app: &App) -> Result<NewApp, OpError<Refusal>> {
    let name: ClientName = named(app.name)?;
    let amendment = AppAmendment {
        display_name: Some(named(app.display_name)?),
        redirect_uris: Some(vec![named(app.redirect_uri)?]),
        launch_url: Some(Some(named(app.launch_url)?)),
        ..AppAmendment::default()
    };
    let secret = idp.create_app(ctx, &name, AppKind::Confidential, &amendment)?.secret;
    idp.allow_group(ctx, &name, &named(app.allow)?)?;
    let values =
        app.roles.iter().map(|(group, role)| Ok((named(group)?, json!(role)))).collect::<Result<_, Fault>>()?;
    let rule = ClaimRuleView {
        name: named(app.role_claim)?,
        combine: Combine::First,
        placement: Placement::Both,
        attribute: None,
        values,
    };
    idp.set_claim(ctx, &name, &rule)?;
    Ok(NewApp { name: app.name, secret })
}

/// Reads a text of this file as what it has to be.
fn named<T: FromStr>(raw: &str) -> Result<T, Fault>
where
    T::Err: Display,
{
    raw.parse().map_err(|error: T::Err| Fault::unexpected(format!("{raw}: {error}")))
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::testing::{self, NOW, steady};

    use super::*;

    fn house() -> Idp {
        testing::idp(&Config::parse("host = \"localhost\"").unwrap())
    }

    #[test]
    fn everybody_of_a_new_household_gets_a_link() {
        let idp = house();
        found(&idp, steady(NOW)).unwrap();
        let links = links(&idp, steady(NOW)).unwrap();
        assert_eq!(links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["mira", "jonas", "lea"]);
    }

    #[test]
    fn a_household_is_founded_once() {
        let idp = house();
        found(&idp, steady(NOW)).unwrap();
        let ctx = Context::console(steady(NOW));
        idp.delete_account(&ctx, AccountKind::Person, &named("lea").unwrap()).unwrap();
        found(&idp, steady(NOW)).unwrap();
        assert_eq!(links(&idp, steady(NOW)).unwrap().len(), 2);
    }
}
