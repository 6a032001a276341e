//! The authorization endpoint: from a request to a code, by way of sign-in and consent where they are needed.
//!
//! With a consent given nothing is written: the code is held in memory only.

mod answer;
mod request;

pub use answer::{
    Authorization, AuthorizationAnswer, AuthorizeRefusal, ConsentNeeded, ErrorCode, ScopeView, SignInNeeded,
    SignInReason,
};
pub use request::AuthorizationRequest;

use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::claim::RequestedClaims;
use domain::client::{Client, ConsentMode};
use domain::consent::Consent;
use domain::grant::access_token::AccessTokenKey;
use domain::grant::authorization_code::{Authentication, AuthorizationCode, Granted};
use domain::house::Address;
use domain::id::AccountId;
use domain::permission::{Actor, Need};
use domain::scope::Scopes;
use domain::session::Session;
use domain::time::Timestamp;
use serde_json::json;
use store::Reader;

use crate::admission;
use crate::known::KnownApp;
use crate::operation::Abort;
use crate::{Context, Fault, Idp, OpError};
use request::Wish;

type Refused = OpError<AuthorizeRefusal>;

/// A request whose app and redirect URI are good: from here on the app is told what is wrong.
struct Addressed<'a> {
    request: &'a AuthorizationRequest,
    app: Arc<KnownApp>,
    redirect_uri: &'a str,
    /// By which name of the house it was asked for: that is the issuer of the answer.
    at: Address,
}

/// What was decided while reading.
enum Decision {
    Next(Authorization),
    Issue(Box<AuthorizationCode>),
    NotAdmitted(NotAdmitted),
}

/// Who asks, with all that is needed to say yes.
struct Applicant {
    session: Session,
    scopes: Scopes,
    consent: Option<Consent>,
}

impl Idp {
    /// Decides what becomes of the request.
    pub fn authorize(&self, ctx: &Context, request: &AuthorizationRequest) -> Result<Authorization, Refused> {
        let (addressed, decision) = self.read(ctx, Need::Nothing, |op| {
            let addressed = self.address(op, request, ctx)?;
            let decision = self.decide(op, ctx, &addressed)?;
            Ok::<_, Refused>((addressed, decision))
        })?;
        match decision {
            Decision::Next(next) => {
                if let Authorization::Answer(answer) = &next {
                    self.complain_of_request(&addressed.app.client, request, answer, ctx.now);
                }
                Ok(next)
            }
            Decision::Issue(code) => {
                let code = self.oauth.codes.issue(*code, self.entropy());
                Ok(Authorization::Answer(answer(&addressed, vec![("code", code.expose().clone())])))
            }
            Decision::NotAdmitted(why) => {
                self.record_not_admitted(ctx, &addressed, why)?;
                Ok(Authorization::Answer(error(&addressed, ErrorCode::AccessDenied, &why.to_string())))
            }
        }
    }

    /// The person agreed: remembers it, and says where the request goes on.
    pub fn grant_consent(&self, ctx: &Context, request: &AuthorizationRequest) -> Result<String, Refused> {
        let (account, _) = person(ctx)?;
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
            let before = applicant.consent.map(|consent| consent.scopes).unwrap_or_default();
            let scopes = before.with(&applicant.scopes);
            op.put_consent(account, &Consent { client: client.id, scopes, granted_at: ctx.now })?;
            op.record("consent.grant", client.name.as_str(), json!({ "scopes": applicant.scopes }))?;
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
        self.write(ctx, Need::ActForSelf(account), |op| {
            let addressed = self.address(op, request, ctx).map_err(Abort::Undo)?;
            op.record_refusal("consent.grant", addressed.app.client.name.as_str(), json!({}))?;
            Ok(error(&addressed, ErrorCode::AccessDenied, "the person said no"))
        })
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
        Ok(Addressed { request, app, redirect_uri, at: self.reached_at(ctx) })
    }

    fn decide(&self, reader: &Reader<'_>, ctx: &Context, addressed: &Addressed<'_>) -> Result<Decision, Fault> {
        let Addressed { request, app, .. } = addressed;
        let client = &app.client;
        let key = self.oauth.access_key()?;
        let wish = match request.wish(client.requires_pkce(), request.since(&key, ctx.now)) {
            Ok(wish) => wish,
            Err((code, why)) => return Ok(Decision::Next(Authorization::Answer(error(addressed, code, why)))),
        };
        let sign_in = |reason, again| {
            Ok(Decision::Next(if wish.prompt.none {
                Authorization::Answer(error(addressed, ErrorCode::LoginRequired, "the person has to sign in"))
            } else {
                Authorization::SignIn(SignInNeeded {
                    app: client.display_name.clone(),
                    reason,
                    login_hint: request.login_hint().map(str::to_owned),
                    next: request.resume(if again { Some((&*key, ctx.now)) } else { None }),
                })
            }))
        };
        let Some(session) = living_session(reader, ctx)? else {
            return sign_in(SignInReason::NotSignedIn, wish.prompt.login || wish.max_age.is_some());
        };
        if wants_again(&wish, &session, ctx) {
            return sign_in(SignInReason::Again, true);
        }
        let applicant = match self.applicant(reader, ctx, (app, &wish), session)? {
            Ok(applicant) => applicant,
            Err(NotAdmitted::TooWeak { demanded, .. }) => return sign_in(SignInReason::Stronger(demanded), false),
            Err(why) => return Ok(Decision::NotAdmitted(why)),
        };
        if wants_consent(client, &wish, &applicant) {
            return Ok(Decision::Next(if wish.prompt.none {
                Authorization::Answer(error(addressed, ErrorCode::ConsentRequired, "the person has to be asked"))
            } else {
                Authorization::Consent(question(addressed, &wish, &applicant, (&key, ctx.now)))
            }));
        }
        Ok(Decision::Issue(Box::new(code(addressed, wish, applicant, ctx))))
    }

    fn applicant(
        &self,
        reader: &Reader<'_>,
        ctx: &Context,
        (app, wish): (&Arc<KnownApp>, &Wish),
        session: Session,
    ) -> Result<Result<Applicant, NotAdmitted>, store::Fault> {
        let admitted = match self.known.admit(reader, app, session.account, (session.strength, ctx.now))? {
            Ok(admitted) => admitted,
            Err(why) => return Ok(Err(why)),
        };
        let scopes = admitted.grantable(&wish.scopes);
        let consent = reader.consent(session.account, app.client.id)?;
        Ok(Ok(Applicant { session, scopes, consent }))
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

fn answer(addressed: &Addressed<'_>, mut parameters: Vec<(&'static str, String)>) -> AuthorizationAnswer {
    if let Some(state) = addressed.request.state() {
        parameters.push(("state", state.to_owned()));
    }
    parameters.push(("iss", addressed.at.issuer()));
    AuthorizationAnswer { redirect_uri: addressed.redirect_uri.to_owned(), parameters }
}

fn error(addressed: &Addressed<'_>, code: ErrorCode, why: &str) -> AuthorizationAnswer {
    let parameters = vec![("error", code.as_str().to_owned()), ("error_description", why.to_owned())];
    answer(addressed, parameters)
}

fn person(ctx: &Context) -> Result<(AccountId, domain::id::SessionNumber), Refused> {
    match ctx.actor {
        Actor::Person { account, session, .. } => Ok((account, session)),
        Actor::Anonymous | Actor::Console | Actor::Service { .. } | Actor::System => {
            Err(OpError::Refused(AuthorizeRefusal::Denied(domain::permission::Denied::NotSignedIn)))
        }
    }
}

fn living_session(reader: &Reader<'_>, ctx: &Context) -> Result<Option<Session>, store::Fault> {
    match ctx.actor {
        Actor::Person { account, session, .. } => {
            Ok(reader.session(account, session)?.filter(|session| session.alive(ctx.now)))
        }
        Actor::Anonymous | Actor::Console | Actor::Service { .. } | Actor::System => Ok(None),
    }
}

/// Whether the app wants a newer authentication than the session has. One that was made for this very request is new enough,
/// whatever the clock did meanwhile.
fn wants_again(wish: &Wish, session: &Session, ctx: &Context) -> bool {
    let made_for_this = wish.since.is_some_and(|since| session.authenticated_at >= since);
    let too_old =
        wish.max_age.is_some_and(|age| ctx.now.since(session.authenticated_at) > age || age.as_seconds() == 0);
    (wish.prompt.login || too_old) && !made_for_this
}

fn wants_consent(client: &Client, wish: &Wish, applicant: &Applicant) -> bool {
    let asked_for_this = |consent: &&Consent| wish.since.is_some_and(|since| consent.granted_at >= since);
    if wish.prompt.consent && applicant.consent.as_ref().filter(asked_for_this).is_none() {
        return true;
    }
    match client.settings.consent {
        ConsentMode::Skip => false,
        ConsentMode::Ask => !applicant.consent.as_ref().is_some_and(|consent| consent.covers(&applicant.scopes)),
    }
}

fn question(
    addressed: &Addressed<'_>,
    wish: &Wish,
    applicant: &Applicant,
    (key, now): (&AccessTokenKey, Timestamp),
) -> ConsentNeeded {
    let known = |scope: &str| applicant.consent.as_ref().is_some_and(|consent| consent.scopes.has(scope));
    let view = |scope: &domain::scope::Scope| ScopeView {
        scope: scope.to_string(),
        meaning: admission::meaning(scope),
        new: !known(scope.as_str()),
    };
    ConsentNeeded {
        client: addressed.app.client.name.clone(),
        app: addressed.app.client.display_name.clone(),
        scopes: applicant.scopes.iter().map(view).collect(),
        redirect_uri: addressed.redirect_uri.to_owned(),
        request: addressed.request.resume(Some((key, wish.since.unwrap_or(now)))),
    }
}

fn code(addressed: &Addressed<'_>, wish: Wish, applicant: Applicant, ctx: &Context) -> AuthorizationCode {
    let session = applicant.session;
    AuthorizationCode {
        granted: Granted {
            account: session.account,
            client: addressed.app.client.id,
            scopes: applicant.scopes,
            authentication: Authentication {
                session: Some(session.number),
                strength: session.strength,
                factors: session.factors,
                at: session.authenticated_at,
            },
            claims: RequestedClaims::default(),
        },
        redirect_uri: addressed.redirect_uri.to_owned(),
        host: addressed.at.host().clone(),
        challenge: wish.challenge,
        nonce: wish.nonce,
        trial: addressed.request.trial().is_some(),
        issued_at: ctx.now,
    }
}

#[cfg(test)]
mod tests;
