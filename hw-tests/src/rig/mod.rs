//! A box on a desk: power, serial lines, button, LED, network and a USB stick. The same promises are tested on an emulated one
//! and on a real one.

pub(crate) mod board;
pub(crate) mod card;
pub(crate) mod line;
pub(crate) mod machine;
pub(crate) mod qemu;
mod qmp;
pub(crate) mod shell;
pub(crate) mod time_server;
pub(crate) mod tools;
pub(crate) mod write_log;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::failure::Outcome;
use crate::led::Edge;

use card::Card;
use line::Line;
use shell::Shell;
use write_log::WriteLog;

/// What a guest is to be like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    /// What the clock shows when the power comes, as in `1970-01-01T00:00:00`; the right time unless said otherwise. A Pi has no
    /// clock that goes on without power; there, it is set as soon as there is a shell.
    pub(crate) clock: Option<&'static str>,
    /// Whether it reaches more than whoever asks it: a time server of this computer, and beyond.
    pub(crate) outside: bool,
}

/// A card that is to be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewCard {
    /// How large; as large as the image unless said otherwise.
    pub(crate) bytes: Option<u64>,
    /// `latchkey.toml` on its partition for people.
    pub(crate) latchkey_toml: Option<String>,
}

/// What listens on the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Https,
    Http,
    Ssh,
}

impl Service {
    pub(crate) const ALL: [Self; 3] = [Self::Https, Self::Http, Self::Ssh];

    /// Its port on the box.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Ssh => 22,
        }
    }
}

/// See the module. What takes time ends at the limit that was set last.
pub(crate) trait Rig {
    /// From now on nothing takes longer than that.
    fn set_limit(&mut self, limit: Deadline);

    /// Writes a card and puts it in. The power is off.
    fn insert_card(&mut self, card: &NewCard) -> Outcome;

    /// Switches the power on.
    fn power_on(&mut self, start: &Start) -> Outcome;

    /// Pulls the plug, whatever the box is doing.
    fn cut_power(&mut self) -> Outcome;

    /// From the next time that the power comes on, every write to that partition of the card is kept, in order. The power is off.
    fn record_writes(&mut self, partition: &str) -> Outcome<WriteLog>;

    /// A program of this computer that looks into a card.
    fn program(&self, name: &str) -> Command;

    /// The box's own console.
    fn console(&mut self) -> Outcome<&mut Line>;

    /// A root shell beside it, as soon as the system has one.
    fn shell(&mut self) -> Outcome<&mut Shell>;

    /// The system of the box is about to start anew by itself: the shell of before is gone.
    fn expect_restart(&mut self);

    /// Presses the button for that long.
    fn press(&mut self, long: Duration) -> Outcome;

    /// Holds the button, or lets it go.
    fn hold(&mut self, held: bool) -> Outcome;

    /// Looks at the LED from now on.
    fn watch_led(&mut self) -> Outcome;

    /// When the LED changed since then, and the clock of whoever looked.
    fn led(&mut self) -> Outcome<(Vec<Edge>, f64)>;

    /// Where a service of the box is reached from here.
    fn address(&mut self, service: Service) -> Outcome<SocketAddr>;

    /// Puts in a stick with these files.
    fn insert_usb(&mut self, files: &[PathBuf]) -> Outcome;

    /// Pulls the stick.
    fn remove_usb(&mut self) -> Outcome;

    /// The network cable.
    fn plug_network(&mut self, plugged: bool) -> Outcome;

    /// The card, to be looked at as whoever finds it would.
    fn card(&mut self) -> Outcome<&Card>;

    /// What the lines said last, for whoever looks into a failure.
    fn last_words(&self) -> String;
}
