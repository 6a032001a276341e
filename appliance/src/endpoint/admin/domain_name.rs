//! `/domain`: the host name of the house and the one that it had; and what a name leads to, as far as the box itself can see. A phone sees more: its browser checks on
//! the pages that have `part/reach.html`.

use std::sync::Arc;

use domain::host::Host;
use domain::time::Span;
use service::{Change, Context, DomainView, Idp, Naming, OpError, Refusal, Resident};

use crate::api::{Domain, DomainCheck, FormerDomain, MoveDomain, MustEnrol};
use crate::endpoint::reach;
use crate::http::{App, Kind, Request, Response, Route, handler};

use super::{Reply, Stop, admin, caller, changed, parse, problem, query_as, run};

const PATH: &str = "/api/v1/domain";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, PATH, admin!(show)),
    Route::put(Kind::Admin, PATH, handler!(set)),
    Route::delete(Kind::Admin, PATH, handler!(end)),
    Route::get(Kind::Admin, "/api/v1/domain/check", handler!(check)),
];

async fn check(app: Arc<App>, request: Request) -> Response {
    // Who may read the status may ask; the resolver is asked only then.
    let allowed = app.bridge.run(move |idp| {
        idp.status(&caller(idp, &request)?)?;
        query_as::<Host>(&request, "name")
    });
    let host = match allowed.await {
        Ok(Ok(host)) => host.unwrap_or_else(|| app.house().host.clone()),
        Ok(Err(Stop::Problem(problem))) => return problem::render(&problem),
        Ok(Err(Stop::Fault(fault))) => return problem::render(&problem::of_fault(&app, &fault)),
        Err(_) => return problem::render(&problem::busy()),
    };
    let view = reach::view(&app, host.as_str()).await;
    let certificate_fits = app.certificates.is_for(host.as_str());
    Response::json(200, &DomainCheck { view, certificate_fits })
}

fn show(idp: &Idp, ctx: &Context, _: &Request) -> Result<Reply, Stop> {
    let DomainView { host, issuer, former, former_issuer, served, behind, behind_in_all } = idp.domain(ctx)?;
    let former = former.zip(former_issuer).map(|(former, issuer)| FormerDomain {
        host: former.host.to_string(),
        issuer,
        moved_at: former.moved_at.into(),
        until: former.until.into(),
        served,
    });
    let must_enrol = |who: Resident| MustEnrol {
        name: who.person.to_string(),
        display_name: who.display_name,
        until: who.until.map(Into::into),
    };
    Reply::json(&Domain {
        host: host.to_string(),
        issuer,
        former,
        must_enrol: behind.into_iter().map(must_enrol).collect(),
        must_enrol_count: behind_in_all,
    })
}

async fn set(app: Arc<App>, request: Request) -> Response {
    change(app, request, |idp, ctx, request| {
        let MoveDomain { host, former_days } = request.json()?;
        let host: Host = parse("host", &host)?;
        if idp.house().host.is_provisional() {
            // The first name costs nothing.
            return Ok(idp.name_house(ctx, &Naming { host: Some(host), house: None }));
        }
        Ok(idp.move_domain(ctx, &host, Span::days(former_days.into())))
    })
    .await
}

async fn end(app: Arc<App>, request: Request) -> Response {
    change(app, request, |idp, ctx, _| Ok(idp.end_former_domain(ctx))).await
}

type Act = fn(&Idp, &Context, &Request) -> Result<Result<Change, OpError<Refusal>>, Stop>;

/// A name without a certificate is no use to anybody: that is seen to before the answer.
async fn change(app: Arc<App>, request: Request, act: Act) -> Response {
    let certificates = Arc::clone(&app.certificates);
    run(app, request, move |idp, ctx, request| {
        let change = act(idp, ctx, request)??;
        certificates.look(idp, ctx.moment());
        changed(change)
    })
    .await
}
