//! A program of the owner's: `PROGRAM present|cleanup NAME VALUE`, without a shell, without our environment, with a bound on its
//! time and on what it may say. It ends with 0, or says on its standard error what is wrong.

use std::os::unix::process::CommandExt;
use std::process::{Command as StdCommand, Stdio};
use std::time::Duration;

use domain::certificate::AbsolutePath;
use futures_lite::{AsyncReadExt, FutureExt};
use rustix::process::{Pid, Signal, kill_process_group};
use smol::process::{Child, ChildStderr, Command, ExitStatus};

use super::Record;
use crate::certificate::acme::{AcmeError, AcmeErrorKind, clean};
use crate::system;

/// The most that it may say.
const MAX_WORDS: u64 = 64 * 1024;
/// How long we listen for its last words after it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the program is called for.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Present,
    Cleanup,
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Cleanup => "cleanup",
        }
    }
}

enum End {
    Exited(ExitStatus),
    Lost(std::io::Error),
    Late,
    Talkative,
}

pub(super) async fn run(
    program: &AbsolutePath,
    action: Action,
    record: Record<'_>,
    limit: Duration,
) -> Result<(), AcmeError> {
    let failed = |why: String| {
        let words = format!("The program {program} could not {} the DNS record: {why}.", action.word());
        AcmeError::new(AcmeErrorKind::Program, words)
    };
    let mut command = StdCommand::new(program.as_path());
    command.args([action.word(), record.name.as_str(), record.value]);
    command.env_clear().current_dir("/");
    // A group of its own, so that what it starts ends with it.
    command.process_group(0);
    let mut command = Command::from(command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let group = Group::of(&child);
    let mut words = Vec::new();
    let stderr = child.stderr.take();
    let (end, stderr) = watch(&mut child, stderr, &mut words, limit).await;
    drop(group);
    match end {
        End::Exited(status) if status.success() => Ok(()),
        End::Exited(status) => {
            listen(stderr, &mut words).await;
            let said = clean(&String::from_utf8_lossy(&words));
            Err(failed(if said.is_empty() { format!("it ended with {status}") } else { format!("it says: {said}") }))
        }
        End::Lost(error) => Err(failed(error.to_string())),
        End::Late => Err(failed(format!("it did not end within {} s", limit.as_secs()))),
        End::Talkative => Err(failed(format!("it wrote more than {} KiB", MAX_WORDS / 1024))),
    }
}

/// Waits for its end, and gives back what is left to read.
async fn watch(
    child: &mut Child,
    mut stderr: Option<ChildStderr>,
    words: &mut Vec<u8>,
    limit: Duration,
) -> (End, Option<ChildStderr>) {
    let listening = async {
        if let Some(stderr) = &mut stderr {
            let _ = stderr.take(MAX_WORDS + 1).read_to_end(words).await;
            if words.len() as u64 > MAX_WORDS {
                return End::Talkative;
            }
        }
        futures_lite::future::pending().await
    };
    let ending = async {
        match child.status().await {
            Ok(status) => End::Exited(status),
            Err(error) => End::Lost(error),
        }
    };
    let late = async {
        system::after(limit).await;
        End::Late
    };
    let end = ending.or(listening).or(late).await;
    (end, stderr)
}

/// Reads what it wrote before it ended.
async fn listen(stderr: Option<ChildStderr>, words: &mut Vec<u8>) {
    let Some(stderr) = stderr else { return };
    let reading = async {
        let _ = stderr.take(MAX_WORDS).read_to_end(words).await;
    };
    let late = async {
        system::after(LAST_WORDS).await;
    };
    reading.or(late).await;
}

/// The program and all that it started; ends when this is dropped, so also when the order is called off.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(i32::try_from(child.id()).ok().and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
