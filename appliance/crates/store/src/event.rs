//! The audit log: bounded, the oldest go first.

use domain::event::{Event, EventFilter, KEPT};
use domain::id::EventNumber;
use rusqlite::Row;

use crate::row::{json, parsed, time, to_json};
use crate::{Fault, Reader, Writer};

/// Trimming touches the far end of the table, so it is done once in this many events.
const TRIM_EVERY: i64 = 256;

fn read(row: &Row<'_>) -> Result<Event, Fault> {
    Ok(Event {
        number: EventNumber(row.get("number")?),
        at: time(row, "at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        target: row.get("target")?,
        origin: row.get("origin")?,
        outcome: parsed(row, "outcome", "event")?,
        detail: json(row, "detail", "event")?,
    })
}

impl Reader<'_> {
    /// Events that pass the filter, newest first, from before `before` where it is given.
    pub fn events(&self, filter: &EventFilter, before: Option<EventNumber>, limit: u32) -> Result<Vec<Event>, Fault> {
        self.all(
            "SELECT number, at, actor, action, target, origin, outcome, detail FROM event
             WHERE number < ?1
               AND (?2 IS NULL OR actor = ?2)
               AND (?3 IS NULL OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.')
               AND (?4 IS NULL OR target = ?4)
               AND (?5 IS NULL OR at >= ?5)
               AND (?6 IS NULL OR at < ?6)
               AND (?7 IS NULL OR outcome = ?7)
             ORDER BY number DESC LIMIT ?8",
            (
                before.map_or(i64::MAX, |number| number.0),
                &filter.actor,
                &filter.action,
                &filter.target,
                filter.since.map(|at| at.unix()),
                filter.until.map(|at| at.unix()),
                filter.outcome.map(|outcome| outcome.as_str()),
                limit,
            ),
            read,
        )
    }
}

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
