//! What the pages share: who came, running an operation for them, and what to answer when it is refused.

use askama::Template;
use domain::account::Account;
use domain::clock::Moment;
use domain::id::SessionNumber;
use domain::permission::Denied;
use domain::secret::Secret;
use service::{Context, Fault, Idp, OpError, Refusal, SignedIn};

use super::next::Next;
use super::picture;
use super::view::part::{Chrome, Done, Me, News, Notice};
use super::view::trouble::{Trouble, TroublePage};
use crate::endpoint::session;
use crate::http::{App, Form, Method, Request, Response};

/// A page, or what stands in its way; both are answers.
pub(in crate::endpoint) type Answer = Result<Response, Response>;

/// Makes `async fn(Arc<App>, Request) -> Answer` an endpoint.
macro_rules! page {
    ($function:path) => {
        |app, request| Box::pin(async move { $function(app, request).await.unwrap_or_else(|refused| refused) })
    };
}
pub(in crate::endpoint) use page;

/// Which threads an operation belongs on.
#[derive(Clone, Copy, Debug)]
pub(in crate::endpoint) enum Lane {
    /// Ordinary ones.
    General,
    /// Those that hash passwords, one or two at a time.
    Hashing,
}

/// Runs an operation for whoever came: the person of the session, or nobody yet.
pub(in crate::endpoint) async fn anybody<T: Send + 'static>(
    app: &App,
    request: &Request,
    lane: Lane,
    op: impl FnOnce(&Idp, &Context) -> T + Send + 'static,
) -> Result<T, Response> {
    let (cookie, origin, moment) = (held(request), session::origin(request), request.moment());
    let work = move |idp: &Idp| {
        let me = find(idp, cookie, &origin, moment)?;
        let context = me.map_or_else(|| Context::anonymous(moment, origin), |me| me.context);
        Ok(op(idp, &context))
    };
    on(app, lane, work).await?.map_err(|error| refused(app, request, error))
}

/// The person who is signed in, as a page needs them.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) account: Account,
    pub(super) session: SessionNumber,
    pub(super) picture: Option<String>,
}

/// Runs an operation for the person of the session. Everybody else is sent to the door.
pub(super) async fn inside<T: Send + 'static>(
    app: &App,
    request: &Request,
    lane: Lane,
    op: impl FnOnce(&Idp, &SignedIn) -> T + Send + 'static,
) -> Result<(Visitor, T), Response> {
    let (cookie, origin, moment) = (held(request), session::origin(request), request.moment());
    if cookie.is_none() {
        return Err(to_the_door(request));
    }
    let work = move |idp: &Idp| {
        let Some(me) = find(idp, cookie, &origin, moment)? else { return Ok(None) };
        let done = op(idp, &me);
        // Looked up afterwards: the operation may have put another one in place.
        let has_picture = idp.picture(&me.context, me.account.subject)?.is_some();
        let picture = has_picture.then(|| picture::address(&me.account));
        Ok(Some((Visitor { account: me.account, session: me.session, picture }, done)))
    };
    let done = on(app, lane, work).await?.map_err(|error| refused(app, request, error))?;
    done.ok_or_else(|| to_the_door(request))
}

async fn on<T: Send + 'static>(
    app: &App,
    lane: Lane,
    work: impl FnOnce(&Idp) -> T + Send + 'static,
) -> Result<T, Response> {
    let done = match lane {
        Lane::General => app.bridge.run(work).await,
        Lane::Hashing => app.bridge.run_hashing(work).await,
    };
    Ok(done?)
}

fn held(request: &Request) -> Option<Secret<String>> {
    session::cookie(request).map(|value| Secret::new(value.to_owned()))
}

fn find(
    idp: &Idp,
    cookie: Option<Secret<String>>,
    origin: &service::Origin,
    moment: Moment,
) -> Result<Option<SignedIn>, OpError<Refusal>> {
    match cookie {
        Some(cookie) => idp.authenticate_session(cookie.expose(), origin.clone(), moment),
        None => Ok(None),
    }
}

/// A page with a status of its own.
pub(in crate::endpoint) fn show(app: &App, status: u16, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Response::html(status, html),
        Err(error) => app.fault(&error),
    }
}

/// The frame for somebody who is signed in.
pub(super) fn frame(app: &App, me: &Visitor) -> Chrome {
    Chrome { me: Some(Me::new(me.account.display_name(), me.picture.clone())), ..Chrome::nobody(&app.house()) }
}

/// What stands in the way, as a page.
pub(super) fn trouble(app: &App, status: u16, trouble: Trouble) -> Response {
    show(app, status, &TroublePage { chrome: Chrome::nobody(&app.house()), trouble })
}

/// The answer to a refusal that the page has no better words for.
pub(super) fn refused(app: &App, request: &Request, error: OpError<Refusal>) -> Response {
    match error {
        OpError::Fault(fault) => accident(app, &fault),
        OpError::Refused(Refusal::Denied(denied)) => denied_here(app, request, denied),
        OpError::Refused(Refusal::NotFound { .. }) => trouble(app, 404, Trouble::NotFound),
        OpError::Refused(
            refusal @ (Refusal::Exists { .. }
            | Refusal::Invalid { .. }
            | Refusal::Cycle(_)
            | Refusal::LastOwner
            | Refusal::Builtin(_)
            | Refusal::TooMany { .. }
            | Refusal::Conflict(_)),
        ) => trouble(app, 409, Trouble::Refused { why: refusal.to_string() }),
    }
}

/// The answer to somebody who may not, or not yet.
pub(super) fn denied_here(app: &App, request: &Request, denied: Denied) -> Response {
    match denied {
        Denied::NotSignedIn => to_the_door(request),
        Denied::NotFresh => elsewhere(request, &again_from(request, app).after("/reauthenticate")),
        Denied::NotAllowed => trouble(app, 403, Trouble::NotAllowed),
    }
}

/// The answer to an accident: its number, or to come back when the card is full.
pub(in crate::endpoint) fn accident(app: &App, fault: &Fault) -> Response {
    match fault {
        Fault::DiskFull => {
            tracing::error!("the disk is full");
            Response::busy()
        }
        Fault::Busy => Response::busy(),
        Fault::ClockNotTrusted => Response::clock_not_set(),
        Fault::Store(_) | Fault::Unexpected(_) => app.fault(fault),
    }
}

fn to_the_door(request: &Request) -> Response {
    elsewhere(request, &asked_for(request).after("/signin"))
}

/// Another page first. A script is told where, because it cannot follow for the person.
fn elsewhere(request: &Request, path: &str) -> Response {
    if request.header("accept").is_some_and(|accept| accept.contains("text/html")) {
        Response::redirect303(path)
    } else {
        Response::json(401, &serde_json::json!({ "location": path }))
    }
}

/// The page that was asked for, or the one on which the form stood, which then says to go on.
fn again_from(request: &Request, app: &App) -> Next {
    if request.method == Method::Get {
        return asked_for(request);
    }
    let issuer = app.house().issuer();
    let page = request.header("referer").and_then(|referer| referer.strip_prefix(issuer.as_str()));
    let page = page.and_then(|page| page.split('?').next()).filter(|page| page.starts_with("/account"));
    Next::read(&format!("{}?said={}", page.unwrap_or("/account/sign-in"), Done::Proven.word()))
}

fn asked_for(request: &Request) -> Next {
    match request.method {
        Method::Get => Next::read(&request.target()),
        Method::Post | Method::Put | Method::Patch | Method::Delete | Method::Options => Next::default(),
    }
}

/// Back to a page, with good news.
pub(super) fn done(path: &str, done: Done) -> Response {
    Response::redirect303(&after(path, done))
}

/// The address of a page that begins with good news.
pub(super) fn after(path: &str, done: Done) -> String {
    format!("{path}?said={}", done.word())
}

/// The good news that a redirect brought.
pub(super) fn said(request: &Request) -> Option<Notice> {
    let word = request.query.one("said").ok().flatten()?;
    Done::read(word).map(|done| Notice::of(News::Done(done)))
}

/// The words of a refusal that the page itself can show, beside its form.
pub(super) fn objection(app: &App, request: &Request, error: OpError<Refusal>) -> Result<Notice, Response> {
    match error {
        OpError::Refused(Refusal::Invalid { why, .. }) => Ok(Notice::of(News::Refused { why })),
        OpError::Refused(refusal @ (Refusal::Exists { .. } | Refusal::TooMany { .. } | Refusal::Conflict(_))) => {
            Ok(Notice::of(News::Refused { why: refusal.to_string() }))
        }
        other @ (OpError::Refused(_) | OpError::Fault(_)) => Err(refused(app, request, other)),
    }
}

/// The fields that a page's form brought.
pub(in crate::endpoint) struct Fields(Form);

impl Fields {
    /// Reads the form of a POST.
    pub(in crate::endpoint) fn read(request: &Request) -> Result<Self, Response> {
        Ok(Self(request.form()?))
    }

    /// One field; empty when it is missing. A repeated one does not come from our pages.
    pub(in crate::endpoint) fn get(&self, name: &str) -> Result<&str, Response> {
        match self.0.one(name) {
            Ok(value) => Ok(value.unwrap_or_default()),
            Err(_) => Err(Response::text(400, "A field of the form came twice.")),
        }
    }

    /// A field that must stay secret.
    pub(in crate::endpoint) fn secret(&self, name: &str) -> Result<Secret<String>, Response> {
        self.get(name).map(|value| Secret::new(value.to_owned()))
    }

    /// Where to go on.
    pub(super) fn next(&self) -> Result<Next, Response> {
        self.get("next").map(Next::read)
    }
}
