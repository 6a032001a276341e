//! Apps (the clients of RFC 6749): made, changed, removed; who may use them, and what they learn.

mod amend;
mod rules;

use domain::account::AccountKind;
use domain::client::{Client, LONGEST_RETIREMENT};
use domain::entropy;
use domain::id::{AccountId, ClientId, GroupId};
use domain::logout::LogoutReport;
use domain::name::{ClientName, GroupName, Label, Username};
use domain::permission::Need;
use domain::picture::Picture;
use domain::scope::Scope;
use domain::secret::{Digest, Secret};
use domain::time::Span;
use serde_json::json;
use store::Reader;

pub use amend::AppAmendment;
pub use rules::{ClaimRuleView, MAX_ACCESS, MAX_CLAIM_VALUES, MAX_EXTRA_SCOPES};

use crate::account::within;
use crate::operation::Writing;
use crate::{Change, Context, Idp, OpError, Refusal};

/// Most apps of a house.
pub const MAX_APPS: usize = 500;

/// Whether an app can keep a secret (RFC 6749 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppKind {
    /// It runs on a server.
    Confidential,
    /// It runs in a browser or on a telephone.
    Public,
}

/// An app that was just made.
#[derive(Debug)]
pub struct NewApp {
    /// The secret of a confidential app without keys. This is the only moment at which it can be read.
    pub secret: Option<Secret<String>>,
}

/// An app in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppItem {
    /// The app.
    pub client: Client,
    /// The groups whose members may use it.
    pub access: Vec<GroupName>,
}

/// Everything about an app.
#[derive(Clone, Debug, PartialEq)]
pub struct AppView {
    /// The app.
    pub client: Client,
    /// The groups whose members may use it; none means nobody.
    pub access: Vec<GroupName>,
    /// Which groups get which scopes beyond the standard ones.
    pub scopes: Vec<(GroupName, Scope)>,
    /// Its own claims.
    pub claims: Vec<ClaimRuleView>,
    /// Whether it has an icon.
    pub has_icon: bool,
    /// The service account that it is when it asks for itself.
    pub acts_as: Option<Username>,
    /// How it went when it was last told that a session had ended.
    pub last_logout: Option<LogoutReport>,
}

/// What the dashboard shows of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppTile {
    /// The app.
    pub client: Client,
    /// Whether it has an icon.
    pub has_icon: bool,
}

impl Idp {
    /// Makes an app. Nobody may use it until a group is allowed.
    pub fn create_app(
        &self,
        ctx: &Context,
        name: &ClientName,
        kind: AppKind,
        amendment: &AppAmendment,
    ) -> Result<NewApp, OpError<Refusal>> {
        let made = self.write(ctx, Need::ManageApps, |op| {
            if op.client_by_name(name)?.is_some() {
                return Err(Refusal::Exists { kind: "app", name: name.to_string() }.into());
            }
            within(u32::try_from(op.count_clients()?).unwrap_or(u32::MAX), MAX_APPS, "apps")?;
            let secret = match kind {
                AppKind::Confidential => Some(self.client_secret()),
                AppKind::Public => None,
            };
            let bare = Client {
                id: ClientId(0),
                name: name.clone(),
                display_name: usual_name(name)?,
                secret: secret.as_ref().map(|(_, digest)| *digest),
                retired_secret: None,
                settings: domain::client::ClientSettings::default(),
                created_at: ctx.now,
                updated_at: ctx.now,
            };
            let (client, _) = amendment.apply(&bare, acts_as(op, amendment)?)?;
            self.hosts_are_free(op, &client)?;
            op.insert_client(&client)?;
            op.record("app.create", name.as_str(), json!({ "public": client.is_public() }))?;
            // A secret that opens nothing is not shown; `rotate_app_secret` makes another when the keys have gone.
            let shown = secret.filter(|_| client.settings.keys.is_none());
            Ok(NewApp { secret: shown.map(|(text, _)| text) })
        })?;
        self.prepare_key_for(amendment, ctx)?;
        Ok(made)
    }

    /// Changes an app.
    pub fn set_app(
        &self,
        ctx: &Context,
        name: &ClientName,
        amendment: &AppAmendment,
    ) -> Result<Change, OpError<Refusal>> {
        let change = self.write(ctx, Need::ManageApps, |op| {
            let (mut client, changed) = amendment.apply(&named(op, name)?, acts_as(op, amendment)?)?;
            if changed.is_empty() {
                return Ok(Change::Unchanged);
            }
            self.hosts_are_free(op, &client)?;
            client.updated_at = ctx.now;
            op.update_client(&client)?;
            if changed.contains(&"subject") {
                // A family is about one `sub` (OpenID Connect Core section 12.2).
                op.delete_token_families_of_client(client.id)?;
            }
            op.record("app.set", name.as_str(), json!({ "changed": changed }))?;
            Ok(Change::Changed)
        })?;
        self.prepare_key_for(amendment, ctx)?;
        Ok(change)
    }

    /// A name behind a proxy belongs to one app, and the house's own names to none: its pages would be shown by the app.
    fn hosts_are_free(&self, op: &Reader<'_>, client: &Client) -> Result<(), OpError<Refusal>> {
        let house = self.house();
        for host in &client.settings.forward_hosts {
            if op.client_of_host(host)?.is_some_and(|holder| holder != client.id) {
                return Err(Refusal::Exists { kind: "app behind a proxy", name: host.to_string() }.into());
            }
            if *host == house.host || house.former().is_some_and(|former| former.host == *host) {
                let why = format!("{host} is the house itself; give the app a name of its own");
                return Err(Refusal::Invalid { what: "forward_host".to_owned(), why }.into());
            }
        }
        Ok(())
    }

    /// The keys that the app needs are made now, so that nobody waits for it at a sign-in, and no transaction either.
    fn prepare_key_for(&self, amendment: &AppAmendment, ctx: &Context) -> Result<(), OpError<Refusal>> {
        let wanted = amendment.algorithm.into_iter().chain(amendment.userinfo.flatten());
        wanted.into_iter().try_for_each(|algorithm| self.prepare_key(algorithm, ctx.moment()))
    }

    /// Gives a confidential app a new secret; the old one is void at once, or after `keep_old`. At once is for a secret that
    /// leaked: then an app that registered itself cannot change its registration any more.
    pub fn rotate_app_secret(
        &self,
        ctx: &Context,
        name: &ClientName,
        keep_old: Option<Span>,
    ) -> Result<Secret<String>, OpError<Refusal>> {
        if keep_old.is_some_and(|span| span <= Span::seconds(0) || span > LONGEST_RETIREMENT) {
            let why = "an old secret stays good for at most 30 days".to_owned();
            return Err(Refusal::Invalid { what: "keep_old".to_owned(), why }.into());
        }
        if keep_old.is_some() {
            ctx.timely()?;
        }
        self.write(ctx, Need::ManageApps, |op| {
            let mut client = named(op, name)?;
            let Some(old) = client.secret else {
                return Err(Refusal::Conflict(format!("{name} is a public app and has no secret")).into());
            };
            let (text, digest) = self.client_secret();
            client.secret = Some(digest);
            client.retired_secret = keep_old.map(|span| (old, ctx.now + span));
            client.updated_at = ctx.now;
            op.update_client(&client)?;
            if keep_old.is_none() {
                // Whoever has the old secret may have the token that changes where codes are sent.
                op.delete_client_registration(client.id)?;
            }
            let detail = match &client.retired_secret {
                Some((_, until)) => json!({ "old_secret_until": until }),
                None => json!({}),
            };
            op.record("app.rotate_secret", name.as_str(), detail)?;
            Ok(text)
        })
    }

    /// Removes an app with all that hangs on it; its tokens are void at once.
    pub fn delete_app(&self, ctx: &Context, name: &ClientName) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageApps, |op| {
            let Some(client) = op.client_by_name(name)? else { return Ok(Change::Unchanged) };
            op.delete_client(client.id)?;
            op.record("app.delete", name.as_str(), json!({}))?;
            Ok(Change::Removed)
        })
    }

    /// Shows an app.
    pub fn show_app(&self, ctx: &Context, name: &ClientName) -> Result<AppView, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let client = named(op, name)?;
            let mut scopes = Vec::new();
            for (group, scope) in op.client_scopes(client.id)? {
                scopes.push((group_name(op, group)?, scope));
            }
            scopes.sort();
            let acts_as = match client.settings.acts_as {
                Some(id) => op.account(id)?.map(|account| account.name),
                None => None,
            };
            Ok(AppView {
                acts_as,
                access: access(op, client.id)?,
                scopes,
                claims: rules::views(op, client.id)?,
                has_icon: op.clients_with_icon()?.contains(&client.id),
                last_logout: op.logout_report(client.id)?,
                client,
            })
        })
    }

    /// Lists all apps by name.
    pub fn list_apps(&self, ctx: &Context) -> Result<Vec<AppItem>, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let mut items = Vec::new();
            for client in op.clients()? {
                items.push(AppItem { access: access(op, client.id)?, client });
            }
            Ok(items)
        })
    }

    /// Lists what the actor may use, by name: the tiles of the dashboard.
    pub fn usable_apps(&self, ctx: &Context) -> Result<Vec<AppTile>, OpError<Refusal>> {
        let me = ctx.actor.account().unwrap_or(AccountId(0));
        self.read(ctx, Need::SeeSelf(me), |op| {
            let Some(account) = op.account(me)? else { return Ok(Vec::new()) };
            let groups = op.effective_groups(me, account.kind)?;
            let allowed = op.all_client_access()?;
            let may = |client: ClientId| {
                allowed.iter().any(|(app, group)| *app == client && groups.iter().any(|mine| mine.id == *group))
            };
            let icons = op.clients_with_icon()?;
            let usable = op.clients()?.into_iter().filter(|client| may(client.id));
            Ok(usable.map(|client| AppTile { has_icon: icons.contains(&client.id), client }).collect())
        })
    }

    /// Puts an icon (PNG, JPEG or WebP) in place of the one there.
    pub fn set_app_icon(&self, ctx: &Context, name: &ClientName, bytes: &[u8]) -> Result<Change, OpError<Refusal>> {
        // Who may not even look need not make us decode.
        self.read(ctx, Need::ManageApps, |op| named(op, name).map(drop))?;
        let icon = self.normalise("icon", bytes, ctx.now)?;
        self.write(ctx, Need::ManageApps, |op| {
            let client = named(op, name)?;
            let known = op.client_icon(client.id)?;
            if known.as_ref().is_some_and(|known| known.bytes == icon.bytes) {
                return Ok(Change::Unchanged);
            }
            op.put_client_icon(client.id, &icon)?;
            forget_logo(op, client)?;
            op.record("app.set_icon", name.as_str(), json!({}))?;
            Ok(if known.is_some() { Change::Changed } else { Change::Created })
        })
    }

    /// Removes the icon.
    pub fn remove_app_icon(&self, ctx: &Context, name: &ClientName) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageApps, |op| {
            let client = named(op, name)?;
            if !op.delete_client_icon(client.id)? {
                return Ok(Change::Unchanged);
            }
            forget_logo(op, client)?;
            op.record("app.remove_icon", name.as_str(), json!({}))?;
            Ok(Change::Removed)
        })
    }

    /// The icon of an app, which the sign-in page shows to people who have not signed in yet.
    pub fn app_icon(&self, ctx: &Context, name: &ClientName) -> Result<Option<Picture>, OpError<Refusal>> {
        self.read_at_any_time(ctx, Need::Nothing, |op| match op.client_by_name(name)? {
            Some(client) => Ok(op.client_icon(client.id)?),
            None => Ok(None),
        })
    }

    /// A new client secret and the digest to store. What is digested is the text, as the app sends it.
    pub(crate) fn client_secret(&self) -> (Secret<String>, Digest) {
        let bytes: [u8; 32] = entropy::bytes(self.entropy());
        let text = Secret::new(format!("lk_cs_{}", base64url(&bytes)));
        let digest = Digest::of(text.expose().as_bytes());
        (text, digest)
    }
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn usual_name(name: &ClientName) -> Result<Label, Refusal> {
    name.as_str().parse().map_err(|why| Refusal::Invalid { what: "display_name".to_owned(), why: format!("{why}") })
}

/// The app of that name.
fn named(op: &Reader<'_>, name: &ClientName) -> Result<Client, OpError<Refusal>> {
    Ok(op.client_by_name(name)?.ok_or_else(|| Refusal::NotFound { kind: "app", name: name.to_string() })?)
}

/// The account that the amendment names; only a service account will do, since an app is nobody's person.
/// The icon is not the one that the app registered any more.
fn forget_logo(op: &Writing<'_>, mut client: Client) -> Result<(), store::Fault> {
    match client.settings.logo_uri.take() {
        Some(_) => op.update_client(&client),
        None => Ok(()),
    }
}

fn acts_as(op: &Reader<'_>, amendment: &AppAmendment) -> Result<Option<Option<AccountId>>, OpError<Refusal>> {
    let name = match &amendment.acts_as {
        None => return Ok(None),
        Some(None) => return Ok(Some(None)),
        Some(Some(name)) => name,
    };
    let account = op.account_by_name(name)?.filter(|account| account.kind == AccountKind::Service);
    let missing = || Refusal::NotFound { kind: "service account", name: name.to_string() };
    Ok(Some(Some(account.ok_or_else(missing)?.id)))
}

/// The groups whose members may use the app, by name.
fn access(op: &Reader<'_>, client: ClientId) -> Result<Vec<GroupName>, store::Fault> {
    let mut names = Vec::new();
    for group in op.client_access(client)? {
        names.push(group_name(op, group)?);
    }
    names.sort();
    Ok(names)
}

fn group_name(op: &Reader<'_>, id: GroupId) -> Result<GroupName, store::Fault> {
    match op.group(id)? {
        Some(group) => Ok(group.name),
        None => Err(store::Fault::Corrupt { table: "household_group", row: format!("{id} is missing") }),
    }
}

#[cfg(test)]
mod tests;
