//! `/domain`: what the name of the house leads to, as far as the box itself can see. A phone sees more: its browser checks on
//! the pages that have `part/reach.html`.

use std::sync::Arc;

use domain::host::Host;

use crate::api::DomainCheck;
use crate::endpoint::reach;
use crate::http::{App, Kind, Request, Response, Route, handler};

use super::{Stop, caller, problem, query_as};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Admin, "/api/v1/domain/check", handler!(check))];

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
