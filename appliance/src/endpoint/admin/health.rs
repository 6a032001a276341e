//! `/health` of the admin API: what only whoever is at the box may make the server do, as it reads the whole database.

use std::sync::Arc;

use crate::api::Health;
use crate::http::{App, Kind, Request, Response, Route, handler};

use super::{Reply, run};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Admin, "/api/v1/health", handler!(show))];

async fn show(app: Arc<App>, request: Request) -> Response {
    let here = Arc::clone(&app);
    run(app, request, move |idp, ctx, _| {
        let found = idp.examine(ctx)?;
        let house = idp.house();
        let shown = here.certificates.fingerprints().into_iter();
        Reply::json(&Health {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            start: here.start.clone(),
            database: found.trouble,
            schema: found.schema,
            newest_schema: found.newest,
            certificate: shown.filter(|(host, _)| house.host.as_str() == host).map(|(_, print)| print).next(),
            host: house.host.to_string(),
            port: house.port,
            issuer: idp.issuer(),
        })
    })
    .await
}
