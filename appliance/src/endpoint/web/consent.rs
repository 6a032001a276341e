//! The question whether an app may know something, and its answer. `/authorize` decides when it is asked.

use std::sync::Arc;

use service::{
    AuthorizationAnswer, AuthorizationRequest, AuthorizeRefusal, ConsentNeeded, Context, Idp, OpError, ResponseMode,
    ScopeView, SignedIn,
};

use super::dashboard;
use super::next::{Next, form_target};
use super::view::apps::{Consent, FormPost, Share};
use super::view::part::{Chrome, Face, Icon};
use super::view::trouble::Trouble;
use super::visit::{Answer, Fields, Lane, accident, anybody, denied_here, frame, inside, page, refused, show, trouble};
use crate::http::{App, Kind, Request, Response, Route};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, "/consent", page!(start_again)).under_both_names(),
    Route::post(Kind::Page, "/consent", page!(answer)).under_both_names(),
];

/// Asks the person.
pub(crate) async fn ask(app: &App, request: &Request, asked: ConsentNeeded) -> Response {
    question(app, request, asked).await.unwrap_or_else(|refused| refused)
}

async fn question(app: &App, request: &Request, asked: ConsentNeeded) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| Ok((idp.usable_apps(&me.context)?, idp.own_account(&me.context)?));
    let (me, found) = inside(app, request, Lane::General, op).await?;
    let (apps, mine) = found.map_err(|error| refused(app, request, error))?;
    let known = apps.iter().find(|known| known.client.name == asked.client);
    let title = asked.app.as_str();
    let (gets, has): (Vec<_>, Vec<_>) = asked.scopes.iter().partition(|scope| scope.new);
    // Asked once more for what was agreed to, all of it is what it gets.
    let again = !gets.is_empty() && !has.is_empty();
    let (gets, has) = if gets.is_empty() { (has, gets) } else { (gets, has) };
    let page = Consent {
        chrome: frame(app, &me).at_name(&request.at),
        request: asked.request,
        app: title.to_owned(),
        icon: known.map_or_else(|| Icon::new(title, None), |known| dashboard::icon(&known.client, known.has_icon)),
        place: place(&asked.redirect_uri),
        name: mine.account.display_name().to_owned(),
        username: mine.account.name.to_string(),
        mail: super::profile::primary_mail(&mine.account),
        face: Face::new(mine.account.display_name(), me.picture.clone()),
        again,
        gets: gets.into_iter().map(share).collect(),
        has: has.into_iter().map(share).collect(),
        policy: asked.policy_uri.map(|uri| uri.to_string()),
        terms: asked.terms_uri.map(|uri| uri.to_string()),
    };
    let page = show(app, 200, &page);
    Ok(match form_target(&asked.redirect_uri) {
        Some(target) => page.form_target(&target),
        None => page,
    })
}

/// What a scope means, in the words of the page.
pub(super) fn share(scope: &ScopeView) -> Share {
    match scope.scope.as_str() {
        "openid" => Share::Identity,
        "profile" => Share::Profile,
        "email" => Share::Mail,
        "groups" => Share::Groups,
        "offline_access" => Share::Offline,
        _ => Share::Other(scope.meaning.clone()),
    }
}

/// Where the answer goes, as a person would say it: a host, or this device.
fn place(redirect_uri: &str) -> String {
    let host = url::Url::parse(redirect_uri).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_default()
}

/// The answer to the app, by way of the browser.
pub(crate) fn send(app: &App, request: &Request, answer: &AuthorizationAnswer) -> Response {
    match answer.mode {
        ResponseMode::Query | ResponseMode::Fragment => Response::redirect303(&answer.location()),
        ResponseMode::FormPost => {
            let page = FormPost {
                chrome: Chrome::at(&request.at),
                place: place(&answer.redirect_uri),
                target: answer.redirect_uri.clone(),
                fields: answer.parameters.clone(),
            };
            // With another policy browsers would call the form's origin `null`. The address of this page never gets there.
            let page = show(app, 200, &page).header("Referrer-Policy", "strict-origin");
            page.only_form_target(&form_target(&answer.redirect_uri).unwrap_or_default())
        }
    }
}

/// Why an app cannot be answered: told to the person, never to an address that is not to be trusted.
pub(crate) fn app_confused(app: &App, request: &Request, error: OpError<AuthorizeRefusal>) -> Response {
    match error {
        OpError::Fault(fault) => accident(app, &fault),
        OpError::Refused(AuthorizeRefusal::Denied(denied)) => denied_here(app, request, denied),
        OpError::Refused(
            refusal @ (AuthorizeRefusal::NoClient
            | AuthorizeRefusal::UnknownClient { .. }
            | AuthorizeRefusal::NoRedirectUri { .. }
            | AuthorizeRefusal::UnknownRedirectUri { .. }
            | AuthorizeRefusal::PushedRequestGone
            | AuthorizeRefusal::NothingToAnswer),
        ) => trouble(app, 400, Trouble::AppConfused { detail: refusal.to_string() }),
    }
}

/// Somebody reloaded the answer to the question.
async fn start_again(_: Arc<App>, _: Request) -> Answer {
    Ok(Response::redirect303("/"))
}

enum Answered {
    GoOn(String),
    No(AuthorizationAnswer),
}

async fn answer(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let asked = Next::read(fields.get("request")?).authorization_request();
    let asked = asked.ok_or_else(|| Response::text(400, "The question is missing."))?;
    let allowed = match fields.get("answer")? {
        "allow" => true,
        "deny" => false,
        _ => return Err(Response::text(400, "The answer is missing.")),
    };
    let op = move |idp: &Idp, context: &Context| decide(idp, context, &asked, allowed);
    match anybody(&app, &request, Lane::General, op).await? {
        Ok(Answered::GoOn(next)) => Ok(Response::redirect303(Next::read(&next).path())),
        Ok(Answered::No(answer)) => Ok(send(&app, &request, &answer)),
        Err(error) => Err(app_confused(&app, &request, error)),
    }
}

fn decide(
    idp: &Idp,
    context: &Context,
    asked: &AuthorizationRequest,
    allowed: bool,
) -> Result<Answered, OpError<AuthorizeRefusal>> {
    if allowed {
        idp.grant_consent(context, asked).map(Answered::GoOn)
    } else {
        idp.refuse_consent(context, asked).map(Answered::No)
    }
}
