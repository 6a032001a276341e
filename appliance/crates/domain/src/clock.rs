//! How far the clock can be trusted. A Pi 3, 4 or Zero 2 W has no battery clock: after a start it only knows what time it is
//! not.

pub mod keeper;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::{Timestamp, Uptime};

/// No clock is set to a later time than this, the year 2100: what is computed from it must still be a date.
pub const LATEST: Timestamp = Timestamp::from_unix(4_102_444_800);

/// How far the clock can be trusted; a higher level is worth more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// It is later than when this program was built, and that is all.
    Floor,
    /// A clock that went on from a time that was saved. It may be behind by as long as the power was off.
    Plausible,
    /// Set by a time server, by a battery clock that is trusted, or by an admin.
    Synchronised,
}

impl Trust {
    /// Whether anything that depends on time may be issued or checked.
    pub const fn is_good(self) -> bool {
        match self {
            Self::Synchronised => true,
            Self::Floor | Self::Plausible => false,
        }
    }

    /// 0, 1 or 2.
    pub const fn level(self) -> u8 {
        match self {
            Self::Floor => 0,
            Self::Plausible => 1,
            Self::Synchronised => 2,
        }
    }

    /// The level in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Plausible => "plausible",
            Self::Synchronised => "synchronised",
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the clock is trusted as far as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The machine says that its clock is right, but it is earlier than when this program was built.
    Impossible,
    /// Nothing is known but when this program was built.
    Build,
    /// It goes on from a time that was saved.
    Saved,
    /// A time server set it.
    TimeServer,
    /// The machine keeps it: it has a battery clock, or the owner says so.
    Machine,
    /// An admin set it.
    Admin,
}

impl Basis {
    /// How far that can be trusted.
    pub const fn trust(self) -> Trust {
        match self {
            Self::Impossible | Self::Build => Trust::Floor,
            Self::Saved => Trust::Plausible,
            Self::TimeServer | Self::Machine | Self::Admin => Trust::Synchronised,
        }
    }

    /// The same for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Impossible => "impossible: earlier than when this program was built",
            Self::Build => "not set since the start",
            Self::Saved => "going on from a saved time",
            Self::TimeServer => "set by a time server",
            Self::Machine => "kept by this machine",
            Self::Admin => "set by an admin",
        }
    }

    /// What an owner can do about it, if there is anything to do.
    pub const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Impossible => Some("look at the time server of your network, or set the clock: latchkey time set"),
            Self::Build | Self::Saved => {
                Some("connect the network, so that a time server is found, or set the clock: latchkey time set")
            }
            Self::TimeServer | Self::Machine | Self::Admin => None,
        }
    }
}

/// What the clocks show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock: for what is written down, shown, or outlives a start.
    pub now: Timestamp,
    /// The clock that never jumps: for deadlines of what is held in memory.
    pub uptime: Uptime,
    /// How far `now` can be trusted.
    pub trust: Trust,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_synchronised_clock_is_good_enough() {
        let levels = [Trust::Floor, Trust::Plausible, Trust::Synchronised];
        assert_eq!(levels.map(Trust::is_good), [false, false, true]);
        assert_eq!(levels.map(Trust::level), [0, 1, 2]);
        assert!(levels.is_sorted());
    }
}
