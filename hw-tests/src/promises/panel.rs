//! LED and button.

use std::thread;
use std::time::Duration;

use crate::failure::{Failure, Outcome, broken, ensure};
use crate::home::{Home, story};
use crate::led::{Edge, Shown};

/// The LED changes this soon after its reason, and a round of any pattern fits twice.
const SOON: Duration = Duration::from_secs(20);
/// A flash that answers a hold lasts 200 ms.
const FLASH: f64 = 0.2;
const SLACK: f64 = 0.12;

/// Two rounds of the fastest pattern, and half of one, in seconds.
const GIVES_WAY: f64 = 1.25;

pub(crate) fn led_of_a_new_box(home: &mut Home) -> Outcome {
    home.watched()?;
    home.serving()?;
    home.led_says("clock-not-trusted", SOON)?;
    home.has_time()?;
    home.led_says("unclaimed", SOON)?;
    let shown = home.shown()?;
    // Where one pattern gives way to another, their halves may look like a round of a third; before the first there is none.
    let lasting = |(place, shown): &(usize, &Shown)| *place == 0 || shown.until - shown.from >= GIVES_WAY;
    let names: Vec<&str> = shown.iter().enumerate().filter(lasting).map(|(_, shown)| shown.name).collect();
    let wanted = ["booting", "clock-not-trusted", "unclaimed"];
    ensure(names == wanted, || format!("the LED said {}", story(&shown)))?;
    home.note(story(&shown).trim().to_owned());
    // The other mouths of the box say the same.
    let states = home.states()?;
    ensure(states == ["unclaimed"], || format!("`latchkey status` says {states:?}"))
}

pub(crate) fn button(home: &mut Home) -> Outcome {
    home.watched()?;
    home.claimed()?;
    home.led_says("healthy", SOON * 2)?;
    stuck(home)?;
    tap(home)?;
    hold_of_5(home)?;
    hold_of_12(home)
}

/// More than a minute: ignored until it has been released for five seconds, and told meanwhile.
fn stuck(home: &mut Home) -> Outcome {
    home.rig.hold(true)?;
    thread::sleep(Duration::from_secs(62));
    let told = home.until("the stuck button to be told", Duration::from_secs(20), |home| {
        Ok(home.is("degraded-stuck-button")?.then_some(()))
    });
    let seen = told.and_then(|()| home.led_says("degraded-stuck-button", SOON));
    home.rig.hold(false)?;
    seen?;
    home.until("the button to be good again", SOON, |home| Ok((!home.is("degraded-stuck-button")?).then_some(())))?;
    let states = home.states()?;
    ensure(states == ["healthy"], || format!("after a stuck button: {states:?}"))
}

/// Nothing waits for a tap on a box that has an owner.
fn tap(home: &mut Home) -> Outcome {
    home.rig.press(Duration::from_millis(300))?;
    thread::sleep(Duration::from_secs(2));
    let states = home.states()?;
    ensure(states == ["healthy"], || format!("after a tap: {states:?}"))
}

/// A window to recover an account, announced by one flash at three seconds.
fn hold_of_5(home: &mut Home) -> Outcome {
    let flashes = answer(home, Duration::from_secs(5))?;
    ensure(are_at(&flashes, &[3.0]), || format!("5 s were answered by flashes at {flashes:?}"))?;
    home.led_says("window-open", SOON)?;
    let states = home.states()?;
    ensure(states.contains(&"window-open".to_owned()), || format!("after 5 s: {states:?}"))
}

/// Reset is armed for ten seconds and no more; nothing happens to anybody.
fn hold_of_12(home: &mut Home) -> Outcome {
    let persons = home.latchkey("status")?["persons"].clone();
    let flashes = answer(home, Duration::from_secs(12))?;
    ensure(are_at(&flashes, &[3.0, 10.0, 10.5]), || format!("12 s were answered by flashes at {flashes:?}"))?;
    home.until("reset to be armed", SOON, |home| Ok(home.is("reset-armed")?.then_some(())))?;
    home.until("reset to be over", SOON, |home| Ok((!home.is("reset-armed")?).then_some(())))?;
    let shown = home.shown()?;
    ensure(shown.iter().any(|shown| shown.name == "reset-armed"), || format!("the LED said {}", story(&shown)))?;
    let after = home.latchkey("status")?["persons"].clone();
    ensure(persons == after, || format!("{persons} persons became {after}"))
}

/// When the LED flashed while the button was held, in seconds after it was pressed.
fn answer(home: &mut Home, long: Duration) -> Outcome<Vec<f64>> {
    home.rig.press(long)?;
    let (edges, _) = home.rig.led()?;
    flashes(&edges, long.as_secs_f64())
        .ok_or_else(|| Failure::Broken(format!("the LED did not go dark for it: {edges:?}")))
}

/// The press is found by its own mark: the LED goes dark for three seconds, which no pattern does. Dark begins with the press,
/// or just before it where the pattern was dark already.
fn flashes(edges: &[Edge], long: f64) -> Option<Vec<f64>> {
    let lit_at: Vec<(f64, f64)> =
        edges.windows(2).filter(|pair| pair[0].lit).map(|pair| (pair[0].at, pair[1].at - pair[0].at)).collect();
    // The last flash of 200 ms that comes after 2.4 dark seconds or more is the one at three seconds.
    let first = edges.windows(3).rev().find(|three| {
        let (dark, flash) = (three[1].at - three[0].at, three[2].at - three[1].at);
        !three[0].lit && three[1].lit && dark > 2.4 && (flash - FLASH).abs() < SLACK && dark < 3.6
    })?;
    let pressed = first[1].at - 3.0;
    let within = lit_at.iter().filter(|(at, _)| *at >= pressed && *at < pressed + long - SLACK);
    Some(within.filter(|(_, lasted)| (lasted - FLASH).abs() < SLACK).map(|(at, _)| at - pressed).collect())
}

fn are_at(flashes: &[f64], wanted: &[f64]) -> bool {
    flashes.len() == wanted.len() && flashes.iter().zip(wanted).all(|(is, should)| (is - should).abs() < SLACK)
}

/// A tap while nobody owns the box: whoever looks sees the window.
pub(crate) fn tap_opens_the_window(home: &mut Home) -> Outcome {
    home.rig.press(Duration::from_millis(300))?;
    match home.led_says("window-open", SOON) {
        Ok(()) => Ok(()),
        Err(error) => broken(format!("after a tap: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(at: &[f64]) -> Vec<Edge> {
        at.iter().enumerate().map(|(place, at)| Edge { at: *at, lit: place % 2 == 0 }).collect()
    }

    #[test]
    fn the_flashes_of_a_long_hold_are_counted_from_the_press() {
        // Healthy, pressed at 20.1, 12 s; then an armed reset.
        let seen = edges(&[1.0, 20.1, 23.1, 23.3, 30.1, 30.3, 30.6, 30.8, 32.1, 32.35, 32.6, 32.85]);
        let found = flashes(&seen, 12.0).unwrap();
        assert!(are_at(&found, &[3.0, 10.0, 10.5]), "{found:?}");
        assert!(!are_at(&found, &[3.0]));
    }

    #[test]
    fn a_led_that_does_not_answer_is_noticed() {
        assert!(flashes(&edges(&[1.0, 11.0, 11.1, 21.0]), 5.0).is_none());
    }
}
