//! Why a command did not do it, in words and as an exit code.

use std::io;

use crate::api::{Problem, ProblemCode};
use crate::http::ClientError;

use super::Terminal;

/// The exit code of a command or value that is wrong.
pub(super) const USAGE: u8 = 2;

/// Why a command did not do it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command or a value in it is wrong.
    Usage(String),
    /// The server cannot be reached.
    Unreachable(ClientError),
    /// The server said no.
    Problem(Box<Problem>),
    /// What the server said cannot be understood.
    Strange(String),
    /// Another part of the box than the server cannot be reached.
    NotReached(String),
    /// Another part of the box than the server failed.
    Elsewhere(String),
    /// What is wrong has been told.
    Told,
    /// Something on this machine failed.
    Local(String),
    /// Nobody reads the output any more, as in `latchkey ... | head`.
    NobodyReads,
}

impl Failure {
    /// It in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Usage(text)
            | Self::Strange(text)
            | Self::NotReached(text)
            | Self::Elsewhere(text)
            | Self::Local(text) => text.clone(),
            Self::Unreachable(error) => error.to_string(),
            Self::Problem(problem) => problem.detail.clone(),
            Self::Told | Self::NobodyReads => String::new(),
        }
    }

    /// Tells it on stderr; the exit code says which kind it was.
    pub(super) fn report(self, terminal: &mut Terminal<'_>) -> u8 {
        let (code, text, hint) = match self {
            // What names an option has said what to try.
            Self::Usage(text) if text.contains("--") => (USAGE, text, None),
            Self::Usage(text) => (USAGE, text, Some("add --help to the command to see what it takes".to_owned())),
            Self::Unreachable(error) => (3, error.to_string(), hint_for(&error)),
            Self::Problem(problem) => (exit_code(problem.code), problem.detail, problem.hint),
            Self::Strange(text) => (6, text, Some("is the server of the same version as this command?".to_owned())),
            Self::NotReached(text) => (3, text, None),
            Self::Elsewhere(text) => (6, text, None),
            Self::Local(text) => (1, text, None),
            Self::Told => return 1,
            Self::NobodyReads => return 0,
        };
        let hint = hint.map(|hint| format!("\n  try: {hint}")).unwrap_or_default();
        // If stderr is closed there is nobody left to be told.
        drop(writeln!(terminal.err, "latchkey: {text}{hint}"));
        code
    }
}

/// Refuses a `set` that sets nothing: it is a word that was forgotten.
pub(super) fn something(nothing: bool, example: &str) -> Result<(), Failure> {
    if nothing {
        Err(Failure::Usage(format!("say what to change, as in {example}; --help lists it all")))
    } else {
        Ok(())
    }
}

/// The table is in the help of the program (`latchkey --help`).
const fn exit_code(code: ProblemCode) -> u8 {
    match code {
        ProblemCode::Exists | ProblemCode::Conflict | ProblemCode::Limit => 1,
        ProblemCode::Invalid => USAGE,
        ProblemCode::NotFound => 4,
        ProblemCode::NotSignedIn | ProblemCode::NotAllowed => 5,
        ProblemCode::Busy | ProblemCode::ClockNotSet | ProblemCode::DiskFull | ProblemCode::Fault => 6,
    }
}

fn hint_for(error: &ClientError) -> Option<String> {
    let hint = match error {
        ClientError::Socket(_, error) if error.kind() == io::ErrorKind::PermissionDenied => {
            "only root and the server's own user may use it; use sudo, or --url with --token-file"
        }
        ClientError::Socket(..) => {
            "is the server running here? For another socket (the demo prints its own) give --socket or set \
             LATCHKEY_SOCKET; for another machine give --url and --token-file"
        }
        ClientError::Connect(_, error) if error.kind() == io::ErrorKind::InvalidData => {
            "if the server made its certificate itself, name that certificate with --ca-file"
        }
        ClientError::Connect(..) => "check the address, and that this machine reaches it",
        ClientError::Address(_) => "write it as in --url https://id.example.net",
        ClientError::Roots(..) => "give a PEM file with --ca-file",
        ClientError::Broken(_) | ClientError::Slow => "look at the server's log, and try again",
    };
    Some(hint.to_owned())
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Unreachable(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::NobodyReads
        } else {
            Self::Local(format!("cannot write the result: {error}"))
        }
    }
}
