//! `latchkey demo`: the whole provider on this machine, with a household to play with.
//!
//! Everything in it is made by the operations that the admin API uses. It is kept between runs.

mod household;
mod unclaimed;

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use domain::host::{Host, HostError};
use service::{Fault, OpError, Refusal};

use crate::config::{ClockMode, Config, LogLevel};
use crate::serve::{self, Desk, ServeError};

use household::{Link, NewApp};

/// What the demo is told.
pub(crate) struct Options {
    /// Begin without an owner, as a box does that was just flashed.
    pub(crate) unclaimed: bool,
    /// Throw away what an earlier run kept.
    pub(crate) fresh: bool,
    /// Where to listen on 127.0.0.1.
    pub(crate) port: u16,
    /// Where to listen on 127.0.0.1 without TLS, if at all.
    pub(crate) plain_port: Option<u16>,
    /// Where the household is kept.
    pub(crate) folder: PathBuf,
}

/// Serves the demo until it is told to stop.
///
/// # Errors
/// When something that it needs cannot be had; the text says what and where.
pub(crate) fn run(options: &Options, out: &mut dyn Write) -> Result<(), DemoError> {
    let config = config(options)?;
    if options.fresh {
        start_over(&config)?;
    }
    serve::run_after(config.clone(), |desk| {
        if options.unclaimed {
            return unclaimed::welcome(&config, desk, out);
        }
        let (apps, links) = furnish(desk)?;
        out.write_all(welcome(&config, &desk.house().issuer(), &apps, &links).as_bytes())
            .and_then(|()| out.flush())
            .map_err(DemoError::Output)
    })
}

fn config(options: &Options) -> Result<Config, DemoError> {
    let host: Host = "localhost".parse().map_err(|why: HostError| DemoError::Unexpected(why.to_string()))?;
    Ok(Config {
        host: Some(host),
        house: (!options.unclaimed).then(|| "Latchkey demo".to_owned()),
        port: options.port,
        listen: vec![([127, 0, 0, 1], options.port).into()],
        plain: Some(options.plain_port.map(|port| ([127, 0, 0, 1], port).into()).into_iter().collect()),
        data_dir: options.folder.clone(),
        boot_dir: None,
        data_mount: None,
        update_dir: None,
        mdns: Some(false),
        socket: None,
        tls: None,
        clock: ClockMode::Trusted,
        log: LogLevel::Warn,
        panel: crate::config::Panel::default(),
        limits: crate::config::Limits::default(),
    })
}

/// Removes what the demo made, and nothing that it did not make.
fn start_over(config: &Config) -> Result<(), DemoError> {
    if UnixStream::connect(config.socket()).is_ok() {
        return Err(DemoError::Running(config.data_dir.clone()));
    }
    if !config.data_dir.exists() {
        return Ok(());
    }
    if !config.database().exists() {
        return Err(DemoError::NotOurs(config.data_dir.clone()));
    }
    fs::remove_dir_all(&config.data_dir).map_err(|error| DemoError::Folder(config.data_dir.clone(), error))
}

/// Founds the household if nobody lives there, and makes a link for everybody who has no way in yet.
fn furnish(desk: &Desk) -> Result<(Vec<NewApp>, Vec<Link>), DemoError> {
    let moment = desk.moment();
    let made = desk.operate(move |idp| -> Result<_, OpError<Refusal>> {
        Ok((household::found(idp, moment)?, household::links(idp, moment)?))
    });
    Ok(made.map_err(|_| DemoError::Unexpected("the server is busy before it began".to_owned()))??)
}

fn welcome(config: &Config, issuer: &str, apps: &[NewApp], links: &[Link]) -> String {
    let mut text = format!("\nLatchkey serves a demo household on {issuer}\n");
    text.push_str(&format!("It is kept in {} (--fresh starts over).\n", config.data_dir.display()));
    text.push_str(
        "\nYour browser will warn that the connection is not private: the demo made its certificate itself, for this\n\
         machine only. Choose \"Advanced\", then \"Proceed to localhost\" (Firefox: \"Accept the Risk and Continue\").\n",
    );
    if let Some(plain) = config.plain_addresses().first() {
        text.push_str(&format!("\nWhat port 80 of a box says, is on http://localhost:{}/trust\n", plain.port()));
    }
    if !links.is_empty() {
        text.push_str("\nOpen one of these links to move in; each works once:\n\n");
    }
    for link in links {
        text.push_str(&format!("  {:<6} {}\n         {}\n", link.name, link.who, link.url.expose()));
    }
    if !apps.is_empty() {
        text.push_str("\nThe apps know themselves by these secrets, shown this once:\n\n");
    }
    for app in apps {
        let secret = app.secret.as_ref().map_or("", |secret| secret.expose());
        text.push_str(&format!("  client_id {:<7} client_secret {secret}\n", app.name));
    }
    let socket = config.socket();
    let program = std::env::current_exe().map_or_else(|_| "latchkey".to_owned(), |path| path.display().to_string());
    text.push_str(&format!(
        "\nFrom another terminal, manage the house, or sign in as an app would:\n\n\
         \x20 export LATCHKEY_SOCKET={}\n  {program} person list\n  {program} app try photos\n\nCtrl-C stops it.\n",
        socket.display()
    ));
    text
}

/// Why the demo does not run.
#[derive(Debug)]
pub(crate) enum DemoError {
    /// The server does not start.
    Serve(ServeError),
    /// The household could not be made.
    Household(OpError<Refusal>),
    /// There is a demo on that folder already.
    Running(PathBuf),
    /// The folder holds something else.
    NotOurs(PathBuf),
    /// The folder cannot be removed.
    Folder(PathBuf, io::Error),
    /// Nobody reads what it says.
    Output(io::Error),
    /// A thing that cannot happen did.
    Unexpected(String),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serve(error) => error.fmt(f),
            Self::Household(OpError::Refused(refusal)) => write!(f, "the household was refused: {refusal}"),
            Self::Household(OpError::Fault(fault)) => fault.fmt(f),
            Self::Running(folder) => write!(f, "a demo runs on {} already; stop it first", folder.display()),
            Self::NotOurs(folder) => {
                write!(f, "{} holds no household, so it is not removed; name another folder", folder.display())
            }
            Self::Folder(folder, error) => write!(f, "cannot remove {}: {error}", folder.display()),
            Self::Output(error) => write!(f, "cannot write: {error}"),
            Self::Unexpected(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for DemoError {}

impl From<ServeError> for DemoError {
    fn from(error: ServeError) -> Self {
        Self::Serve(error)
    }
}

impl From<OpError<Refusal>> for DemoError {
    fn from(error: OpError<Refusal>) -> Self {
        Self::Household(error)
    }
}

impl From<Fault> for DemoError {
    fn from(fault: Fault) -> Self {
        Self::Household(OpError::Fault(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(name: &str) -> Options {
        let folder = std::env::temp_dir().join(format!("latchkey-demo-test-{}-{name}", std::process::id()));
        Options { unclaimed: false, fresh: true, port: 8443, plain_port: None, folder }
    }

    #[test]
    fn starting_over_leaves_a_folder_alone_that_holds_something_else() {
        let options = options("other");
        fs::create_dir_all(&options.folder).unwrap();
        fs::write(options.folder.join("letter"), "dear").unwrap();
        let refused = start_over(&config(&options).unwrap());
        assert!(matches!(refused, Err(DemoError::NotOurs(_))), "{refused:?}");
        assert!(options.folder.join("letter").exists());
        fs::remove_dir_all(&options.folder).unwrap();
    }

    #[test]
    fn starting_over_removes_the_household() {
        let options = options("ours");
        let config = config(&options).unwrap();
        fs::create_dir_all(&options.folder).unwrap();
        fs::write(config.database(), "").unwrap();
        start_over(&config).unwrap();
        assert!(!options.folder.exists());
        start_over(&config).unwrap();
    }
}
