//! The table of the LED: short is 200 ms on and 300 off, long 1000 on and 300 off, a gap 2000 off.

/// A state and its pattern.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Milliseconds lit and dark, in turn.
    pattern: &'static [(u16, u16)],
}

/// All that the LED can say, but for the night.
pub(crate) const TABLE: &[Row] = &[
    row("reset-armed", &[(250, 250), (250, 250), (250, 250), (250, 250), (1000, 0)]),
    row("window-open", &[(250, 250)]),
    row("fault-database", &[LONG, LONG, LAST_SHORT]),
    row("fault-data-partition", &[LONG, LONG, SHORT, LAST_SHORT]),
    row("fault-crash-loop", &[LONG, LONG, SHORT, SHORT, LAST_SHORT]),
    row("fault-clock-impossible", &[LONG, LONG, SHORT, SHORT, SHORT, LAST_SHORT]),
    row("fault-configuration", &[LONG, LONG, SHORT, SHORT, SHORT, SHORT, LAST_SHORT]),
    row("fault-hardware", &[LONG, LONG, SHORT, SHORT, SHORT, SHORT, SHORT, LAST_SHORT]),
    row("updating", &[SHORT, SHORT, (200, 1300)]),
    row("booting", &[(500, 500)]),
    row("clock-not-trusted", &[SHORT, LAST_SHORT]),
    row("unclaimed", &[(2000, 2000)]),
    row("degraded-disk", &[LONG, SHORT, SOLID]),
    row("degraded-certificate", &[LONG, SHORT, SHORT, SOLID]),
    row("degraded-temperature", &[LONG, SHORT, SHORT, SHORT, SOLID]),
    row("degraded-undervoltage", &[LONG, SHORT, SHORT, SHORT, SHORT, SOLID]),
    row("degraded-backup-old", &[LONG, SHORT, SHORT, SHORT, SHORT, SHORT, SOLID]),
    row("degraded-rolled-back", &[LONG, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SOLID]),
    row("degraded-stuck-button", &[LONG, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SOLID]),
    row("healthy", &[(9900, 100)]),
];

const SHORT: (u16, u16) = (200, 300);
/// The last flash of a count, and the gap.
const LAST_SHORT: (u16, u16) = (200, 2300);
const LONG: (u16, u16) = (1000, 300);
const SOLID: (u16, u16) = (3000, 0);

const fn row(name: &'static str, pattern: &'static [(u16, u16)]) -> Row {
    Row { name, pattern }
}

impl Row {
    /// One round as seen from outside, in seconds: what is lit at its end and at its beginning is one flash.
    pub(super) fn round(&self) -> Vec<(bool, f64)> {
        let mut round: Vec<(bool, f64)> = Vec::new();
        let steps = self.pattern.iter().flat_map(|(on, off)| [(true, *on), (false, *off)]);
        for (lit, millis) in steps.filter(|(_, millis)| *millis > 0) {
            let long = f64::from(millis) / 1000.0;
            match round.last_mut().filter(|last| last.0 == lit) {
                Some(last) => last.1 += long,
                None => round.push((lit, long)),
            }
        }
        if round.len() % 2 == 1
            && let Some((_, long)) = round.pop()
            && let Some(first) = round.first_mut()
        {
            first.1 += long;
        }
        round
    }
}
