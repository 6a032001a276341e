//! RFC 6749 section 4.4: somebody asks for themself and for no person. An app is then a service account of the house, whose groups
//! decide what it may, and which an admin can lock; a service account asks by its own API token in the place of the app's secret,
//! where the app takes that. There is no refresh token (section 4.4.3) and no ID token, since nobody signed in.

use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::api_token::ApiToken;
use domain::grant::authorization_code::{Authentication, Granted};
use domain::grant::refresh_token::TokenFamily;
use domain::id::AccountId;
use domain::scope::Scopes;
use domain::sign_in::Factors;
use domain::strength::Strength;
use domain::time::Timestamp;
use domain::token::TokenKind;
use serde_json::json;

use super::request::TokenRequest;
use super::{Attempt, Grant, Material, TRIM_EVERY, TokenExchange, TokenRefusal};
use crate::admission::Admitted;
use crate::known::KnownApp;
use crate::operation::{Abort, Refuses, Writing};
use crate::{Context, Fault, Idp, api_token};

/// Scopes that are about a person who signs in.
const FOR_PERSONS: [&str; 2] = ["openid", "offline_access"];

/// `grant_type=client_credentials`.
pub(super) struct ClientCredentialsGrant;

impl Grant for ClientCredentialsGrant {
    fn name(&self) -> &'static str {
        "client_credentials"
    }

    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>> {
        if let Some(caller) = &attempt.caller {
            return call(attempt, app, caller);
        }
        let client = &app.client;
        if client.is_public() {
            return Err(TokenRefusal::Unauthorized("an app that cannot keep a secret cannot ask for itself").into());
        }
        let nobody =
            "the app acts as no service account; an admin says which, with: latchkey app set NAME --acts-as ACCOUNT";
        let account = client.settings.acts_as.ok_or(TokenRefusal::Unauthorized(nobody))?;
        let gone = |_| "the service account of the app is gone or locked";
        let admitted = admit(attempt, &app, account, gone)?;
        let end = attempt.ctx.now + client.settings.lifetimes.access();
        act(attempt, (app, admitted), end)
    }
}

/// A service account that proved itself gets a token of the app, if one of its groups is let in. It ends with the API token.
pub(super) fn call(
    attempt: &Attempt<'_>,
    app: Arc<KnownApp>,
    caller: &ApiToken,
) -> Result<Material, Abort<TokenRefusal>> {
    if !app.client.settings.service_accounts {
        let why = "the app takes no tokens of service accounts; an admin allows it with: latchkey app set NAME \
                   --service-accounts true";
        return Err(TokenRefusal::Unauthorized(why).into());
    }
    let turned_away = |why| match why {
        NotAdmitted::NoAccess => {
            "none of the service account's groups may use the app; an admin allows one with: latchkey app allow NAME GROUP"
        }
        NotAdmitted::NoPerson | NotAdmitted::Unusable(_) | NotAdmitted::TooWeak { .. } => {
            "the service account is gone or locked"
        }
    };
    let admitted = admit(attempt, &app, caller.account, turned_away)?;
    // What the app acts as needs no group, but then it is the app that asks.
    if !admitted.is_let_in() {
        return Err(refuse(
            attempt,
            &app,
            caller.account,
            (NotAdmitted::NoAccess, turned_away(NotAdmitted::NoAccess)),
        )?);
    }
    let end = caller.expires_at.min(attempt.ctx.now + app.client.settings.lifetimes.access());
    act(attempt, (app, admitted), end)
}

fn admit(
    attempt: &Attempt<'_>,
    app: &Arc<KnownApp>,
    account: AccountId,
    say: impl FnOnce(NotAdmitted) -> &'static str,
) -> Result<Admitted, Abort<TokenRefusal>> {
    let Attempt { idp, ctx, op, .. } = attempt;
    match idp.known.admit(op, app, account, (Strength::Any, ctx.now))? {
        Ok(admitted) => Ok(admitted),
        Err(why) => Err(refuse(attempt, app, account, (why, say(why)))?),
    }
}

fn refuse(
    attempt: &Attempt<'_>,
    app: &KnownApp,
    account: AccountId,
    (why, said): (NotAdmitted, &'static str),
) -> Result<Abort<TokenRefusal>, Fault> {
    let known = attempt.op.account(account)?.map(|account| account.name.to_string());
    let detail = json!({ "account": known, "why": why.to_string() });
    attempt.op.record_refusal("app.act", app.client.name.as_str(), detail)?;
    Ok(TokenRefusal::Unauthorized(said).commit())
}

/// What the token is made of: a family without a refresh token.
fn act(
    attempt: &Attempt<'_>,
    (app, admitted): (Arc<KnownApp>, Admitted),
    end: Timestamp,
) -> Result<Material, Abort<TokenRefusal>> {
    let Attempt { idp, ctx, op, request, caller, .. } = attempt;
    let account = admitted.account().id;
    let granted = Granted {
        account,
        client: app.client.id,
        scopes: scopes(&admitted, request.scope())?,
        authentication: Authentication { session: None, strength: Strength::Any, factors: Factors::NONE, at: ctx.now },
        claims: Default::default(),
    };
    let number = idp.oauth.family_number(ctx.now);
    let mut family = TokenFamily::begin(number, granted, None, app.client.settings.lifetimes, ctx.now);
    family.expires_at = end;
    family.bound_to = attempt.key;
    op.insert_token_family(&family)?;
    if number.0 % TRIM_EVERY == 0 {
        op.trim_token_families(account, ctx.now)?;
    }
    let token = caller.as_ref().map(|caller| caller.number);
    let detail = json!({ "scopes": family.granted.scopes, "token": token });
    op.record_by(&admitted.account().name, "app.act", app.client.name.as_str(), detail)?;
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

/// Those asked for that the account's groups give it, or all of these.
fn scopes(admitted: &Admitted, asked: Option<&str>) -> Result<Scopes, TokenRefusal> {
    let allowed: Scopes =
        admitted.all_scopes().iter().filter(|scope| !FOR_PERSONS.contains(&scope.as_str())).cloned().collect();
    let Some(raw) = asked else { return Ok(allowed) };
    let asked: Scopes = raw.parse().map_err(|_| TokenRefusal::InvalidScope)?;
    let granted = allowed.within(&asked);
    if granted.is_empty() { Err(TokenRefusal::InvalidScope) } else { Ok(granted) }
}

impl Idp {
    /// Who asks: the app, proven by what it brought, or a service account, proven by its API token. Then the app is only named, and
    /// nothing is told to anybody but the holder of that token.
    pub(super) fn asking(
        &self,
        ctx: &Context,
        op: &Writing<'_>,
        request: &TokenRequest,
    ) -> Result<(Arc<KnownApp>, Option<ApiToken>), Abort<TokenRefusal>> {
        let client = &request.client;
        let proven = |text: &str| api_token::proven(op, text, ctx.now);
        let unknown = TokenRefusal::InvalidClient { basic: client.basic };
        let in_place_of_secret =
            client.secret.as_ref().filter(|secret| secret.expose().starts_with(TokenKind::Api.prefix()));
        match (request.grant_type(), &request.exchange.subject_token, in_place_of_secret) {
            ("client_credentials", _, Some(text)) => {
                let caller = proven(text.expose())?.ok_or_else(|| unknown.clone())?;
                Ok((self.named(op, client)?.ok_or(unknown)?, Some(caller)))
            }
            // Who brings proof of the app as well must be it.
            (name, Some(text), _) if name == TokenExchange.name() => {
                // Before anything is said of the app.
                let caller = proven(text.expose())?.ok_or(TokenRefusal::SubjectToken)?;
                let app = match client.is_only_named() {
                    true => self.named(op, client)?.ok_or(unknown)?,
                    false => self.authenticate(ctx, op, client)?,
                };
                Ok((app, Some(caller)))
            }
            _ => Ok((self.authenticate(ctx, op, client)?, None)),
        }
    }
}
