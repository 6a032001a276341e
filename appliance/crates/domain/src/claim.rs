//! Claims (OpenID Connect Core section 5): what an app learns about a person, and by which rule.
//!
//! The standard claims follow the scopes. An app's own rules add claims of any JSON value, taken from an attribute, from the
//! person's groups, or from both; a rule without a source only says where a standard claim is put.

mod combine;
mod name;

use combine::words;
pub use combine::{Combine, combine};
pub use name::{ClaimName, MAX_CLAIM_NAME};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::Account;
use crate::attribute::{ATTRIBUTES, AttributeKind, DISPLAY_NAME};
use crate::group::Group;
use crate::id::GroupId;
use crate::name::GroupName;
use crate::scope::Scopes;
use crate::strength::Strength;

/// Most bytes of one value, written as JSON.
pub const MAX_CLAIM_VALUE: usize = 4096;

/// Most rules of one app.
pub const MAX_CLAIM_RULES: usize = 64;

/// How deep a value may be nested.
const MAX_DEPTH: usize = 8;

/// Why a rule was not taken. `Display` says what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// Empty, too long or with control characters.
    Name,
    /// One of the protocol's own names.
    Reserved,
    /// More than `MAX_CLAIM_VALUE`.
    TooLarge,
    /// Nested deeper than anybody reads.
    TooDeep,
    /// `merge` takes objects only.
    NotAnObject,
    /// `join` takes texts, numbers, booleans and lists of them.
    NotAText,
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(f, "a claim's name has 1 to {MAX_CLAIM_NAME} characters and no control characters"),
            Self::Reserved => f.write_str("this claim belongs to the protocol; choose another name"),
            Self::TooLarge => write!(f, "a value has at most {MAX_CLAIM_VALUE} bytes"),
            Self::TooDeep => write!(f, "a value is nested at most {MAX_DEPTH} deep"),
            Self::NotAnObject => f.write_str("merge combines JSON objects; use first or union for other values"),
            Self::NotAText => f.write_str("join combines texts; use first, union or merge for objects and null"),
        }
    }
}

impl std::error::Error for ClaimError {}

/// The claims that an app asked for by name, beside those that its scopes bring (OpenID Connect Core section 5.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestedClaims {
    /// For the ID token.
    pub id_token: Vec<String>,
    /// For userinfo.
    pub userinfo: Vec<String>,
    /// Which of the levels that it asked for the sign-in reached: what `acr` says.
    pub acr: Option<Strength>,
}

impl RequestedClaims {
    /// Whether none were.
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty() && self.acr.is_none()
    }

    /// The scopes that mean the same to the person who is asked.
    pub fn scopes(&self) -> Scopes {
        self.id_token.iter().chain(&self.userinfo).filter_map(|name| scope_of(name)?.parse().ok()).collect()
    }

    /// Those of them that this app can get at all: the standard ones and those of its own rules.
    #[must_use]
    pub fn known(self, rules: &[ClaimRule]) -> Self {
        let known = |name: &String| scope_of(name).is_some() || rules.iter().any(|rule| rule.name.as_str() == name);
        let keep = |names: Vec<String>| names.into_iter().filter(known).collect();
        Self { id_token: keep(self.id_token), userinfo: keep(self.userinfo), acr: self.acr }
    }

    /// Where the app wants to find that claim.
    fn placement(&self, name: &str) -> Option<Placement> {
        let wanted = |names: &[String]| names.iter().any(|one| one == name);
        match (wanted(&self.id_token), wanted(&self.userinfo)) {
            (true, true) => Some(Placement::Both),
            (true, false) => Some(Placement::IdToken),
            (false, true) => Some(Placement::Userinfo),
            (false, false) => None,
        }
    }
}

/// Where a claim is put. Apps do look in the wrong place, so both is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// In the ID token and in userinfo.
    #[default]
    Both,
    /// In the ID token.
    IdToken,
    /// In userinfo.
    Userinfo,
}

impl Placement {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::IdToken => "id_token",
            Self::Userinfo => "userinfo",
        }
    }

    /// In both places.
    fn with(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }

    /// Whether it is put into the ID token.
    pub const fn in_id_token(self) -> bool {
        matches!(self, Self::Both | Self::IdToken)
    }

    /// Whether it is put into userinfo.
    pub const fn in_userinfo(self) -> bool {
        matches!(self, Self::Both | Self::Userinfo)
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Placement {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "both" => Ok(Self::Both),
            "id_token" => Ok(Self::IdToken),
            "userinfo" => Ok(Self::Userinfo),
            _ => Err("a claim is put into both, id_token or userinfo"),
        }
    }
}

/// What the members of a group get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupValue {
    /// The group.
    pub group: GroupId,
    /// Any JSON value.
    pub value: Value,
}

/// A rule of one app for one claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRule {
    /// Which claim.
    pub name: ClaimName,
    /// How values become one.
    pub combine: Combine,
    /// Where it is put.
    pub placement: Placement,
    /// The account's attribute (or `username`) that it is taken from.
    pub attribute: Option<String>,
    /// What groups give, the most important first.
    pub values: Vec<GroupValue>,
}

impl ClaimRule {
    /// Whether it gives a value at all, or only says where a standard claim is put.
    pub fn has_source(&self) -> bool {
        self.attribute.is_some() || !self.values.is_empty()
    }

    /// Whether the rule can take that value.
    pub fn check_value(&self, value: &Value) -> Result<(), ClaimError> {
        if value.to_string().len() > MAX_CLAIM_VALUE {
            return Err(ClaimError::TooLarge);
        }
        if depth(value) > MAX_DEPTH {
            return Err(ClaimError::TooDeep);
        }
        match self.combine {
            Combine::First | Combine::Union => Ok(()),
            Combine::Merge if value.is_object() => Ok(()),
            Combine::Merge => Err(ClaimError::NotAnObject),
            Combine::Join if words(value).is_some() => Ok(()),
            Combine::Join => Err(ClaimError::NotAText),
        }
    }
}

/// About whom claims are made.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The account.
    pub account: &'a Account,
    /// Every group that it is in, directly or not.
    pub groups: &'a [Group],
    /// Where its picture is, if it has one.
    pub picture: Option<&'a str>,
}

/// A claim that is released, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Released {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where it is put.
    pub placement: Placement,
    /// Which rule produced it.
    pub provenance: Provenance,
}

/// Which rule produced a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The scope brings it.
    Scope {
        /// Which scope.
        scope: &'static str,
        /// From what.
        source: &'static str,
    },
    /// A rule of the app brings it.
    Rule {
        /// How the values became one.
        combine: Combine,
        /// From what, the most important first.
        sources: Vec<Source>,
    },
}

/// Where a value of a rule came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An attribute of the account.
    Attribute(String),
    /// Membership of a group.
    Group(GroupName),
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope { scope, source } => write!(f, "scope {scope} ({source})"),
            Self::Rule { combine, sources } => {
                write!(f, "rule of the app ({combine} of ")?;
                for (index, source) in sources.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    match source {
                        Source::Attribute(name) => write!(f, "attribute {name}")?,
                        Source::Group(name) => write!(f, "group {name}")?,
                    }
                }
                f.write_str(")")
            }
        }
    }
}

/// All claims about the person for an app with these rules and these granted scopes, in order of their names.
pub fn release(person: Person<'_>, scopes: &Scopes, rules: &[ClaimRule]) -> Vec<Released> {
    let mut released = standard(person, scopes);
    for rule in rules {
        let place = released.iter().position(|one| one.name == rule.name.as_str());
        let made = if rule.has_source() { apply(rule, person) } else { None };
        match (place, made) {
            (Some(at), Some(made)) => released[at] = made,
            (Some(at), None) => released[at].placement = rule.placement,
            (None, Some(made)) => released.push(made),
            (None, None) => {}
        }
    }
    released.sort_by(|a, b| a.name.cmp(&b.name));
    released
}

/// The same with the claims that the app asked for by name, each where it wants to find it. The person agreed to them as to
/// the scopes that mean the same.
pub fn release_asked(
    person: Person<'_>,
    scopes: &Scopes,
    asked: &RequestedClaims,
    rules: &[ClaimRule],
) -> Vec<Released> {
    let mut released = release(person, &scopes.with(&asked.scopes()), rules);
    released.retain_mut(|one| match (asked.placement(&one.name), &one.provenance) {
        (Some(wanted), Provenance::Scope { scope, .. }) if !scopes.has(scope) => {
            one.placement = wanted;
            true
        }
        (Some(wanted), Provenance::Scope { .. } | Provenance::Rule { .. }) => {
            one.placement = one.placement.with(wanted);
            true
        }
        (None, Provenance::Scope { scope, .. }) => scopes.has(scope),
        (None, Provenance::Rule { .. }) => true,
    });
    released
}

/// The scope that brings the standard claim of that name (OpenID Connect Core section 5.4).
pub fn scope_of(name: &str) -> Option<&'static str> {
    match name {
        "preferred_username" | "picture" | "updated_at" => return Some("profile"),
        "email_verified" => return Some("email"),
        "groups" => return Some("groups"),
        _ => {}
    }
    match ATTRIBUTES.iter().find(|one| one.claim == name)?.kind {
        AttributeKind::Label | AttributeKind::Locale | AttributeKind::Zone => Some("profile"),
        AttributeKind::MailList => Some("email"),
        AttributeKind::Phone => None,
    }
}

/// The names of all claims that a scope can bring.
pub fn standard_names() -> impl Iterator<Item = &'static str> {
    let own = ["preferred_username", "picture", "updated_at", "email_verified", "groups"];
    own.into_iter().chain(ATTRIBUTES.iter().filter(|one| one.kind != AttributeKind::Phone).map(|one| one.claim))
}

/// The claims of the scopes (OpenID Connect Core section 5.4), where there is a value.
fn standard(person: Person<'_>, scopes: &Scopes) -> Vec<Released> {
    let account = person.account;
    let mut released = Vec::with_capacity(16);
    let mut add = |name: &str, scope, source, value: Option<Value>| {
        if let Some(value) = value {
            let provenance = Provenance::Scope { scope, source };
            released.push(Released { name: name.to_owned(), value, placement: Placement::Both, provenance });
        }
    };
    if scopes.has("profile") {
        add("preferred_username", "profile", "username", Some(account.name.as_str().into()));
        add("name", "profile", DISPLAY_NAME, Some(account.display_name().into()));
        add("picture", "profile", "picture", person.picture.map(Value::from));
        add("updated_at", "profile", "last change", Some(account.updated_at.unix().into()));
    }
    for attribute in ATTRIBUTES.iter().filter(|one| one.key != DISPLAY_NAME) {
        match attribute.kind {
            AttributeKind::Label | AttributeKind::Locale | AttributeKind::Zone if scopes.has("profile") => {
                add(attribute.claim, "profile", attribute.key, account.attributes.get(attribute.key).cloned());
            }
            AttributeKind::MailList if scopes.has("email") => {
                let mail = primary_mail(account, attribute.key);
                // Only an admin can enter an address, and answers for it; no other account has the same.
                add("email_verified", "email", attribute.key, mail.map(|_| true.into()));
                add(attribute.claim, "email", attribute.key, mail.map(Value::from));
            }
            // No scope brings a telephone number; a rule of the app can.
            AttributeKind::Label
            | AttributeKind::Locale
            | AttributeKind::Zone
            | AttributeKind::MailList
            | AttributeKind::Phone => {}
        }
    }
    if scopes.has("groups") {
        let names: Vec<_> = person.groups.iter().map(|group| group.name.as_str()).collect();
        add("groups", "groups", "membership", Some(names.into()));
    }
    released
}

fn primary_mail<'a>(account: &'a Account, key: &str) -> Option<&'a str> {
    match account.attributes.get(key)? {
        Value::Array(addresses) => addresses.first()?.as_str(),
        Value::String(address) => Some(address),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The claim that the rule makes of the person, if any of its sources has a value.
fn apply(rule: &ClaimRule, person: Person<'_>) -> Option<Released> {
    let mut found: Vec<(Source, Value)> = Vec::new();
    if let Some(id) = &rule.attribute
        && let Some(value) = attribute(person.account, id)
    {
        found.push((Source::Attribute(id.clone()), value));
    }
    for given in &rule.values {
        if let Some(group) = person.groups.iter().find(|group| group.id == given.group) {
            found.push((Source::Group(group.name.clone()), given.value.clone()));
        }
    }
    found.retain(|(_, value)| rule.check_value(value).is_ok());
    if rule.combine == Combine::First {
        found.truncate(1);
    }
    let (sources, values): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    Some(Released {
        name: rule.name.as_str().to_owned(),
        value: combine(rule.combine, values)?,
        placement: rule.placement,
        provenance: Provenance::Rule { combine: rule.combine, sources },
    })
}

fn attribute(account: &Account, id: &str) -> Option<Value> {
    if id == "username" { Some(account.name.as_str().into()) } else { account.attributes.get(id).cloned() }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests;
