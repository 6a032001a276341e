//! What a person agreed to: to look at and to take back.

use std::collections::BTreeMap;

use domain::id::{AccountId, ClientId};
use domain::name::{ClientName, Label};
use domain::permission::Need;
use domain::redirect_uri::LaunchUrl;
use domain::scope::Scopes;
use domain::time::Timestamp;
use serde_json::json;

use crate::admission;
use crate::{Change, Context, Idp, OpError, Refusal, ScopeView};

/// A consent as its giver sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentView {
    /// To which app.
    pub client: ClientName,
    /// What people call it.
    pub app: Label,
    /// Where it is.
    pub launch_url: Option<LaunchUrl>,
    /// To what.
    pub scopes: Vec<ScopeView>,
    /// When last.
    pub granted_at: Timestamp,
}

impl Idp {
    /// Everything that the person agreed to, and every app that holds tokens of theirs without having asked.
    pub fn list_consents(&self, ctx: &Context, account: AccountId) -> Result<Vec<ConsentView>, OpError<Refusal>> {
        self.read(ctx, Need::SeeSelf(account), |op| {
            let mut given: BTreeMap<ClientId, (Scopes, Timestamp)> = BTreeMap::new();
            for consent in op.consents(account)? {
                given.insert(consent.client, (consent.scopes, consent.granted_at));
            }
            let families = op.token_families(account)?;
            for family in families.iter().filter(|family| ctx.now < family.expires_at) {
                let granted = &family.granted;
                let (scopes, _) = given.entry(granted.client).or_insert_with(|| (Scopes::default(), family.created_at));
                *scopes = scopes.with(&granted.scopes).with(&granted.claims.scopes());
            }
            let mut views = Vec::new();
            for (client, (scopes, granted_at)) in given {
                if let Some(client) = op.client(client)? {
                    views.push(ConsentView {
                        client: client.name,
                        app: client.display_name,
                        launch_url: client.settings.launch_url,
                        scopes: views_of(&scopes),
                        granted_at,
                    });
                }
            }
            Ok(views)
        })
    }

    /// Takes the consent back; what the app holds of the person ends with it.
    pub fn withdraw_consent(
        &self,
        ctx: &Context,
        account: AccountId,
        app: &ClientName,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ActForSelf(account), |op| {
            let Some(client) = op.client_by_name(app)? else {
                return Err(Refusal::NotFound { kind: "app", name: app.to_string() }.into());
            };
            let ended = op.delete_token_families_for(account, client.id)?;
            if !op.delete_consent(account, client.id)? && ended == 0 {
                return Ok(Change::Unchanged);
            }
            op.record("consent.withdraw", client.name.as_str(), json!({ "tokens": ended }))?;
            Ok(Change::Removed)
        })
    }
}

fn views_of(scopes: &Scopes) -> Vec<ScopeView> {
    let view = |scope: &domain::scope::Scope| ScopeView {
        scope: scope.to_string(),
        meaning: admission::meaning(scope),
        new: false,
    };
    scopes.iter().map(view).collect()
}
