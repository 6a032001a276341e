//! What the LED should say, as the server knows it: nobody owns the box, the clock is not trusted, the card is full, the board is
//! hot. What can be known without asking anybody is asked for when somebody looks; the rest is looked at every few seconds.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::clock::Basis;
use domain::indicator::{Active, DegradedReason, FaultReason, Indicator};
use domain::time::Uptime;
use service::Context;

use crate::api;
use crate::http::App;
use crate::{backup, system, update};

/// How often the board is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// What the panel told is forgotten when it has not asked for that long: it asks far more often.
const PANEL_GONE: Duration = Duration::from_secs(30);
/// The longest file of the kernel that is read here: they hold one number or word.
const MAX_FILE: u64 = 64;
/// Sensors that are looked through for the one of the power supply.
const MAX_SENSORS: u32 = 16;

/// What the server knows, kept between two looks.
#[derive(Default)]
pub(crate) struct Health(Mutex<Known>);

#[derive(Default)]
struct Known {
    seen: Active,
    told: Active,
    /// When the panel was last heard of.
    panel: Option<Uptime>,
    /// What is wrong with what root wrote about the update, so that it is logged once.
    update: Option<String>,
}

impl Health {
    /// What a look at the board and the database found.
    pub(crate) fn saw(&self, seen: Active) {
        self.known().seen = seen;
    }

    fn seen(&self) -> Active {
        self.known().seen
    }

    /// The panel is there.
    pub(crate) fn hear(&self, now: Uptime) {
        self.known().panel = Some(now);
    }

    /// The panel told what only it knows.
    pub(crate) fn tell(&self, told: Active, now: Uptime) {
        let mut known = self.known();
        (known.told, known.panel) = (told, Some(now));
    }

    /// What the panel told, unless it is gone.
    pub(crate) fn told(&self, now: Uptime) -> Active {
        let known = self.known();
        let there = known.panel.is_some_and(|heard| now.since(heard) < PANEL_GONE);
        if there { known.told } else { Active::NONE }
    }

    /// What root wrote about the update of the system.
    fn wrote(&self, update: Result<Option<api::Update>, String>) -> Active {
        let (light, trouble) = match update {
            Ok(update) => (update::indicated(update.as_ref()), None),
            Err(trouble) => (Active::NONE, Some(trouble)),
        };
        let mut known = self.known();
        if known.update != trouble
            && let Some(trouble) = &trouble
        {
            tracing::error!(trouble, "the state of the update is not understood, so nothing is shown of it");
        }
        known.update = trouble;
        light
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the box is now.
pub(crate) async fn panel(app: &App) -> api::Panel {
    let now = app.clock.uptime();
    let told = app.health.told(now);
    let folder = app.config.update_dir.clone();
    let look = move |idp: &service::Idp| (idp.window(now).is_some(), update::read(folder.as_deref()));
    let (window, update) = app.bridge.run(look).await.unwrap_or((false, Ok(None)));
    let seen = app.health.seen();
    // Who cannot read the database does not know that there is no owner.
    let known = ![FaultReason::Database, FaultReason::DataPartition].iter().any(|why| seen.has(Indicator::Fault(*why)));
    let active = seen
        .and(told)
        .and(app.health.wrote(update))
        .with_if(window, Indicator::WindowOpen)
        .with_if(!app.clock.trust().is_good(), Indicator::ClockNotTrusted)
        .with_if(app.clock.basis() == Basis::Impossible, Indicator::Fault(FaultReason::ClockImpossible))
        .with_if(known && !app.nameplate.claimed(), Indicator::Unclaimed)
        .with_if(
            known && !app.certificates.health(app.clock.now()).is_good(),
            Indicator::Degraded(DegradedReason::Certificate),
        );
    api::Panel::new(active, told)
}

/// Looks at the board again and again.
pub(crate) async fn watch(app: Arc<App>) {
    loop {
        let board = Board::new(&app.config.data_dir);
        let (before, ctx) = (app.health.seen(), Context::system(app.clock.moment()));
        let (folder, trusted) = (backup::usual_folder(&app.config.data_dir), app.clock.trust().is_good());
        let look = move |idp: &service::Idp| {
            let old = trusted && backup::is_old(&folder, ctx.now);
            let database = Indicator::Fault(FaultReason::Database);
            judge(&board.read(), before)
                .with_if(idp.healthy(&ctx).is_err(), database)
                .with_if(old, Indicator::Degraded(DegradedReason::BackupOld))
        };
        match app.bridge.run(look).await {
            Ok(seen) => app.health.saw(seen),
            Err(busy) => tracing::debug!(?busy, "did not look at the board"),
        }
        system::after(LOOK_EVERY).await;
    }
}

/// What a board tells of itself; what it does not tell is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Readings {
    /// What is free of the file system with the data.
    free: Option<Free>,
    /// The temperature in thousandths of a degree Celsius.
    temperature: Option<i64>,
    /// Whether the supply is too weak.
    undervoltage: Option<bool>,
}

/// What is free of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Free {
    percent: u64,
    mebibytes: u64,
}

/// Where a board tells it.
struct Board {
    sys: PathBuf,
    data: PathBuf,
}

impl Board {
    fn new(data: &Path) -> Self {
        Self { sys: PathBuf::from("/sys"), data: data.to_owned() }
    }

    fn read(&self) -> Readings {
        Readings { free: self.free(), temperature: self.temperature(), undervoltage: self.undervoltage() }
    }

    fn free(&self) -> Option<Free> {
        let size = rustix::fs::statvfs(&self.data).ok()?;
        let percent = size.f_bavail.saturating_mul(100).checked_div(size.f_blocks)?;
        Some(Free { percent, mebibytes: size.f_bavail.saturating_mul(size.f_frsize) >> 20 })
    }

    fn temperature(&self) -> Option<i64> {
        word(&self.sys.join("class/thermal/thermal_zone0/temp"))?.parse().ok()
    }

    /// The firmware's sensor, under whatever number it has here.
    fn undervoltage(&self) -> Option<bool> {
        let sensors = (0..MAX_SENSORS).map(|number| self.sys.join(format!("class/hwmon/hwmon{number}")));
        let mut found = sensors.filter(|sensor| word(&sensor.join("name")).as_deref() == Some("rpi_volt"));
        match word(&found.next()?.join("in0_lcrit_alarm"))?.as_str() {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }
    }
}

/// The one word that a file of the kernel holds.
pub(super) fn word(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

/// What somebody should look at. What is shown already goes away a little later than it came, so that it does not flicker.
fn judge(readings: &Readings, before: Active) -> Active {
    let look = |reason, holds: &dyn Fn(bool) -> bool| {
        let state = Indicator::Degraded(reason);
        Active::NONE.with_if(holds(before.has(state)), state)
    };
    // A tenth of a large disk is plenty.
    let (least, more) = (Free { percent: 10, mebibytes: 2000 }, Free { percent: 12, mebibytes: 2200 });
    let disk = |shown| {
        let bound = if shown { more } else { least };
        readings.free.is_some_and(|free| free.percent < bound.percent && free.mebibytes < bound.mebibytes)
    };
    // A Pi slows down from 80 degrees on.
    let hot = |shown| readings.temperature.is_some_and(|now| now >= if shown { 75_000 } else { 80_000 });
    look(DegradedReason::Disk, &disk)
        .and(look(DegradedReason::Temperature, &hot))
        .and(look(DegradedReason::Undervoltage, &|_| readings.undervoltage == Some(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    const DISK: Indicator = Indicator::Degraded(DegradedReason::Disk);
    const HOT: Indicator = Indicator::Degraded(DegradedReason::Temperature);
    const WEAK: Indicator = Indicator::Degraded(DegradedReason::Undervoltage);

    fn judged(percent: u64, temperature: i64, undervoltage: bool, before: Active) -> Vec<Indicator> {
        let free = Some(Free { percent, mebibytes: percent * 10 });
        let readings = Readings { free, temperature: Some(temperature), undervoltage: Some(undervoltage) };
        judge(&readings, before).states().collect()
    }

    #[test]
    fn a_full_card_a_hot_board_and_a_weak_supply_are_told() {
        assert_eq!(judged(50, 45_000, false, Active::NONE), [Indicator::Healthy]);
        assert_eq!(judged(9, 80_000, true, Active::NONE), [DISK, HOT, WEAK]);
        assert_eq!(judge(&Readings::default(), Active::NONE), Active::NONE, "what is not known is no reason");
        let large = Readings { free: Some(Free { percent: 5, mebibytes: 15_000 }), ..Readings::default() };
        assert_eq!(judge(&large, Active::NONE), Active::NONE, "a tenth of a large disk is plenty");
    }

    #[test]
    fn what_is_told_does_not_flicker() {
        let before = Active::NONE.with(DISK).with(HOT);
        assert_eq!(judged(11, 76_000, false, before), [DISK, HOT]);
        assert_eq!(judged(11, 76_000, false, Active::NONE), [Indicator::Healthy]);
        assert_eq!(judged(12, 74_999, false, before), [Indicator::Healthy]);
    }

    fn board(files: &[(&str, &[u8])]) -> (Folder, Readings) {
        let folder = Folder::new();
        for (name, content) in files {
            let path = folder.path().join("class").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let readings = Board { sys: folder.path().to_owned(), data: folder.path().to_owned() }.read();
        (folder, readings)
    }

    #[test]
    fn a_pi_tells_its_temperature_and_its_supply() {
        let (_folder, readings) = board(&[
            ("thermal/thermal_zone0/temp", b"48312\n"),
            ("hwmon/hwmon0/name", b"cpu_thermal\n"),
            ("hwmon/hwmon1/name", b"rpi_volt\n"),
            ("hwmon/hwmon1/in0_lcrit_alarm", b"1\n"),
        ]);
        assert_eq!((readings.temperature, readings.undervoltage), (Some(48_312), Some(true)));
        assert!(readings.free.is_some_and(|free| free.percent <= 100));
    }

    #[test]
    fn a_machine_that_tells_nothing_or_nonsense_is_not_degraded() {
        let long = [b'9'; 1000];
        let (_folder, readings) = board(&[
            ("thermal/thermal_zone0/temp", &long),
            ("hwmon/hwmon0/name", b"rpi_volt"),
            ("hwmon/hwmon0/in0_lcrit_alarm", b"\xff\xfe"),
        ]);
        assert_eq!((readings.temperature, readings.undervoltage), (None, None));
        let (_folder, readings) = board(&[]);
        assert_eq!((readings.temperature, readings.undervoltage), (None, None));
        let nowhere = Board { sys: "/nowhere".into(), data: "/nowhere".into() };
        assert_eq!(nowhere.read(), Readings::default());
    }

    #[test]
    fn what_the_panel_told_is_forgotten_when_it_is_gone() {
        let (health, at) = (Health::default(), Uptime::from_millis);
        let stuck = Active::NONE.with(Indicator::Degraded(DegradedReason::StuckButton));
        health.tell(stuck, at(0));
        health.hear(at(20_000));
        assert_eq!(health.told(at(49_999)), stuck);
        assert_eq!(health.told(at(50_000)), Active::NONE);
    }
}
