use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Uptime {
    Uptime::from_millis(millis)
}

/// A server that says which states hold.
fn server(states: impl IntoIterator<Item = Indicator>) -> Event {
    Event::Server(Report { active: states.into_iter().collect(), waiting: false })
}

fn unclaimed() -> Event {
    server([Indicator::Unclaimed])
}

fn claimed() -> Event {
    server([])
}

/// A panel and what came of what happened to it.
struct Story {
    panel: Panel,
    now: u64,
    effects: Vec<(u64, Effect)>,
}

impl Story {
    fn new(server: Event) -> Self {
        let mut story = Self { panel: Panel::new(false, at(0)), now: 0, effects: Vec::new() };
        story.happens(server);
        story
    }

    fn happens(&mut self, event: Event) {
        let (panel, effects) = self.panel.clone().step(event, at(self.now));
        self.panel = panel;
        self.effects.extend(effects.into_iter().map(|effect| (self.now, effect)));
    }

    fn wait(&mut self, millis: u64) {
        self.now += millis;
        self.happens(Event::Tick);
    }

    /// Holds the button that long.
    fn hold(&mut self, millis: u64) {
        self.happens(Event::Pressed);
        self.now += millis;
        self.happens(Event::Released);
        self.wait(100);
    }

    /// What came since the last time it was asked.
    fn came(&mut self) -> Vec<Effect> {
        self.effects.drain(..).map(|(_, effect)| effect).collect()
    }
}

#[test]
fn a_tap_opens_the_claim_window_of_a_box_that_nobody_owns() {
    let mut story = Story::new(unclaimed());
    story.hold(300);
    assert_eq!(story.came(), [Effect::OpenClaimWindow]);
}

#[test]
fn a_tap_confirms_what_waits_for_one_and_nothing_else() {
    let mut story = Story::new(claimed());
    story.hold(300);
    assert_eq!(story.came(), []);
    story.happens(Event::Server(Report { active: Active::NONE, waiting: true }));
    story.hold(300);
    assert_eq!(story.came(), [Effect::Confirm]);
}

#[test]
fn a_hold_opens_a_recovery_window_of_a_box_that_somebody_owns() {
    let mut story = Story::new(claimed());
    story.hold(5_000);
    assert_eq!(story.came(), [Effect::OpenRecoveryWindow]);
    story.happens(unclaimed());
    story.hold(5_000);
    assert_eq!(story.came(), []);
}

#[test]
fn eight_to_ten_seconds_are_nothing() {
    let mut story = Story::new(claimed());
    story.hold(8_000);
    story.hold(9_999);
    assert_eq!(story.came(), []);
}

#[test]
fn a_fourth_recovery_window_within_the_hour_is_refused() {
    let mut story = Story::new(claimed());
    for _ in 0..4 {
        story.hold(3_000);
        story.wait(600_000);
    }
    let opened = Effect::OpenRecoveryWindow;
    assert_eq!(story.came(), [opened, opened, opened, Effect::RefuseRecoveryWindow]);
    story.wait(1_200_000);
    story.hold(3_000);
    assert_eq!(story.came(), [opened], "the first one is an hour ago");
}

#[test]
fn two_holds_and_ten_quiet_seconds_erase_everything() {
    let mut story = Story::new(claimed());
    story.hold(12_000);
    assert_eq!(story.came(), [Effect::ArmReset]);
    assert_eq!(story.panel.showing(), Indicator::ResetArmed);
    story.wait(5_000);
    story.hold(4_000);
    assert_eq!(story.came(), [Effect::BeginCountdown]);
    story.wait(9_899);
    assert_eq!((story.came(), story.panel.showing()), (vec![], Indicator::ResetArmed));
    story.wait(1);
    assert_eq!((story.came(), story.panel.showing()), (vec![Effect::FactoryReset], Indicator::Healthy));
}

#[test]
fn a_broken_server_does_not_stand_in_the_way_of_a_reset() {
    let mut story = Story::new(Event::Silent);
    story.hold(10_000);
    story.hold(4_000);
    story.wait(10_000);
    assert_eq!(story.came(), [Effect::ArmReset, Effect::BeginCountdown, Effect::FactoryReset]);
}

#[test]
fn any_tap_stops_the_countdown_and_does_nothing_besides() {
    for began in [0, 4_000, 9_850] {
        let mut story = Story::new(unclaimed());
        story.hold(12_000);
        story.hold(4_000);
        story.came();
        story.wait(began);
        story.hold(300);
        story.wait(60_000);
        assert_eq!(story.came(), [Effect::CancelReset], "a tap after {began} ms");
    }
}

#[test]
fn a_contact_that_bounces_does_not_stop_the_countdown() {
    let mut story = Story::new(claimed());
    story.hold(12_000);
    story.hold(4_000);
    story.wait(9_870);
    story.happens(Event::Pressed);
    story.now += 20;
    story.happens(Event::Released);
    story.wait(1_000);
    assert_eq!(story.came(), [Effect::ArmReset, Effect::BeginCountdown, Effect::FactoryReset]);
}

#[test]
fn a_second_hold_that_is_too_late_too_short_or_too_long_erases_nothing() {
    for (pause, hold) in [(10_000, 5_000), (1_000, 3_999), (1_000, 300), (1_000, 20_001), (1_000, 61_000)] {
        let mut story = Story::new(claimed());
        story.hold(12_000);
        story.wait(pause);
        story.hold(hold);
        story.wait(120_000);
        let came = story.came();
        assert!(came.contains(&Effect::CancelReset), "{pause} {hold}: {came:?}");
        assert!(!came.contains(&Effect::BeginCountdown) && !came.contains(&Effect::FactoryReset), "{came:?}");
    }
}

#[test]
fn a_hold_that_begins_while_reset_is_armed_may_end_after_that() {
    let mut story = Story::new(claimed());
    story.hold(12_000);
    story.wait(9_500);
    story.hold(4_500);
    assert_eq!(story.came(), [Effect::ArmReset, Effect::BeginCountdown]);
}

#[test]
fn more_than_twenty_seconds_are_a_change_of_mind() {
    let mut story = Story::new(claimed());
    story.hold(20_001);
    story.hold(59_000);
    assert_eq!(story.came(), []);
}

#[test]
fn a_stuck_button_does_nothing_but_tell_so() {
    let mut story = Story::new(claimed());
    story.happens(Event::Pressed);
    story.wait(59_999);
    assert_eq!(story.panel.showing(), Indicator::Healthy);
    story.wait(1);
    assert_eq!(story.panel.showing(), Indicator::Degraded(DegradedReason::StuckButton));
    story.wait(1_000_000);
    story.happens(Event::Released);
    story.wait(4_999);
    assert_eq!(story.panel.showing(), Indicator::Degraded(DegradedReason::StuckButton));
    story.wait(1);
    assert_eq!((story.came(), story.panel.showing()), (vec![], Indicator::Healthy));
}

#[test]
fn a_button_that_is_held_at_the_start_does_nothing_until_it_is_released() {
    let (mut panel, _) = Panel::new(true, at(0)).step(unclaimed(), at(0));
    assert_eq!(panel.light(at(11_000), false), panel.light(at(11_000), false));
    for (event, now) in [(Event::Released, 12_000), (Event::Tick, 13_000)] {
        let (next, effects) = panel.step(event, at(now));
        assert_eq!(effects, []);
        panel = next;
    }
    let (panel, _) = panel.step(Event::Pressed, at(14_000));
    let (panel, _) = panel.step(Event::Released, at(14_500));
    assert_eq!(panel.step(Event::Tick, at(14_600)).1, [Effect::OpenClaimWindow]);
}

#[test]
fn missing_edges_cancel_what_they_may_belong_to() {
    let mut story = Story::new(unclaimed());
    story.hold(12_000);
    story.hold(4_000);
    story.came();
    story.happens(Event::Lost { held: false });
    assert_eq!(story.came(), [Effect::CancelReset]);
    story.happens(Event::Pressed);
    story.wait(300);
    story.happens(Event::Lost { held: true });
    story.happens(Event::Released);
    story.wait(1_000);
    assert_eq!(story.came(), []);
}

#[test]
fn half_a_tap_stops_the_countdown() {
    for edges in [&[Event::Released][..], &[Event::Pressed, Event::Pressed]] {
        let mut story = Story::new(claimed());
        story.hold(12_000);
        story.hold(4_000);
        story.came();
        for edge in edges {
            story.happens(*edge);
        }
        assert_eq!(story.came(), [Effect::CancelReset]);
        story.wait(60_000);
        assert!(!story.came().contains(&Effect::FactoryReset));
    }
}

#[test]
fn a_server_that_does_not_come_up_is_a_fault_after_three_minutes() {
    let panel = Panel::new(false, at(0));
    assert_eq!(panel.showing(), Indicator::Booting);
    let (panel, _) = panel.step(Event::Tick, at(179_999));
    assert_eq!(panel.showing(), Indicator::Booting);
    assert_eq!(panel.due(), Some(at(180_000)));
    let (panel, _) = panel.step(Event::Tick, at(180_000));
    assert_eq!(panel.showing(), Indicator::Fault(FaultReason::CrashLoop));
    let (panel, _) = panel.step(claimed(), at(180_001));
    assert_eq!(panel.showing(), Indicator::Healthy);
}

#[test]
fn a_short_silence_of_the_server_is_not_news() {
    let mut story = Story::new(unclaimed());
    story.happens(Event::Silent);
    story.wait(2_999);
    assert_eq!(story.panel.showing(), Indicator::Unclaimed);
    story.wait(1);
    assert_eq!(story.panel.showing(), Indicator::Booting);
    story.happens(Event::Silent);
    story.wait(176_999);
    assert_eq!(story.panel.showing(), Indicator::Booting);
    story.wait(1);
    assert_eq!(story.panel.showing(), Indicator::Fault(FaultReason::CrashLoop));
}

#[test]
fn what_the_panel_found_is_shown_until_the_server_tells_better() {
    let fault = Indicator::Fault(FaultReason::Configuration);
    let panel = Panel::new(false, at(0)).step(Event::Found(Active::NONE.with(fault)), at(0)).0;
    assert_eq!(panel.showing(), fault);
    assert_eq!(panel.step(claimed(), at(1)).0.showing(), Indicator::Healthy);
}

#[test]
fn a_tap_that_no_server_hears_opens_nothing() {
    let mut story = Story::new(unclaimed());
    story.happens(Event::Silent);
    story.hold(300);
    story.happens(unclaimed());
    story.wait(10_000);
    assert_eq!(story.came(), []);
}

#[test]
fn the_light_answers_a_hold_and_then_goes_on() {
    let mut story = Story::new(claimed());
    assert_eq!(story.panel.light(at(50), false), (Level::On, Some(at(9_900))));
    story.now = 100;
    story.happens(Event::Pressed);
    assert_eq!(story.panel.light(at(110), false), (Level::On, Some(at(180))));
    assert_eq!(story.panel.light(at(180), false), (Level::Off, Some(at(3_100))));
    assert_eq!(story.panel.light(at(3_100), false), (Level::On, Some(at(3_300))));
    assert_eq!(story.panel.light(at(20_100), false), (Level::On, None));
    story.now = 21_000;
    story.happens(Event::Released);
    assert_eq!(story.panel.light(at(21_000), false).0, Level::On, "healthy again");
}

#[test]
fn a_new_state_begins_its_pattern_at_the_beginning() {
    let mut story = Story::new(claimed());
    story.now = 12_345;
    story.happens(unclaimed());
    assert_eq!(story.panel.light(at(12_345), false), (Level::On, Some(at(14_345))));
}

#[test]
fn the_panel_is_small_and_does_not_grow() {
    assert!(size_of::<Panel>() <= 256);
}

/// Any event, with the spans between them that mean something.
fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let span = prop_oneof![
        4 => 0..120u64,
        4 => 70..1_100u64,
        3 => 2_900..8_100u64,
        4 => 9_900..20_100u64,
        1 => 55_000..70_000u64,
        1 => 0..4_000_000u64,
    ];
    let state = prop::sample::select(Indicator::ALL.to_vec());
    let event = prop_oneof![
        8 => Just(Event::Pressed),
        8 => Just(Event::Released),
        3 => Just(Event::Tick),
        1 => any::<bool>().prop_map(|held| Event::Lost { held }),
        1 => Just(Event::Silent),
        1 => state.clone().prop_map(|state| Event::Found(Active::NONE.with(state))),
        2 => Just(unclaimed()),
        2 => Just(claimed()),
        1 => (vec(state, 0..4), any::<bool>())
            .prop_map(|(states, waiting)| Event::Server(Report { active: states.into_iter().collect(), waiting })),
    ];
    let one = (span.clone(), event).prop_map(|pair| vec![pair]);
    // Whole presses, so that there is a way to the far end of the machine.
    let press = (span.clone(), span).prop_map(|(pause, hold)| vec![(pause, Event::Pressed), (hold, Event::Released)]);
    let reset =
        (10_000..20_000u64, 0..10_000u64, 4_000..20_000u64, 0..10_200u64).prop_map(|(one, pause, two, rest)| {
            vec![
                (1_000, Event::Pressed),
                (one, Event::Released),
                (pause, Event::Pressed),
                (two, Event::Released),
                (rest, Event::Tick),
            ]
        });
    vec(prop_oneof![4 => one, 3 => press, 1 => reset], 0..40).prop_map(|parts| parts.into_iter().flatten().collect())
}

/// The same with the moment at which each happens.
fn timed(events: &[(u64, Event)]) -> Vec<(u64, Event)> {
    let mut now = 0;
    let place = |(span, event): &(u64, Event)| {
        now += span;
        (now, *event)
    };
    events.iter().map(place).collect()
}

/// All effects, each with the moment at which somebody asked.
fn play(panel: &mut Panel, events: &[(u64, Event)]) -> Vec<(u64, Effect)> {
    let mut came = Vec::new();
    for (now, event) in events {
        let (next, effects) = panel.clone().step(*event, at(*now));
        came.extend(effects.into_iter().map(|effect| (*now, effect)));
        *panel = next;
    }
    came
}

/// From when to when the button was held, told from the edges alone; a gap of less than 80 ms is none.
fn holds(events: &[(u64, Event)]) -> Vec<(u64, u64)> {
    let (mut found, mut since): (Vec<(u64, u64)>, Option<u64>) = (Vec::new(), None);
    let mut joinable = false;
    for (now, event) in events {
        match event {
            Event::Pressed | Event::Lost { held: true } => {
                let bounced = found.last().is_some_and(|(_, end)| joinable && now - end < 80);
                if since.is_none() {
                    since = if bounced { found.pop().map(|(from, _)| from) } else { Some(*now) };
                }
            }
            Event::Released | Event::Lost { held: false } => {
                if let Some(from) = since.take() {
                    found.push((from, *now));
                }
            }
            Event::Server(_) | Event::Silent | Event::Found(_) | Event::Tick => continue,
        }
        joinable = matches!(event, Event::Released);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_erased_without_two_holds_and_quiet_after_them(events in events()) {
        let events = timed(&events);
        let came = play(&mut Panel::new(false, at(0)), &events);
        let holds = holds(&events);
        for (when, _) in came.iter().filter(|(_, effect)| *effect == Effect::FactoryReset) {
            let second = |first: &(u64, u64), second: &(u64, u64)| {
                let length = second.1 - second.0;
                first.1 < second.0 && second.0 < first.1 + 10_000 && (4_000..=20_000).contains(&length) && second.1 + 10_000 <= *when
            };
            let first = |hold: &(u64, u64)| (10_000..=20_000).contains(&(hold.1 - hold.0));
            let quiet = |second: &(u64, u64)| {
                let within = |hold: &(u64, u64)| second.1 < hold.0 && hold.0 < second.1 + 10_000 && hold.1 - hold.0 >= 80;
                !holds.iter().any(within)
            };
            let then = |one| holds.iter().any(|two| second(one, two) && quiet(two));
            let two = holds.iter().any(|one| first(one) && then(one));
            prop_assert!(two, "at {}: {:?}", when, holds);
        }
    }

    #[test]
    fn no_window_opens_without_a_press(events in events()) {
        let events = timed(&events);
        let came = play(&mut Panel::new(false, at(0)), &events);
        for (count, (when, _)) in came.iter().filter(|(_, effect)| *effect == Effect::OpenClaimWindow).enumerate() {
            let taps = holds(&events).into_iter().filter(|(from, to)| (80..=1_000).contains(&(to - from)) && to <= when);
            prop_assert!(taps.count() > count);
        }
        let long = |(from, to): &(u64, u64)| (3_000..8_000).contains(&(to - from));
        let opened: Vec<u64> =
            came.iter().filter(|(_, effect)| *effect == Effect::OpenRecoveryWindow).map(|(when, _)| *when).collect();
        prop_assert!(opened.len() <= holds(&events).iter().filter(|hold| long(hold)).count());
    }

    #[test]
    fn nothing_is_confirmed_that_does_not_wait(events in events()) {
        let events = timed(&events);
        let waiting = events.iter().any(|(_, event)| matches!(event, Event::Server(Report { waiting: true, .. })));
        let came = play(&mut Panel::new(false, at(0)), &events);
        prop_assert!(waiting || came.iter().all(|(_, effect)| *effect != Effect::Confirm));
    }

    #[test]
    fn an_hour_has_three_recovery_windows_at_most(lengths in vec((0..1_500_000u64, 3_000..8_000u64), 0..30)) {
        let mut story = Story::new(claimed());
        for (pause, hold) in lengths {
            story.wait(pause);
            story.hold(hold);
        }
        let opened: Vec<u64> =
            story.effects.iter().filter(|(_, effect)| *effect == Effect::OpenRecoveryWindow).map(|(when, _)| *when).collect();
        prop_assert!(opened.windows(4).all(|four| four[3] - four[0] >= 3_600_000), "{:?}", opened);
    }

    #[test]
    fn a_button_that_is_never_released_does_nothing(events in events(), held: bool) {
        let mut stuck = vec![(0, Event::Pressed)];
        let not_an_edge = |(_, event): &(u64, Event)| !matches!(event, Event::Pressed | Event::Released | Event::Lost { .. });
        stuck.extend(timed(&events).into_iter().filter(not_an_edge));
        prop_assert_eq!(play(&mut Panel::new(held, at(0)), &stuck), []);
    }

    #[test]
    fn in_pieces_or_at_once_the_same_comes_of_it(events in events(), asked in vec(0..600_000u64, 0..40)) {
        let events = timed(&events);
        let end = events.last().map_or(0, |(now, _)| *now) + 200_000;
        let mut pieces: Vec<(u64, Event)> = asked.into_iter().map(|now| (now.min(end), Event::Tick)).collect();
        pieces.extend(&events);
        pieces.push((end, Event::Tick));
        // Stable: events of one moment stay in their order.
        pieces.sort_by_key(|(now, _)| *now);
        let (mut once, mut often) = (Panel::new(false, at(0)), Panel::new(false, at(0)));
        let kinds = |came: Vec<(u64, Effect)>| came.into_iter().map(|(_, effect)| effect).collect::<Vec<_>>();
        let whole: Vec<_> = events.into_iter().chain([(end, Event::Tick)]).collect();
        prop_assert_eq!(kinds(play(&mut once, &whole)), kinds(play(&mut often, &pieces)));
        prop_assert_eq!(once, often);
    }

    #[test]
    fn the_most_urgent_state_is_shown(events in events()) {
        let mut panel = Panel::new(false, at(0));
        for (now, event) in timed(&events) {
            panel = panel.step(event, at(now)).0;
            prop_assert_eq!(panel.showing(), panel.active().highest());
            let armed = panel.own().has(Indicator::ResetArmed);
            prop_assert!(!armed || panel.showing() == Indicator::ResetArmed);
        }
    }

    #[test]
    fn no_clock_and_no_order_of_events_upsets_it(events in vec((any::<u64>(), events()), 0..6), held: bool, night: bool) {
        let mut panel = Panel::new(held, at(events.first().map_or(0, |(start, _)| *start)));
        for (start, part) in events {
            for (now, event) in timed(&part) {
                let now = at(start.saturating_add(now));
                let (next, effects) = panel.step(event, now);
                prop_assert!(effects.len() <= 3, "{:?}", effects);
                let (_, change) = next.light(now, night);
                prop_assert!(change.is_none_or(|change| change >= now));
                panel = next;
            }
        }
    }
}
