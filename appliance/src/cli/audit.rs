//! `latchkey audit`: who did what, on whom, from where and when.

use clap::Args;
use domain::time::Timestamp;
use serde_json::Value;

use crate::api::{self, Time};

use super::failure::Failure;
use super::output::cell;
use super::shell::{Shell, path, segment};
use super::value::Moment;

/// Show who did what, on whom, from where and when; the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  latchkey audit --since 24h
  latchkey audit --actor anna --action session.create --outcome refused
  latchkey audit --target jellyfin --limit 20 --output json")]
pub(crate) struct Audit {
    /// Only what this account did (or `console`, `system`)
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only actions that begin like this: `person`, `person.create`, `session.create` (a sign-in)
    #[arg(long, value_name = "PREFIX")]
    action: Option<String>,
    /// Only what was done to this person, group or app
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Only what was done, or only what was refused
    #[arg(long, value_parser = ["success", "refused"])]
    outcome: Option<String>,
    /// Only from this moment on: a day, a moment, or how long ago
    #[arg(long, value_name = "MOMENT")]
    since: Option<Moment>,
    /// Only until this moment: a day, a moment, or how long ago
    #[arg(long, value_name = "MOMENT")]
    until: Option<Moment>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: usize,
}

impl Audit {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let now = shell.now();
        let moment = |moment: Option<Moment>| moment.map(|moment| Time(moment.ago(now)).to_string());
        let filters = [
            ("actor", self.actor),
            ("action", self.action),
            ("target", self.target),
            ("outcome", self.outcome),
            ("since", moment(self.since)),
            ("until", moment(self.until)),
        ];
        let given = filters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", segment(&value))).collect();
        let joint = if query.is_empty() { "" } else { "?" };
        let items = shell.collect(&format!("{}{joint}{}", path(&["audit"]), query.join("&")), self.limit)?;
        let head = ["when (UTC)", "who", "what", "on", "from", "outcome", "detail"];
        shell.list(items, "Nothing like that has happened.", &head, |event: api::Event| {
            let detail = detail(&event.detail);
            vec![event.at.short(), event.actor, event.action, event.target, event.origin, event.outcome, detail]
        })
    }
}

/// The fields of a detail as `name=value`; moments are written as such.
fn detail(value: &Value) -> String {
    let Value::Object(fields) = value else { return cell(value) };
    let field = |(name, value): (&String, &Value)| match value.as_i64().filter(|_| name.ends_with("_at")) {
        Some(seconds) => format!("{name}={}", Time(Timestamp::from_unix(seconds))),
        None => format!("{name}={}", cell(value)),
    };
    fields.iter().map(field).collect::<Vec<_>>().join(" ")
}
