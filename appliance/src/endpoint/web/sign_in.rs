//! `/signin`, `/reauthenticate` and `/signout`. Signing in again while signed in renews the session: both use the same
//! operations, and the service knows who asks.

use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::credential::CredentialKind;
use domain::strength::Strength;
use domain::time::Timestamp;
use serde_json::{Value, json};
use service::{
    Authorization, AuthorizationRequest, Context, Idp, NewSession, OpError, SignInNeeded, SignInOutcome, SignInReason,
    SignInRefusal, SignedIn, UserCodeRefusal, Whose,
};

use super::next::{Next, form_target};
use super::view::part::{Chrome, News, Notice};
use super::view::sign_in::{Reauthenticate, SecondFactor, SignIn, SignOut, SignedOut};
use super::view::trouble::Trouble;
use super::visit::{Answer, Fields, Lane, accident, anybody, denied_here, frame, inside, page, refused, show, trouble};
use super::{choose, moved};
use crate::endpoint::session;
use crate::http::{App, Kind, Request, Response, Route};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, "/signin", page!(sign_in)).under_both_names(),
    Route::get(Kind::Page, "/signin/passkey", page!(start_again)).under_both_names(),
    Route::post(Kind::Page, "/signin/passkey", page!(passkey)).under_both_names(),
    Route::post(Kind::Page, "/signin/passkey/options", page!(options)).under_both_names(),
    Route::get(Kind::Page, "/signin/password", page!(start_again)).under_both_names(),
    Route::post(Kind::Page, "/signin/password", page!(password)).under_both_names(),
    Route::get(Kind::Page, "/signin/second", page!(start_again)).under_both_names(),
    Route::post(Kind::Page, "/signin/second", page!(second)).under_both_names(),
    Route::get(Kind::Page, "/reauthenticate", page!(reauthenticate)).under_both_names(),
    Route::get(Kind::Page, "/signout", page!(ask_to_leave)).under_both_names(),
    Route::post(Kind::Page, "/signout", page!(leave)).under_both_names(),
];

/// What the form says that asks for a passkey of the former name.
const FORMER: &str = "former";

async fn sign_in(app: Arc<App>, request: Request) -> Answer {
    let next = asked_next(&request);
    let waiting = next.authorization_request();
    if request.at.is_former() && waiting.is_none() {
        // Only what an app that knows the former name waits for is done there.
        return Ok(Response::redirect303(&format!("{}{}", app.house().issuer(), request.target())));
    }
    let op =
        move |idp: &Idp, context: &Context| (context.actor.account().is_some(), waiting_app(idp, context, waiting));
    let (known, waiting) = anybody(&app, &request, Lane::General, op).await?;
    if known {
        // Signed in: on with it, unless the app wants to see it again or with a stronger proof.
        let reason = waiting.as_ref().and_then(|waiting| waiting.reason);
        let path = reason.map_or_else(|| next.path().to_owned(), |reason| next.after(door_for(reason, true)));
        return Ok(Response::redirect303(&path));
    }
    let username = waiting.as_ref().map(|waiting| waiting.login_hint.clone()).unwrap_or_default();
    Ok(door(&app, &request, (200, &next), Shown { username, waiting, news: None }))
}

/// The app behind a sign-in.
pub(super) struct Waiting {
    pub(super) app: String,
    /// Why somebody has to sign in, if they have to.
    pub(super) reason: Option<SignInReason>,
    login_hint: String,
    /// Where its answer goes, as `form-action` calls it; the service has checked it.
    pub(super) target: Option<String>,
}

pub(super) fn waiting_app(idp: &Idp, context: &Context, request: Option<AuthorizationRequest>) -> Option<Waiting> {
    match idp.waiting(context, &request?) {
        Ok(Some(Authorization::SignIn(needed))) => Some(Waiting {
            app: needed.app.to_string(),
            reason: Some(needed.reason),
            login_hint: needed.login_hint.unwrap_or_default(),
            target: form_target(&needed.redirect_uri),
        }),
        Ok(Some(Authorization::Consent(asked))) => Some(Waiting {
            app: asked.app.to_string(),
            reason: None,
            login_hint: String::new(),
            target: form_target(&asked.redirect_uri),
        }),
        // Whatever else is the matter is told by `/authorize` itself.
        Ok(Some(Authorization::Answer(_)) | None) | Err(_) => None,
    }
}

/// The page where the sign-in that an app waits for begins.
pub(crate) fn to_the_door(needed: &SignInNeeded) -> Response {
    Response::redirect303(&Next::read(&needed.next).after(door_for(needed.reason, false)))
}

pub(super) fn door_for(reason: SignInReason, signed_in: bool) -> &'static str {
    match reason {
        SignInReason::NotSignedIn if !signed_in => "/signin",
        SignInReason::NotSignedIn | SignInReason::Again | SignInReason::Stronger(_) => "/reauthenticate",
        SignInReason::Choose | SignInReason::SomebodyElse => choose::PATH,
    }
}

/// The app on another device that wants a stronger proof.
fn waiting_device(idp: &Idp, context: &Context, user_code: &str) -> Option<Waiting> {
    match idp.device_question(context, user_code) {
        Err(OpError::Refused(UserCodeRefusal::NotAdmitted {
            app, why: NotAdmitted::TooWeak { demanded, .. }, ..
        })) => Some(Waiting {
            app: app.to_string(),
            reason: Some(SignInReason::Stronger(demanded)),
            login_hint: String::new(),
            target: None,
        }),
        // The page of the device tells whatever else is the matter.
        Ok(_) | Err(_) => None,
    }
}

/// Somebody reloaded the answer to a form.
async fn start_again(_: Arc<App>, _: Request) -> Answer {
    Ok(Response::redirect303("/signin"))
}

async fn options(app: Arc<App>, request: Request) -> Answer {
    // Of which name the passkey is; whatever else the form says is for later.
    let of = request.form().ok().and_then(|form| form.one("of").ok().flatten().map(str::to_owned));
    let op = move |idp: &Idp, context: &Context| match of.as_deref() {
        Some(FORMER) => idp.start_former_passkey_sign_in(context),
        Some(_) | None => idp.start_passkey_sign_in(context),
    };
    let started = anybody(&app, &request, Lane::General, op).await?;
    match started {
        Ok(challenge) => Ok(ceremony(&challenge.ceremony, &challenge.options)),
        Err(OpError::Fault(fault)) => Err(accident(&app, &fault)),
        Err(OpError::Refused(refusal)) => Err(Response::text(403, refusal.to_string())),
    }
}

/// What the script of the page asks the device with.
pub(super) fn ceremony(name: &str, options: &Value) -> Response {
    Response::json(200, &json!({ "ceremony": name, "publicKey": options.get("publicKey").unwrap_or(options) }))
}

/// The device's answer, as the script put it into the form.
pub(super) fn answer(fields: &Fields) -> Result<Value, Response> {
    crate::http::parse_json(fields.get("credential")?.as_bytes()).map_err(Response::from)
}

async fn passkey(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (next, name, answer) = (fields.next()?, fields.get("ceremony")?.to_owned(), answer(&fields)?);
    let op = move |idp: &Idp, context: &Context| idp.finish_passkey_sign_in(context, &name, &answer);
    // The new name has no passkey of theirs yet, perhaps: they are asked once before they go on.
    let next = if fields.get("of")? == FORMER { Next::read(&next.after(moved::PATH)) } else { next };
    let outcome = anybody(&app, &request, Lane::General, op).await?;
    conclude(
        &app,
        &request,
        outcome.map(|new| SignInOutcome::SignedIn(Box::new(new))),
        &Attempt { next, way: Way::Passkey },
    )
    .await
}

async fn password(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (next, name, password) = (fields.next()?, fields.get("username")?.to_owned(), fields.secret("password")?);
    let typed = name.clone();
    let op = move |idp: &Idp, context: &Context| idp.sign_in_with_password(context, &typed, &password);
    let outcome = anybody(&app, &request, Lane::Hashing, op).await?;
    conclude(&app, &request, outcome, &Attempt { next, way: Way::Password { name } }).await
}

async fn second(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let recovery = !fields.get("recovery")?.is_empty();
    let code = fields.secret(if recovery { "recovery" } else { "code" })?;
    let (next, attempt) = (fields.next()?, fields.get("attempt")?.to_owned());
    let id = attempt.clone();
    let op = move |idp: &Idp, context: &Context| idp.finish_sign_in_with_code(context, &id, code.expose());
    let outcome = anybody(&app, &request, Lane::General, op).await?;
    let tried = Attempt { next, way: Way::Code { attempt, recovery } };
    conclude(&app, &request, outcome.map(|new| SignInOutcome::SignedIn(Box::new(new))), &tried).await
}

/// What somebody tried, to be shown again when it did not work.
struct Attempt {
    next: Next,
    way: Way,
}

enum Way {
    Passkey,
    Password { name: String },
    Code { attempt: String, recovery: bool },
}

async fn conclude(
    app: &App,
    request: &Request,
    outcome: Result<SignInOutcome, OpError<SignInRefusal>>,
    tried: &Attempt,
) -> Answer {
    match outcome {
        Ok(SignInOutcome::SignedIn(new)) => Ok(let_in(&new, tried.next.path(), request.now)),
        Ok(SignInOutcome::NeedsSecondFactor { attempt, .. }) => {
            let waiting = who_waits(app, request, &tried.next).await?;
            let tried = Attempt { way: Way::Code { attempt, recovery: false }, next: tried.next.clone() };
            Ok(second_step(app, request, (200, None), Tried { tried: &tried, waiting }))
        }
        Err(OpError::Fault(fault)) => Err(accident(app, &fault)),
        Err(OpError::Refused(refusal)) => {
            let waiting = who_waits(app, request, &tried.next).await?;
            Ok(not_let_in(app, request, &refusal, Tried { tried, waiting }))
        }
    }
}

async fn who_waits(app: &App, request: &Request, next: &Next) -> Result<Option<Waiting>, Response> {
    let Some(waiting) = next.authorization_request() else { return Ok(None) };
    anybody(app, request, Lane::General, move |idp, context| waiting_app(idp, context, Some(waiting))).await
}

/// What was tried, and for which app.
struct Tried<'a> {
    tried: &'a Attempt,
    waiting: Option<Waiting>,
}

/// Gives the browser its session and sends it on.
pub(super) fn let_in(new: &NewSession, path: &str, now: Timestamp) -> Response {
    with_session(Response::redirect303(path), new, now)
}

/// The same answer with the session's cookie.
pub(super) fn with_session(response: Response, new: &NewSession, now: Timestamp) -> Response {
    let seconds = new.expires_at.since(now).as_seconds();
    response.set_cookie(&session::keep(new.cookie.expose(), seconds))
}

fn not_let_in(app: &App, request: &Request, refusal: &SignInRefusal, refused: Tried<'_>) -> Response {
    let Tried { tried, waiting } = refused;
    let news = match refusal {
        SignInRefusal::Denied(denied) => return denied_here(app, request, *denied),
        SignInRefusal::Account(_) => return trouble(app, 403, Trouble::AccountClosed),
        SignInRefusal::CodeNotAccepted => {
            let wrong = if matches!(tried.way, Way::Code { recovery: true, .. }) {
                News::WrongRecoveryCode
            } else {
                News::WrongCode
            };
            return second_step(app, request, (403, Some(wrong)), Tried { tried, waiting });
        }
        SignInRefusal::NotAccepted => match tried.way {
            Way::Passkey => News::WrongPasskey,
            Way::Password { .. } | Way::Code { .. } => News::WrongPassword,
        },
        SignInRefusal::Invalid => News::WrongPasskey,
        SignInRefusal::Expired => News::TookTooLong,
        SignInRefusal::CodeBlocked { until } => {
            News::Locked { minutes: (until.since(request.now).as_seconds() + 59) / 60 }
        }
        SignInRefusal::TooWeak { .. } => News::TooWeak,
        SignInRefusal::Suspect => News::SuspectPasskey,
        SignInRefusal::SomebodyElse => News::SomebodyElse,
    };
    let username = if let Way::Password { name } = &tried.way { name.clone() } else { String::new() };
    door(app, request, (403, &tried.next), Shown { news: Some(news), username, waiting })
}

/// What the door shows beside its fields.
#[derive(Default)]
struct Shown {
    news: Option<News>,
    /// What was typed before, or who it probably is.
    username: String,
    /// The app that waits.
    waiting: Option<Waiting>,
}

fn door(app: &App, request: &Request, (status, next): (u16, &Next), shown: Shown) -> Response {
    let (waiting, target) = shown.waiting.map(|waiting| (waiting.app, waiting.target)).unzip();
    let page = SignIn {
        chrome: Chrome::at(&request.at),
        former: former_name(app, request),
        notice: shown.news.map(Notice::of),
        app: waiting,
        username: shown.username.chars().take(64).collect(),
        next: next.as_str().to_owned(),
    };
    leading_to(target.flatten(), show(app, status, &page))
}

/// The name that the house had, where its passkeys can be asked for beside those of the present one.
fn former_name(app: &App, request: &Request) -> Option<String> {
    let former = app.nameplate.former_address(request.moment()).filter(|_| !request.at.is_former())?;
    Some(former.host().to_string())
}

fn second_step(
    app: &App,
    request: &Request,
    (status, news): (u16, Option<News>),
    Tried { tried, waiting }: Tried<'_>,
) -> Response {
    let Way::Code { attempt, recovery } = &tried.way else {
        return door(app, request, (status, &tried.next), Shown { news, waiting, ..Shown::default() });
    };
    let page = SecondFactor {
        chrome: Chrome::at(&request.at),
        notice: news.map(Notice::of),
        attempt: attempt.clone(),
        recovery_open: *recovery,
        next: tried.next.as_str().to_owned(),
    };
    leading_to(waiting.and_then(|waiting| waiting.target), show(app, status, &page))
}

/// After the sign-in the browser may go on to the app that waits, without another click.
pub(super) fn leading_to(target: Option<String>, page: Response) -> Response {
    match target {
        Some(target) => page.form_target(&target),
        None => page,
    }
}

pub(super) fn asked_next(request: &Request) -> Next {
    request.query.one("next").ok().flatten().map(Next::read).unwrap_or_default()
}

async fn reauthenticate(app: Arc<App>, request: Request) -> Answer {
    let next = asked_next(&request);
    let (waiting, user_code) = (next.authorization_request(), next.user_code());
    let op = |idp: &Idp, me: &SignedIn| {
        let waiting = waiting_app(idp, &me.context, waiting)
            .or_else(|| user_code.and_then(|code| waiting_device(idp, &me.context, &code)));
        Ok((idp.list_credentials(&me.context, &Whose::Mine)?, waiting))
    };
    let (me, found) = inside(&app, &request, Lane::General, op).await?;
    let (credentials, waiting) = found.map_err(|error| refused(&app, &request, error))?;
    let reason = waiting.as_ref().and_then(|waiting| waiting.reason);
    let has = |kind| credentials.iter().any(|known| known.kind == kind);
    // With a password two factors are reached by an authenticator app only.
    let stronger = match reason {
        Some(SignInReason::Stronger(Strength::Passkey)) => true,
        Some(SignInReason::Stronger(Strength::Mfa)) => !has(CredentialKind::Totp),
        Some(
            SignInReason::Stronger(Strength::Any)
            | SignInReason::NotSignedIn
            | SignInReason::Again
            | SignInReason::Choose
            | SignInReason::SomebodyElse,
        )
        | None => false,
    };
    let (waiting, target) = waiting.map(|waiting| (waiting.app, waiting.target)).unzip();
    let page = Reauthenticate {
        chrome: frame(&app, &me).at_name(&request.at),
        former: former_name(&app, &request),
        notice: None,
        username: me.account.name.to_string(),
        app: waiting,
        stronger,
        somebody_else: next.after(choose::PATH),
        has_password: !stronger && has(CredentialKind::Password),
        next: next.as_str().to_owned(),
    };
    Ok(leading_to(target.flatten(), show(&app, 200, &page)))
}

async fn ask_to_leave(app: Arc<App>, request: Request) -> Answer {
    let (me, ()) = inside(&app, &request, Lane::General, |_, _| ()).await?;
    Ok(show(&app, 200, &SignOut { chrome: frame(&app, &me).at_name(&request.at) }))
}

async fn leave(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, context: &Context| idp.sign_out(context);
    anybody(&app, &request, Lane::General, op).await?.map_err(|error| refused(&app, &request, error))?;
    Ok(show(&app, 200, &SignedOut { chrome: Chrome::at(&request.at) }).set_cookie(&session::forget()))
}
