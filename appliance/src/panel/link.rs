//! The way to the server: the control socket, as for every other command.
//!
//! One thread asks how the box is and is answered as soon as that changes, or after a few seconds: a request every 200 ms would
//! be as quick, and would wake a small board and write to its journal all day. Another thread tells what was pressed, so that it
//! never waits behind the first.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use domain::indicator::Active;
use domain::panel::Report;
use serde::Serialize;
use serde_json::json;

use super::{Input, PanelError};
use crate::api;
use crate::http::{Answer, Call, Client, Method};
use crate::system;

/// A server that has not answered for that long hangs: a question without news is answered after 20 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(25);
/// Between two attempts at a server that is not there.
const PAUSE: Duration = Duration::from_millis(500);
/// What may wait to be told.
const JOBS: usize = 8;
/// Only touched pages cost memory. Unoptimised, frames are several times larger.
const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 512 << 10 };

/// What the server told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) report: Report,
    /// What it knows of the panel's own states.
    pub(super) told: Active,
}

/// What the server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    OpenClaimWindow,
    OpenRecoveryWindow,
    /// These states only the panel knows.
    Tell(Active),
}

/// Starts the thread that asks how the box is. It ends with the panel.
///
/// # Errors
/// When the machine has no more threads.
pub(super) fn listen(socket: PathBuf, inputs: SyncSender<Input>) -> Result<(), PanelError> {
    let client = Client::socket(socket)?;
    let work = move || {
        let mut seen = String::new();
        loop {
            let input = match ask(&client, Some(&seen)) {
                Ok(panel) => {
                    let heard = heard(&panel);
                    seen = panel.version;
                    Input::Heard(heard)
                }
                Err(error) => {
                    tracing::debug!(%error, "no news");
                    seen.clear();
                    Input::Silent
                }
            };
            let silent = matches!(input, Input::Silent);
            if inputs.send(input).is_err() {
                return;
            }
            if silent {
                async_io::block_on(system::after(PAUSE));
            }
        }
    };
    start("news", work)
}

/// Starts the thread that tells the server what was pressed. It ends with the panel.
///
/// # Errors
/// When the machine has no more threads.
pub(super) fn tell(socket: PathBuf) -> Result<SyncSender<Job>, PanelError> {
    let client = Client::socket(socket)?;
    let (jobs, come): (_, Receiver<Job>) = sync_channel(JOBS);
    start("presence", move || {
        for job in come {
            match perform(&client, job) {
                Ok(()) => tracing::info!(?job, "told the server"),
                Err(error) => tracing::warn!(?job, %error, "the server did not do it"),
            }
        }
    })?;
    Ok(jobs)
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), PanelError> {
    let started = thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work);
    started.map(drop).map_err(PanelError::Threads)
}

/// How the box is; with `seen`, as soon as it is not so any more.
pub(super) fn ask(client: &Client, seen: Option<&str>) -> Result<api::Panel, PanelError> {
    let path = match seen {
        Some(seen) => format!("{}/panel?seen={seen}", api::PREFIX),
        None => format!("{}/panel", api::PREFIX),
    };
    let answer = call(client, Call { method: Method::Get, path: &path, body: None }, ANSWER_LIMIT)?;
    serde_json::from_slice(&answer.body)
        .map_err(|error| PanelError::Refused(format!("the server's answer is not understood: {error}")))
}

pub(super) fn heard(panel: &api::Panel) -> Heard {
    // Nothing of the server waits for a tap.
    let report = Report { active: panel.active(), waiting: false };
    Heard { report, told: api::by_names(panel.told.iter().map(String::as_str)) }
}

/// Does one job.
pub(super) fn perform(client: &Client, job: Job) -> Result<(), PanelError> {
    match job {
        Job::OpenClaimWindow => send(client, Method::Post, "presence", &json!({"window": "claim"})),
        Job::OpenRecoveryWindow => send(client, Method::Post, "presence", &json!({"window": "recovery"})),
        Job::Tell(own) => send(client, Method::Put, "panel", &api::PanelTold { states: api::names_of(own) }),
    }
}

fn send(client: &Client, method: Method, what: &str, body: &impl Serialize) -> Result<(), PanelError> {
    let bytes = serde_json::to_vec(body).map_err(|error| PanelError::Refused(error.to_string()))?;
    let path = format!("{}/{what}", api::PREFIX);
    call(client, Call { method, path: &path, body: Some(("application/json", bytes)) }, ANSWER_LIMIT).map(drop)
}

/// Asks, and makes a refusal an error.
pub(super) fn call(client: &Client, request: Call<'_>, limit: Duration) -> Result<Answer, PanelError> {
    let answer = client.call_within(request, limit)?;
    if answer.status < 300 {
        return Ok(answer);
    }
    let said = match serde_json::from_slice::<api::Problem>(&answer.body) {
        Ok(problem) => problem.detail,
        Err(_) => format!("the server answered {}", answer.status),
    };
    Err(PanelError::Refused(said))
}
