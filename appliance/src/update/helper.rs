//! The other end of updates: root's helper on a Unix socket. One line is asked, a bundle follows where one is asked about, and lines come
//! back: progress (`- ` and words), then exactly one that says how it ended.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::system;

/// The largest bundle that is sent.
pub(crate) const MAX_BUNDLE: u64 = 256 * 1024 * 1024;
/// A helper writes to a card, and an emulated one is slow: so long may pass without a line.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// The same for what needs no bundle.
pub(crate) const SHORT_PATIENCE: Duration = Duration::from_secs(60);
/// The longest line: a state as one line, and the word before it.
const MAX_LINE: usize = 8 * 1024;
/// The most lines of one answer.
const MAX_LINES: usize = 10_000;

/// What is asked.
pub(crate) enum Request<'a> {
    /// How the update stands.
    Status,
    /// To do something with a bundle.
    With(Task, Bundle<'a>),
    /// The rollback was seen.
    Acknowledge,
}

/// What to do with a bundle.
#[derive(Clone, Copy)]
pub(crate) enum Task {
    /// Look whether it would be taken.
    Check,
    /// Write it.
    Install,
}

/// An update, of so many bytes.
pub(crate) struct Bundle<'a> {
    /// Where they come from.
    pub(crate) bytes: &'a mut dyn Read,
    /// How many.
    pub(crate) length: u64,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done, in these words.
    Done(String),
    /// Not done, because of the bundle.
    Refused(String),
    /// Not done, because of the box.
    Failed(String),
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HelperError {
    /// Nobody listens there: this machine is not updated this way.
    Absent(PathBuf),
    /// Somebody listens, and does not let us in.
    Closed(PathBuf, io::Error),
    /// The conversation broke off.
    Broken(String),
    /// The bundle could not be read.
    Bundle(io::Error),
    /// It took too long.
    Slow,
}

impl fmt::Display for HelperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(path) => {
                write!(f, "this machine is not updated this way: nobody listens at {}", path.display())
            }
            Self::Closed(path, error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let path = path.display();
                write!(f, "only root and those who may administer this box may update it: {path}: {error}")
            }
            Self::Closed(path, error) => write!(f, "cannot reach {}: {error}", path.display()),
            Self::Broken(why) => write!(f, "the conversation with the update helper broke off: {why}"),
            Self::Bundle(error) => write!(f, "cannot read the update: {error}"),
            Self::Slow => f.write_str("the update helper does not answer"),
        }
    }
}

/// Asks, and tells each line of progress.
///
/// # Errors
/// When nobody answers, or not as agreed.
pub(crate) fn ask(
    socket: &Path,
    request: Request<'_>,
    patience: Duration,
    progress: &mut dyn FnMut(&str),
) -> Result<Verdict, HelperError> {
    let stream = UnixStream::connect(socket).map_err(|error| {
        let absent = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
        let path = socket.to_owned();
        if absent { HelperError::Absent(path) } else { HelperError::Closed(path, error) }
    })?;
    stream.set_write_timeout(Some(patience)).map_err(|error| HelperError::Closed(socket.to_owned(), error))?;
    let (words, bundle) = match request {
        Request::Status => ("status".to_owned(), None),
        Request::With(Task::Check, bundle) => (format!("check {}", bundle.length), Some(bundle)),
        Request::With(Task::Install, bundle) => (format!("install {}", bundle.length), Some(bundle)),
        Request::Acknowledge => ("acknowledge".to_owned(), None),
    };
    let sent = send(&stream, &words, bundle);
    if let Err(Unsent::Unreadable(error)) = sent {
        return Err(HelperError::Bundle(error));
    }
    // A helper that refuses a bundle before it has read all of it answers and closes: the answer still counts.
    let heard = hear(&stream, patience, progress);
    match (heard, sent) {
        (Err(HelperError::Broken(_)), Err(Unsent::Slow)) => Err(HelperError::Slow),
        (heard, _) => heard,
    }
}

enum Unsent {
    Unreadable(io::Error),
    Slow,
    Gone,
}

fn send(mut stream: &UnixStream, words: &str, bundle: Option<Bundle<'_>>) -> Result<(), Unsent> {
    let gone = |error: io::Error| if is_slow(&error) { Unsent::Slow } else { Unsent::Gone };
    stream.write_all(format!("{words}\n").as_bytes()).map_err(gone)?;
    if let Some(Bundle { bytes, length }) = bundle {
        let (mut left, mut buffer) = (length, vec![0; 64 * 1024]);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = bytes.read(&mut buffer[..most]).map_err(Unsent::Unreadable)?;
            if read == 0 {
                return Err(Unsent::Unreadable(io::Error::new(io::ErrorKind::UnexpectedEof, "it got shorter")));
            }
            stream.write_all(&buffer[..read]).map_err(gone)?;
            left -= read as u64;
        }
    }
    stream.shutdown(Shutdown::Write).map_err(gone)
}

/// A time limit of the socket is over.
fn is_slow(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn hear(stream: &UnixStream, patience: Duration, progress: &mut dyn FnMut(&str)) -> Result<Verdict, HelperError> {
    let mut lines = Lines { stream, patience, read: Vec::new() };
    for _ in 0..MAX_LINES {
        let line = lines.next()?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let rest = rest.to_owned();
        return Ok(match word {
            "-" => {
                progress(&rest);
                continue;
            }
            "ok" => Verdict::Done(rest),
            "refused" => Verdict::Refused(rest),
            "failed" => Verdict::Failed(rest),
            _ => return Err(HelperError::Broken("it answers something that is not understood".to_owned())),
        });
    }
    Err(HelperError::Broken("it does not come to an end".to_owned()))
}

/// Lines of bounded length that each come in time.
struct Lines<'s> {
    stream: &'s UnixStream,
    patience: Duration,
    read: Vec<u8>,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<String, HelperError> {
        let broken = |why: &dyn fmt::Display| HelperError::Broken(why.to_string());
        let until = system::monotonic() + self.patience;
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(end + 1);
                let line = std::mem::replace(&mut self.read, rest);
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                return String::from_utf8(line.to_vec()).map_err(|error| broken(&error));
            }
            if self.read.len() > MAX_LINE {
                return Err(broken(&format!("a line is longer than {MAX_LINE} bytes")));
            }
            let left = until.saturating_duration_since(system::monotonic());
            if left.is_zero() {
                return Err(HelperError::Slow);
            }
            self.stream.set_read_timeout(Some(left)).map_err(|error| broken(&error))?;
            let mut more = [0; 1024];
            match self.stream.take(more.len() as u64).read(&mut more) {
                Ok(0) => return Err(broken(&"it hung up before it said how it ended")),
                Ok(count) => self.read.extend_from_slice(&more[..count]),
                Err(error) if is_slow(&error) => return Err(HelperError::Slow),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_helper_that_says_nothing_is_not_waited_for_for_ever() {
        let folder = Folder::new();
        let path = folder.path().join("update.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let asked = ask(&path, Request::Status, Duration::from_millis(20), &mut |_| {});
        assert!(matches!(asked, Err(HelperError::Slow)), "{asked:?}");
    }

    #[test]
    fn a_helper_that_reads_nothing_is_not_waited_for_for_ever() {
        let folder = Folder::new();
        let path = folder.path().join("update.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let bundle = Bundle { bytes: &mut io::repeat(7), length: MAX_BUNDLE };
        let asked = ask(&path, Request::With(Task::Install, bundle), Duration::from_millis(20), &mut |_| {});
        assert!(matches!(asked, Err(HelperError::Slow)), "{asked:?}");
    }

    #[test]
    fn an_update_that_gets_shorter_is_told() {
        let folder = Folder::new();
        let path = folder.path().join("update.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let reading = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = io::copy(&mut stream, &mut io::sink());
        });
        let bundle = Bundle { bytes: &mut &b"short"[..], length: 6 };
        let asked = ask(&path, Request::With(Task::Check, bundle), PATIENCE, &mut |_| {});
        assert!(matches!(asked, Err(HelperError::Bundle(_))), "{asked:?}");
        reading.join().unwrap();
    }
}
