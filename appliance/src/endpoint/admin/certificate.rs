//! `/certificate`: what browsers are shown, where it comes from, and how to have another.

use std::sync::Arc;

use domain::certificate::CertificateChoice;
use domain::permission::Actor;
use service::{Context, Idp};

use crate::api::{CertificateChanged, Problem, ProblemCode, RenewCertificate};
use crate::certificate::{Certificates, Done, NotChanged, Trouble};
use crate::http::{App, Kind, Request, Response, Route, handler};

use super::{Reply, Stop, effect, run};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/certificate", handler!(show)),
    Route::put(Kind::Admin, "/api/v1/certificate", handler!(choose)),
    Route::post(Kind::Admin, "/api/v1/certificate/renew", handler!(renew)),
];

async fn show(app: Arc<App>, request: Request) -> Response {
    with(app, request, |certificates, idp, ctx, _| {
        let choice = idp.shown_certificate_choice(ctx)?;
        match certificates.status(choice, ctx.now) {
            Some(status) => Reply::json(&status),
            None => Err(Problem::new(ProblemCode::NotFound, "there is no certificate yet").into()),
        }
    })
    .await
}

async fn choose(app: Arc<App>, request: Request) -> Response {
    with(app, request, |certificates, idp, ctx, request| {
        let choice: CertificateChoice = request.json()?;
        if ctx.actor != Actor::Console && choice.reaches_into_the_box() {
            let problem = Problem::new(
                ProblemCode::NotAllowed,
                "files, programs and servers of your own are chosen at the box only",
            );
            return Err(problem.hint("run the same command on the box itself").into());
        }
        changed(certificates.choose(idp, ctx, choice)?)
    })
    .await
}

async fn renew(app: Arc<App>, request: Request) -> Response {
    with(app, request, |certificates, idp, ctx, request| {
        let RenewCertificate { new_ca } = request.json()?;
        changed(certificates.make_anew(idp, ctx, new_ca)?)
    })
    .await
}

fn changed(Done { change, running }: Done) -> Result<Reply, Stop> {
    Reply::json(&CertificateChanged { change: effect(change), running })
}

async fn with(app: Arc<App>, request: Request, act: Act) -> Response {
    let certificates = Arc::clone(&app.certificates);
    run(app, request, move |idp, ctx, request| act(&certificates, idp, ctx, request)).await
}

/// An endpoint that looks at the certificates too.
type Act = fn(&Certificates, &Idp, &Context, &Request) -> Result<Reply, Stop>;

impl From<NotChanged> for Stop {
    fn from(why: NotChanged) -> Self {
        match why {
            NotChanged::Op(error) => error.into(),
            NotChanged::Trouble(Trouble { what, hint }) => {
                let problem = Problem::new(ProblemCode::Conflict, what);
                if hint.is_empty() { problem.into() } else { problem.hint(hint).into() }
            }
        }
    }
}
