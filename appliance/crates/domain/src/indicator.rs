//! What the LED says: one row per state, with its pattern in time and its words for the console, `latchkey status`, the web page
//! and the journal. One colour, at most two flashes a second, states told apart by time alone.

use std::time::Duration;

/// A state that the LED can show, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Indicator {
    /// The first of two long holds was made.
    ResetArmed,
    /// A claim or a recovery may begin now.
    WindowOpen,
    /// The box does not work.
    Fault(FaultReason),
    /// A new version is being written.
    Updating,
    /// The server is not there yet.
    Booting,
    /// Nothing that depends on time works yet.
    ClockNotTrusted,
    /// Nobody owns the box.
    Unclaimed,
    /// The box works, and somebody should look at it.
    Degraded(DegradedReason),
    /// Nothing to say.
    Healthy,
}

/// Why the box does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultReason {
    /// The database cannot be used.
    Database,
    /// The data partition cannot be used.
    DataPartition,
    /// The server does not come up, or not for long.
    CrashLoop,
    /// The clock cannot be right.
    ClockImpossible,
    /// The configuration cannot be used.
    Configuration,
    /// A part of the board does not work.
    Hardware,
}

/// What somebody should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DegradedReason {
    /// The card is nearly full.
    Disk,
    /// The certificate is over soon, or could not be renewed.
    Certificate,
    /// The board is too hot.
    Temperature,
    /// The power supply is too weak.
    Undervoltage,
    /// The last backup is too old.
    BackupOld,
    /// The last update did not work and was taken back.
    RolledBack,
    /// The button has been held for a minute or more.
    StuckButton,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// 1 is shown before 2. States of the same priority are shown in the order of their numbers.
    pub priority: u8,
    /// The number that is told in short flashes, for a fault or what is degraded; else 0.
    pub number: u8,
    /// Its name for programs.
    pub name: &'static str,
    /// What the LED does.
    pub pattern: Pattern,
    /// What people read.
    pub text: &'static str,
}

impl Indicator {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 20] = [
        Self::ResetArmed,
        Self::WindowOpen,
        Self::Fault(FaultReason::Database),
        Self::Fault(FaultReason::DataPartition),
        Self::Fault(FaultReason::CrashLoop),
        Self::Fault(FaultReason::ClockImpossible),
        Self::Fault(FaultReason::Configuration),
        Self::Fault(FaultReason::Hardware),
        Self::Updating,
        Self::Booting,
        Self::ClockNotTrusted,
        Self::Unclaimed,
        Self::Degraded(DegradedReason::Disk),
        Self::Degraded(DegradedReason::Certificate),
        Self::Degraded(DegradedReason::Temperature),
        Self::Degraded(DegradedReason::Undervoltage),
        Self::Degraded(DegradedReason::BackupOld),
        Self::Degraded(DegradedReason::RolledBack),
        Self::Degraded(DegradedReason::StuckButton),
        Self::Healthy,
    ];

    /// The table. One arm a state; what is shown anywhere comes from here.
    #[expect(clippy::too_many_lines, reason = "one table reads better than three")]
    pub const fn row(self) -> Row {
        use {DegradedReason as Look, FaultReason as Bad};
        match self {
            Self::ResetArmed => row(
                1,
                "reset-armed",
                Pattern([times(4, 250, 250), on(1000), NONE]),
                "Reset is armed. Hold the button again for 4 seconds to erase everything; tap it to stop",
            ),
            Self::WindowOpen => row(
                2,
                "window-open",
                Pattern([times(1, 250, 250), NONE, NONE]),
                "Open for two minutes: whoever is at the box may claim it or recover an account",
            ),
            Self::Fault(Bad::Database) => {
                fault(1, "fault-database", "The database cannot be used; see the server's log")
            }
            Self::Fault(Bad::DataPartition) => fault(
                2,
                "fault-data-partition",
                "The card's data partition cannot be used; switch the box off and on once, and if that does not help, use a new card",
            ),
            Self::Fault(Bad::CrashLoop) => fault(3, "fault-crash-loop", "The server does not come up; see its log"),
            Self::Fault(Bad::ClockImpossible) => {
                fault(4, "fault-clock-impossible", "The clock cannot be right; set it with `latchkey time set`")
            }
            Self::Fault(Bad::Configuration) => {
                fault(5, "fault-configuration", "The configuration cannot be used; the server's log names the line")
            }
            Self::Fault(Bad::Hardware) => fault(6, "fault-hardware", "A part of the board does not work"),
            Self::Updating => row(
                4,
                "updating",
                Pattern([short(3), off(1000), NONE]),
                "An update is being installed. Do not unplug the box",
            ),
            Self::Booting => row(5, "booting", Pattern([times(1, 500, 500), NONE, NONE]), "Starting"),
            Self::ClockNotTrusted => row(
                6,
                "clock-not-trusted",
                Pattern([short(2), off(GAP), NONE]),
                "Waiting for the time from the network; nobody can sign in until then",
            ),
            Self::Unclaimed => row(
                7,
                "unclaimed",
                Pattern([times(1, 2000, 2000), NONE, NONE]),
                "Nobody owns this box yet. Open its address in a browser, then tap the button",
            ),
            Self::Degraded(Look::Disk) => degraded(1, "degraded-disk", "The card is nearly full"),
            Self::Degraded(Look::Certificate) => {
                degraded(2, "degraded-certificate", "The certificate needs a look: `latchkey cert status`")
            }
            Self::Degraded(Look::Temperature) => {
                degraded(3, "degraded-temperature", "The board is too hot; give it air")
            }
            Self::Degraded(Look::Undervoltage) => {
                degraded(4, "degraded-undervoltage", "The power supply is too weak; use the one made for this board")
            }
            Self::Degraded(Look::BackupOld) => degraded(5, "degraded-backup-old", "The last backup is too old"),
            Self::Degraded(Look::RolledBack) => {
                degraded(6, "degraded-rolled-back", "The last update did not work; the version before it runs again")
            }
            Self::Degraded(Look::StuckButton) => {
                degraded(7, "degraded-stuck-button", "The button is stuck: it has been held for more than a minute")
            }
            Self::Healthy => row(9, "healthy", Pattern([times(1, 9900, 100), NONE, NONE]), "All is well"),
        }
    }

    /// The pattern; at night the healthy state is dark but for a sign of life.
    pub const fn pattern(self, night: bool) -> Pattern {
        match self {
            Self::Healthy if night => Pattern([times(1, 60, 9940), NONE, NONE]),
            Self::ResetArmed
            | Self::WindowOpen
            | Self::Fault(_)
            | Self::Updating
            | Self::Booting
            | Self::ClockNotTrusted
            | Self::Unclaimed
            | Self::Degraded(_)
            | Self::Healthy => self.row().pattern,
        }
    }

    /// Its name for programs.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The state of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// What people read, with the number that the LED flashes.
    pub fn text(self) -> String {
        let Row { number, text, .. } = self.row();
        match self {
            Self::Fault(_) => format!("Fault {number}: {text}"),
            Self::Degraded(_) => format!("Warning {number}: {text}"),
            Self::ResetArmed
            | Self::WindowOpen
            | Self::Updating
            | Self::Booting
            | Self::ClockNotTrusted
            | Self::Unclaimed
            | Self::Healthy => text.to_owned(),
        }
    }
}

/// The states that hold at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Active(u32);

impl Active {
    /// None: the box is healthy.
    pub const NONE: Self = Self(0);

    /// These and that one.
    #[must_use]
    pub fn with(self, state: Indicator) -> Self {
        Self(self.0 | bit(state))
    }

    /// These and that one, if it holds.
    #[must_use]
    pub fn with_if(self, holds: bool, state: Indicator) -> Self {
        if holds { self.with(state) } else { self }
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether that one is among them.
    pub fn has(self, state: Indicator) -> bool {
        self.0 & bit(state) != 0
    }

    /// They, the most urgent first; never empty, as a box without a state is healthy.
    pub fn states(self) -> impl Iterator<Item = Indicator> {
        let some = Indicator::ALL.into_iter().filter(move |state| self.has(*state) && *state != Indicator::Healthy);
        let healthy = (self.0 & !bit(Indicator::Healthy) == 0).then_some(Indicator::Healthy);
        some.chain(healthy)
    }

    /// The one to show.
    pub fn highest(self) -> Indicator {
        self.states().next().unwrap_or(Indicator::Healthy)
    }
}

impl FromIterator<Indicator> for Active {
    fn from_iter<I: IntoIterator<Item = Indicator>>(states: I) -> Self {
        states.into_iter().fold(Self::NONE, Self::with)
    }
}

fn bit(state: Indicator) -> u32 {
    Indicator::ALL.into_iter().position(|other| other == state).map_or(0, |place| 1 << place)
}

/// What the LED does, again and again: at most three groups of flashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern([Group; 3]);

/// So many times on and off, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    times: u8,
    on: u16,
    off: u16,
}

/// After a group that is counted.
const GAP: u16 = 2000;
const NONE: Group = times(0, 0, 0);

const fn times(times: u8, on: u16, off: u16) -> Group {
    Group { times, on, off }
}

const fn on(millis: u16) -> Group {
    times(1, millis, 0)
}

const fn off(millis: u16) -> Group {
    times(1, 0, millis)
}

const fn short(n: u8) -> Group {
    times(n, 200, 300)
}

const fn long(n: u8) -> Group {
    times(n, 1000, 300)
}

const fn row(priority: u8, name: &'static str, pattern: Pattern, text: &'static str) -> Row {
    Row { priority, number: 0, name, pattern, text }
}

const fn fault(number: u8, name: &'static str, text: &'static str) -> Row {
    let pattern = Pattern([long(2), short(number), off(GAP)]);
    Row { priority: 3, number, name, pattern, text }
}

const fn degraded(number: u8, name: &'static str, text: &'static str) -> Row {
    let pattern = Pattern([long(1), short(number), on(3000)]);
    Row { priority: 8, number, name, pattern, text }
}

/// Whether the LED is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Dark.
    Off,
    /// Lit.
    On,
}

impl Pattern {
    /// Whether the LED is lit, that long after the state began.
    pub fn level_at(self, elapsed: Duration) -> Level {
        let place = self.place(elapsed);
        let mut end = 0;
        for (level, millis) in self.steps() {
            end += millis;
            if place < end {
                return level;
            }
        }
        Level::Off
    }

    /// How long from there until the LED changes; `None` for one that never does.
    pub fn next_change(self, elapsed: Duration) -> Option<Duration> {
        let (place, now) = (self.place(elapsed), self.level_at(elapsed));
        let mut start = 0;
        // Twice around: what is lit at the end may be lit at the beginning too.
        for (level, millis) in self.steps().chain(self.steps()) {
            if start > place && level != now {
                let since =
                    Duration::from_millis(place) + Duration::from_nanos(u64::from(elapsed.subsec_nanos() % 1_000_000));
                return Some(Duration::from_millis(start).saturating_sub(since));
            }
            start += millis;
        }
        None
    }

    /// The length of one round, in milliseconds.
    fn round(self) -> u64 {
        self.steps().map(|(_, millis)| millis).sum()
    }

    /// Where in its round the pattern is, in whole milliseconds.
    fn place(self, elapsed: Duration) -> u64 {
        let place = elapsed.as_millis() % u128::from(self.round().max(1));
        u64::try_from(place).unwrap_or(0)
    }

    fn steps(self) -> impl Iterator<Item = (Level, u64)> {
        let group = |group: Group| {
            let step = [(Level::On, u64::from(group.on)), (Level::Off, u64::from(group.off))];
            std::iter::repeat_n(step, usize::from(group.times)).flatten()
        };
        self.0.into_iter().flat_map(group).filter(|(_, millis)| *millis > 0)
    }
}

/// What the LED answers while the button is held: dark, a flash at 3 s, two at 10 s, and lit from 20 s on.
const ANSWER: [(Level, u64); 7] = [
    (Level::On, 3_000),
    (Level::Off, 3_200),
    (Level::On, 10_000),
    (Level::Off, 10_200),
    (Level::On, 10_500),
    (Level::Off, 10_700),
    (Level::On, 20_000),
];

/// Whether the LED is lit while the button has been held for that long, and how long until that changes.
pub fn answer_to_hold(held: Duration) -> (Level, Option<Duration>) {
    let mut now = Level::Off;
    for (level, from) in ANSWER {
        let from = Duration::from_millis(from);
        if held < from {
            return (now, Some(from - held));
        }
        now = level;
    }
    (now, None)
}

#[cfg(test)]
mod tests;
