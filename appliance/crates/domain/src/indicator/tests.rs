use proptest::prelude::*;

use super::*;

/// What appliance.md says, in milliseconds: on, off, on, off ... for one round.
fn expected(state: Indicator) -> (u8, Vec<u64>) {
    let (short, long) = ([200, 300], [1000, 300]);
    let counted = |longs: usize, n: u8, end: &[u64]| {
        let mut spans = long.repeat(longs);
        spans.extend(short.repeat(usize::from(n)));
        spans.extend(end);
        spans
    };
    let fault = |n| (3, counted(2, n, &[0, 2000]));
    let degraded = |n| (8, counted(1, n, &[3000, 0]));
    match state {
        Indicator::ResetArmed => (1, vec![250, 250, 250, 250, 250, 250, 250, 250, 1000, 0]),
        Indicator::WindowOpen => (2, vec![250, 250]),
        Indicator::Fault(FaultReason::Database) => fault(1),
        Indicator::Fault(FaultReason::DataPartition) => fault(2),
        Indicator::Fault(FaultReason::CrashLoop) => fault(3),
        Indicator::Fault(FaultReason::ClockImpossible) => fault(4),
        Indicator::Fault(FaultReason::Configuration) => fault(5),
        Indicator::Fault(FaultReason::Hardware) => fault(6),
        Indicator::Updating => (4, vec![200, 300, 200, 300, 200, 300, 0, 1000]),
        Indicator::Booting => (5, vec![500, 500]),
        Indicator::ClockNotTrusted => (6, vec![200, 300, 200, 300, 0, 2000]),
        Indicator::Unclaimed => (7, vec![2000, 2000]),
        Indicator::Degraded(DegradedReason::Disk) => degraded(1),
        Indicator::Degraded(DegradedReason::Certificate) => degraded(2),
        Indicator::Degraded(DegradedReason::Temperature) => degraded(3),
        Indicator::Degraded(DegradedReason::Undervoltage) => degraded(4),
        Indicator::Degraded(DegradedReason::BackupOld) => degraded(5),
        Indicator::Degraded(DegradedReason::RolledBack) => degraded(6),
        Indicator::Degraded(DegradedReason::StuckButton) => degraded(7),
        Indicator::Healthy => (9, vec![9900, 100]),
    }
}

/// One round as a level for each millisecond.
fn drawn(spans: &[u64]) -> Vec<Level> {
    let level = |place| if place % 2 == 0 { Level::On } else { Level::Off };
    spans.iter().enumerate().flat_map(|(place, millis)| (0..*millis).map(move |_| level(place))).collect()
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// All patterns that the LED can show.
fn patterns() -> Vec<(String, Pattern)> {
    let by_day = Indicator::ALL.into_iter().map(|state| (state.name().to_owned(), state.pattern(false)));
    by_day.chain([("healthy at night".to_owned(), Indicator::Healthy.pattern(true))]).collect()
}

#[test]
fn every_row_is_what_the_design_says_to_the_millisecond() {
    for state in Indicator::ALL {
        let (priority, spans) = expected(state);
        assert_eq!(state.row().priority, priority, "{state:?}");
        let wanted = drawn(&spans);
        for (place, level) in wanted.iter().chain(&wanted).enumerate() {
            assert_eq!(state.pattern(false).level_at(at(place as u64)), *level, "{state:?} at {place} ms");
        }
    }
}

#[test]
fn a_healthy_box_is_dark_at_night_but_for_a_blip_of_60_ms() {
    let night = Indicator::Healthy.pattern(true);
    for (place, level) in drawn(&[60, 9940]).iter().enumerate() {
        assert_eq!(night.level_at(at(place as u64)), *level, "{place} ms");
    }
    for state in Indicator::ALL.into_iter().filter(|state| *state != Indicator::Healthy) {
        assert_eq!(state.pattern(true), state.pattern(false), "{state:?} matters at night too");
    }
}

#[test]
fn nothing_flashes_more_than_twice_a_second() {
    for (name, pattern) in patterns() {
        let lit = |place| pattern.level_at(at(place)) == Level::On;
        let rises: Vec<u64> = (1..30_000).filter(|place| lit(*place) && !lit(place - 1)).collect();
        assert!(rises.windows(2).all(|pair| pair[1] - pair[0] >= 500), "{name}: {rises:?}");
    }
}

#[test]
fn no_two_states_look_alike() {
    let all = patterns();
    for (place, (name, pattern)) in all.iter().enumerate() {
        for (other, second) in all.iter().skip(place + 1) {
            assert_ne!(pattern, second, "{name} and {other}");
        }
    }
}

#[test]
fn the_order_is_that_of_priorities_and_numbers() {
    let rank = |state: Indicator| (state.row().priority, state.row().number);
    assert!(Indicator::ALL.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
    let numbers = |priority| {
        let of = Indicator::ALL.into_iter().map(Indicator::row).filter(move |row| row.priority == priority);
        of.map(|row| row.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(3), [1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers(8), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn names_lead_back_to_their_states() {
    for state in Indicator::ALL {
        assert_eq!(Indicator::by_name(state.name()), Some(state));
    }
    assert_eq!(Indicator::by_name("on-fire"), None);
}

#[test]
fn what_people_read_tells_the_number_that_flashes() {
    assert!(Indicator::Fault(FaultReason::Configuration).text().starts_with("Fault 5: "));
    assert!(Indicator::Degraded(DegradedReason::StuckButton).text().starts_with("Warning 7: "));
    assert_eq!(Indicator::Healthy.text(), "All is well");
}

#[test]
fn the_most_urgent_state_wins_and_a_box_without_a_state_is_healthy() {
    assert_eq!(Active::NONE.highest(), Indicator::Healthy);
    assert_eq!(Active::NONE.states().collect::<Vec<_>>(), [Indicator::Healthy]);
    for (place, state) in Indicator::ALL.into_iter().enumerate() {
        let less = Indicator::ALL.into_iter().skip(place).collect::<Active>();
        assert_eq!(less.highest(), state);
    }
    let two = Active::NONE.with(Indicator::Unclaimed).with(Indicator::Healthy).with(Indicator::WindowOpen);
    assert_eq!(two.states().collect::<Vec<_>>(), [Indicator::WindowOpen, Indicator::Unclaimed]);
}

#[test]
fn a_hold_is_answered_at_3_at_10_and_at_20_seconds() {
    let lit = |millis| answer_to_hold(at(millis)).0 == Level::On;
    let rises: Vec<u64> = (1..61_000).filter(|place| lit(*place) && !lit(place - 1)).collect();
    let falls: Vec<u64> = (1..61_000).filter(|place| !lit(*place) && lit(place - 1)).collect();
    assert_eq!(rises, [3_000, 10_000, 10_500, 20_000]);
    assert_eq!(falls, [3_200, 10_200, 10_700]);
    assert_eq!(answer_to_hold(at(60_000)), (Level::On, None));
}

#[test]
fn the_next_change_of_a_hold_is_when_it_changes() {
    for held in 0..21_000 {
        let (level, next) = answer_to_hold(at(held));
        match next {
            Some(next) => {
                assert_ne!(answer_to_hold(at(held) + next).0, level);
                assert_eq!(answer_to_hold(at(held) + next - at(1)).0, level);
            }
            None => assert!(held >= 20_000),
        }
    }
}

proptest! {
    #[test]
    fn the_next_change_is_the_first_one(which in 0..21usize, elapsed in 0u64..400_000_000) {
        let (_, pattern) = patterns().swap_remove(which);
        let elapsed = Duration::from_micros(elapsed);
        let now = pattern.level_at(elapsed);
        let next = pattern.next_change(elapsed).unwrap();
        prop_assert!(next > Duration::ZERO);
        prop_assert_ne!(pattern.level_at(elapsed + next), now);
        let mut before = elapsed;
        while before < elapsed + next {
            prop_assert_eq!(pattern.level_at(before), now);
            before += at(7);
        }
        prop_assert_eq!(pattern.level_at(elapsed + next - Duration::from_nanos(1)), now);
    }

    #[test]
    fn any_moment_has_a_level(which in 0..21usize, seconds: u64, nanos in 0u32..1_000_000_000) {
        let (_, pattern) = patterns().swap_remove(which);
        let elapsed = Duration::new(seconds, nanos);
        pattern.level_at(elapsed);
        prop_assert!(pattern.next_change(elapsed).is_some());
    }
}
