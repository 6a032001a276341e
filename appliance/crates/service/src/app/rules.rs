//! Who may use an app, which scopes it may ask for, and which claims it gets.

use domain::attribute;
use domain::claim::{ClaimName, ClaimRule, Combine, GroupValue, MAX_CLAIM_RULES, Placement};
use domain::id::{ClientId, GroupId};
use domain::name::{ClientName, GroupName};
use domain::permission::Need;
use domain::redirect_uri::RedirectUri;
use domain::scope::Scope;
use serde_json::{Value, json};
use store::Reader;

use super::{AppAmendment, group_name, named};
use crate::group::named as group_named;
use crate::operation::{Abort, Writing};
use crate::{Change, Context, Idp, OpError, Refusal};

/// Most groups that are allowed to use one app.
pub const MAX_ACCESS: usize = 200;
/// Most pairs of a group and an extra scope of one app.
pub const MAX_EXTRA_SCOPES: usize = 200;
/// Most groups that one claim rule names.
pub const MAX_CLAIM_VALUES: usize = 100;

/// What an account's name is called where a claim is taken from an attribute.
const USERNAME: &str = "username";

/// A claim rule with the groups by name.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRuleView {
    /// Which claim.
    pub name: ClaimName,
    /// How values become one.
    pub combine: Combine,
    /// Where it is put.
    pub placement: Placement,
    /// The attribute (or `username`) that it is taken from.
    pub attribute: Option<String>,
    /// What groups give, the most important first.
    pub values: Vec<(GroupName, Value)>,
}

impl Idp {
    /// Registers one more redirect URI.
    pub fn add_redirect_uri(
        &self,
        ctx: &Context,
        name: &ClientName,
        uri: &RedirectUri,
    ) -> Result<Change, OpError<Refusal>> {
        self.set_redirect_uris(ctx, name, |uris| uris.push(uri.clone()))
    }

    /// Strikes one redirect URI off.
    pub fn remove_redirect_uri(
        &self,
        ctx: &Context,
        name: &ClientName,
        uri: &RedirectUri,
    ) -> Result<Change, OpError<Refusal>> {
        self.set_redirect_uris(ctx, name, |uris| uris.retain(|known| known != uri))
    }

    fn set_redirect_uris(
        &self,
        ctx: &Context,
        name: &ClientName,
        change: impl FnOnce(&mut Vec<RedirectUri>),
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageApps, |op| {
            let client = named(op, name)?;
            let mut uris = client.settings.redirect_uris.clone();
            change(&mut uris);
            let amendment = AppAmendment { redirect_uris: Some(uris), ..AppAmendment::default() };
            let (mut next, changed) = amendment.apply(&client, None)?;
            if changed.is_empty() {
                return Ok(Change::Unchanged);
            }
            next.updated_at = ctx.now;
            op.update_client(&next)?;
            op.record("app.set", name.as_str(), json!({ "changed": changed }))?;
            Ok(Change::Changed)
        })
    }

    /// Lets the members of the group use the app.
    pub fn allow_group(&self, ctx: &Context, name: &ClientName, group: &GroupName) -> Result<Change, OpError<Refusal>> {
        self.app_and_group(ctx, name, group, |op, client, id| {
            if !op.allow_client_group(client, id)? {
                return Ok(None);
            }
            if op.client_access(client)?.len() > MAX_ACCESS {
                return Err(Refusal::TooMany { what: "groups of an app", limit: MAX_ACCESS }.into());
            }
            Ok(Some(("app.allow", json!({ "group": group }))))
        })
    }

    /// Takes that back.
    pub fn deny_group(&self, ctx: &Context, name: &ClientName, group: &GroupName) -> Result<Change, OpError<Refusal>> {
        self.app_and_group(ctx, name, group, |op, client, id| {
            let gone = op.deny_client_group(client, id)?;
            Ok(gone.then(|| ("app.deny", json!({ "group": group }))))
        })
    }

    /// Gives the members of the group a scope beyond the standard ones.
    pub fn add_scope(
        &self,
        ctx: &Context,
        name: &ClientName,
        group: &GroupName,
        scope: &Scope,
    ) -> Result<Change, OpError<Refusal>> {
        self.app_and_group(ctx, name, group, |op, client, id| {
            if scope.is_standard() {
                let why = "every app may ask for this scope; choose one of the app's own".to_owned();
                return Err(Refusal::Invalid { what: "scope".to_owned(), why }.into());
            }
            if !op.add_client_scope(client, id, scope)? {
                return Ok(None);
            }
            if op.client_scopes(client)?.len() > MAX_EXTRA_SCOPES {
                return Err(Refusal::TooMany { what: "extra scopes of an app", limit: MAX_EXTRA_SCOPES }.into());
            }
            Ok(Some(("app.add_scope", json!({ "group": group, "scope": scope }))))
        })
    }

    /// Takes that back.
    pub fn remove_scope(
        &self,
        ctx: &Context,
        name: &ClientName,
        group: &GroupName,
        scope: &Scope,
    ) -> Result<Change, OpError<Refusal>> {
        self.app_and_group(ctx, name, group, |op, client, id| {
            let gone = op.remove_client_scope(client, id, scope)?;
            Ok(gone.then(|| ("app.remove_scope", json!({ "group": group, "scope": scope }))))
        })
    }

    fn app_and_group(
        &self,
        ctx: &Context,
        name: &ClientName,
        group: &GroupName,
        change: impl FnOnce(&Writing<'_>, ClientId, GroupId) -> Result<Option<(&'static str, Value)>, Abort<Refusal>>,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageApps, |op| {
            let client = named(op, name)?;
            let group = group_named(op, group)?;
            let Some((action, detail)) = change(op, client.id, group.id)? else { return Ok(Change::Unchanged) };
            op.record(action, name.as_str(), detail)?;
            Ok(Change::Changed)
        })
    }

    /// Puts the claim rule in place of the one of the same name.
    pub fn set_claim(
        &self,
        ctx: &Context,
        name: &ClientName,
        rule: &ClaimRuleView,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageApps, |op| {
            let client = named(op, name)?;
            let wanted = checked(op, rule)?;
            let rules = op.client_claims(client.id)?;
            let known = rules.iter().find(|known| known.name == wanted.name);
            if known == Some(&wanted) {
                return Ok(Change::Unchanged);
            }
            if known.is_none() && rules.len() >= MAX_CLAIM_RULES {
                return Err(Refusal::TooMany { what: "claims of an app", limit: MAX_CLAIM_RULES }.into());
            }
            op.put_client_claim(client.id, &wanted)?;
            op.record("app.set_claim", name.as_str(), json!({ "claim": rule.name }))?;
            Ok(if known.is_some() { Change::Changed } else { Change::Created })
        })
    }

    /// Removes the claim rule of that name.
    pub fn remove_claim(&self, ctx: &Context, name: &ClientName, claim: &str) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageApps, |op| {
            let client = named(op, name)?;
            if !op.delete_client_claim(client.id, claim)? {
                return Ok(Change::Unchanged);
            }
            op.record("app.remove_claim", name.as_str(), json!({ "claim": claim }))?;
            Ok(Change::Removed)
        })
    }
}

/// The app's claim rules with the groups by name.
pub(super) fn views(op: &Reader<'_>, client: ClientId) -> Result<Vec<ClaimRuleView>, store::Fault> {
    let mut views = Vec::new();
    for rule in op.client_claims(client)? {
        let mut values = Vec::new();
        for given in rule.values {
            values.push((group_name(op, given.group)?, given.value));
        }
        let ClaimRule { name, combine, placement, attribute, values: _ } = ClaimRule { values: Vec::new(), ..rule };
        views.push(ClaimRuleView { name, combine, placement, attribute, values });
    }
    Ok(views)
}

fn checked(op: &Reader<'_>, rule: &ClaimRuleView) -> Result<ClaimRule, OpError<Refusal>> {
    if let Some(key) = &rule.attribute
        && key != USERNAME
        && attribute::by_key(key).is_none()
    {
        let known: Vec<_> = attribute::ATTRIBUTES.iter().map(|def| def.key).collect();
        let why = format!("there is no such attribute; choose {USERNAME} or one of {}", known.join(", "));
        return Err(Refusal::Invalid { what: "attribute".to_owned(), why }.into());
    }
    if rule.values.len() > MAX_CLAIM_VALUES {
        return Err(Refusal::TooMany { what: "groups of a claim", limit: MAX_CLAIM_VALUES }.into());
    }
    let mut wanted = ClaimRule {
        name: rule.name.clone(),
        combine: rule.combine,
        placement: rule.placement,
        attribute: rule.attribute.clone(),
        values: Vec::new(),
    };
    for (name, value) in &rule.values {
        wanted
            .check_value(value)
            .map_err(|why| Refusal::Invalid { what: format!("value for {name}"), why: why.to_string() })?;
        let group = group_named(op, name)?.id;
        if wanted.values.iter().any(|known| known.group == group) {
            let why = "name each group once".to_owned();
            return Err(Refusal::Invalid { what: format!("value for {name}"), why }.into());
        }
        wanted.values.push(GroupValue { group, value: value.clone() });
    }
    Ok(wanted)
}
