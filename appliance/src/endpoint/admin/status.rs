//! `/status`.

use domain::permission::Actor;
use service::{Context, Idp};

use crate::api::Status;
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Admin, "/api/v1/status", admin!(show))];

fn show(idp: &Idp, ctx: &Context, _: &Request) -> Result<Reply, Stop> {
    let service::Status { counts, issuer } = idp.status(ctx)?;
    Reply::json(&Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        house: idp.house().name.clone(),
        issuer,
        now: ctx.now.into(),
        persons: counts.persons,
        service_accounts: counts.service_accounts,
        groups: counts.groups,
        apps: counts.apps,
        sessions: counts.sessions,
        database_bytes: counts.database_bytes,
        schema: counts.schema,
        you: match ctx.actor {
            Actor::Console => "console".to_owned(),
            Actor::Service { .. } => "service account".to_owned(),
            Actor::Person { .. } | Actor::Anonymous | Actor::System => String::new(),
        },
    })
}
