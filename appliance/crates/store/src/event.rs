//! The audit log: bounded, the oldest go first.

use domain::event::{Event, KEPT};

use crate::row::to_json;
use crate::{Fault, Writer};

/// Trimming touches the far end of the table, so it is done once in this many events.
const TRIM_EVERY: i64 = 256;

impl Writer<'_> {
    /// Appends the event; its `number` is ignored.
    pub fn insert_event(&self, event: &Event) -> Result<(), Fault> {
        let number: Option<i64> = self.one(
            "INSERT INTO event (at, actor, action, target, origin, outcome, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
            (
                event.at.unix(),
                &event.actor,
                &event.action,
                &event.target,
                &event.origin,
                event.outcome.as_str(),
                to_json(&event.detail, "event")?,
            ),
            |row| Ok(row.get(0)?),
        )?;
        match number {
            Some(number) if number % TRIM_EVERY == 0 => {
                self.run("DELETE FROM event WHERE number <= ?1", [number - KEPT])?;
            }
            Some(_) | None => {}
        }
        Ok(())
    }
}
