//! Port 80: the same loop, gate, bounds and timeouts as behind TLS, and a table of its own. What comes in the clear may have
//! been read and changed on its way; `crate::endpoint::trust` says what that means for the one page that lives here.

use std::net::TcpListener;
use std::sync::Arc;

use async_io::Async;
use futures_lite::future;

use super::http::converse;
use super::limits::Gate;
use super::{Floor, next};
use crate::http::Peer;

/// Accepts connections without TLS until the server stops. The floor's site is the one of port 80.
pub(crate) async fn accept_plain(floor: Arc<Floor>, listener: Async<TcpListener>, gate: Arc<Gate>) {
    while let Some(accepted) = next(&floor, listener.accept()).await {
        let Ok((stream, address)) = accepted else { continue };
        let Ok(here) = stream.get_ref().local_addr() else { continue };
        let peer = address.ip().to_canonical();
        if let Some(ticket) = gate.admit(peer, here.ip()) {
            let (site, stop) = (Arc::clone(&floor.site), floor.stop.clone());
            let connection = async move {
                if let Err(error) = stream.get_ref().set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                converse(&site, stream, Peer::Network(peer), stop).await;
                drop(ticket);
            };
            floor.executor.spawn(connection).detach();
        }
        future::yield_now().await;
    }
}
