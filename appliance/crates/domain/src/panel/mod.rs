//! The front panel as a pure function: `(state, event, now) -> (state, effects)`.
//!
//! The button alone never grants access: it opens a window in which something else is asked for. No sequence of events erases
//! anything without two holds. What is due by itself happens at the moment when it was due, however late somebody asks, so the
//! same events give the same effects in pieces and at once.

mod press;

use std::time::Duration;

pub use press::{BOUNCE, Button, FREE_AFTER, Meaning, Press, STUCK_AFTER};

use crate::indicator::{Active, DegradedReason, FaultReason, Indicator, Level, answer_to_hold};
use crate::time::Uptime;

/// How long reset stays armed, and how long the countdown is.
pub const RESET_STEP: Duration = Duration::from_secs(10);
/// How long the second hold is at least.
pub const SECOND_HOLD: Duration = Duration::from_secs(4);
/// How long the first and the second hold are at most; longer is a change of mind.
pub const LONGEST_HOLD: Duration = Duration::from_secs(20);
/// Recovery windows within [`RECOVERY_SPAN`].
pub const RECOVERIES: usize = 3;
/// The hour in which there are so many at most.
pub const RECOVERY_SPAN: Duration = Duration::from_secs(60 * 60);
/// A server that does not come up for that long is a fault.
pub const BOOT_LIMIT: Duration = Duration::from_secs(180);
/// A server that was there may be silent for that long before the LED says so: a short restart is not news.
pub const SILENCE: Duration = Duration::from_secs(3);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The contact of the button closed.
    Pressed,
    /// It opened.
    Released,
    /// Edges may be missing; this is how the button is now.
    Lost {
        /// Whether it is held.
        held: bool,
    },
    /// The server told which states hold.
    Server(Report),
    /// The server does not answer.
    Silent,
    /// What the panel itself found to be wrong, which counts for as long as the server tells nothing better.
    Found(Active),
    /// Time passed.
    Tick,
}

/// What the server tells the panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The states that hold.
    pub active: Active,
    /// Whether something waits for a tap.
    pub waiting: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open the window in which the box can be claimed.
    OpenClaimWindow,
    /// Open the window in which an account can be recovered.
    OpenRecoveryWindow,
    /// Nothing: there were too many recovery windows within the hour.
    RefuseRecoveryWindow,
    /// Confirm what waits for a tap.
    Confirm,
    /// Nothing yet: reset is armed.
    ArmReset,
    /// Nothing yet: the countdown runs.
    BeginCountdown,
    /// Nothing any more: reset was armed or counted down, and is not.
    CancelReset,
    /// Erase everything.
    FactoryReset,
}

/// The panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel {
    now: Uptime,
    button: Button,
    reset: Reset,
    server: Server,
    found: Active,
    /// When the last recovery windows were opened.
    recoveries: [Option<Uptime>; RECOVERIES],
    /// What the LED shows, and since when.
    shown: (Indicator, Uptime),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    Idle,
    Armed { until: Uptime },
    Counting { until: Uptime },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Heard(Report),
    /// Not heard of since then; it may have told something before.
    Silent {
        since: Uptime,
        last: Option<Report>,
    },
}

impl Panel {
    /// A panel that was just started, with the button as it was found.
    pub fn new(held: bool, now: Uptime) -> Self {
        Self {
            now,
            button: Button::found(held, now),
            reset: Reset::Idle,
            server: Server::Silent { since: now, last: None },
            found: Active::NONE,
            recoveries: [None; RECOVERIES],
            shown: (Indicator::Booting, now),
        }
    }

    /// What comes of an event. Time that runs backwards stands still.
    #[must_use]
    pub fn step(mut self, event: Event, now: Uptime) -> (Self, Vec<Effect>) {
        let mut effects = Vec::new();
        let now = now.max(self.now);
        while let Some(due) = self.due().filter(|due| *due <= now) {
            self.pass(due.max(self.now), &mut effects);
        }
        self.now = now;
        self.take(event, &mut effects);
        self.show();
        (self, effects)
    }

    /// When something happens by itself; ask again with [`Event::Tick`] then.
    pub fn due(&self) -> Option<Uptime> {
        [self.button.due(), self.reset_due(), self.server_due()].into_iter().flatten().min()
    }

    /// The states that hold.
    pub fn active(&self) -> Active {
        let own = self.own().and(self.found);
        match self.server {
            Server::Heard(report) => self.own().and(report.active),
            Server::Silent { since, last } => match self.now.since(since) {
                silent if silent >= BOOT_LIMIT => own.with(Indicator::Fault(FaultReason::CrashLoop)),
                silent if silent >= SILENCE => own.with(Indicator::Booting),
                _ => own.and(last.map_or(Active::NONE.with(Indicator::Booting), |last| last.active)),
            },
        }
    }

    /// Those that only the panel knows of.
    pub fn own(&self) -> Active {
        Active::NONE
            .with_if(self.reset != Reset::Idle, Indicator::ResetArmed)
            .with_if(self.button.stuck(), Indicator::Degraded(DegradedReason::StuckButton))
    }

    /// The state that the LED shows.
    pub const fn showing(&self) -> Indicator {
        self.shown.0
    }

    /// Whether the LED is lit, and when that changes if nothing happens before.
    pub fn light(&self, now: Uptime, night: bool) -> (Level, Option<Uptime>) {
        let now = now.max(self.now);
        let (level, change) = match self.button.held_since().filter(|since| now.since(*since) >= BOUNCE) {
            Some(since) => answer_to_hold(now.since(since)),
            None => {
                let (pattern, elapsed) = (self.shown.0.pattern(night), now.since(self.shown.1));
                (pattern.level_at(elapsed), pattern.next_change(elapsed))
            }
        };
        let answer = self.button.held_since().map(|since| since + BOUNCE).filter(|from| now < *from);
        (level, change.map(|change| now + change).into_iter().chain(answer).min())
    }

    fn reset_due(&self) -> Option<Uptime> {
        match (self.reset, self.button) {
            (Reset::Idle, _) => None,
            // Any press that is no bounce ends the countdown.
            (Reset::Counting { .. }, Button::Down { since }) => Some(since + BOUNCE),
            (Reset::Armed { until } | Reset::Counting { until }, button) => button.at_rest().then_some(until),
        }
    }

    fn server_due(&self) -> Option<Uptime> {
        match self.server {
            Server::Heard(_) => None,
            Server::Silent { since, .. } => {
                [since + SILENCE, since + BOOT_LIMIT].into_iter().find(|limit| *limit > self.now)
            }
        }
    }

    /// Does what is due at that moment.
    fn pass(&mut self, now: Uptime, effects: &mut Vec<Effect>) {
        let (reset, button) = (self.reset_due(), self.button.due());
        self.now = now;
        if button.is_some_and(|due| due <= now) {
            let (button, press) = self.button.ripen();
            self.button = button;
            if let Some(press) = press {
                self.pressed(press, effects);
            }
        } else if reset.is_some_and(|due| due <= now) {
            self.end_of_step(effects);
        }
        self.show();
    }

    /// The step of a reset is over, or a press ended it.
    fn end_of_step(&mut self, effects: &mut Vec<Effect>) {
        let over = match self.reset {
            Reset::Idle => return,
            Reset::Counting { .. } if self.button.at_rest() => Effect::FactoryReset,
            Reset::Armed { .. } | Reset::Counting { .. } => Effect::CancelReset,
        };
        self.reset = Reset::Idle;
        if !self.button.at_rest() {
            // What stopped the countdown does nothing besides.
            self.button = Button::found(true, self.now);
        }
        effects.push(over);
    }

    fn take(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Pressed => {
                self.doubt(matches!(self.button, Button::Down { .. }), effects);
                self.button = self.button.pressed(self.now);
            }
            Event::Released => {
                self.doubt(self.button == Button::Up, effects);
                self.button = self.button.released(self.now);
            }
            Event::Lost { held } => {
                if !self.button.stuck() {
                    self.button = Button::found(held, self.now);
                }
                self.cancel(effects);
            }
            Event::Server(report) => self.server = Server::Heard(report),
            Event::Silent => {
                if let Server::Heard(report) = self.server {
                    self.server = Server::Silent { since: self.now, last: Some(report) };
                }
            }
            Event::Found(active) => self.found = active,
            Event::Tick => {}
        }
    }

    /// An edge is missing: it may have been that of a tap that stops a reset.
    fn doubt(&mut self, missing: bool, effects: &mut Vec<Effect>) {
        if missing {
            self.cancel(effects);
        }
    }

    /// A press is over.
    fn pressed(&mut self, press: Press, effects: &mut Vec<Effect>) {
        if press.length() < BOUNCE {
            return;
        }
        match self.reset {
            Reset::Idle => self.alone(press, effects),
            Reset::Armed { until } => {
                let second = (SECOND_HOLD..=LONGEST_HOLD).contains(&press.length()) && press.began <= until;
                if second {
                    self.reset = Reset::Counting { until: press.ended + RESET_STEP };
                    effects.push(Effect::BeginCountdown);
                } else {
                    self.cancel(effects);
                }
            }
            Reset::Counting { .. } => self.cancel(effects),
        }
    }

    /// A press while no reset is armed.
    fn alone(&mut self, press: Press, effects: &mut Vec<Effect>) {
        let report = match self.server {
            Server::Heard(report) => Some(report),
            Server::Silent { .. } => None,
        };
        let claimed = report.map(|report| !report.active.has(Indicator::Unclaimed));
        match (press.meaning(), claimed) {
            (Meaning::LongHold, _) => {
                self.reset = Reset::Armed { until: press.ended + RESET_STEP };
                effects.push(Effect::ArmReset);
            }
            (Meaning::Tap, Some(false)) => effects.push(Effect::OpenClaimWindow),
            (Meaning::Tap, Some(true)) => {
                if report.is_some_and(|report| report.waiting) {
                    effects.push(Effect::Confirm);
                }
            }
            (Meaning::Hold, Some(true)) => effects.push(self.recovery(press.ended)),
            // There is nothing to recover in a box that nobody owns, and nobody to tell it to without a server.
            (Meaning::Hold, Some(false) | None) | (Meaning::Tap, None) | (Meaning::Nothing, _) => {}
        }
    }

    fn recovery(&mut self, now: Uptime) -> Effect {
        let free = |opened: &Option<Uptime>| opened.is_none_or(|opened| now.since(opened) >= RECOVERY_SPAN);
        match self.recoveries.iter_mut().find(|opened| free(opened)) {
            Some(place) => {
                *place = Some(now);
                Effect::OpenRecoveryWindow
            }
            None => Effect::RefuseRecoveryWindow,
        }
    }

    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        if self.reset != Reset::Idle {
            self.reset = Reset::Idle;
            effects.push(Effect::CancelReset);
        }
    }

    /// Begins the pattern anew when the state to show is another.
    fn show(&mut self) {
        let highest = self.active().highest();
        if highest != self.shown.0 {
            self.shown = (highest, self.now);
        }
    }
}

#[cfg(test)]
mod tests;
