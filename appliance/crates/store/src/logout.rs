//! Which apps a session led into, and which of them are to be told that it has ended.

use domain::id::{AccountId, ClientId, DeliveryNumber, SessionNumber, Subject};
use domain::logout::{LogoutDelivery, LogoutReport, MAX_DELIVERIES};
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{blob, time};
use crate::{Fault, Reader, Writer};

/// What came of ending a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Whether there was one.
    pub found: bool,
    /// How many apps are to be told.
    pub to_tell: usize,
}

fn read(row: &Row<'_>) -> Result<LogoutDelivery, Fault> {
    Ok(LogoutDelivery {
        number: DeliveryNumber(row.get("number")?),
        client: ClientId(row.get("client_id")?),
        account: AccountId(row.get("account_id")?),
        session: SessionNumber(row.get("session_number")?),
        subject: Subject::from_bytes(blob(row, "subject", "logout_delivery")?),
        issuer: row.get("issuer")?,
        created_at: time(row, "created_at")?,
    })
}

impl Reader<'_> {
    /// Who is to be told, the oldest first, so many at the most.
    pub fn logout_deliveries(&self, limit: usize) -> Result<Vec<LogoutDelivery>, Fault> {
        self.all(
            "SELECT number, client_id, account_id, session_number, subject, issuer, created_at FROM logout_delivery
             ORDER BY number LIMIT ?1",
            [i64::try_from(limit).unwrap_or(i64::MAX)],
            read,
        )
    }

    /// How the last delivery to the app went, if there was one.
    pub fn logout_report(&self, client: ClientId) -> Result<Option<LogoutReport>, Fault> {
        self.one("SELECT at, trouble FROM logout_report WHERE client_id = ?1", [client.0], |row| {
            Ok(LogoutReport { at: time(row, "at")?, trouble: row.get("trouble")? })
        })
    }
}

impl Writer<'_> {
    /// Remembers that the session led into the app, which knows the house as `issuer`.
    pub fn note_session_client(
        &self,
        account: AccountId,
        session: SessionNumber,
        client: ClientId,
        issuer: &str,
    ) -> Result<(), Fault> {
        self.run(
            "INSERT INTO session_client (account_id, session_number, client_id, issuer) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account_id, session_number, client_id) DO UPDATE SET issuer = ?4 WHERE issuer <> ?4",
            (account.0, session.0, client.0, issuer),
        )?;
        Ok(())
    }

    /// Ends the session and the apps' tokens that grew from it, and writes down which apps are to be told.
    pub fn end_session(
        &self,
        account: AccountId,
        session: SessionNumber,
        now: Timestamp,
    ) -> Result<EndedSession, Fault> {
        let to_tell = self.run(
            "INSERT INTO logout_delivery (client_id, account_id, session_number, subject, issuer, created_at)
             SELECT led.client_id, led.account_id, led.session_number, account.subject, led.issuer, ?3
             FROM session_client led JOIN account ON account.id = led.account_id
             WHERE led.account_id = ?1 AND led.session_number = ?2",
            (account.0, session.0, now.unix()),
        )?;
        if to_tell > 0 {
            self.run(
                "DELETE FROM logout_delivery WHERE number <= (
                     SELECT number FROM logout_delivery ORDER BY number DESC LIMIT 1 OFFSET ?1)",
                [i64::try_from(MAX_DELIVERIES).unwrap_or(i64::MAX)],
            )?;
        }
        Ok(EndedSession { found: self.delete_session(account, session)?, to_tell })
    }

    /// Forgets a delivery: the app knows, or never will. The number may be another app's by now.
    pub fn delete_logout_delivery(&self, number: DeliveryNumber, client: ClientId) -> Result<(), Fault> {
        self.run("DELETE FROM logout_delivery WHERE number = ?1 AND client_id = ?2", [number.0, client.0])?;
        Ok(())
    }

    /// Writes down how the last delivery to the app went. One that was removed meanwhile has no report.
    pub fn put_logout_report(&self, client: ClientId, report: &LogoutReport) -> Result<(), Fault> {
        self.run(
            "INSERT INTO logout_report (client_id, at, trouble) SELECT id, ?2, ?3 FROM client WHERE id = ?1
             ON CONFLICT (client_id) DO UPDATE SET at = ?2, trouble = ?3",
            (client.0, report.at.unix(), &report.trouble),
        )?;
        Ok(())
    }
}
