//! A serial line: everything that comes is kept and written to a log, and somebody waits for words in it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::deadline::Deadline;
use crate::failure::{Outcome, broken};

/// The most that is kept of one line: a guest that floods it is noticed by its log.
const MOST_KEPT: usize = 64 << 20;

/// See the module.
pub(crate) struct Line {
    name: &'static str,
    heard: Arc<Heard>,
    writer: Box<dyn Write + Send>,
    /// What was waited for ends here.
    read: usize,
}

#[derive(Default)]
struct Heard {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    closed: bool,
}

impl Line {
    /// A line of that name, of which a log is kept.
    pub(crate) fn new(
        name: &'static str,
        mut reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        log: &Path,
    ) -> Outcome<Self> {
        let mut log = File::options().create(true).append(true).open(log)?;
        let heard = Arc::new(Heard::default());
        let told = Arc::clone(&heard);
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count) = reader.read(&mut chunk) {
                if count == 0 {
                    break;
                }
                // A full disk shows elsewhere; what is waited for is in memory.
                drop(log.write_all(&chunk[..count]));
                told.add(&chunk[..count]);
            }
            told.close();
        });
        Ok(Self { name, heard, writer: Box::new(writer), read: 0 })
    }

    /// Types that.
    pub(crate) fn send(&mut self, text: &str) -> Outcome {
        self.writer.write_all(text.as_bytes())?;
        Ok(self.writer.flush()?)
    }

    /// Waits for these words; gives what came before them.
    pub(crate) fn wait_for(&mut self, words: &str, limit: Deadline) -> Outcome<String> {
        let mut state = self.heard.lock();
        loop {
            let fresh = &state.bytes[self.read.min(state.bytes.len())..];
            if let Some(place) = find(fresh, words.as_bytes()) {
                let before = String::from_utf8_lossy(&fresh[..place]).into_owned();
                self.read += place + words.len();
                return Ok(before);
            }
            if state.closed || limit.is_over() {
                let why = if state.closed { "it was closed" } else { "it did not come in time" };
                drop(state);
                return broken(format!("waited on the {} for {words:?}: {why}\n{}", self.name, self.last_lines(15)));
            }
            let waited = self.heard.news.wait_timeout(state, limit.left());
            state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// What came since the last wait; it counts as waited for.
    pub(crate) fn take(&mut self) -> String {
        let state = self.heard.lock();
        let text = String::from_utf8_lossy(&state.bytes[self.read..]).into_owned();
        self.read = state.bytes.len();
        text
    }

    /// Whether nothing can come any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.heard.lock().closed
    }

    /// The end of what came.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        let state = self.heard.lock();
        let end = String::from_utf8_lossy(&state.bytes[state.bytes.len().saturating_sub(count * 200)..]).into_owned();
        let lines: Vec<String> = end.lines().map(|line| format!("    | {}", plain(line))).collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

impl Heard {
    fn add(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if state.bytes.len() < MOST_KEPT {
            state.bytes.extend_from_slice(bytes);
        }
        self.news.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn find(text: &[u8], words: &[u8]) -> Option<usize> {
    text.windows(words.len().max(1)).position(|window| window == words)
}

/// A guest's line without what would move our own cursor.
fn plain(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    fn line() -> (Line, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let log = Path::new("/dev/null");
        (Line::new("console", ours.try_clone().unwrap(), ours, log).unwrap(), theirs)
    }

    fn soon() -> Deadline {
        Deadline::within(Duration::from_secs(5))
    }

    #[test]
    fn words_are_found_wherever_they_are_cut() {
        let (mut line, mut guest) = line();
        guest.write_all(b"U-Boot 2025\r\nWelc").unwrap();
        assert_eq!(line.wait_for("U-Boot", soon()).unwrap(), "");
        guest.write_all(b"ome\n").unwrap();
        assert_eq!(line.wait_for("Welcome", soon()).unwrap(), " 2025\r\n");
    }

    #[test]
    fn a_line_that_closes_ends_the_wait_and_shows_what_came_last() {
        let (mut line, mut guest) = line();
        guest.write_all(b"first\nKernel \x1b[31mpanic\n").unwrap();
        drop(guest);
        let error = line.wait_for("login:", soon()).unwrap_err().to_string();
        assert!(error.contains("closed") && error.contains("| Kernel [31mpanic"), "{error}");
    }

    #[test]
    fn a_wait_has_an_end() {
        let (mut line, _guest) = line();
        assert!(line.wait_for("login:", Deadline::within(Duration::from_millis(50))).is_err());
    }
}
