//! Consent: what a person allowed an app to know and do, once and until withdrawn.

use crate::id::ClientId;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// A consent as stored; one for each person and app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// To which app.
    pub client: ClientId,
    /// To all scopes ever agreed to.
    pub scopes: Scopes,
    /// When last.
    pub granted_at: Timestamp,
}

impl Consent {
    /// Whether the person has to be asked again: only when the scopes grow.
    pub fn covers(&self, wanted: &Scopes) -> bool {
        self.scopes.covers(wanted)
    }
}
