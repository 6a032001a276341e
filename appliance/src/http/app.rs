//! What every endpoint can reach.

use std::sync::Arc;

use domain::entropy::Entropy;

use crate::bridge::Bridge;
use crate::config::Config;
use crate::system::Clock;

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
}
