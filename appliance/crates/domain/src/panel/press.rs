//! The button, told from its edges alone. Whatever is doubtful counts as nothing: an edge that was missed, a button that was
//! held before anybody looked, a contact that bounces.

use std::time::Duration;

use crate::time::Uptime;

/// Pressed or released for less than this, the contact bounced.
pub const BOUNCE: Duration = Duration::from_millis(80);
/// Held for longer, the button is stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(60);
/// A stuck button counts again when it was released for that long.
pub const FREE_AFTER: Duration = Duration::from_secs(5);

/// What a press means by its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Too short, too long, or between two meanings.
    Nothing,
    /// 0.08 to 1 s.
    Tap,
    /// 3 to 8 s.
    Hold,
    /// 10 to 20 s.
    LongHold,
}

/// A press that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    /// When it began.
    pub began: Uptime,
    /// When it ended.
    pub ended: Uptime,
}

impl Press {
    /// How long it was.
    pub const fn length(self) -> Duration {
        self.ended.since(self.began)
    }

    /// What it means.
    pub fn meaning(self) -> Meaning {
        match self.length().as_millis() {
            80..=1_000 => Meaning::Tap,
            3_000..8_000 => Meaning::Hold,
            10_000..=20_000 => Meaning::LongHold,
            0..80 | 1_001..3_000 | 8_000..10_000 | 20_001.. => Meaning::Nothing,
        }
    }
}

/// Where the button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// Released.
    Up,
    /// Held.
    Down {
        /// Since then.
        since: Uptime,
    },
    /// Released a moment ago, if the contact does not bounce.
    Settling {
        /// The press that may be over.
        press: Press,
    },
    /// Whatever it does counts for nothing, until it was released for long enough.
    Ignored {
        /// Since then.
        since: Uptime,
        /// Since when it is released, if it is.
        released: Option<Uptime>,
        /// Whether it has been held for too long.
        stuck: bool,
    },
}

impl Button {
    /// A button that nobody has looked at before.
    pub const fn found(pressed: bool, now: Uptime) -> Self {
        if pressed { Self::Ignored { since: now, released: None, stuck: false } } else { Self::Up }
    }

    /// After the contact closed.
    #[must_use]
    pub fn pressed(self, now: Uptime) -> Self {
        match self {
            Self::Up => Self::Down { since: now },
            // An edge was missed: nobody knows how long this one is.
            Self::Down { .. } => Self::Ignored { since: now, released: None, stuck: false },
            Self::Settling { press } => Self::Down { since: press.began },
            Self::Ignored { since, released, stuck } => {
                let since = if released.is_some() && !stuck { now } else { since };
                Self::Ignored { since, released: None, stuck }
            }
        }
    }

    /// After the contact opened.
    #[must_use]
    pub fn released(self, now: Uptime) -> Self {
        match self {
            Self::Down { since } => Self::Settling { press: Press { began: since, ended: now } },
            Self::Ignored { since, released, stuck } => {
                Self::Ignored { since, released: Some(released.unwrap_or(now)), stuck }
            }
            Self::Up | Self::Settling { .. } => self,
        }
    }

    /// When it changes by itself.
    pub fn due(self) -> Option<Uptime> {
        match self {
            Self::Up | Self::Ignored { released: None, stuck: true, .. } => None,
            Self::Down { since } | Self::Ignored { since, released: None, stuck: false } => Some(since + STUCK_AFTER),
            Self::Settling { press } => Some(press.ended + BOUNCE),
            Self::Ignored { released: Some(released), stuck, .. } => {
                Some(released + if stuck { FREE_AFTER } else { BOUNCE })
            }
        }
    }

    /// After what was due; a press, if one is over now.
    #[must_use]
    pub fn ripen(self) -> (Self, Option<Press>) {
        match self {
            Self::Up => (Self::Up, None),
            Self::Down { since } | Self::Ignored { since, released: None, .. } => {
                (Self::Ignored { since, released: None, stuck: true }, None)
            }
            Self::Settling { press } => (Self::Up, Some(press)),
            Self::Ignored { released: Some(_), .. } => (Self::Up, None),
        }
    }

    /// The press that is under way, if it counts.
    pub const fn held_since(self) -> Option<Uptime> {
        match self {
            Self::Down { since } => Some(since),
            Self::Up | Self::Settling { .. } | Self::Ignored { .. } => None,
        }
    }

    /// Whether nothing is under way.
    pub const fn at_rest(self) -> bool {
        match self {
            Self::Up | Self::Ignored { .. } => true,
            Self::Down { .. } | Self::Settling { .. } => false,
        }
    }

    /// Whether it is stuck.
    pub const fn stuck(self) -> bool {
        match self {
            Self::Ignored { stuck, .. } => stuck,
            Self::Up | Self::Down { .. } | Self::Settling { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Uptime {
        Uptime::from_millis(millis)
    }

    #[test]
    fn the_length_of_a_press_is_its_meaning() {
        for (millis, meaning) in [
            (0, Meaning::Nothing),
            (79, Meaning::Nothing),
            (80, Meaning::Tap),
            (1_000, Meaning::Tap),
            (1_001, Meaning::Nothing),
            (2_999, Meaning::Nothing),
            (3_000, Meaning::Hold),
            (7_999, Meaning::Hold),
            (8_000, Meaning::Nothing),
            (9_999, Meaning::Nothing),
            (10_000, Meaning::LongHold),
            (20_000, Meaning::LongHold),
            (20_001, Meaning::Nothing),
            (u64::MAX - 5, Meaning::Nothing),
        ] {
            assert_eq!(Press { began: at(5), ended: at(5 + millis) }.meaning(), meaning, "{millis} ms");
        }
    }

    #[test]
    fn a_contact_that_bounces_makes_one_press() {
        let bouncing = Button::Up.pressed(at(0)).released(at(3)).pressed(at(9)).released(at(500)).pressed(at(505));
        let over = bouncing.released(at(510));
        assert_eq!(over.due(), Some(at(590)));
        assert_eq!(over.ripen(), (Button::Up, Some(Press { began: at(0), ended: at(510) })));
    }

    #[test]
    fn a_button_that_was_held_before_counts_after_its_release() {
        let held = Button::found(true, at(0));
        assert_eq!(held.held_since(), None);
        let free = held.released(at(900));
        assert_eq!(free.pressed(at(910)).held_since(), None, "it only bounced");
        assert_eq!(free.ripen(), (Button::Up, None));
    }

    #[test]
    fn two_presses_without_a_release_between_them_count_for_nothing() {
        let lost = Button::Up.pressed(at(0)).pressed(at(11_000));
        assert_eq!(lost.released(at(12_000)).ripen(), (Button::Up, None));
    }

    #[test]
    fn a_stuck_button_is_free_after_five_seconds_of_rest() {
        let (stuck, press) = Button::Up.pressed(at(0)).ripen();
        assert!(stuck.stuck() && press.is_none());
        assert_eq!(stuck.due(), None);
        let again = stuck.released(at(70_000)).pressed(at(74_999));
        assert!(again.stuck() && again.due().is_none());
        let free = again.released(at(80_000));
        assert_eq!(free.due(), Some(at(85_000)));
        assert_eq!(free.ripen(), (Button::Up, None));
    }
}
