//! The authorization endpoint: from a request to a code, by way of sign-in and consent where they are needed.
//!
//! With a consent given nothing is written: the code is held in memory only.

mod answer;
mod claims;
mod consent;
mod decide;
mod hint;
mod pushed;
mod request;
mod wish;

pub(crate) use decide::MUST_PUSH;

pub use answer::{
    Authorization, AuthorizationAnswer, AuthorizeRefusal, ConsentNeeded, ErrorCode, ResponseMode, ScopeView,
    SignInNeeded, SignInReason,
};
pub(crate) use pushed::Pushed;
pub use pushed::{PushAnswer, PushRefusal, PushRequest};
pub use request::AuthorizationRequest;
pub(crate) use wish::PROMPTS;

use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::grant::authorization_code::AuthorizationCode;
use domain::house::Address;
use domain::permission::Need;
use serde_json::json;
use store::Reader;

use crate::doctor::Step;
use crate::known::KnownApp;
use crate::operation::Abort;
use crate::{Context, Idp, OpError};
use decide::Decision;
use request::Reference;

type Refused = OpError<AuthorizeRefusal>;

/// A request whose app and redirect URI are good: from here on the app is told what is wrong.
struct Addressed<'a> {
    request: &'a AuthorizationRequest,
    app: Arc<KnownApp>,
    redirect_uri: &'a str,
    /// How it is told.
    mode: ResponseMode,
    /// By which name of the house it was asked for: that is the issuer of the answer.
    at: Address,
}

impl Idp {
    /// Decides what becomes of the request.
    pub fn authorize(&self, ctx: &Context, request: &AuthorizationRequest) -> Result<Authorization, Refused> {
        let request = self.unfold(ctx, request)?;
        let (addressed, decision) = self.look(ctx, &request)?;
        let answer = match decision {
            Decision::SignIn(needed) => return Ok(Authorization::SignIn(needed)),
            Decision::Consent(needed) => return Ok(Authorization::Consent(needed)),
            Decision::Error(code, why) => {
                let asked = (Step::Authorization, &*request);
                self.complain_of_request(&addressed.app.client, asked, (code.as_str(), why), ctx.now);
                addressed.error(code, why)
            }
            Decision::Issue(code) => self.issue_code(&addressed, *code),
            Decision::NotAdmitted(why) => {
                self.record_not_admitted(ctx, &addressed, why)?;
                addressed.error(ErrorCode::AccessDenied, &why.to_string())
            }
        };
        self.answered(&request);
        Ok(Authorization::Answer(answer))
    }

    /// What stands between the request and its answer, without answering it: for the pages on the way.
    pub fn waiting(&self, ctx: &Context, request: &AuthorizationRequest) -> Result<Option<Authorization>, Refused> {
        if matches!(request.reference(), Some(Reference::Uri(_))) {
            // To look would be to use it.
            return Ok(None);
        }
        let request = self.unfold(ctx, request)?;
        Ok(match self.look(ctx, &request)?.1 {
            Decision::SignIn(needed) => Some(Authorization::SignIn(needed)),
            Decision::Consent(needed) => Some(Authorization::Consent(needed)),
            Decision::Error(..) | Decision::Issue(_) | Decision::NotAdmitted(_) => None,
        })
    }

    fn look<'r>(&self, ctx: &Context, request: &'r AuthorizationRequest) -> Result<(Addressed<'r>, Decision), Refused> {
        self.read(ctx, Need::Nothing, |op| {
            let addressed = self.address(op, request, ctx)?;
            let decision = self.decide(op, ctx, &addressed)?;
            Ok::<_, Refused>((addressed, decision))
        })
    }

    fn issue_code(&self, addressed: &Addressed<'_>, code: AuthorizationCode) -> AuthorizationAnswer {
        let code = self.oauth.codes.issue(code, self.entropy());
        addressed.answer(vec![("code", code.expose().clone())])
    }

    /// Which app, and where to answer to. Whatever is wrong with these is told to the person and never to the address.
    fn address<'a>(
        &self,
        reader: &Reader<'_>,
        request: &'a AuthorizationRequest,
        ctx: &Context,
    ) -> Result<Addressed<'a>, Refused> {
        let refuse = OpError::Refused;
        let client_id = request.client_id().ok_or(refuse(AuthorizeRefusal::NoClient))?;
        let unknown = || refuse(AuthorizeRefusal::UnknownClient { client_id: client_id.chars().take(64).collect() });
        let app = self.known.app_by_name(reader, &client_id.parse().map_err(|_| unknown())?)?.ok_or_else(unknown)?;
        let client = &app.client;
        let name = client.display_name.clone();
        let Some(redirect_uri) = request.redirect_uri() else {
            self.complain_of_address(client, None, ctx.now);
            return Err(refuse(AuthorizeRefusal::NoRedirectUri { app: name }));
        };
        let tried = request
            .trial()
            .is_some_and(|trial| self.oauth.trials.answers_to(trial, client.id, redirect_uri, ctx.uptime));
        if client.redirect_uri(redirect_uri).is_none() && !tried {
            self.complain_of_address(client, Some(redirect_uri), ctx.now);
            let redirect_uri = redirect_uri.chars().take(256).collect();
            return Err(refuse(AuthorizeRefusal::UnknownRedirectUri { app: name, redirect_uri }));
        }
        let mode = request.response_mode().unwrap_or_default();
        Ok(Addressed { request, app, redirect_uri, mode, at: self.reached_at(ctx) })
    }

    fn record_not_admitted(&self, ctx: &Context, addressed: &Addressed<'_>, why: NotAdmitted) -> Result<(), Refused> {
        if let Some(trial) = addressed.request.trial() {
            self.oauth.trials.refused(trial, &why.to_string(), ctx.uptime);
        }
        self.write(ctx, Need::Nothing, |op| {
            let client = &addressed.app.client;
            op.record_refusal("app.sign_in", client.name.as_str(), json!({ "why": why.to_string() }))?;
            self.complain_of_person(client, &op.actor_name()?, why, ctx.now);
            Ok::<_, Abort<AuthorizeRefusal>>(())
        })
    }
}

impl Addressed<'_> {
    fn answer(&self, mut parameters: Vec<(&'static str, String)>) -> AuthorizationAnswer {
        if let Some(state) = self.request.state() {
            parameters.push(("state", state.to_owned()));
        }
        parameters.push(("iss", self.at.issuer()));
        AuthorizationAnswer { redirect_uri: self.redirect_uri.to_owned(), mode: self.mode, parameters }
    }

    fn error(&self, code: ErrorCode, why: &str) -> AuthorizationAnswer {
        self.answer(vec![("error", code.as_str().to_owned()), ("error_description", why.to_owned())])
    }
}

#[cfg(test)]
mod openid_tests;
#[cfg(test)]
mod pushed_tests;
#[cfg(test)]
mod tests;
