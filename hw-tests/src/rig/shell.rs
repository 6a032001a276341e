//! A root shell on a serial line of the guest: one command at a time, with its exit code.

use std::time::Duration;

use super::line::Line;
use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, broken};

/// Between two tries to be answered by a shell that may not be there yet.
const KNOCK_EVERY: Duration = Duration::from_secs(2);

/// See the module.
pub(crate) struct Shell {
    line: Line,
    /// Whether somebody answers, and speaks plainly.
    open: bool,
    count: u32,
}

/// How a command ended, and what it said on either of its outputs.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) text: String,
}

impl Shell {
    /// The shell that answers on that line, or will.
    pub(crate) fn on(line: Line) -> Self {
        Self { line, open: false, count: 0 }
    }

    /// Waits until it answers, and makes it speak plainly; whether it did not before. What fails can be tried again.
    pub(crate) fn open(&mut self, limit: Deadline) -> Outcome<bool> {
        if self.open {
            return Ok(false);
        }
        knock(&mut self.line, ("shell", "shell"), limit)?;
        // One that does not edit what is typed.
        self.line.send("exec bash --norc --noprofile --noediting\n")?;
        knock(&mut self.line, ("bash${BASH_VERSION:+-it-is}", "bash-it-is"), limit)?;
        self.line.send("export LATCHKEY_SOCKET=/run/latchkey/latchkey.sock PAGER=cat SYSTEMD_COLORS=0 TERM=dumb LC_ALL=C; set +m\n")?;
        self.ask("true", limit)?;
        self.open = true;
        Ok(true)
    }

    /// Another one will answer.
    pub(crate) fn expect_another(&mut self) {
        self.open = false;
    }

    /// Runs a command to its end.
    pub(crate) fn ask(&mut self, command: &str, limit: Deadline) -> Outcome<Answer> {
        self.count += 1;
        let number = self.count;
        drop(self.line.take());
        // The marks are put together there too, and a command that ends without a newline does not hide the second.
        self.line.send(&format!(
            "printf '<%s{number}>' begin-; {{ {command}\n}} </dev/null 2>&1; printf '<%s{number}:%d>' end- $?\n"
        ))?;
        self.line.wait_for(&format!("<begin-{number}>"), limit)?;
        let text = self.line.wait_for(&format!("<end-{number}:"), limit)?;
        let status = self.line.wait_for(">", limit)?;
        let status = status.parse().map_err(|_| Failure::Broken(format!("no exit code: {status:?}")))?;
        Ok(Answer { status, text: text.replace('\r', "") })
    }

    /// What a command says that must end well.
    pub(crate) fn say(&mut self, command: &str, limit: Deadline) -> Outcome<String> {
        let Answer { status, text } = self.ask(command, limit)?;
        if status == 0 {
            Ok(text.trim().to_owned())
        } else {
            broken(format!("`{command}` ended with {status}: {text}"))
        }
    }

    /// The end of what came.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        self.line.last_lines(count)
    }

    /// The line itself, for a command that goes on while somebody listens.
    pub(crate) fn line(&mut self) -> &mut Line {
        &mut self.line
    }
}

/// Asks until somebody answers. The word is put together by the shell, so that an echo of the question is no answer. A line on which
/// a character was lost, with a quotation that has no end, is given up first (Ctrl-C).
fn knock(line: &mut Line, (word, good): (&str, &str), limit: Deadline) -> Outcome {
    loop {
        line.send(&format!("\x03\nstty -echo -onlcr; PS1= PS2=; printf '%s-%s\\n' \"{word}\" here\n"))?;
        match line.wait_for("-here", limit.at_most(KNOCK_EVERY)) {
            Ok(before) if before.ends_with(good) => return Ok(()),
            Ok(_) => {}
            Err(error) if limit.is_over() || line.is_closed() => return Err(error),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Stdio;

    use super::*;
    use crate::children::{Kept, bound};

    /// A shell of this machine; `stty` complains that it has no terminal, which is noise as a guest makes it.
    fn shell() -> (Kept, Shell) {
        let mut command = bound("sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = Kept::start(&mut command).unwrap();
        let (out, input) = (child.stdout().unwrap(), child.stdin().unwrap());
        let line = Line::new("shell", out, input, Path::new("/dev/null")).unwrap();
        let mut shell = Shell::on(line);
        assert!(shell.open(soon()).unwrap() && !shell.open(soon()).unwrap());
        (child, shell)
    }

    fn soon() -> Deadline {
        Deadline::within(Duration::from_secs(10))
    }

    #[test]
    fn another_shell_is_opened_anew() {
        let (_child, mut shell) = shell();
        shell.expect_another();
        assert!(shell.open(soon()).unwrap());
        assert_eq!(shell.say("echo again", soon()).unwrap(), "again");
    }

    #[test]
    fn a_command_gives_its_words_and_its_exit_code() {
        let (_child, mut shell) = shell();
        assert_eq!(shell.say("echo one; printf two", soon()).unwrap(), "one\ntwo");
        let Answer { status, text } = shell.ask("echo bad >&2; (exit 7)", soon()).unwrap();
        assert_eq!((status, text.as_str()), (7, "bad\n"));
        assert!(shell.say("false", soon()).is_err());
        assert_eq!(shell.say("cat", soon()).unwrap(), "", "no command waits for what nobody types");
    }
}
