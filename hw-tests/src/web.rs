//! Browsers and apps of the house, played by `curl`: to the box's name, wherever its ports are reached from here.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::children::{bound, run};
use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, While, broken};

/// The name of the house of every test; passkeys are bound to it.
pub(crate) const HOST: &str = "id.house.test";
/// An emulated board that hashes a password takes its time.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// 0 when the connection was closed without one.
    pub(crate) status: u16,
    /// `Retry-After`.
    pub(crate) wait: Option<u32>,
    pub(crate) body: String,
}

/// Asks for a path; `form` makes it a POST from one of the house's own pages.
pub(crate) fn ask(at: SocketAddr, path: &str, form: Option<&str>, limit: Deadline) -> Outcome<Answer> {
    let mut command = curl(at, limit);
    command.args(["-w", "\n%{http_code} %header{retry-after}"]);
    if let Some(form) = form {
        command.args(["-H", &format!("Origin: https://{HOST}"), "--data", form]);
    }
    command.arg(format!("https://{HOST}{path}"));
    let said = run(&mut command, b"", limit.at_most(ANSWER_WITHIN * 2))?;
    let (body, last) = said.out.rsplit_once('\n').unwrap_or(("", &said.out));
    let (status, wait) = outcome(last).ok_or_else(|| Failure::Broken(format!("curl: {}", said.err)))?;
    Ok(Answer { status, wait, body: body.to_owned() })
}

/// Sends so many forms at the same moment; what came back for each of them.
pub(crate) fn flood(
    at: SocketAddr,
    path: &str,
    forms: &[String],
    scratch: &Path,
    limit: Deadline,
) -> Outcome<Vec<Answer>> {
    let mut config = String::new();
    for (number, form) in forms.iter().enumerate() {
        if number > 0 {
            config.push_str("next\n");
        }
        config.push_str(&format!(
            "url = \"https://{HOST}{path}\"\ndata = \"{form}\"\nheader = \"Origin: https://{HOST}\"\noutput = \"/dev/null\"\n\
             insecure\nhttp1.1\nsilent\nconnect-to = \"::{at}\"\nmax-time = 60\nwrite-out = \"%{{http_code}} %header{{retry-after}}\\n\"\n"
        ));
    }
    std::fs::write(scratch, config)?;
    let mut command = bound("curl");
    command
        .args(["--parallel", "--parallel-immediate", "--parallel-max", "100", "--no-progress-meter", "--config"])
        .arg(scratch);
    let said = run(&mut command, b"", limit)?;
    let answers: Vec<Answer> = said
        .out
        .lines()
        .filter_map(outcome)
        .map(|(status, wait)| Answer { status, wait, body: String::new() })
        .collect();
    if answers.len() == forms.len() {
        Ok(answers)
    } else {
        broken(format!("{} of {} came back: {}", answers.len(), forms.len(), said.err))
    }
}

/// Whether it serves: the health page answers well.
pub(crate) fn serves(at: SocketAddr, limit: Deadline) -> Outcome<bool> {
    Ok(ask(at, "/health", None, limit).while_("asking for /health").is_ok_and(|answer| answer.status == 200))
}

fn curl(at: SocketAddr, limit: Deadline) -> Command {
    let seconds = limit.left().min(ANSWER_WITHIN).as_secs().max(1).to_string();
    let mut command = bound("curl");
    // The certificate is the box's own; that browsers trust it is tested with the program.
    command.args(["-k", "-s", "--http1.1", "--max-time", &seconds, "--connect-to", &format!("::{at}")]);
    command
}

/// `503 5` or `200 `.
fn outcome(line: &str) -> Option<(u16, Option<u32>)> {
    let (status, wait) = line.split_once(' ')?;
    Some((status.parse().ok()?, wait.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_curl_writes_at_the_end_is_understood() {
        assert_eq!(outcome("503 5"), Some((503, Some(5))));
        assert_eq!(outcome("200 "), Some((200, None)));
        assert_eq!(outcome("000 "), Some((0, None)));
        assert_eq!(outcome("curl: (7)"), None);
    }
}
