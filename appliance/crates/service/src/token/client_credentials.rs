//! RFC 6749 section 4.4: an app asks for itself. It is then a service account of the house, whose groups decide what it may, and
//! which an admin can lock. There is no refresh token (section 4.4.3) and no ID token, since nobody signed in.

use std::sync::Arc;

use domain::grant::authorization_code::{Authentication, Granted};
use domain::grant::refresh_token::TokenFamily;
use domain::scope::Scopes;
use domain::sign_in::Factors;
use domain::strength::Strength;
use serde_json::json;

use super::{Attempt, Grant, Material, TRIM_EVERY, TokenRefusal};
use crate::known::KnownApp;
use crate::operation::{Abort, Refuses};

/// Scopes that are about a person who signs in.
const FOR_PERSONS: [&str; 2] = ["openid", "offline_access"];

/// `grant_type=client_credentials`.
pub(super) struct ClientCredentialsGrant;

impl Grant for ClientCredentialsGrant {
    fn name(&self) -> &'static str {
        "client_credentials"
    }

    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>> {
        let Attempt { idp, ctx, op, request, .. } = attempt;
        let client = &app.client;
        if client.is_public() {
            return Err(TokenRefusal::Unauthorized("an app that cannot keep a secret cannot ask for itself").into());
        }
        let nobody =
            "the app acts as no service account; an admin says which, with: latchkey app set NAME --acts-as ACCOUNT";
        let account = client.settings.acts_as.ok_or(TokenRefusal::Unauthorized(nobody))?;
        let strength = Strength::Any;
        let admitted = match idp.known.admit(op, &app, account, (strength, ctx.now))? {
            Ok(admitted) => admitted,
            Err(why) => {
                op.record_refusal("app.act", client.name.as_str(), json!({ "why": why.to_string() }))?;
                return Err(TokenRefusal::Unauthorized("the service account of the app is gone or locked").commit());
            }
        };
        let allowed: Scopes =
            admitted.all_scopes().iter().filter(|scope| !FOR_PERSONS.contains(&scope.as_str())).cloned().collect();
        let scopes = match &request.scope {
            None => allowed,
            Some(raw) => {
                let asked: Scopes = raw.parse().map_err(|_| TokenRefusal::InvalidScope)?;
                let granted = allowed.within(&asked);
                if granted.is_empty() {
                    return Err(TokenRefusal::InvalidScope.into());
                }
                granted
            }
        };
        let number = idp.oauth.family_number(ctx.now);
        let granted = Granted {
            account,
            client: client.id,
            scopes,
            authentication: Authentication { session: None, strength, factors: Factors::NONE, at: ctx.now },
            claims: Default::default(),
        };
        let mut family = TokenFamily::begin(number, granted, None, client.settings.lifetimes, ctx.now);
        family.bound_to = attempt.key;
        op.insert_token_family(&family)?;
        if number.0 % TRIM_EVERY == 0 {
            op.trim_token_families(account, ctx.now)?;
        }
        let detail = json!({ "scopes": family.granted.scopes });
        op.record_by(&admitted.account().name, "app.act", client.name.as_str(), detail)?;
        let issuer = idp.reached_at(ctx).issuer();
        Ok(Material {
            claims: admitted.claims(&family.granted.scopes, &issuer),
            issuer,
            subject: admitted.account().subject,
            refresh_token: None,
            nonce: None,
            narrowed: None,
            family,
            app,
        })
    }
}
