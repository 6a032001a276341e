//! What is decided once for the whole house.

use domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::row::{json, to_json};
use crate::{Fault, Reader, Writer};

impl Reader<'_> {
    /// The setting of that name.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        self.one("SELECT value FROM setting WHERE name = ?1", [name], |row| json(row, "value", "setting"))
    }
}

impl Writer<'_> {
    /// Puts the setting in its place; one that was there is gone.
    pub fn put_setting<T: Serialize>(&self, name: &str, value: &T, now: Timestamp) -> Result<(), Fault> {
        self.run(
            "INSERT INTO setting (name, value, updated_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET value = ?2, updated_at = ?3",
            (name, to_json(value, "setting")?, now.unix()),
        )?;
        Ok(())
    }

    /// Takes the setting away; tells whether there was one.
    pub fn delete_setting(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM setting WHERE name = ?1", [name])? > 0)
    }
}
