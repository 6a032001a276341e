//! Columns to domain types. A value that does not parse is a corrupt row, named by its table; never a panic.

use std::fmt::Display;
use std::str::FromStr;

use domain::secret::Digest;
use domain::time::Timestamp;
use rusqlite::Row;

use crate::Fault;

/// A text column that parses into `T`.
pub(crate) fn parsed<T>(row: &Row<'_>, column: &str, table: &'static str) -> Result<T, Fault>
where
    T: FromStr,
    T::Err: Display,
{
    let raw: String = row.get(column)?;
    raw.parse().map_err(|why: T::Err| corrupt(table, column, why))
}

/// A JSON column.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: &str,
    table: &'static str,
) -> Result<T, Fault> {
    let raw: String = row.get(column)?;
    serde_json::from_str(&raw).map_err(|why| corrupt(table, column, why))
}

/// A JSON text for a column.
pub(crate) fn to_json<T: serde::Serialize>(value: &T, table: &'static str) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|why| corrupt(table, "json", why))
}

/// A moment.
pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_unix(row.get(column)?))
}

/// A moment that may be absent.
pub(crate) fn optional_time(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, Fault> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_unix))
}

/// A blob of exactly `N` bytes.
pub(crate) fn blob<const N: usize>(row: &Row<'_>, column: &str, table: &'static str) -> Result<[u8; N], Fault> {
    let raw: Vec<u8> = row.get(column)?;
    raw.try_into().map_err(|raw: Vec<u8>| corrupt(table, column, format_args!("{} bytes", raw.len())))
}

/// A SHA-256 digest.
pub(crate) fn digest(row: &Row<'_>, column: &str, table: &'static str) -> Result<Digest, Fault> {
    blob(row, column, table).map(Digest::from_bytes)
}

fn corrupt(table: &'static str, column: &str, why: impl Display) -> Fault {
    Fault::Corrupt { table, row: format!("{column}: {why}") }
}
