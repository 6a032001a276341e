//! Refusals are answers; faults are accidents.

use std::fmt;

use domain::name::GroupName;
use domain::permission::Denied;

/// Why an operation gave no result.
#[derive(Debug)]
pub enum OpError<R> {
    /// An expected no, to be told to the caller.
    Refused(R),
    /// An accident, to be logged and shown as an id only.
    Fault(Fault),
}

impl<R> OpError<R> {
    /// The same with the refusal in other words.
    pub fn map<S>(self, f: impl FnOnce(R) -> S) -> OpError<S> {
        match self {
            Self::Refused(refusal) => OpError::Refused(f(refusal)),
            Self::Fault(fault) => OpError::Fault(fault),
        }
    }
}

impl<R> From<store::Fault> for OpError<R> {
    fn from(fault: store::Fault) -> Self {
        Self::Fault(fault.into())
    }
}

impl<R> From<Fault> for OpError<R> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for OpError<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// An accident.
#[derive(Debug)]
pub enum Fault {
    /// No space left on the card: answered 503, nothing was kept.
    DiskFull,
    /// Too much of this at once: answered 503, to be tried again in a moment.
    Busy,
    /// Nobody knows yet what time it is, and this depends on it: answered 503, to be tried again when the clock is set. No
    /// refusal of an operation's own, so that no operation and no endpoint can leave it out.
    ClockNotTrusted,
    /// The store failed or a row could not be read.
    Store(store::Fault),
    /// Something that cannot happen did.
    Unexpected(String),
}

impl Fault {
    /// Wraps whatever could not happen.
    pub fn unexpected(what: impl fmt::Display) -> Self {
        Self::Unexpected(what.to_string())
    }
}

impl From<store::Fault> for Fault {
    fn from(fault: store::Fault) -> Self {
        match fault {
            store::Fault::Full => Self::DiskFull,
            fault @ (store::Fault::ReadOnly | store::Fault::Corrupt { .. } | store::Fault::Sqlite(_)) => {
                Self::Store(fault)
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DiskFull => f.write_str("the disk is full"),
            Self::Busy => f.write_str("too much at once"),
            Self::ClockNotTrusted => f.write_str("the clock is not set yet"),
            Self::Store(fault) => fault.fmt(f),
            Self::Unexpected(what) => write!(f, "unexpected: {what}"),
        }
    }
}

impl std::error::Error for Fault {}

/// An expected no of the operations that manage things. Sign-in and the token endpoint have refusals of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Who asks may not, or not yet.
    Denied(Denied),
    /// There is none of that name.
    NotFound {
        /// What was looked for: `person`, `group`, `app` ...
        kind: &'static str,
        /// Under which name.
        name: String,
    },
    /// The name is taken.
    Exists {
        /// What has it.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A value that cannot be taken.
    Invalid {
        /// Which one.
        what: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// A group would hold itself; the path begins and ends with the same group.
    Cycle(Vec<GroupName>),
    /// The house would be left without an owner who can sign in.
    LastOwner,
    /// The built-in group or its membership is not to be changed this way.
    Builtin(GroupName),
    /// A limit of the house is reached.
    TooMany {
        /// Of what, in the plural.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// It cannot be done in the present state.
    Conflict(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(Denied::NotSignedIn) => f.write_str("sign in first"),
            Self::Denied(Denied::NotAllowed) => f.write_str("you are not allowed to do this; ask an owner"),
            Self::Denied(Denied::NotFresh) => f.write_str("confirm that it is you, then try again"),
            Self::NotFound { kind, name } => write!(f, "there is no {kind} {name:?}"),
            Self::Exists { kind, name } => {
                let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                write!(f, "there is {article} {kind} {name:?} already")
            }
            Self::Invalid { what, why } => write!(f, "{what}: {why}"),
            Self::Cycle(path) => {
                f.write_str("a group cannot hold itself: ")?;
                for (index, name) in path.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" > ")?;
                    }
                    name.fmt(f)?;
                }
                Ok(())
            }
            Self::LastOwner => {
                f.write_str("the house would be left without an owner; make somebody else an owner first")
            }
            Self::Builtin(name) => write!(f, "the group {name} belongs to the house and cannot be changed this way"),
            Self::TooMany { what, limit } => write!(f, "the limit of {limit} {what} is reached; remove one first"),
            Self::Conflict(why) => f.write_str(why),
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// What an idempotent change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there and is now.
    Created,
    /// It was different.
    Changed,
    /// It was there and is gone.
    Removed,
    /// Nothing was to do.
    Unchanged,
}
