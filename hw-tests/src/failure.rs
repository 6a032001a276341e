//! Why a promise does not hold, or cannot be looked at here.

use std::fmt;

/// What a step comes to.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Why it did not come to what it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is not as promised.
    Broken(String),
    /// This rig, or this host, has not what it takes to look.
    NotHere(String),
}

/// It is not as promised.
pub(crate) fn broken<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Failure::Broken(why.into()))
}

/// It cannot be looked at here.
pub(crate) fn not_here<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Failure::NotHere(why.into()))
}

/// It is not as promised, unless that holds.
pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::Broken(why())) }
}

/// Says what was being done when something went wrong.
pub(crate) trait While<T> {
    /// The same, with these words in front of what went wrong.
    fn while_(self, doing: &str) -> Outcome<T>;
}

impl<T, E: Into<Failure>> While<T> for Result<T, E> {
    fn while_(self, doing: &str) -> Outcome<T> {
        self.map_err(|error| match error.into() {
            Failure::Broken(why) => Failure::Broken(format!("{doing}: {why}")),
            Failure::NotHere(why) => Failure::NotHere(format!("{doing}: {why}")),
        })
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) | Self::NotHere(why) => f.write_str(why),
        }
    }
}
