//! How much there is, and whether it can still be written.

use crate::{Fault, Reader};

/// Numbers for `latchkey status` and the health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Persons.
    pub persons: i64,
    /// Service accounts.
    pub service_accounts: i64,
    /// Groups, built-in ones included.
    pub groups: i64,
    /// Apps.
    pub apps: i64,
    /// Sessions that are not over at the time of asking.
    pub sessions: i64,
    /// Bytes of the database file.
    pub database_bytes: i64,
    /// The schema's number.
    pub schema: i64,
}

impl Reader<'_> {
    /// Counts everything.
    pub fn counts(&self, now: domain::time::Timestamp) -> Result<Counts, Fault> {
        let counted = self.one(
            "SELECT (SELECT count(*) FROM account WHERE kind = 'person') AS persons,
                    (SELECT count(*) FROM account WHERE kind = 'service') AS service_accounts,
                    (SELECT count(*) FROM household_group) AS groups,
                    (SELECT count(*) FROM client) AS apps,
                    (SELECT count(*) FROM session WHERE expires_at > ?1) AS sessions",
            [now.unix()],
            |row| {
                Ok(Counts {
                    persons: row.get("persons")?,
                    service_accounts: row.get("service_accounts")?,
                    groups: row.get("groups")?,
                    apps: row.get("apps")?,
                    sessions: row.get("sessions")?,
                    database_bytes: self.pragma("page_count")? * self.pragma("page_size")?,
                    schema: self.pragma("user_version")?,
                })
            },
        )?;
        counted.ok_or_else(|| Fault::Corrupt { table: "account", row: "no counts".to_owned() })
    }

    /// One small read that fails when the database cannot be read.
    pub fn ping(&self) -> Result<(), Fault> {
        self.one("SELECT id FROM household_group LIMIT 1", [], |_| Ok(()))?;
        Ok(())
    }
}
