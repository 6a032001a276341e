//! What a factory reset is on this machine.

/// Asks for a factory reset. Only an image knows how to make its data partition anew; elsewhere nothing is erased, and the
/// journal says so.
pub(super) fn request() {
    tracing::error!("a factory reset was asked for; it is not available on this machine, so nothing was erased");
}
