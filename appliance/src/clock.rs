//! Keeps the server's time: looks at the machine's clocks, saves the time for the next start, and sets it when an admin says so.
//! What to believe is decided in `domain::clock::keeper`; why, in `docs/decisions/0007-trust-in-the-clock.md`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::clock::keeper::{Evidence, Keeper, Look, Notice, Saved, TooEarly};
use domain::clock::{Basis, Moment, Trust};
use domain::time::{Timestamp, Uptime};

use crate::config::ClockMode;
use crate::system::{Clock, SystemClock, WallSet};

/// The machine is asked anew what it knows after this long, while nobody can sign in.
const ASK_SOON: Duration = Duration::from_secs(1);
/// And after this long when the clock is good.
const ASK_LATER: Duration = Duration::from_secs(30);
/// Most notices that are kept until they are written down.
const MAX_NOTICES: usize = 16;
/// A saved time is one short line.
const MAX_SAVED: u64 = 1024;

/// The clocks of a machine, and what it knows of them.
pub(crate) trait Machine: Send + Sync {
    /// The wall clock.
    fn wall(&self) -> Timestamp;
    /// The clock that never jumps.
    fn uptime(&self) -> Uptime;
    /// What the machine knows of its wall clock. Looks at files.
    fn evidence(&self) -> Evidence;
    /// Names this start of the machine.
    fn boot(&self) -> String;
    /// Sets the wall clock; whether that was permitted.
    fn set_wall(&self, now: Timestamp) -> bool;
}

/// See the module.
pub(crate) struct Timekeeper<M> {
    machine: M,
    boot: String,
    file: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    keeper: Keeper,
    evidence: Option<(Evidence, Uptime)>,
    good: bool,
    notices: Vec<Notice>,
}

impl Timekeeper<ThisMachine> {
    /// Of this machine; saves the time in that folder.
    pub(crate) fn real(mode: ClockMode, folder: Option<&Path>) -> Self {
        Self::new(ThisMachine { mode }, floor(), folder)
    }
}

impl<M: Machine> Timekeeper<M> {
    pub(crate) fn new(machine: M, floor: Timestamp, folder: Option<&Path>) -> Self {
        let file = folder.map(|folder| folder.join("clock.json"));
        let saved = file.as_deref().and_then(load);
        let boot = machine.boot();
        let keeper = Keeper::new(floor, saved.as_ref(), &boot, machine.uptime());
        let state = State { keeper, evidence: None, good: false, notices: Vec::new() };
        Self { machine, boot, file, state: Mutex::new(state) }
    }

    fn look(&self) -> (Moment, Basis) {
        let mut state = self.lock();
        let look = self.see(&mut state);
        let (moment, basis, notice) = state.keeper.look(look);
        state.good = moment.trust.is_good();
        if let Some(notice) = notice {
            log(notice);
            if state.notices.len() < MAX_NOTICES {
                state.notices.push(notice);
            }
        }
        (moment, basis)
    }

    /// What the machine shows; files are looked at now and then only.
    fn see(&self, state: &mut State) -> Look {
        let uptime = self.machine.uptime();
        let patience = if state.good { ASK_LATER } else { ASK_SOON };
        let evidence = match state.evidence {
            Some((evidence, asked)) if uptime.since(asked) < patience => evidence,
            Some(_) | None => self.machine.evidence(),
        };
        if state.evidence.is_none_or(|(_, asked)| uptime.since(asked) >= patience) {
            state.evidence = Some((evidence, uptime));
        }
        Look { wall: self.machine.wall(), uptime, evidence }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Machine> Clock for Timekeeper<M> {
    fn now(&self) -> Timestamp {
        self.look().0.now
    }

    fn uptime(&self) -> Uptime {
        self.machine.uptime()
    }

    fn trust(&self) -> Trust {
        self.look().0.trust
    }

    fn moment(&self) -> Moment {
        self.look().0
    }

    fn basis(&self) -> Basis {
        self.look().1
    }

    fn set(&self, now: Timestamp) -> Result<WallSet, TooEarly> {
        let done = {
            let mut state = self.lock();
            // Tried on the server's own time first: one that is refused must not reach the machine.
            state.keeper.set(now, self.machine.uptime(), self.machine.wall())?;
            let permitted = self.machine.set_wall(now);
            state.keeper.set(now, self.machine.uptime(), self.machine.wall())?;
            if permitted { WallSet::OfTheMachine } else { WallSet::OfTheServer }
        };
        tracing::warn!(now = now.unix(), ?done, "an admin set the clock");
        self.save();
        Ok(done)
    }

    fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.lock().notices)
    }

    /// A failure is logged: a time that was not saved makes the next start wait for a time server, and no more.
    fn save(&self) {
        let Some(file) = &self.file else { return };
        let saved = {
            let mut state = self.lock();
            let look = self.see(&mut state);
            state.keeper.save(look, &self.boot)
        };
        if let Err(error) = store(file, &saved) {
            tracing::warn!(%error, file = %file.display(), "the time could not be saved");
        }
    }
}

fn log(notice: Notice) {
    match notice {
        Notice::Trusted(basis) => tracing::info!(clock = basis.describe(), "the clock is trusted"),
        Notice::Jumped(seconds) => {
            tracing::error!(seconds, "the clock of the machine jumped; the server goes on without it");
        }
        Notice::Returned => tracing::warn!("the clock of the machine is right again"),
        Notice::Followed(seconds) => {
            tracing::error!(seconds, "the clock of the machine stays where it jumped to; the server follows it");
        }
    }
}

/// What was saved; one that cannot be read is worth nothing.
fn load(file: &Path) -> Option<Saved> {
    let read = || -> io::Result<Saved> {
        let mut text = String::new();
        File::open(file)?.take(MAX_SAVED).read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    };
    match read() {
        Ok(saved) => Some(saved),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "the saved time cannot be read");
            None
        }
    }
}

/// A new file in place of the old one, so that a power cut leaves one of the two.
fn store(file: &Path, saved: &Saved) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut writing = File::create(&new)?;
    writing.write_all(&serde_json::to_vec(saved)?)?;
    writing.sync_all()?;
    fs::rename(&new, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// When this program was built, if the build says so (<https://reproducible-builds.org/specs/source-date-epoch/>); a time at which
/// it was written otherwise.
fn floor() -> Timestamp {
    /// 2026-11-01T00:00:00Z.
    const WRITTEN: i64 = 1_793_491_200;
    let built = option_env!("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok());
    Timestamp::from_unix(built.unwrap_or(WRITTEN))
}

/// The machine that the server runs on.
pub(crate) struct ThisMachine {
    mode: ClockMode,
}

impl ThisMachine {
    /// systemd-timesyncd touches this when it has set the clock (systemd-timesyncd.service(8)).
    const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";
    /// Exists while it runs.
    const TIMESYNCD: &str = "/run/systemd/timesync";
    /// The kernel's battery clocks.
    const BATTERY_CLOCKS: &str = "/sys/class/rtc";
    /// Another one for each start (random(4)).
    const BOOT: &str = "/proc/sys/kernel/random/boot_id";

    fn keeps_its_time(&self) -> bool {
        match self.mode {
            ClockMode::Trusted => true,
            ClockMode::Check => false,
            ClockMode::Auto => {
                let battery = fs::read_dir(Self::BATTERY_CLOCKS).is_ok_and(|mut clocks| clocks.next().is_some());
                battery || !Path::new(Self::TIMESYNCD).exists()
            }
        }
    }
}

impl Machine for ThisMachine {
    fn wall(&self) -> Timestamp {
        SystemClock.now()
    }

    fn uptime(&self) -> Uptime {
        SystemClock.uptime()
    }

    fn evidence(&self) -> Evidence {
        if Path::new(Self::SYNCHRONISED).exists() {
            Evidence::TimeServer
        } else if self.keeps_its_time() {
            Evidence::Machine
        } else {
            Evidence::Nothing
        }
    }

    fn boot(&self) -> String {
        fs::read_to_string(Self::BOOT).map(|id| id.trim().to_owned()).unwrap_or_default()
    }

    fn set_wall(&self, now: Timestamp) -> bool {
        SystemClock.set(now)
    }
}

#[cfg(test)]
mod tests;
