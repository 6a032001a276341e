//! Refusals and faults as problem details: the one place where the admin API chooses statuses and hints.

use domain::permission::Denied;
use service::{Fault, OpError, Refusal};

use crate::api::{PROBLEM_JSON, Problem, ProblemCode};
use crate::http::{App, BadRequest, Response};

/// Why an endpoint stopped.
pub(crate) enum Stop {
    /// To be told.
    Problem(Box<Problem>),
    /// To be logged, and told as a number only.
    Fault(Fault),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<BadRequest> for Stop {
    fn from(bad: BadRequest) -> Self {
        let mut problem = Problem::new(ProblemCode::Invalid, bad.message);
        problem.status = bad.status;
        problem.into()
    }
}

impl From<OpError<Refusal>> for Stop {
    fn from(error: OpError<Refusal>) -> Self {
        match error {
            OpError::Refused(refusal) => of_refusal(&refusal).into(),
            OpError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// A refusal in the words of the API.
pub(super) fn of_refusal(refusal: &Refusal) -> Problem {
    let detail = refusal.to_string();
    let (code, hint) = match refusal {
        Refusal::Denied(Denied::NotSignedIn) => {
            (ProblemCode::NotSignedIn, Some("use an API token that is still good".to_owned()))
        }
        Refusal::Denied(Denied::NotAllowed | Denied::NotFresh) => (
            ProblemCode::NotAllowed,
            Some("an owner can add the account to owners, people_admins, app_admins or auditors".to_owned()),
        ),
        Refusal::NotFound { kind, .. } => {
            (ProblemCode::NotFound, Some(format!("see what there is: {}", listing(kind))))
        }
        Refusal::Exists { kind: "mail address", .. } => {
            (ProblemCode::Exists, Some("take it from the account that has it, or give another address".to_owned()))
        }
        Refusal::Exists { .. } => {
            (ProblemCode::Exists, Some("choose another name, or say --or-update to change what is there".to_owned()))
        }
        Refusal::Invalid { .. } => (ProblemCode::Invalid, None),
        Refusal::Cycle(_) => (ProblemCode::Conflict, Some("take one of these groups out of the next first".to_owned())),
        Refusal::LastOwner => (ProblemCode::Conflict, Some("latchkey group add owners NAME".to_owned())),
        Refusal::Builtin(_) => {
            (ProblemCode::Conflict, Some("make a group of your own: latchkey group create NAME".to_owned()))
        }
        Refusal::TooMany { .. } => (ProblemCode::Limit, None),
        Refusal::Conflict(_) => (ProblemCode::Conflict, None),
    };
    Problem { hint, ..Problem::new(code, detail) }
}

fn listing(kind: &str) -> String {
    let noun = match kind {
        "service account" => "service-account",
        "group" => "group",
        "app" => "app",
        _ => "person",
    };
    format!("latchkey {noun} list")
}

/// To be tried again in a moment.
pub(super) fn busy() -> Problem {
    Problem::new(ProblemCode::Busy, "too much at once").hint("try again in a few seconds")
}

/// A fault is logged with a number, and only the number is told.
pub(super) fn of_fault(app: &App, fault: &Fault) -> Problem {
    match fault {
        Fault::Busy => busy(),
        Fault::ClockNotTrusted => Problem::new(ProblemCode::ClockNotSet, "the clock of the server is not set yet")
            .hint("see what it waits for, on the server: latchkey time"),
        Fault::DiskFull => {
            let id = app.log_fault(fault);
            Problem::new(ProblemCode::DiskFull, format!("the disk is full; nothing was changed (fault {id})"))
                .hint("make room on the card, then try again")
        }
        Fault::Store(_) | Fault::Unexpected(_) => {
            let id = app.log_fault(fault);
            Problem::new(ProblemCode::Fault, format!("something went wrong in the server (fault {id})"))
                .hint(format!("look for {id} in the server's log: journalctl -u latchkey | grep {id}"))
        }
    }
}

/// The answer (RFC 9457 §3; RFC 6750 §3 for a missing or bad token).
pub(crate) fn render(problem: &Problem) -> Response {
    let response = match serde_json::to_vec(problem) {
        Ok(bytes) => Response::owned(PROBLEM_JSON, bytes).with_status(problem.status),
        Err(_) => Response::empty(problem.status),
    };
    match problem.code {
        ProblemCode::NotSignedIn => response.header("WWW-Authenticate", "Bearer realm=\"latchkey\""),
        ProblemCode::Busy => response.header("Retry-After", "5"),
        ProblemCode::ClockNotSet => response.header("Retry-After", "10"),
        ProblemCode::Invalid
        | ProblemCode::NotAllowed
        | ProblemCode::NotFound
        | ProblemCode::Exists
        | ProblemCode::Conflict
        | ProblemCode::Limit
        | ProblemCode::DiskFull
        | ProblemCode::Fault => response,
    }
}
