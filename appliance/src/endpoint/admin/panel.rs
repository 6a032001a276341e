//! `/panel`: what the LED says. The panel waits here for news; others look.

use std::sync::Arc;
use std::time::Duration;

use domain::indicator::{Active, DegradedReason, Indicator};
use service::{Context, Idp};

use crate::api::{self, PanelTold, Problem, ProblemCode};
use crate::http::{App, Kind, Peer, Request, Response, Route, handler};
use crate::panel::health;
use crate::system;

use super::{Reply, Stop, query, run};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/panel", handler!(show)),
    Route::put(Kind::Admin, "/api/v1/panel", handler!(tell)).body(1024),
];

/// How often something new is looked for while the panel waits: a change shows within 250 ms.
const TICK: Duration = Duration::from_millis(200);
/// Looks until it is answered anyway, so that it knows that the server lives: 20 s.
const LOOKS: usize = 100;

/// How the box is; with `?seen=` on the control socket, as soon as it is not that any more.
async fn show(app: Arc<App>, request: Request) -> Response {
    if let (true, Ok(Some(seen))) = (is_console(&request), request.query.one("seen")) {
        app.health.hear(request.uptime);
        news(&app, seen).await;
    }
    let panel = health::panel(&app).await;
    run(app, request, move |idp, ctx, request| {
        query(request, "seen")?;
        idp.may_look(ctx)?;
        Reply::json(&panel)
    })
    .await
}

/// Waits until there is something else than what was seen, or for long enough.
async fn news(app: &App, seen: &str) {
    for _ in 0..LOOKS {
        if health::panel(app).await.version != seen {
            return;
        }
        system::after(TICK).await;
    }
}

/// The panel tells the states that only it knows.
async fn tell(app: Arc<App>, request: Request) -> Response {
    let here = Arc::clone(&app);
    run(app, request, move |idp, ctx, request| told(&here, idp, ctx, request)).await
}

fn told(app: &App, idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    idp.may_look(ctx)?;
    if !is_console(request) {
        let problem = Problem::new(ProblemCode::NotAllowed, "only the panel itself tells what it knows");
        return Err(problem.hint("it uses the control socket of its machine").into());
    }
    let PanelTold { states } = request.json()?;
    let mut active = Active::NONE;
    for name in states {
        match Indicator::by_name(&name) {
            Some(state @ (Indicator::ResetArmed | Indicator::Degraded(DegradedReason::StuckButton))) => {
                active = active.with(state);
            }
            Some(_) | None => {
                let text = format!("{name:?} is nothing that only the panel knows");
                return Err(Problem::new(ProblemCode::Invalid, text).into());
            }
        }
    }
    app.health.tell(active, request.uptime);
    Reply::json(&PanelTold { states: api::names_of(active) })
}

fn is_console(request: &Request) -> bool {
    match request.peer {
        Peer::Control { console, .. } => console,
        Peer::Network(_) => false,
    }
}
