//! QEMU's machine protocol: one JSON object a line.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome, While, broken};

/// QEMU answers at once, unless its computer is busy with the card's file.
const PATIENCE: Duration = Duration::from_secs(90);

/// See the module.
pub(crate) struct Qmp {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Qmp {
    /// Connects, and shakes hands.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let stream = UnixStream::connect(path).while_("connecting to QEMU's monitor")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut qmp = Self { reader: BufReader::new(stream.try_clone()?), writer: stream };
        qmp.hear()?;
        qmp.ask("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Has something done.
    pub(crate) fn ask(&mut self, what: &str, with: &Value) -> Outcome<Value> {
        let question = json!({ "execute": what, "arguments": with }).to_string();
        self.writer.write_all(question.as_bytes())?;
        self.writer.write_all(b"\n")?;
        loop {
            let mut answer = self.hear()?;
            if let Some(error) = answer.get("error") {
                return broken(format!("QEMU does not do {what}: {error}"));
            }
            // What happens meanwhile is told in between.
            if answer.get("return").is_some() {
                return Ok(answer["return"].take());
            }
        }
    }

    /// Asks as a person would; the answer is text.
    pub(crate) fn ask_in_words(&mut self, words: &str) -> Outcome<String> {
        let answer = self.ask("human-monitor-command", &json!({ "command-line": words }))?;
        answer.as_str().map(str::to_owned).ok_or_else(|| Failure::Broken(format!("no words: {answer}")))
    }

    fn hear(&mut self) -> Outcome<Value> {
        let mut line = String::new();
        if self.reader.read_line(&mut line).while_("waiting for QEMU to answer")? == 0 {
            return broken("QEMU has ended");
        }
        Ok(serde_json::from_str(&line)?)
    }
}
