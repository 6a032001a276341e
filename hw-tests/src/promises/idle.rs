//! What a box takes that nobody uses.

use std::thread;
use std::time::Duration;

use crate::failure::{Failure, Outcome, ensure};
use crate::home::Home;

const SYSTEM_MOST: u64 = 150 << 20;
const SERVICE_MOST: u64 = 12 << 20;
/// The journal of the file system may end what was begun before.
const WRITTEN_MOST: u64 = 32 << 10;
const SETTLES_WITHIN: Duration = Duration::from_secs(180);
const IDLE: Duration = Duration::from_secs(60);

pub(crate) fn idle(home: &mut Home) -> Outcome {
    home.claimed()?;
    home.is_well()?;
    // Nobody looks at the LED meanwhile.
    home.root("[ -z \"$RIG_WATCH\" ] || kill $RIG_WATCH; RIG_WATCH=; sync")?;
    let before = when_quiet(home)?;
    thread::sleep(IDLE);
    let during = written(home)? - before;
    let system =
        number(home, "awk '/MemTotal/ { t = $2 } /MemAvailable/ { a = $2 } END { print t - a }' /proc/meminfo")? << 10;
    let service =
        number(home, "awk '/^Pss:/ { print $2 }' /proc/$(systemctl show -p MainPID --value latchkey)/smaps_rollup")?
            << 10;
    home.note(format!("whole system {} MiB of at most {}", system >> 20, SYSTEM_MOST >> 20));
    home.note(format!("service (PSS) {:.1} MiB of at most {}", service as f64 / 1_048_576.0, SERVICE_MOST >> 20));
    home.note(format!("written in 60 s: {:.1} KiB of at most {}", during as f64 / 1024.0, WRITTEN_MOST >> 10));
    let largest = "grep -H ^Pss: /proc/[0-9]*/smaps_rollup 2>/dev/null | sed 's/[^0-9]*\\([0-9]*\\).* \\([0-9]*\\) kB/\\2 \\1/' | \
        sort -rn | head -n 12 | while read -r kib pid; do echo \"$(cat /proc/$pid/comm) $((kib / 1024)) MiB\"; done; \
        grep -E '^(Slab|KernelStack|Percpu|VmallocUsed|Shmem|AnonPages):' /proc/meminfo";
    let changed = "find /data /boot/latchkey -xdev -type f -mmin -2 2>/dev/null | head -n 10";
    if system > SYSTEM_MOST {
        let largest = home.root(largest)?.replace('\n', ", ");
        home.note(format!("the most is taken by {largest}"));
    }
    if during > WRITTEN_MOST {
        let changed = home.root(changed)?.replace('\n', ", ");
        home.note(format!("changed in the last two minutes: {changed}"));
    }
    home.rig.watch_led()?;
    let judged = [
        (system <= SYSTEM_MOST, format!("the system takes {} MiB", system >> 20)),
        (service <= SERVICE_MOST, format!("the service takes {} KiB", service >> 10)),
        (during <= WRITTEN_MOST, format!("{} KiB were written in 60 idle seconds", during >> 10)),
    ];
    let too_much: Vec<String> = judged.into_iter().filter(|(good, _)| !good).map(|(_, what)| what).collect();
    ensure(too_much.is_empty(), || too_much.join("; "))
}

/// Bytes written until what was begun before has come to its end: a certificate for a new name, the journal of the file system.
fn when_quiet(home: &mut Home) -> Outcome<u64> {
    let mut last = written(home)?;
    home.until("writing to end", SETTLES_WITHIN, |home| {
        // Longer than the file system keeps what it has not written yet (`commit=30`).
        thread::sleep(Duration::from_secs(35));
        let now = written(home)?;
        let quiet = now == last;
        last = now;
        Ok(quiet.then_some(now))
    })
}

/// Bytes written to the card since the start (Documentation/block/stat.rst of the kernel: field 7, in sectors).
fn written(home: &mut Home) -> Outcome<u64> {
    let stat =
        "awk '{ print $7 }' $(readlink -f /sys/class/block/$(basename $(readlink -f /dev/latchkey/data)))/../stat";
    Ok(number(home, stat)? * 512)
}

fn number(home: &mut Home, command: &str) -> Outcome<u64> {
    let text = home.root(command)?;
    text.trim().parse().map_err(|_| Failure::Broken(format!("`{command}` gave no number: {text:?}")))
}
