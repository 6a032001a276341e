//! Every wait has an end.

use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Outcome, broken};

/// Between two looks at something that does not tell when it changes.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A moment until which something must have happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// That long from now.
    pub(crate) fn within(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// The earlier of this one and that long from now.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        Self(self.0.min(Instant::now() + limit))
    }

    /// What is left, zero when it is over.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it is over.
    pub(crate) fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// Looks until there is something, or fails with these words.
    pub(crate) fn until<T>(self, what: &str, mut look: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
        loop {
            if let Some(seen) = look()? {
                return Ok(seen);
            }
            if self.is_over() {
                return broken(format!("waited in vain for {what}"));
            }
            thread::sleep(LOOK_EVERY.min(self.left()));
        }
    }
}
