//! What every endpoint can reach.

use std::sync::{Arc, OnceLock};

use domain::entropy::{self, Entropy};

use super::response::Response;
use crate::bridge::Bridge;
use crate::config::Config;
use crate::system::Clock;

/// The header that carries the number of a fault.
pub(crate) const FAULT: &str = "Latchkey-Fault";

/// The running server, as its endpoints see it.
pub(crate) struct App {
    /// The way to the operations.
    pub(crate) bridge: Bridge,
    /// What the owner configured.
    pub(crate) config: Config,
    /// What time it is; a request carries the time it came in as `Request::now`.
    pub(crate) clock: Arc<dyn Clock>,
    /// Random bytes, for fault numbers and the like; secrets are made in `service`.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The discovery document, written at the first request for it.
    pub(crate) discovery: OnceLock<Arc<[u8]>>,
}

impl App {
    /// Logs an accident under a number; the answer shows only the number.
    pub(crate) fn fault(&self, what: &dyn std::fmt::Display) -> Response {
        let id = self.log_fault(what);
        Response::text(500, format!("Something went wrong here (fault {id}). The log of the server says more."))
            .header(FAULT, id)
    }

    /// Logs an accident; the number under which it is found.
    pub(crate) fn log_fault(&self, what: &dyn std::fmt::Display) -> String {
        let [a, b, c, d] = entropy::bytes(&*self.entropy);
        let id = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
        tracing::error!(fault = %id, %what, "fault");
        id
    }
}
