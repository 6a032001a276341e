//! Problem details (RFC 9457) with two members of ours: `code`, for programs, and `hint`, for people.

use serde::{Deserialize, Serialize};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The status in words.
    pub title: String,
    /// What is wrong with this request.
    pub detail: String,
    /// Which kind of problem it is, for programs.
    pub code: ProblemCode,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The request or a value in it cannot be understood.
    Invalid,
    /// Nobody is known by this token, or there is none.
    NotSignedIn,
    /// Known, but without the office for this.
    NotAllowed,
    /// There is nothing of that name.
    NotFound,
    /// The name is taken.
    Exists,
    /// It cannot be done in the present state.
    Conflict,
    /// A limit of the house is reached.
    Limit,
    /// Too much at once; try again in a moment.
    Busy,
    /// Nobody knows yet what time it is; try again when the clock is set.
    ClockNotSet,
    /// No space left; nothing was kept.
    DiskFull,
    /// Something broke in the server; its log says more.
    Fault,
}

impl ProblemCode {
    /// The HTTP status, in this one place.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotSignedIn => 401,
            Self::NotAllowed => 403,
            Self::NotFound => 404,
            Self::Exists | Self::Conflict | Self::Limit => 409,
            Self::Fault => 500,
            Self::Busy | Self::ClockNotSet | Self::DiskFull => 503,
        }
    }

    /// The kind in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Invalid => "The request cannot be taken",
            Self::NotSignedIn => "A token is needed",
            Self::NotAllowed => "Not allowed",
            Self::NotFound => "Not found",
            Self::Exists => "The name is taken",
            Self::Conflict => "Not possible now",
            Self::Limit => "A limit is reached",
            Self::Busy => "Busy",
            Self::ClockNotSet => "The clock is not set",
            Self::DiskFull => "The disk is full",
            Self::Fault => "The server failed",
        }
    }
}

impl Problem {
    /// A problem of that kind.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { status: code.status(), title: code.title().to_owned(), detail: detail.into(), code, hint: None }
    }

    /// With what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
