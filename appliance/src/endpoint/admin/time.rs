//! `/time`: what the clock shows, how far that can be trusted, and setting it. Looking works while nobody knows the time, for the
//! console; setting is for the console alone.

use std::sync::Arc;

use domain::clock::LATEST;
use domain::clock::keeper::TooEarly;

use crate::api::{ClockSet, ClockView, Problem, ProblemCode, SetClock, Time};
use crate::http::{App, Kind, Request, Response, Route, handler};
use crate::system::WallSet;

use super::{Reply, Stop};

pub(crate) const ROUTES: &[Route] =
    &[Route::get(Kind::Admin, "/api/v1/time", handler!(show)), Route::put(Kind::Admin, "/api/v1/time", handler!(set))];

async fn show(app: Arc<App>, request: Request) -> Response {
    let basis = app.clock.basis();
    super::run(Arc::clone(&app), request, move |idp, ctx, _| {
        idp.status(ctx)?;
        Reply::json(&ClockView {
            now: ctx.now.into(),
            level: ctx.trust.level(),
            trust: ctx.trust,
            source: basis.describe().to_owned(),
            advice: basis.advice().map(str::to_owned),
        })
    })
    .await
}

async fn set(app: Arc<App>, request: Request) -> Response {
    let clock = Arc::clone(&app.clock);
    super::run(app, request, move |idp, ctx, request| {
        let SetClock { now } = request.json()?;
        if now.0 > LATEST {
            return Err(Problem::new(
                ProblemCode::Invalid,
                "that is after the year 2100; give the time that it is now",
            )
            .into());
        }
        idp.permit_clock(ctx, now.0)?;
        let set = clock.set(now.0).map_err(|TooEarly { floor }| {
            let why = format!("that was before this program was built, at {}", Time(floor));
            Stop::from(Problem::new(ProblemCode::Invalid, why))
        })?;
        Reply::json(&ClockSet {
            now: clock.now().into(),
            machine: match set {
                WallSet::OfTheMachine => true,
                WallSet::OfTheServer => false,
            },
        })
    })
    .await
}
