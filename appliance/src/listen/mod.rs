//! The network side: sockets, TLS, and HTTP/1.1 with its limits. Whole, checked requests leave here for `crate::http`.

pub mod chunked;
mod control;
mod handed;
pub mod head;
mod http;
mod limits;
mod plain;
mod tls;
mod wire;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use async_io::Async;
use futures_lite::{FutureExt, future};
use smol::Executor;
use smol::channel::Receiver;

pub(crate) use control::ControlSocket;
pub(crate) use handed::Handed;
pub use handed::HandedError;
pub(crate) use http::{Site, converse};
pub(crate) use limits::Gate;
pub use limits::Timeouts;
pub(crate) use plain::accept_plain;
pub(crate) use tls::server_config;
pub(crate) use wire::Wire;

use crate::http::Peer;
use crate::system;

/// Closed when the server stops.
pub(crate) type Stop = Receiver<Infallible>;

/// How long to wait when the machine has no file descriptor left: trying again at once would only spin.
const BREATH: Duration = Duration::from_millis(100);

/// What an accept loop needs.
pub(crate) struct Floor {
    pub(crate) site: Arc<Site>,
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) stop: Stop,
}

/// Accepts TLS connections until the server stops.
pub(crate) async fn accept_tls(
    floor: Arc<Floor>,
    listener: Async<TcpListener>,
    tls: Arc<rustls::ServerConfig>,
    gate: Arc<Gate>,
) {
    let acceptor = futures_rustls::TlsAcceptor::from(tls);
    while let Some(accepted) = next(&floor, listener.accept()).await {
        let Ok((stream, address)) = accepted else { continue };
        let Ok(here) = stream.get_ref().local_addr() else { continue };
        let peer = address.ip().to_canonical();
        if let Some(ticket) = gate.admit(peer, here.ip()) {
            let (site, stop, acceptor) = (Arc::clone(&floor.site), floor.stop.clone(), acceptor.clone());
            let connection = async move {
                serve_tls(&site, &acceptor, stream, Peer::Network(peer), stop).await;
                drop(ticket);
            };
            floor.executor.spawn(connection).detach();
        }
        // Whoever floods us with connections shares the thread with everybody else.
        future::yield_now().await;
    }
}

async fn serve_tls(
    site: &Site,
    acceptor: &futures_rustls::TlsAcceptor,
    stream: Async<TcpStream>,
    peer: Peer,
    stop: Stop,
) {
    if let Err(error) = stream.get_ref().set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let handshake = async { acceptor.accept(stream).await.ok() };
    let too_slow = async {
        system::after(site.timeouts.head).await;
        None
    };
    let stopped = async {
        let _ = stop.recv().await;
        None
    };
    if let Some(stream) = handshake.or(too_slow).or(stopped).await {
        converse(site, stream, peer, stop).await;
    }
}

/// Accepts connections on the control socket until the server stops.
pub(crate) async fn accept_control(floor: Arc<Floor>, socket: ControlSocket, gate: Arc<Gate>) {
    while let Some(accepted) = next(&floor, socket.listener().accept()).await {
        let Ok((stream, _)) = accepted else { continue };
        let ticket = gate.admit(IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST));
        if let (Some(ticket), Some(peer)) = (ticket, socket.peer(&stream)) {
            let (site, stop) = (Arc::clone(&floor.site), floor.stop.clone());
            let connection = async move {
                converse(&site, stream, peer, stop).await;
                drop(ticket);
            };
            floor.executor.spawn(connection).detach();
        }
        future::yield_now().await;
    }
}

/// What `accept` gave, or `None` when the server stops; waits a little after an error.
async fn next<C>(floor: &Floor, accept: impl Future<Output = io::Result<C>>) -> Option<io::Result<C>> {
    let stopped = async {
        let _ = floor.stop.recv().await;
        None
    };
    let accepted = async { Some(accept.await) };
    let next = stopped.or(accepted).await?;
    if let Err(error) = &next {
        tracing::warn!(%error, "cannot take a connection");
        system::after(BREATH).await;
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{ROUTES, Router, Transport};

    #[test]
    fn without_file_descriptors_the_loop_waits_instead_of_spinning() {
        let site = Site::new(Router::new(crate::testing::app(), ROUTES, Transport::Tls), Timeouts::default());
        let (sender, stop) = smol::channel::bounded(1);
        let floor = Floor { site: Arc::new(site), executor: Arc::default(), stop };
        let no_more = || async { Err::<(), _>(io::Error::from_raw_os_error(24)) };
        let mut waiting = Box::pin(next(&floor, no_more()));
        assert!(smol::block_on(future::poll_once(&mut waiting)).is_none(), "it did not wait");
        drop(sender);
        assert!(smol::block_on(next(&floor, no_more())).is_none(), "it did not stop");
    }
}
