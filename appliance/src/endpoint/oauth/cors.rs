//! Which pages may read what an app is answered (Fetch, CORS): those of the app itself, by the origins of its redirect URIs. No
//! cookie is looked at and no credentials are allowed.

use std::sync::Arc;

use service::{AnswerFor, Context, Idp};

use crate::endpoint::session;
use crate::http::{App, Request, Response};

/// The page that asks, as its browser says; none for a server.
pub(super) struct Page(Option<String>);

impl Page {
    /// Who sent the request.
    pub(super) fn of(request: &Request) -> Self {
        Self(request.header("origin").map(str::to_owned))
    }

    /// Whether it may read the answer. An accident on the way is a no; the operation itself has told of it.
    pub(super) fn may_read(&self, idp: &Idp, ctx: &Context, answer: AnswerFor<'_>) -> Readable {
        let origin = self.0.as_ref().filter(|origin| matches!(idp.page_may_read(ctx, origin, answer), Ok(true)));
        Readable(origin.cloned())
    }
}

/// The origin whose pages may read the answer.
#[derive(Default)]
pub(super) struct Readable(Option<String>);

impl Readable {
    /// Nobody's.
    pub(super) fn by_no_page() -> Self {
        Self(None)
    }

    /// Says so in the answer.
    pub(super) fn mark(self, answer: Response) -> Response {
        // Another page gets another answer, also where none of it may be kept.
        let answer = answer.header("Vary", "Origin");
        match self.0 {
            Some(origin) => answer.header("Access-Control-Allow-Origin", origin),
            None => answer,
        }
    }
}

/// A browser asks before it sends what a form could not. It cannot say for which app, so any app's page may go on.
pub(super) async fn preflight(app: Arc<App>, request: Request) -> Response {
    let page = Page::of(&request);
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    match app.bridge.run(move |idp| page.may_read(idp, &ctx, AnswerFor::AnyApp)).await {
        Ok(Readable(None)) => Readable(None).mark(Response::empty(204)),
        Ok(readable) => readable
            .mark(Response::empty(204))
            .header("Access-Control-Allow-Methods", "GET, POST")
            .header("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
            .header("Access-Control-Max-Age", "3600"),
        Err(busy) => busy.into(),
    }
}
