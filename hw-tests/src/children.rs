//! Child processes, each ended by the id that it was started with: when its owner goes, when a test panics, and when the runner
//! is interrupted. A runner that is killed takes them along too: `setpriv` asks the kernel for that.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::deadline::Deadline;
use crate::failure::{Outcome, broken};

/// The most that is taken of what a short command says.
const MOST_SAID: u64 = 16 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(20);

static ALIVE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A process that ends with its owner. The thread that starts it must live as long as it shall: the kernel counts by threads.
#[derive(Debug)]
pub(crate) struct Kept(Child);

impl Kept {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        let mut alive = alive();
        let child =
            command.spawn().map_err(|error| io::Error::other(format!("{:?}: {error}", command.get_program())))?;
        alive.push(child.id());
        Ok(Self(child))
    }

    /// What it says, for whoever takes it first.
    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.0.stdout.take()
    }

    /// Its standard error, likewise.
    pub(crate) fn stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.0.stderr.take()
    }

    /// Where it listens, likewise.
    pub(crate) fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.0.stdin.take()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Pulls the plug.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Under the lock, so that an id that the kernel gives to somebody else is not on the list any more.
        let mut alive = alive();
        drop(self.0.kill());
        drop(self.0.wait());
        alive.retain(|id| *id != self.0.id());
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends all of them, for a runner that is about to end.
pub(crate) fn kill_all() {
    for id in alive().iter() {
        if let Some(pid) = i32::try_from(*id).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// The command that runs that program and ends with this thread, whatever ends it.
pub(crate) fn bound(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// How a short command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// What it said, if it ended well.
    pub(crate) fn good(self) -> Outcome<String> {
        if self.status.success() {
            Ok(self.out)
        } else {
            broken(format!("{}: {}{}", self.status, self.err.trim(), self.out.trim()))
        }
    }
}

/// Runs a short command to its end.
pub(crate) fn run(command: &mut Command, input: &[u8], limit: Deadline) -> Outcome<Said> {
    let name = format!("{:?}", command.get_args().last().unwrap_or(command.get_program()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Kept::start(command)?;
    let (out, err) = (read(child.stdout()), read(child.stderr()));
    if let Some(mut stdin) = child.stdin() {
        let input = input.to_vec();
        // Whoever does not listen is found out by what it answers.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let status = loop {
        if let Some(status) = child.ended()? {
            break status;
        }
        if limit.is_over() {
            child.kill();
            return broken(format!("{name} did not end in time: {}{}", text(out), text(err)));
        }
        thread::sleep(LOOK_EVERY);
    };
    Ok(Said { status, out: text(out), err: text(err) })
}

fn read(from: Option<impl Read + Send + 'static>) -> Option<JoinHandle<Vec<u8>>> {
    let from = from?;
    Some(thread::spawn(move || {
        let mut all = Vec::new();
        drop(from.take(MOST_SAID).read_to_end(&mut all));
        all
    }))
}

fn text(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn alive() -> MutexGuard<'static, Vec<u32>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test, since it counts all the children that there are.
    #[test]
    fn a_command_is_heard_and_one_that_does_not_end_is_ended() {
        let said = run(&mut bound("cat"), b"words", Deadline::within(Duration::from_secs(10))).unwrap();
        assert_eq!(said.good().unwrap(), "words");
        let limit = Deadline::within(Duration::from_millis(100));
        let error = run(bound("sleep").arg("60"), b"", limit).unwrap_err();
        assert!(error.to_string().contains("did not end in time"), "{error}");
        assert!(alive().is_empty());
    }
}
