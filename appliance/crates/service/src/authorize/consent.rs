//! The person's answer to the question whether the app may know and do what it asks for.

use domain::consent::Consent;
use domain::id::{AccountId, SessionNumber};
use domain::permission::{Actor, Denied, Need};
use serde_json::json;

use super::decide::living_session;
use super::{AuthorizationAnswer, AuthorizationRequest, AuthorizeRefusal, ErrorCode, Refused};
use crate::operation::Abort;
use crate::{Context, Idp, OpError};

impl Idp {
    /// The person agreed: remembers it, and says where the request goes on.
    pub fn grant_consent(&self, ctx: &Context, request: &AuthorizationRequest) -> Result<String, Refused> {
        let (account, _) = person(ctx)?;
        let request = &*self.unfold(ctx, request)?;
        self.write(ctx, Need::ActForSelf(account), |op| {
            let addressed = self.address(op, request, ctx).map_err(Abort::Undo)?;
            let key = self.oauth.access_key()?;
            let wish = request.wish(addressed.app.client.requires_pkce(), request.since(&key, ctx.now));
            let (Ok(wish), Some(session)) = (wish, living_session(op, ctx)?) else {
                return Err(AuthorizeRefusal::NothingToAnswer.into());
            };
            let client = &addressed.app.client;
            let Ok(applicant) = self.applicant(op, ctx, (&addressed.app, &wish), session)? else {
                return Err(AuthorizeRefusal::NothingToAnswer.into());
            };
            let agreed = applicant.to_agree_to();
            let before = applicant.consent.map(|consent| consent.scopes).unwrap_or_default();
            let scopes = before.with(&agreed);
            op.put_consent(account, &Consent { client: client.id, scopes, granted_at: ctx.now })?;
            op.record("consent.grant", client.name.as_str(), json!({ "scopes": agreed }))?;
            Ok(request.resume(Some((&*key, wish.since.unwrap_or(ctx.now)))))
        })
    }

    /// The person said no: what the app is told.
    pub fn refuse_consent(
        &self,
        ctx: &Context,
        request: &AuthorizationRequest,
    ) -> Result<AuthorizationAnswer, Refused> {
        let (account, _) = person(ctx)?;
        let request = &*self.unfold(ctx, request)?;
        let answer = self.write(ctx, Need::ActForSelf(account), |op| {
            let addressed = self.address(op, request, ctx).map_err(Abort::Undo)?;
            op.record_refusal("consent.grant", addressed.app.client.name.as_str(), json!({}))?;
            Ok(addressed.error(ErrorCode::AccessDenied, "the person said no"))
        })?;
        self.answered(request);
        Ok(answer)
    }
}

fn person(ctx: &Context) -> Result<(AccountId, SessionNumber), Refused> {
    match ctx.actor {
        Actor::Person { account, session, .. } => Ok((account, session)),
        Actor::Anonymous | Actor::Console | Actor::Service { .. } | Actor::System => {
            Err(OpError::Refused(AuthorizeRefusal::Denied(Denied::NotSignedIn)))
        }
    }
}
