//! Keeps the time of a machine whose wall clock may be unset, may be set, and may jump.
//!
//! Before the clock is trusted, time never goes back behind what is known: when the program was built, and the saved time. Once it
//! is trusted, the uptime carries it and the wall clock only steers: a jump is held off, so it neither ends nor revives anything.
//! A jump that lasts, on a machine that goes on to say that its clock is right, is followed after a while.

use serde::{Deserialize, Serialize};

use super::{Basis, Moment};
use crate::time::{Span, Timestamp, Uptime};

/// How far the wall clock may be from where the uptime says that it should be.
const SLACK: Span = Span::minutes(1);
/// And this part more of what has passed since it was looked at: no quartz is that bad.
const DRIFT: i64 = 1000;
/// How often the wall clock steers.
const STEER_EVERY: Span = Span::hours(1);
/// A jump is followed after this long of a time server's saying so. Servers are asked every 34 minutes at the least, so a jump
/// that was somebody's mistake is mended before.
const SERVER_INSISTS: Span = Span::hours(1);
/// The same for a machine that keeps its own time.
const MACHINE_INSISTS: Span = Span::minutes(5);

/// What the machine knows of its own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing.
    #[default]
    Nothing,
    /// It has a battery clock, or its owner vouches for it.
    Machine,
    /// A time server set it since the machine was started.
    TimeServer,
}

/// What is seen at one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The wall clock of the machine.
    pub wall: Timestamp,
    /// The clock that never jumps.
    pub uptime: Uptime,
    /// What the machine knows.
    pub evidence: Evidence,
}

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// What time it was.
    pub now: Timestamp,
    /// Which start of the machine that was.
    pub boot: String,
    /// How long after it.
    pub uptime: Uptime,
    /// Why it was trusted as far as it was.
    pub basis: Basis,
    /// How far the wall clock was off.
    pub offset: i64,
}

/// Something that is to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// From now on the clock is trusted.
    Trusted(Basis),
    /// The wall clock jumped by so many seconds; the server goes on without it.
    Jumped(i64),
    /// The wall clock is back.
    Returned,
    /// The jump has lasted; the server follows it, by so many seconds.
    Followed(i64),
}

/// The state; one for each run of the server.
#[derive(Clone, Debug)]
pub struct Keeper {
    floor: Timestamp,
    saved: Option<Timestamp>,
    trusted: Option<Trusted>,
    /// The latest time that was told before the clock was trusted.
    latest: (Timestamp, Uptime),
}

/// A time that is trusted, from which the uptime goes on.
#[derive(Clone, Copy, Debug)]
struct Trusted {
    at: Timestamp,
    uptime: Uptime,
    basis: Basis,
    off: Option<Off>,
}

/// A wall clock that does not show what it should.
#[derive(Clone, Copy, Debug)]
struct Off {
    by: i64,
    /// Since when it has been off by as much and the machine says that this is right.
    insists_since: Uptime,
}

impl Trusted {
    fn expected(&self, uptime: Uptime) -> Timestamp {
        self.at + passed(self.uptime, uptime)
    }

    fn slack(&self, uptime: Uptime) -> i64 {
        SLACK.as_seconds() + passed(self.uptime, uptime).as_seconds() / DRIFT
    }
}

impl Keeper {
    /// Begins with what was saved, on a machine whose current start has that name.
    pub fn new(floor: Timestamp, saved: Option<&Saved>, boot: &str, uptime: Uptime) -> Self {
        let same_start = saved.filter(|saved| saved.boot == boot && saved.basis.trust().is_good());
        let trusted = same_start.filter(|saved| saved.uptime <= uptime).map(|saved| Trusted {
            at: saved.now,
            uptime: saved.uptime,
            basis: saved.basis,
            off: (saved.offset != 0).then_some(Off { by: saved.offset, insists_since: uptime }),
        });
        let saved = saved.map(|saved| saved.now).filter(|saved| *saved > floor);
        Self { floor, saved, trusted, latest: (saved.unwrap_or(floor), uptime) }
    }

    /// What time it is, why that is trusted as far as it is, and what there is to be written down.
    pub fn look(&mut self, look: Look) -> (Moment, Basis, Option<Notice>) {
        let (now, basis, notice) = match self.trusted {
            Some(trusted) => self.carry(trusted, look),
            None => self.wait(look),
        };
        (Moment { now, uptime: look.uptime, trust: basis.trust() }, basis, notice)
    }

    /// An admin says what time it is. That counts until the machine is started again.
    pub fn set(&mut self, now: Timestamp, uptime: Uptime, wall: Timestamp) -> Result<(), TooEarly> {
        if now < self.floor {
            return Err(TooEarly { floor: self.floor });
        }
        let by = wall.unix().saturating_sub(now.unix());
        let off = (by.abs() > SLACK.as_seconds()).then_some(Off { by, insists_since: uptime });
        self.trusted = Some(Trusted { at: now, uptime, basis: Basis::Admin, off });
        Ok(())
    }

    /// What to save, if it would be worth anything.
    pub fn save(&mut self, look: Look, boot: &str) -> Saved {
        let (moment, basis, _) = self.look(look);
        let offset = self.trusted.and_then(|trusted| trusted.off).map_or(0, |off| off.by);
        Saved { now: moment.now, boot: boot.to_owned(), uptime: look.uptime, basis, offset }
    }

    fn wait(&mut self, look: Look) -> (Timestamp, Basis, Option<Notice>) {
        let says = match look.evidence {
            Evidence::Nothing => None,
            Evidence::Machine => Some(Basis::Machine),
            Evidence::TimeServer => Some(Basis::TimeServer),
        };
        if let Some(basis) = says.filter(|_| look.wall >= self.floor) {
            self.trusted = Some(Trusted { at: look.wall, uptime: look.uptime, basis, off: None });
            return (look.wall, basis, Some(Notice::Trusted(basis)));
        }
        let (at, since) = self.latest;
        let now = look.wall.max(at + passed(since, look.uptime));
        self.latest = (now, look.uptime);
        let basis = match (says, self.saved) {
            (Some(_), _) => Basis::Impossible,
            (None, Some(_)) => Basis::Saved,
            (None, None) => Basis::Build,
        };
        (now, basis, None)
    }

    fn carry(&mut self, mut trusted: Trusted, look: Look) -> (Timestamp, Basis, Option<Notice>) {
        let expected = trusted.expected(look.uptime);
        let slack = trusted.slack(look.uptime);
        let by = look.wall.unix().saturating_sub(expected.unix());
        if by.abs() <= slack {
            let returned = trusted.off.take().map(|_| Notice::Returned);
            if passed(trusted.uptime, look.uptime) >= STEER_EVERY {
                (trusted.at, trusted.uptime) = (look.wall, look.uptime);
            }
            self.trusted = Some(trusted);
            return (look.wall, trusted.basis, returned);
        }
        let known = trusted.off.filter(|off| off.by.abs_diff(by) <= slack.unsigned_abs());
        let Some(mut off) = known else {
            trusted.off = Some(Off { by, insists_since: look.uptime });
            self.trusted = Some(trusted);
            return (expected, trusted.basis, Some(Notice::Jumped(by)));
        };
        let patience = match (look.evidence, trusted.basis) {
            (Evidence::TimeServer, _) => Some((SERVER_INSISTS, Basis::TimeServer)),
            // What an admin said is not undone by the clock that they found wrong.
            (Evidence::Machine, Basis::Admin) | (Evidence::Nothing, _) => None,
            (Evidence::Machine, _) => Some((MACHINE_INSISTS, Basis::Machine)),
        };
        match patience.filter(|_| look.wall >= self.floor) {
            Some((patience, basis)) if passed(off.insists_since, look.uptime) >= patience => {
                self.trusted = Some(Trusted { at: look.wall, uptime: look.uptime, basis, off: None });
                return (look.wall, basis, Some(Notice::Followed(by)));
            }
            Some(_) => {}
            None => off.insists_since = look.uptime,
        }
        trusted.off = Some(off);
        self.trusted = Some(trusted);
        (expected, trusted.basis, None)
    }
}

/// The time that an admin wants is earlier than when this program was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooEarly {
    /// The earliest time that there is.
    pub floor: Timestamp,
}

fn passed(since: Uptime, until: Uptime) -> Span {
    Span::seconds(i64::try_from(until.since(since).as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Trust;

    const FLOOR: Timestamp = Timestamp::from_unix(1_790_000_000);
    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const YEAR: i64 = 365 * 86_400;

    /// A machine and what keeps its time.
    struct Box {
        keeper: Keeper,
        wall: i64,
        up: i64,
        evidence: Evidence,
    }

    impl Box {
        fn start(wall: Timestamp, evidence: Evidence, saved: Option<&Saved>) -> Self {
            Self { keeper: Keeper::new(FLOOR, saved, "b1", Uptime::default()), wall: wall.unix(), up: 0, evidence }
        }

        /// A box that a time server set, looked at once.
        fn synchronised() -> Self {
            let mut this = Self::start(NOW, Evidence::TimeServer, None);
            assert_eq!(this.look().2, Some(Notice::Trusted(Basis::TimeServer)));
            this
        }

        fn shows(&self) -> Look {
            let uptime = Uptime::default() + Span::seconds(self.up);
            Look { wall: Timestamp::from_unix(self.wall), uptime, evidence: self.evidence }
        }

        fn look(&mut self) -> (Timestamp, Basis, Option<Notice>) {
            let (moment, basis, notice) = self.keeper.look(self.shows());
            assert_eq!(moment.trust, basis.trust());
            (moment.now, basis, notice)
        }

        fn pass(&mut self, seconds: i64) {
            self.wall += seconds;
            self.up += seconds;
        }
    }

    fn saved(now: Timestamp, boot: &str, basis: Basis) -> Saved {
        Saved { now, boot: boot.to_owned(), uptime: Uptime::default(), basis, offset: 0 }
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_unix(NOW.unix() + seconds)
    }

    #[test]
    fn a_box_that_knows_nothing_begins_at_its_build_and_goes_on() {
        let mut this = Box::start(Timestamp::from_unix(0), Evidence::Nothing, None);
        assert_eq!(this.look(), (FLOOR, Basis::Build, None));
        this.pass(90);
        assert_eq!(this.look().0, FLOOR + Span::seconds(90));
    }

    #[test]
    fn a_saved_time_is_plausible_and_time_never_steps_back_to_it() {
        let was = saved(NOW, "b0", Basis::TimeServer);
        let mut behind = Box::start(Timestamp::from_unix(5), Evidence::Nothing, Some(&was));
        assert_eq!(behind.look(), (NOW, Basis::Saved, None));
        let mut ahead = Box::start(after(500), Evidence::Nothing, Some(&was));
        assert_eq!(ahead.look(), (after(500), Basis::Saved, None));
    }

    #[test]
    fn a_time_server_makes_it_trusted_at_once_even_if_it_says_less_than_what_was_saved() {
        let was = saved(after(YEAR), "b0", Basis::TimeServer);
        let mut this = Box::start(Timestamp::from_unix(5), Evidence::Nothing, Some(&was));
        this.look();
        (this.wall, this.evidence) = (NOW.unix(), Evidence::TimeServer);
        assert_eq!(this.look(), (NOW, Basis::TimeServer, Some(Notice::Trusted(Basis::TimeServer))));
    }

    #[test]
    fn a_time_server_that_says_less_than_the_build_is_not_believed() {
        let mut this = Box::start(Timestamp::from_unix(1000), Evidence::TimeServer, None);
        assert_eq!(this.look(), (FLOOR, Basis::Impossible, None));
        this.wall = NOW.unix();
        assert_eq!(this.look().1, Basis::TimeServer);
    }

    #[test]
    fn trust_outlives_a_network_that_is_gone() {
        let mut this = Box::synchronised();
        this.evidence = Evidence::Nothing;
        for _ in 0..100 {
            this.pass(86_400);
            assert_eq!(this.look().1.trust(), Trust::Synchronised);
        }
        assert_eq!(this.look().0, after(100 * 86_400));
    }

    #[test]
    fn a_jump_is_held_off_in_both_directions() {
        for jump in [YEAR, -86_400, 3600, -120] {
            let mut this = Box::synchronised();
            this.pass(10);
            this.wall += jump;
            assert_eq!(this.look(), (after(10), Basis::TimeServer, Some(Notice::Jumped(jump))), "{jump}");
            this.pass(600);
            assert_eq!(this.look(), (after(610), Basis::TimeServer, None), "{jump}");
            this.wall -= jump;
            assert_eq!(this.look(), (after(610), Basis::TimeServer, Some(Notice::Returned)), "{jump}");
        }
    }

    #[test]
    fn a_jump_that_a_time_server_insists_on_is_followed() {
        let mut this = Box::synchronised();
        this.wall += YEAR;
        this.look();
        this.pass(3599);
        assert_eq!(this.look().0, after(3599));
        this.pass(1);
        assert_eq!(this.look(), (after(YEAR + 3600), Basis::TimeServer, Some(Notice::Followed(YEAR))));
        this.pass(1);
        assert_eq!(this.look(), (after(YEAR + 3601), Basis::TimeServer, None));
    }

    #[test]
    fn a_jump_that_nobody_confirms_is_never_followed() {
        let mut this = Box::synchronised();
        (this.wall, this.evidence) = (this.wall + YEAR, Evidence::Nothing);
        for _ in 0..50 {
            this.pass(3600);
            this.look();
        }
        assert_eq!(this.look().0, after(50 * 3600));
    }

    #[test]
    fn a_machine_that_is_vouched_for_is_followed_sooner() {
        let mut this = Box::start(NOW, Evidence::Machine, None);
        this.look();
        this.wall += 7200;
        this.look();
        this.pass(300);
        assert_eq!(this.look(), (after(7500), Basis::Machine, Some(Notice::Followed(7200))));
    }

    #[test]
    fn what_an_admin_set_counts_until_the_next_start_even_where_the_wall_clock_cannot_be_set() {
        let mut this = Box::start(Timestamp::from_unix(5), Evidence::Nothing, None);
        this.look();
        this.keeper.set(NOW, this.shows().uptime, this.shows().wall).unwrap();
        assert_eq!(this.look(), (NOW, Basis::Admin, None));
        this.pass(7200);
        assert_eq!(this.look(), (after(7200), Basis::Admin, None));
        let mut again = Box { keeper: Keeper::new(FLOOR, None, "b2", Uptime::default()), ..this };
        assert_eq!(again.look().1, Basis::Build);
    }

    #[test]
    fn what_an_admin_set_is_not_undone_by_the_clock_that_they_found_wrong() {
        let mut this = Box::start(after(YEAR), Evidence::Machine, None);
        this.look();
        this.keeper.set(NOW, this.shows().uptime, this.shows().wall).unwrap();
        this.pass(86_400);
        assert_eq!(this.look(), (after(86_400), Basis::Admin, None));
    }

    #[test]
    fn a_time_server_takes_over_from_an_admin_who_was_right() {
        let mut this = Box::start(Timestamp::from_unix(5), Evidence::Nothing, None);
        this.keeper.set(NOW, this.shows().uptime, this.shows().wall).unwrap();
        this.pass(60);
        (this.wall, this.evidence) = (after(70).unix(), Evidence::TimeServer);
        assert_eq!(this.look(), (after(70), Basis::Admin, Some(Notice::Returned)));
    }

    #[test]
    fn no_admin_can_set_it_before_the_build() {
        let mut this = Box::start(NOW, Evidence::Nothing, None);
        let early = FLOOR - Span::seconds(1);
        assert_eq!(this.keeper.set(early, Uptime::default(), NOW), Err(TooEarly { floor: FLOOR }));
        assert_eq!(this.look().1.trust(), Trust::Floor);
    }

    #[test]
    fn a_restart_of_the_program_keeps_the_trust_and_a_restart_of_the_machine_does_not() {
        let mut this = Box::synchronised();
        this.pass(5000);
        let look = this.shows();
        let was = this.keeper.save(look, "b1");
        (this.evidence, this.keeper) = (Evidence::Nothing, Keeper::new(FLOOR, Some(&was), "b1", look.uptime));
        this.pass(30);
        assert_eq!(this.look(), (after(5030), Basis::TimeServer, None));
        this.keeper = Keeper::new(FLOOR, Some(&was), "b2", Uptime::default());
        assert_eq!(this.look().1, Basis::Saved);
    }

    #[test]
    fn a_jump_across_a_restart_of_the_program_is_noticed() {
        let mut this = Box::synchronised();
        let was = this.keeper.save(this.shows(), "b1");
        this.keeper = Keeper::new(FLOOR, Some(&was), "b1", this.shows().uptime);
        this.wall -= 86_400;
        assert_eq!(this.look(), (NOW, Basis::TimeServer, Some(Notice::Jumped(-86_400))));
    }

    proptest! {
        /// Whatever happens to the wall clock, and however often it is looked at, within less than an hour trusted time goes on
        /// as the uptime does.
        #[test]
        fn trusted_time_goes_on_as_uptime_does(
            steps in prop::collection::vec((0_i64..120, -400_000_000_i64..400_000_000, any::<bool>()), 1..29),
        ) {
            let mut this = Box::synchronised();
            for (pass, jump, jumps) in steps {
                this.pass(pass);
                if jumps {
                    this.wall += jump;
                }
                let off = this.look().0.unix() - after(this.up).unix();
                prop_assert!(off.abs() <= 70, "{off}");
            }
        }

        /// Before it is trusted, time does not go back.
        #[test]
        fn time_that_is_not_trusted_does_not_go_back(
            steps in prop::collection::vec((0_i64..100_000, -2_000_000_000_i64..2_000_000_000), 1..40),
        ) {
            let mut this = Box::start(NOW, Evidence::Nothing, None);
            let mut before = FLOOR;
            for (pass, wall) in steps {
                this.pass(pass);
                this.wall = wall;
                let (now, basis, _) = this.look();
                prop_assert!(now >= before && basis.trust() < Trust::Synchronised);
                before = now;
            }
        }
    }
}
