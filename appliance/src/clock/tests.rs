use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use domain::time::Span;

use super::*;
use crate::testing::{Folder, NOW};

const FLOOR: Timestamp = Timestamp::from_unix(1_790_000_000);

/// A machine whose clocks the test holds.
#[derive(Default)]
struct Bench {
    wall: AtomicI64,
    up: AtomicI64,
    server: AtomicBool,
    may_set: AtomicBool,
    asked: AtomicU32,
    boot: u8,
}

impl Machine for Arc<Bench> {
    fn wall(&self) -> Timestamp {
        Timestamp::from_unix(self.wall.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Uptime {
        Uptime::default() + Span::seconds(self.up.load(Ordering::SeqCst))
    }

    fn evidence(&self) -> Evidence {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.server.load(Ordering::SeqCst) { Evidence::TimeServer } else { Evidence::Nothing }
    }

    fn boot(&self) -> String {
        self.boot.to_string()
    }

    fn set_wall(&self, now: Timestamp) -> bool {
        let may = self.may_set.load(Ordering::SeqCst);
        if may {
            self.wall.store(now.unix(), Ordering::SeqCst);
        }
        may
    }
}

impl Bench {
    fn new(boot: u8) -> Arc<Self> {
        Arc::new(Self { boot, ..Self::default() })
    }

    fn pass(&self, seconds: i64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.up.fetch_add(seconds, Ordering::SeqCst);
    }

    fn sync(&self) {
        self.wall.store(NOW.unix(), Ordering::SeqCst);
        self.server.store(true, Ordering::SeqCst);
    }
}

fn keeper(machine: &Arc<Bench>, folder: &Folder) -> Timekeeper<Arc<Bench>> {
    Timekeeper::new(Arc::clone(machine), FLOOR, Some(folder.path()))
}

#[test]
fn trust_comes_by_itself_within_a_second_and_is_noticed_once() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    let clock = keeper(&machine, &folder);
    assert_eq!((clock.now(), clock.trust()), (FLOOR, Trust::Floor));
    machine.sync();
    machine.pass(1);
    assert_eq!(clock.trust(), Trust::Synchronised);
    assert_eq!(clock.notices(), [Notice::Trusted(Basis::TimeServer)]);
    clock.moment();
    assert_eq!(clock.notices(), []);
}

#[test]
fn the_machine_is_asked_seldom_however_often_the_time_is_wanted() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    machine.sync();
    let clock = keeper(&machine, &folder);
    for _ in 0..10_000 {
        clock.moment();
    }
    assert_eq!(machine.asked.load(Ordering::SeqCst), 1);
    machine.pass(30);
    clock.moment();
    assert_eq!(machine.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn the_next_start_goes_on_from_the_saved_time_and_trusts_it_less() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    machine.sync();
    let clock = keeper(&machine, &folder);
    machine.pass(100);
    clock.moment();
    clock.save();
    let next = keeper(&Bench::new(2), &folder);
    assert_eq!((next.now(), next.basis()), (NOW + Span::seconds(100), Basis::Saved));
}

#[test]
fn a_restart_of_the_program_alone_keeps_the_trust() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    machine.sync();
    let clock = keeper(&machine, &folder);
    clock.moment();
    clock.save();
    machine.server.store(false, Ordering::SeqCst);
    machine.pass(20);
    assert_eq!(keeper(&machine, &folder).basis(), Basis::TimeServer);
}

#[test]
fn a_saved_time_that_is_rubbish_or_far_too_long_is_worth_nothing() {
    for rubbish in ["", "{}", "{\"now\":5}", "\u{0}\u{0}\u{0}", "[[[[[", &"x".repeat(100_000)] {
        let folder = Folder::new();
        fs::write(folder.path().join("clock.json"), rubbish).unwrap();
        assert_eq!(keeper(&Bench::new(1), &folder).basis(), Basis::Build, "{rubbish:.20}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_stops_nothing() {
    let folder = Folder::new();
    let clock = Timekeeper::new(Bench::new(1), FLOOR, Some(&folder.path().join("nowhere")));
    clock.save();
    assert_eq!(clock.trust(), Trust::Floor);
}

#[test]
fn an_admin_sets_the_clock_of_the_machine_where_that_is_permitted() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    machine.may_set.store(true, Ordering::SeqCst);
    let clock = keeper(&machine, &folder);
    assert_eq!(clock.set(NOW), Ok(WallSet::OfTheMachine));
    assert_eq!(machine.wall.load(Ordering::SeqCst), NOW.unix());
    assert_eq!((clock.now(), clock.basis()), (NOW, Basis::Admin));
}

#[test]
fn an_admin_sets_the_clock_of_the_server_where_the_machine_does_not_permit_it() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    let clock = keeper(&machine, &folder);
    assert_eq!(clock.set(NOW), Ok(WallSet::OfTheServer));
    machine.pass(7200);
    assert_eq!((clock.now(), clock.basis()), (NOW + Span::hours(2), Basis::Admin));
    machine.pass(60);
    let again = keeper(&machine, &folder);
    assert_eq!(
        (again.now(), again.basis()),
        (NOW + Span::seconds(7260), Basis::Admin),
        "after a restart of the program"
    );
}

#[test]
fn a_time_before_the_program_was_built_is_refused_and_reaches_nothing() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    machine.may_set.store(true, Ordering::SeqCst);
    let clock = keeper(&machine, &folder);
    let early = FLOOR - Span::days(1);
    assert_eq!(clock.set(early), Err(TooEarly { floor: FLOOR }));
    assert_eq!((machine.wall.load(Ordering::SeqCst), clock.trust()), (0, Trust::Floor));
}

#[test]
fn notices_that_nobody_fetches_are_bounded() {
    let (machine, folder) = (Bench::new(1), Folder::new());
    machine.sync();
    let clock = keeper(&machine, &folder);
    for jump in 1..1000 {
        machine.wall.store(NOW.unix() + jump * 10_000, Ordering::SeqCst);
        clock.moment();
    }
    assert_eq!(clock.notices().len(), MAX_NOTICES);
}
