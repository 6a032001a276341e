//! The boards that QEMU plays, as its arguments and as changes of their device trees. Pure.
//!
//! `virt` is fast and has what a Pi has not under emulation: a watchdog, a clock, a second serial line, simulated GPIO lines. It
//! boots through U-Boot like a Pi. `raspi3b` is slow and is there for the real device tree, card slot and GPIO chip.

use std::path::Path;

use serde_json::json;

use super::{Service, Start};

/// Lines of the simulated GPIO chip: those of a Pi's header by name.
const LINES: u32 = 28;

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    Virt,
    Raspi3b,
}

/// Files that a start wants.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) card: &'a Path,
    /// An empty file for what is written to it.
    pub(crate) writes: Option<&'a Path>,
    /// The device tree, changed.
    pub(crate) tree: &'a Path,
    /// U-Boot.
    pub(crate) u_boot: &'a Path,
    /// The folder with the sockets `console` and `shell`, on which we listen, and `qmp`, on which QEMU does.
    pub(crate) sockets: &'a Path,
}

impl Machine {
    /// The board alone, for the first look at its device tree.
    pub(crate) fn board(self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Virt => &["-cpu", "cortex-a53", "-smp", "2", "-m", "1G"],
            Self::Raspi3b => &[],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Its name for QEMU.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Virt => "virt",
            Self::Raspi3b => "raspi3b",
        }
    }

    /// Its device tree on the card's first partition, if it does not make its own.
    pub(crate) const fn tree(self) -> Option<&'static str> {
        match self {
            Self::Virt => None,
            Self::Raspi3b => Some("bcm2837-rpi-3-b.dtb"),
        }
    }

    /// The words for the kernel of a test: a root shell on a serial line. `cmdline` is what the firmware of the board says.
    pub(crate) fn kernel_words(self, cmdline: &str) -> String {
        match self {
            // The simulated lines have to be there before whoever looks for them once.
            Self::Virt => "systemd.debug_shell=ttyAMA1 systemd.log_color=0 modules_load=gpio-sim".to_owned(),
            // The second line of a Pi stalls under emulation, so the shell takes the place of the console; and the watchdog of
            // the emulation stalls the whole board once it is armed.
            Self::Raspi3b => format!(
                "{} systemd.debug_shell=ttyAMA0 systemd.mask=serial-getty@ttyAMA0.service \
                 systemd.mask=latchkey-console@ttyAMA0.service systemd.mask=latchkey-console@serial0.service \
                 systemd.watchdog_sec=0 systemd.log_color=0",
                cmdline.trim()
            ),
        }
    }

    /// What the test changes of the device tree; the image stays as it is.
    pub(crate) fn edits(self, kernel_words: &str) -> Vec<(&'static str, Vec<String>)> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let bootargs = ("-t s", words(&["/chosen", "bootargs", kernel_words]));
        match self {
            Self::Virt => {
                let mut names = words(&["/gpio-sim/bank0", "gpio-line-names"]);
                names.extend((0..LINES).map(|number| format!("GPIO{number}")));
                vec![
                    bootargs,
                    ("-c", words(&["/gpio-sim", "/gpio-sim/bank0"])),
                    ("-t s", words(&["/gpio-sim", "compatible", "gpio-simulator"])),
                    ("", words(&["/gpio-sim/bank0", "gpio-controller"])),
                    ("-t i", words(&["/gpio-sim/bank0", "#gpio-cells", "2"])),
                    ("-t i", words(&["/gpio-sim/bank0", "ngpios", &LINES.to_string()])),
                    ("-t s", words(&["/gpio-sim/bank0", "gpio-sim,label", "latchkey-panel"])),
                    ("-t s", names),
                ]
            }
            Self::Raspi3b => vec![
                bootargs,
                // The good serial line is the console's, not the radio's, which is not emulated.
                ("-r", words(&["/soc/serial@7e201000/bluetooth"])),
                ("-t s", words(&["/chosen", "stdout-path", "serial0:115200n8"])),
                // Else U-Boot takes the tree of the slot, which is for a real board.
                ("-t s", words(&["/chosen", "latchkey,keep-device-tree", "1"])),
            ],
        }
    }

    /// The whole command line behind the program's name.
    pub(crate) fn arguments(self, parts: &Parts<'_>, start: &Start) -> Vec<String> {
        let mut all: Vec<String> =
            ["-nodefaults", "-no-user-config", "-display", "none", "-machine", self.name()].map(str::to_owned).into();
        all.extend(self.board());
        let mut add = |option: &str, value: String| all.extend([option.to_owned(), value]);
        // QEMU connects to our lines, so that no word of them is missed. To its monitor we connect,
        // as soon as the board runs.
        for (line, how) in [("console", ""), ("shell", ""), ("qmp", ",server=on,wait=off")] {
            let path = parts.sockets.join(line).display().to_string();
            add("-chardev", format!("socket,id={line},path={}{how}", escaped(&path)));
        }
        add("-serial", "chardev:console".to_owned());
        add("-serial", "chardev:shell".to_owned());
        add("-mon", "chardev=qmp,mode=control".to_owned());
        add("-rtc", format!("base={}", start.clock.unwrap_or("utc")));
        add("-netdev", network(start.outside));
        add("-dtb", parts.tree.display().to_string());
        let u_boot = parts.u_boot.display().to_string();
        match self {
            Self::Virt => {
                add("-bios", u_boot);
                add("-blockdev", blocks(parts));
                for device in [
                    "virtio-blk-device,drive=card",
                    "virtio-net-device,netdev=net,id=nic",
                    "virtio-rng-device",
                    "i6300esb",
                    "qemu-xhci,id=usb",
                ] {
                    add("-device", device.to_owned());
                }
            }
            Self::Raspi3b => {
                add("-kernel", u_boot);
                add("-drive", format!("if=sd,format=raw,file={}", escaped(&parts.card.display().to_string())));
                add("-device", "usb-net,netdev=net,id=nic".to_owned());
            }
        }
        all
    }
}

/// The card as a block device called `card`, with the recorder in front of it if there is one.
fn blocks(parts: &Parts<'_>) -> String {
    let card = json!({ "driver": "file", "filename": parts.card, "discard": "unmap" });
    let whole = match parts.writes {
        None => json!({ "driver": "raw", "node-name": "card", "discard": "unmap", "file": card }),
        Some(log) => json!({
            "driver": "blklogwrites", "node-name": "card", "discard": "unmap",
            "file": { "driver": "raw", "discard": "unmap", "file": card },
            "log": { "driver": "file", "filename": log },
        }),
    };
    whole.to_string()
}

/// Reached on 127.0.0.1 only, at ports that the kernel chooses.
fn network(outside: bool) -> String {
    let mut words = format!("user,id=net,restrict={}", if outside { "off" } else { "on" });
    for service in Service::ALL {
        words.push_str(&format!(",hostfwd=tcp:127.0.0.1:0-:{}", service.port()));
    }
    words
}

/// A path within a list of QEMU's: a comma is written twice.
fn escaped(path: &str) -> String {
    path.replace(',', ",,")
}

/// The port of this computer behind which that one of the guest is, from QEMU's `info usernet`.
pub(crate) fn forwarded(table: &str, port: u16) -> Option<u16> {
    table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["TCP[HOST_FORWARD]", _, "127.0.0.1", here, _, there, ..] if there.parse() == Ok(port) => here.parse().ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Hub -1 (net):\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  13       127.0.0.1 40801       10.0.2.15   443     0     0
  TCP[HOST_FORWARD]  14       127.0.0.1 35243       10.0.2.15    22     0     0
";

    #[test]
    fn the_ports_that_the_kernel_chose_are_found() {
        assert_eq!(forwarded(TABLE, 443), Some(40801));
        assert_eq!(forwarded(TABLE, 22), Some(35243));
        assert_eq!(forwarded(TABLE, 80), None);
        assert_eq!(forwarded("garbage\n\n", 443), None);
    }

    fn arguments(machine: Machine, start: &Start) -> String {
        let parts = Parts {
            card: Path::new("/a,b/card"),
            writes: None,
            tree: Path::new("/tree"),
            u_boot: Path::new("/u-boot.bin"),
            sockets: Path::new("/s"),
        };
        machine.arguments(&parts, start).join(" ")
    }

    #[test]
    fn the_box_is_reached_from_this_computer_only_and_reaches_nothing_unless_it_shall() {
        let inside = arguments(Machine::Virt, &Start::default());
        assert!(inside.contains("restrict=on,hostfwd=tcp:127.0.0.1:0-:443") && !inside.contains("hostfwd=tcp::"));
        let outside = Start { outside: true, ..Start::default() };
        assert!(arguments(Machine::Virt, &outside).contains("restrict=off"));
    }

    #[test]
    fn each_board_boots_through_u_boot_from_the_card() {
        let start = Start { clock: Some("1970-01-01T00:00:00"), ..Start::default() };
        let virt = arguments(Machine::Virt, &start);
        assert!(virt.contains("-bios /u-boot.bin") && virt.contains("/a,b/card") && virt.contains("-rtc base=1970"));
        let pi = arguments(Machine::Raspi3b, &start);
        assert!(
            pi.contains("-kernel /u-boot.bin")
                && pi.contains("if=sd,format=raw,file=/a,,b/card")
                && pi.contains("-machine raspi3b")
        );
    }
}
