//! What the LED says, read back from the moments at which it changed. Pure.
//!
//! Written from the table in the design of the appliance and not from the program's own, so that one does not prove itself.

mod table;

pub(crate) use table::{Row, TABLE};

/// A change of the LED.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edge {
    /// In seconds of the clock of whoever looked, which never jumps.
    pub(crate) at: f64,
    /// Whether it is lit from then on.
    pub(crate) lit: bool,
}

/// A state that was shown for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) from: f64,
    pub(crate) until: f64,
}

/// How far a flash may be off: samples are 20 ms apart, and an emulated board that shares its computer is late at times.
const SLACK: f64 = 0.09;

/// A stretch of one level.
#[derive(Clone, Copy, Debug)]
struct Run {
    lit: bool,
    from: f64,
    long: f64,
}

/// What was shown, in order. What is no pattern of the table, or less than one round of it, is left out.
pub(crate) fn decode(edges: &[Edge], now: f64) -> Vec<Shown> {
    let runs = runs(edges, now);
    let mut shown: Vec<Shown> = Vec::new();
    let mut at = 0;
    while at < runs.len() {
        let best = TABLE.iter().filter_map(|row| Some((row.name, best_match(row, &runs, at)?)));
        let Some((name, Match { taken, .. })) = best.max_by_key(|(_, found)| *found) else {
            at += 1;
            continue;
        };
        let last = runs[at + taken - 1];
        let (from, until) = (runs[at].from, last.from + last.long);
        match shown.last_mut().filter(|before| before.name == name) {
            Some(before) => before.until = until,
            None => shown.push(Shown { name, from, until }),
        }
        at += taken;
    }
    shown
}

fn runs(edges: &[Edge], now: f64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, edge) in edges.iter().enumerate() {
        let end = edges.get(place + 1).map_or(now, |next| next.at);
        match runs.last_mut().filter(|run| run.lit == edge.lit) {
            Some(run) => run.long = end - run.from,
            None => runs.push(Run { lit: edge.lit, from: edge.at, long: end - edge.at }),
        }
    }
    runs
}

/// Runs that are as a pattern wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    /// Those of them that are as long as they should be, and not cut off.
    whole: usize,
    taken: usize,
}

/// The longest stretch from there on that is that row's pattern, if a whole round of it is seen.
fn best_match(row: &Row, runs: &[Run], at: usize) -> Option<Match> {
    let round = row.round();
    let best = (0..round.len()).map(|phase| follow(&round, phase, &runs[at..])).max()?;
    (best.whole >= round.len()).then_some(best)
}

/// The first and the last run may be cut off: a pattern begins anew with its state, and ends with it or with the looking.
fn follow(round: &[(bool, f64)], phase: usize, runs: &[Run]) -> Match {
    let mut found = Match { whole: 0, taken: 0 };
    for (place, run) in runs.iter().enumerate() {
        let (lit, long) = round[(phase + place) % round.len()];
        if run.lit != lit || run.long > long + SLACK {
            break;
        }
        let whole = run.long >= long - SLACK && place + 1 < runs.len();
        if !whole && place > 0 && place + 1 < runs.len() {
            break;
        }
        found.taken += 1;
        found.whole += usize::from(whole);
    }
    found
}

#[cfg(test)]
mod tests;
