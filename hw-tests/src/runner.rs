//! Tests the promises, two boxes at a time at most, and tells what came of each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::failure::{Failure, Outcome, broken, not_here};
use crate::home::Home;
use crate::options::{Options, RigKind};
use crate::promise::{GUESTS, Guest, Promise};
use crate::random::Random;
use crate::rig::Rig;
use crate::rig::board::{Board, Config};
use crate::rig::qemu::{Bench, Qemu};
use crate::rig::tools::Tools;
use crate::say;

/// The soak does more of the same in each promise.
const SOAK_TAKES: u32 = 4;

/// What came of a promise.
#[derive(Debug)]
struct Result {
    promise: &'static Promise,
    took: Duration,
    came: Outcome,
    notes: Vec<String>,
}

/// Tests what was asked for; whether all of it holds.
pub(crate) fn run(options: &Options) -> Outcome<bool> {
    let asked = asked(&options.only)?;
    if !options.image.is_file() {
        return broken(format!("{} is no image; `make image` makes one", options.image.display()));
    }
    let rigs = Rigs::find(options)?;
    say::line(&format!("seed {} (--seed {0} has the same random moments)", options.seed));
    let began = Instant::now();
    let jobs = if options.rig == RigKind::Board { 1 } else { options.jobs };
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((guest, promises)) = asked.get(next.fetch_add(1, Ordering::SeqCst)) {
                    test_guest((options, &rigs), guest, promises, |result| {
                        tell(&result);
                        results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                    });
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(conclude(&results, began.elapsed()))
}

/// The boxes, each with those of its promises that were asked for.
fn asked(only: &[String]) -> Outcome<Vec<(&'static Guest, Vec<&'static Promise>)>> {
    let known = |name: &&String| GUESTS.iter().flat_map(|guest| guest.promises).any(|promise| promise.name == **name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        return broken(format!("nothing is promised under the name {unknown}; see --list"));
    }
    let wanted = |promise: &&Promise| only.is_empty() || only.iter().any(|name| name == promise.name);
    let guests = GUESTS.iter().map(|guest| (guest, guest.promises.iter().filter(wanted).collect::<Vec<_>>()));
    Ok(guests.filter(|(_, promises)| !promises.is_empty()).collect())
}

/// What makes boxes.
enum Rigs {
    Qemu(Bench),
    Board(Box<Config>),
}

impl Rigs {
    fn find(options: &Options) -> Outcome<Self> {
        match options.rig {
            RigKind::Qemu => {
                let image = options.image.canonicalize()?;
                std::fs::create_dir_all(&options.logs)?;
                Ok(Self::Qemu(Bench { tools: Tools::find(&options.tools)?, image, logs: options.logs.canonicalize()? }))
            }
            RigKind::Board => Ok(Self::Board(Box::new(Config::load(&options.board)?))),
        }
    }

    fn make(&self, options: &Options, name: &str, guest: &Guest) -> Outcome<Box<dyn Rig>> {
        let limit = Deadline::within(Duration::from_secs(60));
        match self {
            Self::Qemu(bench) => Ok(Box::new(Qemu::new(guest.machine, bench, name, limit)?)),
            Self::Board(config) => {
                let (image, logs) = (options.image.clone(), options.logs.join(name));
                Ok(Box::new(Board::new((**config).clone(), image, logs, limit)?))
            }
        }
    }
}

fn test_guest(
    with: (&Options, &Rigs),
    guest: &'static Guest,
    promises: &[&'static Promise],
    mut tell: impl FnMut(Result),
) {
    let mut home: Option<Home> = None;
    let mut broken_before = 0;
    for promise in promises {
        let began = Instant::now();
        let mut limit = promise.limit;
        if with.0.soak {
            limit *= SOAK_TAKES;
        }
        say::line(&format!("....   {:<14} on {}", promise.name, guest.name));
        let came = match ready(&mut home, with, guest, broken_before) {
            Ok(home) => test(home, promise, Deadline::within(limit)),
            Err(error) => Err(error),
        };
        let notes = home.as_mut().map(Home::take_notes).unwrap_or_default();
        if matches!(came, Err(Failure::Broken(_))) {
            if let Some(home) = &mut home {
                home.keep_journal(&with.0.logs.join(format!("{}.journal", promise.name)));
                say::line(&format!("last words of {}:\n{}", guest.name, home.rig.last_words()));
            }
            // Whatever state it left, nobody else shall suffer from it.
            (home, broken_before) = (None, broken_before + 1);
        }
        tell(Result { promise, took: began.elapsed(), came, notes });
    }
}

/// The home, a new one if there is none.
fn ready<'a>(
    home: &'a mut Option<Home>,
    with: (&Options, &Rigs),
    guest: &Guest,
    before: usize,
) -> Outcome<&'a mut Home> {
    if let Some(home) = home {
        return Ok(home);
    }
    let (options, rigs) = with;
    let name = if before == 0 { guest.name.to_owned() } else { format!("{}-{before}", guest.name) };
    let rig = rigs.make(options, &name, guest)?;
    let folder = scratch(&name);
    let mut new = Home::new(rig, (options.image.clone(), folder), Random::of(options.seed, guest.name))?;
    (new.card_bytes, new.start, new.soak) = (guest.card_bytes, guest.start.clone(), options.soak);
    Ok(home.insert(new))
}

fn scratch(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(Path::new(&format!("latchkey-hw-home-{}-{name}", std::process::id())))
}

fn test(home: &mut Home, promise: &Promise, limit: Deadline) -> Outcome {
    home.set_limit(limit);
    match catch_unwind(AssertUnwindSafe(|| (promise.test)(home))) {
        Ok(came) => came,
        Err(panic) => {
            let why = panic.downcast_ref::<String>().cloned();
            let why = why.or_else(|| panic.downcast_ref::<&str>().map(|why| (*why).to_owned()));
            broken(format!("the test itself failed: {}", why.unwrap_or_default()))
        }
    }
}

fn tell(result: &Result) {
    let seconds = result.took.as_secs();
    let (mark, why) = match &result.came {
        Ok(()) => ("ok", String::new()),
        Err(error @ Failure::NotHere(_)) => ("skip", format!("\n         {}", indented(error))),
        Err(error @ Failure::Broken(_)) => ("FAIL", format!("\n         {}", indented(error))),
    };
    let notes: String = result.notes.iter().map(|note| format!("\n         {note}")).collect();
    say::line(&format!("{mark:<4} {seconds:>4} s  {:<14} {}{notes}{why}", result.promise.name, result.promise.says));
}

fn indented(why: &Failure) -> String {
    why.to_string().replace('\n', "\n         ")
}

/// The table, and the closing line.
fn conclude(results: &[Result], took: Duration) -> bool {
    say::line(&format!("\n=== {} promises in {} min {} s", results.len(), took.as_secs() / 60, took.as_secs() % 60));
    let mut counts = [0; 3];
    for promise in GUESTS.iter().flat_map(|guest| guest.promises) {
        let Some(result) = results.iter().find(|result| result.promise.name == promise.name) else { continue };
        let (place, mark) = match &result.came {
            Ok(()) => (0, "ok"),
            Err(Failure::Broken(_)) => (1, "FAIL"),
            Err(Failure::NotHere(_)) => (2, "skip"),
        };
        counts[place] += 1;
        // Said again: what was said at the time may be thousands of lines away.
        let why = result.came.as_ref().err().map(|why| format!("\n         {}", indented(why))).unwrap_or_default();
        say::line(&format!("{mark:<4} {:>4} s  {}{why}", result.took.as_secs(), promise.says));
    }
    let [passed, failed, skipped] = counts;
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    say::line(&format!("{passed} passed, {failed} failed{skipped}"));
    failed == 0
}

/// What is promised, without testing it.
pub(crate) fn list() -> Outcome {
    for guest in GUESTS {
        for promise in guest.promises {
            say::line(&format!("{:<14} {} ({})", promise.name, promise.says, guest.name));
        }
    }
    if GUESTS.is_empty() { not_here("nothing is promised") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_brings_its_box_and_no_other() {
        let some = asked(&["idle".to_owned(), "clock-1970".to_owned()]).unwrap();
        let names: Vec<(&str, usize)> = some.iter().map(|(guest, promises)| (guest.name, promises.len())).collect();
        assert_eq!(names, [("home", 1), ("clock", 1)]);
        assert_eq!(asked(&[]).unwrap().len(), GUESTS.len());
        assert!(asked(&["nothing".to_owned()]).is_err());
    }
}
