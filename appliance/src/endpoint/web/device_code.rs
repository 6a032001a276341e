//! `/device`: lets an app in on a device without a keyboard, by the code that it shows (RFC 8628 section 3.3). Whoever comes with
//! the code in the address is asked as well: somebody else may have sent them (section 5.4).

use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::time::Span;
use service::{DeviceQuestion, Idp, OpError, SignedIn, UserCodeRefusal};

use super::next::Next;
use super::view::apps::{self, DeviceAnswered, DeviceCode};
use super::view::part::{Face, Icon, News, Notice, When};
use super::view::trouble::Trouble;
use super::visit::{Answer, Fields, Lane, Visitor, accident, denied_here, frame, inside, page, refused, show, trouble};
use super::{consent, dashboard, profile};
use crate::http::{App, Kind, Request, Response, Route};

const HERE: &str = "/device";

/// More than anybody types who means a code.
const MAX_TYPED: usize = 64;

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, HERE, page!(ask)),
    Route::post(Kind::Page, HERE, page!(answer)),
    Route::get(Kind::Page, "/d", page!(short)),
    Route::get(Kind::Page, "/d/:code", page!(short)),
];

/// The address that a device shows as a picture: as short as it can be.
async fn short(_: Arc<App>, request: Request) -> Answer {
    Ok(Response::redirect303(&address(request.params.get("code"))))
}

fn address(code: &str) -> String {
    let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(MAX_TYPED).collect();
    if code.is_empty() { HERE.to_owned() } else { format!("{HERE}?code={code}") }
}

async fn ask(app: Arc<App>, request: Request) -> Answer {
    let code = request.query.one("code").ok().flatten().unwrap_or_default().to_owned();
    if code.trim().is_empty() {
        let (me, ()) = inside(&app, &request, Lane::General, |_, _| ()).await?;
        return Ok(form(&app, &me, "", None));
    }
    let typed = code.clone();
    let op = move |idp: &Idp, me: &SignedIn| {
        let question = idp.device_question(&me.context, &typed);
        Ok((idp.usable_apps(&me.context)?, idp.own_account(&me.context)?, question))
    };
    let (me, found) = inside(&app, &request, Lane::General, op).await?;
    let (apps, mine, question) = found.map_err(|error| refused(&app, &request, error))?;
    let question = question.map_err(|error| objection(&app, &request, (&me, &code), error))?;
    let DeviceQuestion { user_code, client, app: title, scopes, seen_as, asked_ago, policy_uri, terms_uri } = question;
    let known = apps.iter().find(|known| known.client.name == client);
    let title = title.to_string();
    let page = apps::DeviceQuestion {
        chrome: frame(&app, &me),
        code: user_code,
        icon: known.map_or_else(|| Icon::new(&title, None), |known| dashboard::icon(&known.client, known.has_icon)),
        app: title,
        seen_as,
        asked: When::new(request.now - Span::seconds(asked_ago), request.now),
        name: mine.account.display_name().to_owned(),
        username: mine.account.name.to_string(),
        mail: profile::primary_mail(&mine.account),
        face: Face::new(mine.account.display_name(), me.picture.clone()),
        gets: scopes.iter().map(consent::share).collect(),
        policy: policy_uri.map(|uri| uri.to_string()),
        terms: terms_uri.map(|uri| uri.to_string()),
    };
    Ok(show(&app, 200, &page))
}

async fn answer(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let code = fields.get("code")?.to_owned();
    let allowed = match fields.get("answer")? {
        "allow" => true,
        "deny" => false,
        _ => return Err(Response::text(400, "The answer is missing.")),
    };
    let typed = code.clone();
    let op = move |idp: &Idp, me: &SignedIn| match allowed {
        true => idp.grant_device(&me.context, &typed),
        false => idp.refuse_device(&me.context, &typed),
    };
    let (me, answered) = inside(&app, &request, Lane::General, op).await?;
    let title = answered.map_err(|error| objection(&app, &request, (&me, &code), error))?;
    Ok(show(&app, 200, &DeviceAnswered { chrome: frame(&app, &me), app: title.to_string(), allowed }))
}

fn form(app: &App, me: &Visitor, typed: &str, news: Option<News>) -> Response {
    let status = if news.is_some() { 403 } else { 200 };
    let code = typed.chars().take(MAX_TYPED).collect();
    show(app, status, &DeviceCode { chrome: frame(app, me), notice: news.map(Notice::of), code })
}

/// The page again, with what is wrong with the code; or what has to come first.
fn objection(app: &App, request: &Request, (me, typed): (&Visitor, &str), error: OpError<UserCodeRefusal>) -> Response {
    let refusal = match error {
        OpError::Fault(fault) => return accident(app, &fault),
        OpError::Refused(refusal) => refusal,
    };
    match refusal {
        UserCodeRefusal::Denied(denied) => denied_here(app, request, denied),
        UserCodeRefusal::Wrong => form(app, me, typed, Some(News::WrongUserCode)),
        UserCodeRefusal::Over => form(app, me, "", Some(News::UserCodeOver)),
        UserCodeRefusal::TooMany { minutes } => form(app, me, "", Some(News::UserCodesLocked { minutes })),
        UserCodeRefusal::NotAdmitted { why: NotAdmitted::TooWeak { .. }, .. } => {
            Response::redirect303(&Next::read(&address(typed)).after("/reauthenticate"))
        }
        refusal @ UserCodeRefusal::NotAdmitted { .. } => {
            trouble(app, 403, Trouble::Refused { why: refusal.to_string() })
        }
    }
}
