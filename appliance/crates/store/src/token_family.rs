//! Families of tokens: one row for each, keyed by account and number, so that a refresh dirties one page.

use domain::id::ClientId;

use crate::{Fault, Writer};

impl Writer<'_> {
    /// Ends everything that the app holds.
    pub fn delete_token_families_of_client(&self, client: ClientId) -> Result<usize, Fault> {
        self.run("DELETE FROM token_family WHERE client_id = ?1", [client.0])
    }
}
