//! `latchkey app try`: the real code flow (RFC 6749 §4.1) in the place of an app, and where each claim comes from. The answer
//! is awaited on a loopback port (RFC 8252 §7.3), or pasted where the browser runs on another machine.
//! `latchkey app preview`: the same without a sign-in.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use domain::name::{ClientName, Username};
use url::Url;

use crate::api::{FinishTrial, NewTrial, Trial, TrialReport, TrialResult};
use crate::http::Method;

use super::app::one;
use super::failure::Failure;
use super::output::{self, Format, cell};
use super::shell::{Shell, read, segment};
use super::value::Length;

/// The longest head of a request of the browser.
const MAX_HEAD: u64 = 16 * 1024;
/// How long a browser that has connected may take to say what it wants.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// Nothing may be loaded, and nothing is asked for: the empty icon keeps the browser from looking for one.
const HEAD: &str = "Content-Type: text/html; charset=utf-8\r\n\
    Content-Security-Policy: default-src 'none'; img-src data:\r\nReferrer-Policy: no-referrer\r\n\
    Cache-Control: no-store\r\nConnection: close\r\n";
const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
    <title>Latchkey</title><link rel=\"icon\" href=\"data:,\">";

#[derive(Debug, Args)]
pub(crate) struct Try {
    /// The app
    name: ClientName,
    /// A scope to ask for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", default_values = ["openid", "profile", "email", "groups"])]
    scopes: Vec<String>,
    /// The port on 127.0.0.1 to wait on; any free one if not given
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// How long to wait for the sign-in
    #[arg(long, value_name = "LENGTH", default_value = "5m")]
    wait: Length,
}

#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The app
    name: ClientName,
    /// The person
    person: Username,
    /// A scope to ask for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", default_values = ["openid", "profile", "email", "groups"])]
    scopes: Vec<String>,
}

/// Where the browser ended.
struct Landing {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    description: Option<String>,
}

impl Try {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let cannot = |error| Failure::Local(format!("cannot listen on 127.0.0.1: {error}; choose another --port"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).map_err(cannot)?;
        let port = listener.local_addr().map_err(cannot)?.port();
        let redirect_uri = format!("http://127.0.0.1:{port}/trial");
        let request = NewTrial { redirect_uri: redirect_uri.clone(), scope: self.scopes.join(" ") };
        let address = format!("{}/trials", one(&self.name));
        let trial: Trial = read(shell.send(Method::Post, &address, &request)?)?;
        shell.note(&format!("Open this link in a browser and sign in, as if {} had sent you:\n", self.name))?;
        shell.note(&format!("  {}\n", trial.url))?;
        if shell.terminal.interactive {
            shell.note(&format!(
                "If the browser runs on another machine, it ends at an address that it cannot open. Copy that address \
                 from its address bar and paste it here, or forward the port: ssh -L {port}:127.0.0.1:{port} ...\n"
            ))?;
        }
        let Length(wait) = self.wait;
        let wait = Duration::from_secs(wait.as_seconds().unsigned_abs());
        let landing = await_landing(shell, listener, &redirect_uri, wait)?;
        if landing.state.as_deref() != Some(trial.state.as_str()) {
            return Err(Failure::Local("the answer belongs to another attempt; run the command again".to_owned()));
        }
        let told = landing.told();
        let finish = FinishTrial { trial: trial.trial, code: landing.code };
        let answer = shell.send(Method::Post, &format!("{address}/finish"), &finish)?;
        report(shell, answer, told.as_deref())
    }
}

impl Preview {
    /// Of the scopes that most apps ask for.
    pub(super) fn usual(name: ClientName, person: Username) -> Self {
        let scopes = ["openid", "profile", "email", "groups"].map(str::to_owned).into();
        Self { name, person, scopes }
    }

    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let scope = segment(&self.scopes.join(" "));
        let query = format!("{}/preview?person={}&scope={scope}", one(&self.name), self.person);
        let answer = shell.get(&query)?;
        report(shell, answer, None)
    }
}

/// Waits for the browser, and for a pasted address where somebody is there to paste one.
fn await_landing(
    shell: &mut Shell<'_, '_>,
    listener: TcpListener,
    wanted: &str,
    wait: Duration,
) -> Result<Landing, Failure> {
    let (sender, receiver) = mpsc::channel();
    let address = wanted.to_owned();
    let browser = sender.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let landed = stream.ok().and_then(|stream| serve(stream, &address));
            if landed.is_some_and(|landing| browser.send(landing).is_err()) {
                break;
            }
        }
    });
    // The input itself belongs to this thread's caller; what is pasted comes from the terminal of the process.
    if shell.terminal.interactive {
        let address = wanted.to_owned();
        thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if let Some(landing) = Landing::read(line.trim(), &address)
                    && sender.send(landing).is_err()
                {
                    break;
                }
            }
        });
    } else {
        drop(sender);
    }
    receiver.recv_timeout(wait).map_err(|_| {
        let text = "nobody finished the sign-in in time. If the browser showed an error page, it says why the app is \
                    refused; otherwise run the command again";
        Failure::Local(text.to_owned())
    })
}

/// Answers one request of the browser; where it is the landing, tells what it brought.
fn serve(mut stream: TcpStream, wanted: &str) -> Option<Landing> {
    stream.set_read_timeout(Some(HEAD_LIMIT)).ok()?;
    let mut line = String::new();
    BufReader::new(stream.try_clone().ok()?.take(MAX_HEAD)).read_line(&mut line).ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let base = Url::parse(wanted).ok()?;
    let landing = Landing::read(base.join(target).ok()?.as_str(), wanted);
    let (status, text) = match &landing {
        None => ("404 Not Found", "There is nothing here."),
        Some(_) => ("200 OK", "The answer has arrived. Go back to the terminal; this window can be closed."),
    };
    let page = format!("{PAGE}<p>{text}</p>\n");
    let answer = format!("HTTP/1.1 {status}\r\n{HEAD}Content-Length: {}\r\n\r\n{page}", page.len());
    // The answer has arrived, whether or not the browser reads ours.
    drop(stream.write_all(answer.as_bytes()));
    landing
}

impl Landing {
    /// What an address brings, if it is the one that was waited for.
    fn read(address: &str, wanted: &str) -> Option<Self> {
        let url = Url::parse(address).ok()?;
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        if bare.as_str() != wanted {
            return None;
        }
        let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let landing = Self {
            code: value("code"),
            state: value("state"),
            error: value("error"),
            description: value("error_description"),
        };
        (landing.code.is_some() || landing.error.is_some()).then_some(landing)
    }

    /// What the app was told instead of a code.
    fn told(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(match &self.description {
            Some(why) => format!("{error} ({why})"),
            None => error.clone(),
        })
    }
}

/// What came of it; a refusal is a failure of the command.
fn report(shell: &mut Shell<'_, '_>, answer: serde_json::Value, told: Option<&str>) -> Result<(), Failure> {
    if shell.format() == Format::Json {
        shell.json(&answer)?;
    }
    let report: TrialReport = read(answer)?;
    match report {
        TrialReport::Released(result) if shell.format() == Format::Table => show(shell, &result),
        TrialReport::Released(_) => Ok(()),
        TrialReport::Refused { why } => {
            let told = told.map(|told| format!("\n  the app was told: {told}")).unwrap_or_default();
            Err(Failure::Local(format!("the sign-in was refused: {why}{told}")))
        }
    }
}

fn show(shell: &mut Shell<'_, '_>, result: &TrialResult) -> Result<(), Failure> {
    let TrialResult { person, strength, scope, id_token, userinfo, provenance } = result;
    shell.line(&format!("{person} can sign in (strength {strength}, scope {scope}). The app gets:\n"))?;
    let mut names: Vec<&String> = id_token.keys().chain(userinfo.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let rows = names.into_iter().map(|name| {
        let inside = (id_token.get(name), userinfo.get(name));
        let place = match inside {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "ID token",
            (None, _) => "userinfo",
        };
        let value = inside.0.or(inside.1).map(cell).unwrap_or_default();
        let rule = provenance.iter().find(|known| known.claim == *name).map(|known| known.rule.clone());
        vec![name.clone(), value, place.to_owned(), rule.unwrap_or_else(|| "the protocol".to_owned())]
    });
    let text = output::table(shell.width(), &["claim", "value", "in", "because of"], rows);
    shell.line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: &str = "http://127.0.0.1:4711/trial/abc";

    #[test]
    fn only_the_address_that_was_waited_for_counts() {
        assert!(Landing::read("http://127.0.0.1:4711/trial/abc?code=x&state=y", WANTED).is_some());
        for other in [
            "http://127.0.0.1:4711/trial/abd?code=x",
            "http://127.0.0.1:4712/trial/abc?code=x",
            "https://127.0.0.1:4711/trial/abc?code=x",
            "http://127.0.0.1:4711/trial/abc",
            "http://127.0.0.1:4711/favicon.ico",
            "code=x",
            "",
        ] {
            assert!(Landing::read(other, WANTED).is_none(), "{other}");
        }
    }
}
