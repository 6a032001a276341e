//! The promises, and the boxes that they are tested on. Promises that take nothing from each other share a box and follow each
//! other on it; each sets up what it needs itself, so that it can be tested alone.

use std::time::Duration;

use crate::failure::Outcome;
use crate::home::Home;
use crate::promises::{boot, clock, cuts, house, idle, limits, panel, reset, update};
use crate::rig::Start;
use crate::rig::machine::Machine;

/// A sentence that holds for every box.
#[derive(Debug)]
pub(crate) struct Promise {
    /// For `--only`.
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
    pub(crate) limit: Duration,
    pub(crate) test: fn(&mut Home) -> Outcome,
}

/// A box, and what is tested on it.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) name: &'static str,
    /// What QEMU plays.
    pub(crate) machine: Machine,
    /// The size of its card; that of the image unless said otherwise.
    pub(crate) card_bytes: Option<u64>,
    pub(crate) start: Start,
    pub(crate) promises: &'static [Promise],
}

const GIB: u64 = 1 << 30;
const INSIDE: Start = Start { clock: None, outside: false };
const OUTSIDE: Start = Start { clock: None, outside: true };

/// Longest first, so that two at a time end at about the same moment.
pub(crate) const GUESTS: &[Guest] = &[
    Guest {
        name: "updates",
        machine: Machine::Virt,
        card_bytes: Some(2 * GIB),
        start: INSIDE,
        promises: &[
            promise(
                "bad-bundles",
                "a bundle that is unsigned, signed by somebody else, truncated or for another board changes nothing",
                300,
                update::bad_bundles,
            ),
            promise(
                "update",
                "an update goes to the other slot and back, and nobody in the house is forgotten",
                1200,
                update::there_and_back,
            ),
            promise(
                "unhealthy-update",
                "a version that fails its health gate is taken back, and the box says why",
                1200,
                update::unhealthy,
            ),
        ],
    },
    Guest {
        name: "home",
        machine: Machine::Virt,
        card_bytes: Some(GIB),
        start: OUTSIDE,
        promises: &[
            promise("boots", "the box boots to serving with no failed unit", 300, boot::boots),
            promise("grows", "the first boot grows /data to the end of the card", 300, boot::grows),
            promise(
                "led",
                "the LED says booting, then that it waits for the time, then unclaimed",
                300,
                panel::led_of_a_new_box,
            ),
            promise(
                "claims",
                "a person claims the box with its button, another is invited, and a passkey signs in to an app",
                420,
                house::moves_in,
            ),
            promise("ssh", "ssh admin@ runs the command line, and nobody gets in without the key", 300, house::ssh),
            promise(
                "button",
                "a stuck button, a tap, a hold of 5 s and one of 12 s do what the table says",
                420,
                panel::button,
            ),
            promise(
                "idle",
                "idle, the box takes at most 150 MB, the service 12 MB, and 60 s write next to nothing",
                480,
                idle::idle,
            ),
            promise("memory-limit", "the memory limit of the service is really enforced", 300, limits::enforced),
            promise(
                "sign-ins",
                "64 password sign-ins at once are served or told to wait, and the service lives on",
                300,
                limits::sign_ins,
            ),
            promise(
                "second-boot",
                "the second boot comes to healthy by itself and leaves /data as it was",
                300,
                boot::second_boot,
            ),
            promise(
                "reset",
                "two holds of the button erase every trace of the household from /data",
                420,
                reset::leaves_no_trace,
            ),
        ],
    },
    Guest {
        name: "cuts",
        machine: Machine::Virt,
        card_bytes: None,
        start: INSIDE,
        promises: &[
            promise("exact-size", "a card of exactly the image's size works", 300, boot::exact_size),
            promise(
                "power-cuts",
                "abrupt power cuts lose nothing that was acknowledged and leave no file system broken",
                3600,
                cuts::lose_nothing,
            ),
            promise(
                "unflushed-writes",
                "of a card that loses what was not flushed, nothing acknowledged is gone and no file system needs a person",
                600,
                cuts::lose_nothing_that_was_flushed,
            ),
        ],
    },
    Guest {
        name: "clock",
        machine: Machine::Virt,
        card_bytes: Some(GIB),
        start: INSIDE,
        promises: &[
            promise(
                "clock-1970",
                "started in 1970 without network it issues nothing, says so, and recovers when somebody sets the time",
                420,
                clock::in_1970,
            ),
            promise(
                "clock-2038",
                "started in 2038 without network it issues nothing, says so, and recovers when a time server answers",
                420,
                clock::in_2038,
            ),
        ],
    },
    Guest {
        name: "pi",
        machine: Machine::Raspi3b,
        card_bytes: Some(GIB),
        start: INSIDE,
        promises: &[promise(
            "pi-3",
            "the same card boots as a Raspberry Pi 3 with its own device tree and no failed unit",
            480,
            boot::as_a_pi,
        )],
    },
];

const fn promise(name: &'static str, says: &'static str, seconds: u64, test: fn(&mut Home) -> Outcome) -> Promise {
    Promise { name, says, limit: Duration::from_secs(seconds), test }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_has_a_name_of_its_own_and_a_sentence() {
        let all: Vec<&Promise> = GUESTS.iter().flat_map(|guest| guest.promises).collect();
        for (place, promise) in all.iter().enumerate() {
            assert!(all[..place].iter().all(|other| other.name != promise.name), "{}", promise.name);
            assert!(promise.says.split(' ').count() > 4 && !promise.limit.is_zero(), "{}", promise.name);
        }
    }

    #[test]
    fn the_read_me_names_every_promise() {
        let text = include_str!("../README.md");
        for promise in GUESTS.iter().flat_map(|guest| guest.promises) {
            assert!(text.contains(&format!("`{}`", promise.name)), "{}", promise.name);
        }
    }
}
