//! Starting: the first time, the second time, on a small card, and as a Pi.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, ensure};
use crate::home::Home;

/// What may be left unused at the end of a card.
const MOST_UNUSED: u64 = 4 << 20;

pub(crate) fn boots(home: &mut Home) -> Outcome {
    home.watched()?;
    home.serving()?;
    tell_time(home, "power to the first answer over TLS");
    home.is_well()?;
    tell_time(home, "power to a whole system");
    shows_its_menu(home)?;
    let analysis = home.root("systemd-analyze 2>/dev/null | head -n 1").unwrap_or_default();
    home.note(analysis);
    Ok(())
}

/// Whoever is at the serial line sees how the box is, and can choose. Enter shows it anew.
fn shows_its_menu(home: &mut Home) -> Outcome {
    let limit = home.limit.at_most(Duration::from_secs(60));
    let console = home.rig.console()?;
    console.send("\r")?;
    let banner = console.wait_for("1-5> ", limit)?;
    ensure(banner.contains("--- Latchkey "), || format!("the console shows {banner}"))
}

fn tell_time(home: &mut Home, what: &str) {
    if let Some(since) = home.on_since {
        home.note(format!("{what}: {:.0} s", since.elapsed().as_secs_f64()));
    }
}

/// Sizes in bytes: of the disk, where the data partition ends on it, and of the file system in it.
#[derive(Debug, PartialEq, Eq)]
struct Sizes {
    disk: u64,
    end: u64,
    partition: u64,
    file_system: u64,
}

fn sizes(home: &mut Home) -> Outcome<Sizes> {
    let text = home.root(
        "p=/sys/class/block/$(basename $(readlink -f /dev/latchkey/data)); \
         echo $(cat $(readlink -f $p)/../size $p/start $p/size) $(stat -f -c '%b %S' /data)",
    )?;
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [disk, start, size, blocks, block] = numbers[..] else {
        return Err(Failure::Broken(format!("no sizes: {text}")));
    };
    Ok(Sizes { disk: disk * 512, end: (start + size) * 512, partition: size * 512, file_system: blocks * block })
}

pub(crate) fn grows(home: &mut Home) -> Outcome {
    home.serving()?;
    // Growing may go on while the box serves.
    home.is_well()?;
    let sizes = sizes(home)?;
    home.note(format!("/data: {} MiB of a card of {} MiB", sizes.file_system >> 20, sizes.disk >> 20));
    ensure(sizes.disk - sizes.end <= MOST_UNUSED, || {
        format!("the partition does not reach the end of the card: {sizes:?}")
    })?;
    // Journal and tables of the file system take their part.
    ensure(sizes.file_system >= sizes.partition / 100 * 85, || format!("the file system does not fill it: {sizes:?}"))
}

/// What must not change of a card by starting again.
const IDENTITY: &str = "d=/dev/$(basename $(dirname $(readlink -f /sys/class/block/$(basename $(readlink -f /dev/latchkey/data))))); \
    dd if=$d bs=512 count=34 status=none | sha256sum; blkid -o value -s UUID /dev/latchkey/data; cat /etc/machine-id; \
    cat /data/rig-mark";

pub(crate) fn second_boot(home: &mut Home) -> Outcome {
    home.claimed()?;
    home.is_well()?;
    home.root("echo kept > /data/rig-mark && sync")?;
    let (sizes_before, before) = (sizes(home)?, home.root(IDENTITY)?);
    home.cut()?;
    home.watched()?;
    let began = Instant::now();
    home.serving()?;
    tell_time(home, "power to the first answer over TLS");
    home.has_time()?;
    home.led_says("healthy", Duration::from_secs(120))?;
    // The state is told after one round of its pattern.
    home.note(format!("healthy seen on the LED {:.0} s after there was a shell", began.elapsed().as_secs_f64()));
    home.is_well()?;
    let states = home.states()?;
    ensure(states == ["healthy"], || format!("the box says {states:?}"))?;
    let (sizes_after, after) = (sizes(home)?, home.root(IDENTITY)?);
    home.root("rm /data/rig-mark")?;
    ensure(sizes_before == sizes_after, || format!("{sizes_before:?} became {sizes_after:?}"))?;
    ensure(before == after, || format!("what was\n{before}\nbecame\n{after}"))
}

pub(crate) fn exact_size(home: &mut Home) -> Outcome {
    home.serving()?;
    home.is_well()?;
    let sizes = sizes(home)?;
    home.note(format!("/data: {} MiB of a card of {} MiB", sizes.file_system >> 20, sizes.disk >> 20));
    home.latchkey("person create nora --display-name Nora").map(drop)
}

pub(crate) fn as_a_pi(home: &mut Home) -> Outcome {
    home.on()?;
    let model = home.root("tr -d '\\0' < /proc/device-tree/model")?;
    tell_time(home, "power to a root shell");
    ensure(model.starts_with("Raspberry Pi 3"), || format!("this is no Pi 3 but {model}"))?;
    home.is_well()?;
    tell_time(home, "power to a whole system");
    // The lines are found by name on the chip of the board.
    let said = home.root("journalctl --no-pager -b -o cat -u latchkey-panel | grep -i panel | head -n 5")?;
    ensure(said.contains("GPIO17") && said.contains("GPIO27"), || format!("the panel found no lines: {said}"))?;
    home.latchkey("status").map(drop)?;
    home.note(model);
    home.serving()
}
