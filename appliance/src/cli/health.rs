//! `latchkey health`: whether the box does what it is there for. Root of the image asks before it believes in a new version, so it asks as
//! an app would: over TLS, for the documents that every sign-in begins with.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use domain::time::Uptime;
use serde_json::{Value, json};

use crate::api::Health as Found;
use crate::certificate;
use crate::http::{Call, Client, Method};
use crate::system::{self, SystemClock};

use super::failure::Failure;
use super::output::{Format, printable};
use super::shell::{Shell, path, read};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// To get one answer over TLS.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest that somebody may want to look on.
const LONGEST: u32 = 3600;

/// Whether the box works: the database, TLS, and what apps ask for before a sign-in. On the box only
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  latchkey health\n  latchkey health --stable 120\n\n\
    Leaves with 0 when all is well; else each reason is a line on stderr.")]
pub(crate) struct Health {
    /// Look on for that long, and fail if anything fails or the server is started again
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=i64::from(LONGEST)))]
    stable: u32,
    /// Where TLS is; the port of the house on this machine unless said otherwise
    #[arg(long, value_name = "ADDRESS:PORT")]
    address: Option<SocketAddr>,
}

impl Health {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        shell.socket()?;
        let stable = Duration::from_secs(self.stable.into());
        let looked = look_on(
            stable,
            || SystemClock.uptime(),
            |pause| {
                async_io::block_on(system::after(pause));
            },
            || look(shell, self.address),
        );
        let reasons = looked.err().unwrap_or_default();
        match shell.format() {
            Format::Json => shell.json(&json!({ "healthy": reasons.is_empty(), "reasons": reasons }))?,
            Format::Table if !reasons.is_empty() => {}
            Format::Table if self.stable > 0 => shell.line(&format!("healthy for {} s", self.stable))?,
            Format::Table => shell.line("healthy")?,
        }
        for reason in &reasons {
            shell.note(&printable(&reason.replace('\n', " ")))?;
        }
        if reasons.is_empty() { Ok(()) } else { Err(Failure::Told) }
    }
}

/// What is wrong, each in a sentence.
type Reasons = BTreeSet<String>;

/// Looks again and again for that long, at least once. All looks must be good, and of one and the same start.
fn look_on(
    stable: Duration,
    now: impl Fn() -> Uptime,
    mut wait: impl FnMut(Duration),
    mut look: impl FnMut() -> Result<String, Reasons>,
) -> Result<(), Reasons> {
    let began = now();
    let first = look()?;
    loop {
        let left = stable.saturating_sub(now().since(began));
        if left.is_zero() {
            return Ok(());
        }
        wait(left.min(PAUSE));
        if look()? != first {
            return Err(Reasons::from(["the server was started again meanwhile".to_owned()]));
        }
    }
}

/// One look; which start of the server it was.
fn look(shell: &mut Shell<'_, '_>, address: Option<SocketAddr>) -> Result<String, Reasons> {
    let one = |what: &str, why: &dyn std::fmt::Display| Reasons::from([format!("{what}: {why}")]);
    let found = shell.get(&path(&["health"])).and_then(read::<Found>);
    let found = found.map_err(|failure| one("the server does not say that it is well", &failure.words()))?;
    let mut reasons = of_the_database(&found);
    let address = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], found.port)));
    match &found.certificate {
        None => reasons.extend(["there is no certificate for the name of the house".to_owned()]),
        Some(print) => match client(&found, print, address) {
            Ok(client) => reasons.extend(of_the_network(&found, |path| fetch(&client, path))),
            Err(error) => reasons.extend([format!("TLS cannot be tried: {error}")]),
        },
    }
    if reasons.is_empty() { Ok(found.start) } else { Err(reasons) }
}

fn of_the_database(found: &Found) -> Reasons {
    let mut reasons = Reasons::new();
    if let Some(trouble) = &found.database {
        reasons.insert(format!("the database is damaged: {trouble}"));
    }
    if found.schema != found.newest_schema {
        let Found { schema, newest_schema, .. } = found;
        reasons.insert(format!("the database has schema {schema} and not {newest_schema}: it was not migrated"));
    }
    reasons
}

fn client(found: &Found, print: &str, address: SocketAddr) -> Result<Client, String> {
    let trust = certificate::trusting(print.to_owned()).map_err(|error| error.to_string())?;
    Client::at(&found.host, found.port, address, trust).map_err(|error| error.to_string())
}

/// What an app asks for before anybody can sign in to it, and what monitors ask for.
fn of_the_network(found: &Found, fetch: impl Fn(&str) -> Result<Value, String>) -> Reasons {
    let mut reasons = Reasons::new();
    let mut ask = |path: &str| match fetch(path) {
        Ok(answer) => Some(answer),
        Err(why) => {
            reasons.insert(format!("{path}: {why}"));
            None
        }
    };
    let health = ask("/health");
    let discovery = ask("/.well-known/openid-configuration");
    let keys = discovery.as_ref().and_then(|document| document["jwks_uri"].as_str()?.strip_prefix(&found.issuer));
    let set = keys.and_then(&mut ask);
    // Before the clock is set nobody signs in, and the box is well nevertheless.
    if health.is_some_and(|health| !["ok", "waiting"].iter().any(|good| health["status"] == *good)) {
        reasons.insert("/health: it says that the box is not well".to_owned());
    }
    if let Some(document) = &discovery {
        if document["issuer"] != *found.issuer {
            reasons.insert("discovery: it names another issuer".to_owned());
        }
        if keys.is_none() {
            reasons.insert("discovery: it does not say where the keys of this house are".to_owned());
        }
    }
    if set.is_some_and(|set| set["keys"].as_array().is_none_or(Vec::is_empty)) {
        reasons.insert("JWKS: there is no key".to_owned());
    }
    reasons
}

fn fetch(client: &Client, path: &str) -> Result<Value, String> {
    let call = Call { method: Method::Get, path, body: None };
    let answer = client.call_within(call, PATIENCE).map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("it answers {}", answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|_| "it answers something else than JSON".to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn found() -> Found {
        Found {
            version: "0.1.0".to_owned(),
            start: "a".to_owned(),
            database: None,
            schema: 2,
            newest_schema: 2,
            host: "id.example".to_owned(),
            port: 443,
            issuer: "https://id.example".to_owned(),
            certificate: None,
        }
    }

    fn good(path: &str) -> Result<Value, String> {
        Ok(match path {
            "/health" => json!({ "status": "waiting" }),
            "/.well-known/openid-configuration" => {
                json!({ "issuer": "https://id.example", "jwks_uri": "https://id.example/keys" })
            }
            "/keys" => json!({ "keys": [1] }),
            other => return Err(format!("{other} was not to be asked for")),
        })
    }

    /// Looks on for 12 seconds of which no time passes but what is waited; how often was looked.
    fn looks(mut answer: impl FnMut(u32) -> Result<String, Reasons>) -> (u32, Result<(), Reasons>) {
        let (now, count) = (Cell::new(0), Cell::new(0));
        let wait = |pause: Duration| now.set(now.get() + u64::try_from(pause.as_millis()).unwrap());
        let look = || {
            count.set(count.get() + 1);
            answer(count.get())
        };
        let ended = look_on(Duration::from_secs(12), || Uptime::from_millis(now.get()), wait, look);
        (count.get(), ended)
    }

    #[test]
    fn it_looks_on_until_the_time_is_over_and_once_more() {
        assert_eq!(looks(|_| Ok("a".to_owned())), (4, Ok(())));
        let once = look_on(Duration::ZERO, Uptime::default, |_| unreachable!(), || Ok("a".to_owned()));
        assert_eq!(once, Ok(()));
    }

    #[test]
    fn one_bad_look_or_another_start_is_enough() {
        let bad = Reasons::from(["no".to_owned()]);
        assert_eq!(
            looks(|count| if count == 3 { Err(bad.clone()) } else { Ok("a".to_owned()) }),
            (3, Err(bad.clone()))
        );
        let (count, ended) = looks(|count| Ok(if count < 2 { "a" } else { "b" }.to_owned()));
        assert!(count == 2 && ended.unwrap_err().iter().any(|why| why.contains("started again")));
    }

    #[test]
    fn a_database_that_is_damaged_or_was_not_migrated_is_a_reason() {
        assert!(of_the_database(&found()).is_empty());
        let bad = Found { database: Some("page 3".to_owned()), schema: 1, ..found() };
        assert_eq!(of_the_database(&bad).len(), 2);
    }

    #[test]
    fn each_document_that_apps_need_is_a_reason_when_it_is_wrong() {
        assert!(of_the_network(&found(), good).is_empty());
        for (broken, instead, expected) in [
            ("/health", json!({ "status": "failed" }), "not well"),
            ("/.well-known/openid-configuration", json!({}), "another issuer"),
            ("/.well-known/openid-configuration", json!({}), "where the keys"),
            (
                "/.well-known/openid-configuration",
                json!({ "issuer": "https://id.example", "jwks_uri": "https://evil.example/keys" }),
                "where the keys",
            ),
            ("/keys", json!({ "keys": [] }), "no key"),
            ("/keys", json!([]), "no key"),
        ] {
            let reasons =
                of_the_network(&found(), |path| if path == broken { Ok(instead.clone()) } else { good(path) });
            assert!(reasons.iter().any(|why| why.contains(expected)), "{broken}: {reasons:?}");
        }
        let dead = of_the_network(&found(), |_| Err("nobody answers".to_owned()));
        assert_eq!(dead.len(), 2, "{dead:?}");
    }
}
