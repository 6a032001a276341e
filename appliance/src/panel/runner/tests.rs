use std::sync::mpsc::{Receiver, sync_channel};

use domain::clock::Trust;
use domain::indicator::DegradedReason;
use domain::panel::Report;
use domain::time::Timestamp;

use super::super::led::fake::FakePin;
use super::*;
use crate::config::Night;
use crate::testing::Folder;

/// A panel on a board that is not there.
struct Board {
    runner: Runner<FakePin>,
    jobs: Receiver<Job>,
    pin: FakePin,
    now: u64,
}

impl Board {
    fn new(night: Night) -> Self {
        Self::that_resets(night, None)
    }

    fn that_resets(night: Night, by: Option<std::path::PathBuf>) -> Self {
        let (jobs, come) = sync_channel(8);
        let pin = FakePin::default();
        let led = Led::new(Some(pin.clone()), false);
        let runner = Runner::new(led, night::Watch::new(night), jobs, Reset::by(by), (false, at(0)));
        Self { runner, jobs: come, pin, now: 0 }
    }

    fn turn(&mut self, input: Option<&Input>) -> Option<Indicator> {
        let now = Timestamp::from_unix(1_800_000_000);
        self.runner.turn(input, &Moment { now, uptime: at(self.now), trust: Trust::Synchronised })
    }

    /// Lets that much time pass as the real loop does: asleep until something is due. Each write of the pin, with its moment.
    fn pass(&mut self, millis: u64) -> Vec<(u64, bool)> {
        let end = self.now + millis;
        let mut written = self.drain();
        while self.now < end {
            let sleep = u64::try_from(self.runner.wait(at(self.now)).as_millis()).unwrap();
            assert!(sleep > 0, "a busy loop at {}", self.now);
            self.now = end.min(self.now + sleep);
            self.turn(None);
            written.extend(self.drain());
        }
        written
    }

    fn drain(&self) -> Vec<(u64, bool)> {
        self.pin.written.borrow_mut().drain(..).map(|high| (self.now, high)).collect()
    }

    fn server(&mut self, active: Active, told: Active) -> Option<Indicator> {
        self.turn(Some(&Input::Heard(Heard { report: Report { active, waiting: false }, told })))
    }

    fn came(&self) -> Vec<Job> {
        self.jobs.try_iter().collect()
    }
}

fn at(millis: u64) -> Uptime {
    Uptime::from_millis(millis)
}

fn unclaimed() -> Active {
    Active::NONE.with(Indicator::Unclaimed)
}

#[test]
fn a_healthy_box_dips_for_100_ms_every_10_s_and_writes_nothing_else() {
    let mut board = Board::new(Night::Never);
    assert_eq!(board.server(Active::NONE, Active::NONE), Some(Indicator::Healthy));
    let written = board.pass(30_050);
    let wanted =
        [(0, true), (9_900, false), (10_000, true), (19_900, false), (20_000, true), (29_900, false), (30_000, true)];
    assert_eq!(written, wanted);
}

#[test]
fn at_night_a_healthy_box_blips_for_60_ms() {
    let mut board = Board::new(Night::Always);
    board.server(Active::NONE, Active::NONE);
    assert_eq!(board.pass(20_000), [(0, true), (60, false), (10_000, true), (10_060, false), (20_000, true)]);
}

#[test]
fn news_of_the_server_shows_at_once() {
    let mut board = Board::new(Night::Never);
    board.server(Active::NONE, Active::NONE);
    board.pass(1_234);
    assert_eq!(board.server(unclaimed(), Active::NONE), Some(Indicator::Unclaimed));
    assert_eq!(board.pass(4_000), [(3_234, false), (5_234, true)]);
    assert_eq!(board.server(unclaimed(), Active::NONE), None, "no news");
}

#[test]
fn a_tap_of_the_button_opens_the_claim_window() {
    let mut board = Board::new(Night::Never);
    board.server(unclaimed(), Active::NONE);
    board.pass(1_000);
    board.turn(Some(&Input::Button { event: Event::Pressed, at: at(990) }));
    board.now = 1_300;
    board.turn(Some(&Input::Button { event: Event::Released, at: at(1_295) }));
    board.pass(100);
    assert_eq!(board.came(), [Job::OpenClaimWindow]);
}

#[test]
fn a_key_that_is_held_is_let_go_in_time() {
    let mut board = Board::new(Night::Never);
    board.server(Active::NONE, Active::NONE);
    board.turn(Some(&Input::Hold(Duration::from_secs(5))));
    board.turn(Some(&Input::Hold(Duration::from_secs(99))));
    let written = board.pass(6_000);
    assert_eq!(written, [(0, true), (80, false), (3_000, true), (3_200, false), (5_000, true)]);
    assert_eq!(board.came(), [Job::OpenRecoveryWindow]);
}

#[test]
fn the_server_is_told_what_only_the_panel_knows_and_told_again_when_it_forgot() {
    let mut board = Board::new(Night::Never);
    let stuck = Active::NONE.with(Indicator::Degraded(DegradedReason::StuckButton));
    board.server(Active::NONE, Active::NONE);
    board.turn(Some(&Input::Button { event: Event::Pressed, at: at(0) }));
    board.pass(61_000);
    assert_eq!(board.came(), [Job::Tell(stuck)]);
    board.server(stuck, stuck);
    assert_eq!(board.came(), []);
    board.server(Active::NONE, Active::NONE);
    assert_eq!(board.came(), [Job::Tell(stuck)]);
}

#[test]
fn a_server_that_takes_no_more_does_not_stop_the_led() {
    let mut board = Board::new(Night::Never);
    board.server(unclaimed(), Active::NONE);
    for _ in 0..20 {
        board.turn(Some(&Input::Hold(Duration::from_millis(300))));
        board.pass(500);
    }
    assert_eq!(board.came().len(), 8);
    assert!(!board.pass(4_000).is_empty());
}

#[test]
fn the_led_is_dark_when_the_panel_ends() {
    let mut board = Board::new(Night::Never);
    board.server(Active::NONE, Active::NONE);
    board.runner.dark();
    assert_eq!(board.drain(), [(0, true), (0, false)]);
}

/// Two holds, and nobody who stops the countdown.
fn hold_twice(board: &mut Board) {
    board.server(Active::NONE, Active::NONE);
    for seconds in [12, 5] {
        board.turn(Some(&Input::Hold(Duration::from_secs(seconds))));
        board.pass(seconds * 1000 + 2000);
    }
    board.pass(11_000);
}

#[test]
fn two_holds_ask_for_a_factory_reset_and_the_led_is_lit_until_the_box_goes_down() {
    let folder = Folder::new();
    let file = folder.path().join("factory-reset");
    let mut board = Board::that_resets(Night::Never, Some(file.clone()));
    board.server(Active::NONE, Active::NONE);
    board.turn(Some(&Input::Hold(Duration::from_secs(12))));
    board.pass(14_000);
    assert!(!file.exists(), "one hold erases nothing");
    board.pass(30_000);
    hold_twice(&mut board);
    assert!(file.exists());
    assert_eq!(board.pass(60_000), [], "it is lit and stays so");
}

#[test]
fn where_nobody_can_reset_the_box_two_holds_change_nothing() {
    let mut board = Board::new(Night::Never);
    hold_twice(&mut board);
    assert!(!board.pass(20_000).is_empty(), "the healthy box dips");
}

#[test]
fn a_silent_server_shows_as_booting_and_then_as_a_fault() {
    let mut board = Board::new(Night::Never);
    board.server(Active::NONE, Active::NONE);
    assert_eq!(board.turn(Some(&Input::Silent)), None);
    board.now = 3_000;
    assert_eq!(board.turn(None), Some(Indicator::Booting));
    board.now = 180_000;
    assert_eq!(board.turn(None).map(Indicator::name), Some("fault-crash-loop"));
}
