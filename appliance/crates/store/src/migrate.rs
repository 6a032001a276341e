//! The one timeline of schemas. A migration that has shipped is never edited; the next one corrects it.

use rusqlite::{Connection, TransactionBehavior};

use crate::OpenError;

/// In order; the schema's number is how many of them ran.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_household.sql"),
    include_str!("../migrations/0002_setup.sql"),
    include_str!("../migrations/0003_oauth.sql"),
];

/// The number of the newest schema.
#[expect(clippy::cast_possible_truncation, reason = "there are a handful")]
pub const NEWEST_SCHEMA: u32 = MIGRATIONS.len() as u32;

const fn known() -> u32 {
    NEWEST_SCHEMA
}

/// Refuses a database of a later version.
pub(crate) fn check_version(connection: &Connection) -> Result<u32, OpenError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known() { Err(OpenError::Newer { found, known: known() }) } else { Ok(found) }
}

/// Runs what is missing, each in a transaction of its own.
pub(crate) fn run(connection: &mut Connection) -> Result<(), OpenError> {
    let found = check_version(connection)?;
    for number in found..known() {
        let Some(script) = usize::try_from(number).ok().and_then(|index| MIGRATIONS.get(index)) else { break };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "user_version", number + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
