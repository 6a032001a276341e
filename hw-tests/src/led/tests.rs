use std::time::Duration;

use domain::indicator::{Indicator, Level};

use super::*;

/// What somebody sees who looks every 20 ms at the program's own table.
fn seen(state: Indicator, seconds: u64, from: f64, lag: f64) -> Vec<Edge> {
    let pattern = state.pattern(false);
    let mut edges: Vec<Edge> = Vec::new();
    for step in 0..seconds * 50 {
        let lit = pattern.level_at(Duration::from_millis(step * 20)) == Level::On;
        let at = from + Duration::from_millis(step * 20).as_secs_f64();
        if edges.last().is_none_or(|edge| edge.lit != lit) {
            edges.push(Edge { at: at + if edges.len().is_multiple_of(2) { lag } else { 0.0 }, lit });
        }
    }
    edges
}

fn names(shown: &[Shown]) -> Vec<&'static str> {
    shown.iter().map(|shown| shown.name).collect()
}

#[test]
fn every_state_of_the_program_is_told_by_its_pattern_even_a_little_late() {
    for state in Indicator::ALL {
        for lag in [0.0, 0.05] {
            let edges = seen(state, 30, 7.0, lag);
            assert_eq!(names(&decode(&edges, 37.0)), [state.name()], "{lag}");
        }
    }
}

#[test]
fn states_are_told_in_their_order() {
    let mut edges = seen(Indicator::Booting, 10, 0.0, 0.0);
    edges.extend(seen(Indicator::ClockNotTrusted, 12, 10.0, 0.0));
    edges.extend(seen(Indicator::Unclaimed, 16, 22.0, 0.0));
    edges.extend(seen(Indicator::Healthy, 32, 38.0, 0.0));
    assert_eq!(names(&decode(&edges, 70.0)), ["booting", "clock-not-trusted", "unclaimed", "healthy"]);
}

#[test]
fn a_frozen_led_says_nothing() {
    let solid = [Edge { at: 0.0, lit: true }];
    assert!(decode(&solid, 60.0).is_empty());
    assert!(decode(&[], 60.0).is_empty());
}

#[test]
fn noise_is_no_state() {
    let edges: Vec<Edge> = (0..200)
        .map(|step| Edge { at: f64::from(step) * 0.07 + f64::from(step % 3) * 0.03, lit: step % 2 == 0 })
        .collect();
    assert!(decode(&edges, 20.0).is_empty());
}
