//! `/audit`: the newest first.

use domain::event::EventFilter;
use service::{Context, Idp};

use crate::api::{Event, Time};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, page, query, query_as};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Admin, "/api/v1/audit", admin!(list))];

fn list(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let text = |name| query(request, name).map(|found| found.map(str::to_owned));
    let filter = EventFilter {
        actor: text("actor")?,
        action: text("action")?,
        target: text("target")?,
        since: query_as::<Time>(request, "since")?.map(|time| time.0),
        until: query_as::<Time>(request, "until")?.map(|time| time.0),
        outcome: query_as(request, "outcome")?,
    };
    let found = idp.list_events(ctx, &filter, query_as(request, "after")?, query_as(request, "limit")?)?;
    page(found, |event| Event {
        number: event.number.0,
        at: event.at.into(),
        actor: event.actor,
        action: event.action,
        target: event.target,
        origin: event.origin,
        outcome: event.outcome.to_string(),
        detail: event.detail,
    })
}
