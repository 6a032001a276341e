//! What becomes of a request that could be answered to its app: who has to prove what, who is asked, who gets a code.

use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::claim::RequestedClaims;
use domain::client::{Client, ConsentMode};
use domain::consent::Consent;
use domain::grant::access_token::AccessTokenKey;
use domain::grant::authorization_code::{Authentication, AuthorizationCode, Granted};
use domain::permission::Actor;
use domain::scope::{Scope, Scopes};
use domain::session::Session;
use domain::sign_in::{Factor, Factors};
use domain::strength::Strength;
use domain::time::Timestamp;
use store::Reader;

use super::Addressed;
use super::answer::{ConsentNeeded, ErrorCode, ScopeView, SignInNeeded, SignInReason};
use super::claims::Acr;
use super::hint::Meant;
use super::wish::Wish;
use crate::admission;
use crate::known::KnownApp;
use crate::{Context, Fault, Idp};

/// What an app is told that sends a browser with all of its request.
pub(crate) const MUST_PUSH: &str = "this app has to push its authorization requests (RFC 9126) to /par";

/// What was decided while reading.
pub(super) enum Decision {
    SignIn(SignInNeeded),
    Consent(ConsentNeeded),
    Error(ErrorCode, &'static str),
    Issue(Box<AuthorizationCode>),
    NotAdmitted(NotAdmitted),
}

/// Who asks, with all that is needed to say yes.
pub(super) struct Applicant {
    session: Session,
    scopes: Scopes,
    claims: RequestedClaims,
    pub(super) consent: Option<Consent>,
}

impl Applicant {
    /// What the person has to have agreed to: the scopes, and those that mean the same as the claims asked for by name.
    pub(super) fn to_agree_to(&self) -> Scopes {
        self.scopes.with(&self.claims.scopes())
    }
}

/// A sign-in that the app wants to see.
#[derive(Clone, Copy)]
struct Wanted {
    reason: SignInReason,
    /// Whether one that was made before does not count.
    anew: bool,
    /// What the app is told where nothing may be shown.
    silent: (ErrorCode, &'static str),
}

impl Wanted {
    fn new(reason: SignInReason, anew: bool) -> Self {
        Self { reason, anew, silent: (ErrorCode::LoginRequired, "the person has to sign in") }
    }
}

/// Everything that a decision looks at.
struct Case<'c> {
    addressed: &'c Addressed<'c>,
    wish: &'c Wish,
    meant: &'c Meant,
    key: &'c AccessTokenKey,
}

impl Idp {
    pub(super) fn decide(
        &self,
        reader: &Reader<'_>,
        ctx: &Context,
        addressed: &Addressed<'_>,
    ) -> Result<Decision, Fault> {
        let Addressed { request, app, .. } = addressed;
        let client = &app.client;
        let key = self.oauth.access_key()?;
        let wish = match request.wish(client.requires_pkce(), request.since(&key, ctx.now)) {
            Ok(wish) => wish,
            Err((code, why)) => return Ok(Decision::Error(code, why)),
        };
        if client.settings.par_required && !request.was_pushed() && request.trial().is_none() {
            let why = MUST_PUSH;
            return Ok(Decision::Error(ErrorCode::InvalidRequest, why));
        }
        let meant = match self.meant(request, (client, &wish.asked)) {
            Ok(meant) => meant,
            Err((code, why)) => return Ok(Decision::Error(code, why)),
        };
        let case = Case { addressed, wish: &wish, meant: &meant, key: &key };
        let Some(session) = living_session(reader, ctx)? else {
            let anew = wish.prompt.login || wish.prompt.select_account || wish.max_age.is_some();
            return self.sign_in(reader, ctx, &case, Wanted::new(SignInReason::NotSignedIn, anew));
        };
        if let Some(wanted) = self.wants_other_proof(reader, ctx, (&case, &session))? {
            return self.sign_in(reader, ctx, &case, wanted);
        }
        let mut applicant = match self.applicant(reader, ctx, (app, &wish), session)? {
            Ok(applicant) => applicant,
            Err(NotAdmitted::TooWeak { demanded, proven }) => {
                let Actor::Person { account, .. } = ctx.actor else {
                    return Ok(Decision::NotAdmitted(NotAdmitted::TooWeak { demanded, proven }));
                };
                let mut wanted = Wanted::new(SignInReason::Stronger(demanded), false);
                if within_reach(self.enrolled(reader, account, ctx.moment())?) < demanded {
                    wanted.silent = (ErrorCode::InteractionRequired, "the person has to set up a stronger sign-in");
                }
                return self.sign_in(reader, ctx, &case, wanted);
            }
            Err(why) => return Ok(Decision::NotAdmitted(why)),
        };
        match self.level(reader, ctx, (&wish, &applicant.session))? {
            Level::Reached(acr) => applicant.claims.acr = acr,
            Level::Within(level) => {
                return self.sign_in(reader, ctx, &case, Wanted::new(SignInReason::Stronger(level), true));
            }
            Level::OutOfReach => {
                let why = "the person cannot sign in as strongly as the app insists on";
                return Ok(Decision::Error(ErrorCode::UnmetAuthenticationRequirements, why));
            }
        }
        if wants_consent(client, &wish, &applicant) {
            return Ok(if wish.prompt.none {
                Decision::Error(ErrorCode::ConsentRequired, "the person has to be asked")
            } else {
                Decision::Consent(question(&case, &applicant, ctx.now))
            });
        }
        Ok(Decision::Issue(Box::new(code(addressed, wish, applicant, ctx))))
    }

    pub(super) fn applicant(
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
        let (scopes, claims) = (admitted.grantable(&wish.scopes), admitted.askable(wish.asked.claims.clone()));
        let consent = reader.consent(session.account, app.client.id)?;
        Ok(Ok(Applicant { session, scopes, claims, consent }))
    }

    /// To the door, or what the app is told where nothing may be shown.
    fn sign_in(&self, reader: &Reader<'_>, ctx: &Context, case: &Case<'_>, wanted: Wanted) -> Result<Decision, Fault> {
        let Addressed { request, app, redirect_uri, .. } = case.addressed;
        if case.wish.prompt.none {
            let (code, why) = wanted.silent;
            return Ok(Decision::Error(code, why));
        }
        let login_hint = match request.login_hint() {
            Some(hint) => Some(hint.to_owned()),
            None => self.meant_name(reader, &app.client, case.meant)?,
        };
        Ok(Decision::SignIn(SignInNeeded {
            app: app.client.display_name.clone(),
            reason: wanted.reason,
            login_hint,
            redirect_uri: (*redirect_uri).to_owned(),
            next: request.resume(if wanted.anew { Some((case.key, ctx.now)) } else { None }),
        }))
    }

    /// Whether another person, or a newer proof, is wanted than this session's.
    fn wants_other_proof(
        &self,
        reader: &Reader<'_>,
        ctx: &Context,
        (case, session): (&Case<'_>, &Session),
    ) -> Result<Option<Wanted>, Fault> {
        let (wish, meant) = (case.wish, case.meant);
        let subject = self.called(reader, &case.addressed.app.client, session.account)?;
        if subject.is_some_and(|subject| !meant.allows(&subject)) {
            return Ok(Some(Wanted::new(SignInReason::SomebodyElse, wish.prompt.login || wish.max_age.is_some())));
        }
        let too_old =
            wish.max_age.is_some_and(|age| ctx.now.since(session.authenticated_at) > age || age.as_seconds() == 0);
        let choose = wish.prompt.select_account || meant.unknown;
        if made_for_this(wish, session) || !(wish.prompt.login || too_old || choose) {
            return Ok(None);
        }
        Ok(Some(if choose {
            let silent = (ErrorCode::AccountSelectionRequired, "the person has to say who they are");
            Wanted { silent, ..Wanted::new(SignInReason::Choose, true) }
        } else {
            Wanted::new(SignInReason::Again, true)
        }))
    }

    /// How the session meets the levels that the app wants to see. Who can prove more is asked for it, once if the app does not
    /// insist.
    fn level(&self, reader: &Reader<'_>, ctx: &Context, (wish, session): (&Wish, &Session)) -> Result<Level, Fault> {
        let acr = &wish.asked.acr;
        if acr.is_indifferent() {
            return Ok(Level::Reached(None));
        }
        if let Some(level) = acr.reached(session.strength) {
            return Ok(Level::Reached(Some(level)));
        }
        let can = within_reach(self.enrolled(reader, session.account, ctx.moment())?);
        let Acr { essential, .. } = *acr;
        Ok(match acr.reached(can) {
            Some(level) if essential => Level::Within(level),
            Some(level) if !wish.prompt.none && !made_for_this(wish, session) => Level::Within(level),
            None if essential => Level::OutOfReach,
            Some(_) | None => Level::Reached(None),
        })
    }
}

enum Level {
    /// It does; what `acr` says, where that is one of them.
    Reached(Option<Strength>),
    /// The person could.
    Within(Strength),
    /// The app insists, and the person could not.
    OutOfReach,
}

/// What the person can prove at the door. A recovery code is for a lost second factor, not for getting in more strongly.
fn within_reach(enrolled: Factors) -> Strength {
    enrolled.without(Factor::RecoveryCode).strength()
}

pub(super) fn living_session(reader: &Reader<'_>, ctx: &Context) -> Result<Option<Session>, store::Fault> {
    match ctx.actor {
        Actor::Person { account, session, .. } => {
            Ok(reader.session(account, session)?.filter(|session| session.alive(ctx.now)))
        }
        Actor::Anonymous | Actor::Console | Actor::Service { .. } | Actor::System => Ok(None),
    }
}

/// Whether the proof was made for this very request: then it is new enough, whatever the clock did meanwhile.
fn made_for_this(wish: &Wish, session: &Session) -> bool {
    wish.since.is_some_and(|since| session.authenticated_at >= since)
}

fn wants_consent(client: &Client, wish: &Wish, applicant: &Applicant) -> bool {
    let asked_for_this = |consent: &&Consent| wish.since.is_some_and(|since| consent.granted_at >= since);
    if wish.prompt.consent && applicant.consent.as_ref().filter(asked_for_this).is_none() {
        return true;
    }
    match client.settings.consent {
        ConsentMode::Skip => false,
        ConsentMode::Ask => !applicant.consent.as_ref().is_some_and(|consent| consent.covers(&applicant.to_agree_to())),
    }
}

fn question(case: &Case<'_>, applicant: &Applicant, now: Timestamp) -> ConsentNeeded {
    let Addressed { request, app, redirect_uri, .. } = case.addressed;
    let known = |scope: &str| applicant.consent.as_ref().is_some_and(|consent| consent.scopes.has(scope));
    let view = |scope: &Scope| ScopeView {
        scope: scope.to_string(),
        meaning: admission::meaning(scope),
        new: !known(scope.as_str()),
    };
    let client = &app.client;
    ConsentNeeded {
        client: client.name.clone(),
        app: client.display_name.clone(),
        scopes: applicant.to_agree_to().iter().map(view).collect(),
        redirect_uri: (*redirect_uri).to_owned(),
        policy_uri: client.settings.policy_uri.clone(),
        terms_uri: client.settings.terms_uri.clone(),
        request: request.resume(Some((case.key, case.wish.since.unwrap_or(now)))),
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
            claims: applicant.claims,
        },
        redirect_uri: addressed.redirect_uri.to_owned(),
        host: addressed.at.host().clone(),
        challenge: wish.challenge,
        nonce: wish.nonce,
        dpop_jkt: wish.dpop_jkt,
        trial: addressed.request.trial().is_some(),
        issued_at: ctx.now,
    }
}
