//! `/status`.

use std::sync::Arc;

use domain::permission::Actor;
use service::{Context, Idp};

use crate::api::{self, OtherCertificate, Status};
use crate::http::{App, Kind, Request, Response, Route, handler};
use crate::panel::health;
use crate::update;

use super::{Reply, Stop, run};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Admin, "/api/v1/status", handler!(show))];

async fn show(app: Arc<App>, request: Request) -> Response {
    let panel = health::panel(&app).await;
    let certificate = app.certificates.line(request.now);
    let folder = app.config.update_dir.clone();
    run(app, request, move |idp, ctx, _| {
        // What is wrong with it is in the log.
        let update = update::read(folder.as_deref()).ok().flatten();
        status(idp, ctx, panel, (certificate, update))
    })
    .await
}

type Beside = (Option<OtherCertificate>, Option<api::Update>);

fn status(idp: &Idp, ctx: &Context, panel: api::Panel, (certificate, update): Beside) -> Result<Reply, Stop> {
    let service::Status { counts, issuer } = idp.status(ctx)?;
    Reply::json(&Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        house: idp.house().name.clone(),
        issuer,
        now: ctx.now.into(),
        clock: ctx.trust,
        persons: counts.persons,
        service_accounts: counts.service_accounts,
        groups: counts.groups,
        apps: counts.apps,
        sessions: counts.sessions,
        database_bytes: counts.database_bytes,
        schema: counts.schema,
        states: panel.states,
        certificate,
        update,
        you: match ctx.actor {
            Actor::Console => "console".to_owned(),
            Actor::Service { .. } => "service account".to_owned(),
            Actor::Person { .. } | Actor::Anonymous | Actor::System => String::new(),
        },
    })
}
