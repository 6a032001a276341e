//! Where the certificate comes from: an authority that every phone knows, or the box itself.

use std::sync::Arc;

use domain::certificate::CertificateChoice;
use domain::clock::Moment;
use serde_json::{Value, json};
use service::{Context, OpError, SetupView};

use super::{see, step, turned_away};
use crate::api::CertificateTrial;
use crate::certificate::{Done, NotChanged};
use crate::endpoint::web::view::part::{Chrome, News, Notice};
use crate::endpoint::web::view::setup::{Certificate, PROVIDERS};
use crate::endpoint::web::visit::{Answer, Fields, show};
use crate::http::{App, Request, Response};

pub(super) async fn ask(app: Arc<App>, request: Request) -> Answer {
    let seen = see(&app, &request).await?;
    match trial(&app, &request) {
        Some(trial) if trial.running => Ok(show_form(&app, &seen, Typed::default(), Look::Running)),
        Some(CertificateTrial { failure: Some(why), .. }) => {
            Ok(show_form(&app, &seen, Typed::default(), Look::Failed(sentence(why.what, &why.hint))))
        }
        Some(_) if seen.certificate_decided && request.query.one("again").is_ok_and(|again| again.is_none()) => {
            Ok(Response::redirect303("/setup/next"))
        }
        Some(_) | None => Ok(show_form(&app, &seen, Typed::default(), Look::Asking)),
    }
}

/// How the order is doing; the page asks once a second.
pub(super) async fn state(app: Arc<App>, request: Request) -> Answer {
    see(&app, &request).await?;
    let running = trial(&app, &request).is_some_and(|trial| trial.running);
    Ok(Response::json(200, &json!({ "state": if running { "running" } else { "over" } })))
}

/// What was typed before.
#[derive(Clone, Debug, Default)]
struct Typed {
    provider: String,
    alias: String,
}

enum Look {
    Asking,
    Running,
    Failed(String),
}

pub(super) async fn save(app: Arc<App>, request: Request) -> Answer {
    let seen = see(&app, &request).await?;
    let fields = Fields::read(&request)?;
    let typed =
        Typed { provider: fields.get("provider")?.to_owned(), alias: fields.get("alias")?.trim().to_lowercase() };
    let token = fields.secret("token")?;
    let choice = match fields.get("way")? {
        "own-ca" => CertificateChoice::OwnCa,
        _ => match choice(&typed, token.expose()) {
            Ok(choice) => choice,
            Err(why) => return Ok(show_form(&app, &seen, typed, Look::Failed(why))),
        },
    };
    match choose(&app, &request, choice).await? {
        Ok(true) => Ok(Response::redirect303("/setup/certificate")),
        Ok(false) => Ok(Response::redirect303("/setup/next")),
        Err(why) => Ok(show_form(&app, &seen, typed, Look::Failed(why))),
    }
}

/// The choice in the words that the provisioning file and the admin API use, so that it is checked in the same place.
fn choice(typed: &Typed, token: &str) -> Result<CertificateChoice, String> {
    let known = PROVIDERS.iter().any(|(word, _)| *word == typed.provider);
    if !known {
        return Err("choose who keeps the DNS of your domain".to_owned());
    }
    let mut choice = json!({ "kind": "acme", "dns": { "kind": typed.provider, "token": token } });
    if !typed.alias.is_empty()
        && let Some(choice) = choice.as_object_mut()
    {
        choice.insert("challenge_alias".to_owned(), Value::from(typed.alias.as_str()));
    }
    serde_json::from_value(choice).map_err(|why| why.to_string())
}

/// Has the certificates choose, for the browser that holds the claim; whether that takes a while.
async fn choose(app: &App, request: &Request, choice: CertificateChoice) -> Result<Result<bool, String>, Response> {
    let (certificates, moment) = (Arc::clone(&app.certificates), request.moment());
    let chosen = step(app, request, move |idp, context, held| {
        idp.see_setup(context, held)?;
        Ok(match certificates.choose(idp, &Context::system(moment), choice) {
            Ok(Done { running, .. }) => Ok(running),
            Err(NotChanged::Trouble(trouble)) => Err(sentence(trouble.what, &trouble.hint)),
            Err(NotChanged::Op(OpError::Refused(refusal))) => Err(refusal.to_string()),
            Err(NotChanged::Op(OpError::Fault(fault))) => return Err(OpError::Fault(fault)),
        })
    });
    chosen.await?.map_err(|error| turned_away(app, error))
}

fn sentence(what: String, hint: &str) -> String {
    if hint.is_empty() { what } else { format!("{what}: {hint}") }
}

fn trial(app: &App, request: &Request) -> Option<CertificateTrial> {
    let Moment { now, .. } = request.moment();
    app.certificates.status(Value::Null, now)?.trial
}

fn show_form(app: &App, seen: &SetupView, typed: Typed, look: Look) -> Response {
    let (status, running, notice) = match look {
        Look::Asking => (200, false, None),
        Look::Running => (200, true, None),
        Look::Failed(why) => (422, false, Some(Notice::of(News::Refused { why }))),
    };
    let page = Certificate {
        chrome: Chrome::nobody(&app.house()),
        notice,
        host: seen.house.host.to_string(),
        running,
        provider: typed.provider,
        alias: typed.alias,
    };
    show(app, status, &page)
}
