//! Sizes, timeouts and counts of the network side, and the gate that counts connections.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smol::channel::{self, Receiver, Sender};

/// How long a peer may take.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// For the TLS handshake, and for a head from its first byte on.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For a body.
    pub body: Duration,
    /// To take 16 KiB of an answer.
    pub write: Duration,
    /// To stop talking after an answer that ended the connection.
    pub drain: Duration,
    /// For requests under way when the server stops.
    pub shutdown: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(2),
            shutdown: Duration::from_secs(5),
        }
    }
}

/// Counts the connections, in all and for each peer.
pub(crate) struct Gate {
    total: usize,
    per_peer: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    /// Every ticket holds one; when all are gone, nobody is connected.
    alive: Sender<()>,
    gone: Receiver<()>,
}

/// The right to one connection; given back when dropped.
pub(crate) struct Ticket {
    peer: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _alive: Sender<()>,
}

impl Gate {
    /// A gate with these bounds.
    pub(crate) fn new(total: usize, per_peer: usize) -> Self {
        let (alive, gone) = channel::bounded(1);
        Self { total, per_peer, open: Arc::default(), alive, gone }
    }

    /// A ticket, unless the house is full or this peer has enough. `here` is our own address on that connection.
    pub(crate) fn admit(&self, peer: IpAddr, here: IpAddr) -> Option<Ticket> {
        let peer = household(peer, here);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let mine = open.get(&peer).copied().unwrap_or(0);
        if total >= self.total || mine >= self.per_peer {
            return None;
        }
        open.insert(peer, mine + 1);
        Some(Ticket { peer, open: Arc::clone(&self.open), _alive: self.alive.clone() })
    }

    /// Ends when no ticket is out any more.
    pub(crate) async fn empty(self) {
        drop(self.alive);
        // Nobody sends: this ends with the last sender.
        let _ = self.gone.recv().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.peer) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(open.remove(&self.peer)),
        }
    }
}

/// Who counts as one peer: an IPv4 address, or the /64 that an IPv6 host elsewhere can take any address of. Our own house is
/// in one /64 too, and no device in it may use up the share of the others.
fn household(peer: IpAddr, here: IpAddr) -> IpAddr {
    let network = |v6: Ipv6Addr| Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX));
    match (peer.to_canonical(), here) {
        (IpAddr::V6(v6), IpAddr::V6(here)) if network(v6) == network(here) => IpAddr::V6(v6),
        (IpAddr::V6(v6), _) if v6.is_unicast_link_local() || v6.is_unique_local() => IpAddr::V6(v6),
        (IpAddr::V6(v6), _) => IpAddr::V6(network(v6)),
        (IpAddr::V4(v4), _) => IpAddr::V4(v4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 99));

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_peer_gets_its_share_and_no_more() {
        let gate = Gate::new(10, 2);
        let first = gate.admit(ip("192.0.2.1"), HERE).unwrap();
        let _second = gate.admit(ip("::ffff:192.0.2.1"), HERE).unwrap();
        assert!(gate.admit(ip("192.0.2.1"), HERE).is_none());
        assert!(gate.admit(ip("192.0.2.2"), HERE).is_some());
        drop(first);
        assert!(gate.admit(ip("192.0.2.1"), HERE).is_some());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let gate = Gate::new(10, 1);
        let _one = gate.admit(ip("2001:db8::1"), HERE).unwrap();
        assert!(gate.admit(ip("2001:db8::2"), HERE).is_none());
        assert!(gate.admit(ip("2001:db8:0:1::1"), HERE).is_some());
    }

    #[test]
    fn a_device_in_the_house_uses_up_only_its_own_share_over_ipv6() {
        for (first, second, here) in [
            ("fe80::1", "fe80::2", "fe80::9"),
            ("fd00::1", "fd00::2", "2001:db8::9"),
            ("2001:db8::1", "2001:db8::2", "2001:db8::9"),
        ] {
            let gate = Gate::new(10, 1);
            let _one = gate.admit(ip(first), ip(here)).unwrap();
            assert!(gate.admit(ip(first), ip(here)).is_none(), "{first}");
            assert!(gate.admit(ip(second), ip(here)).is_some(), "{second}");
        }
    }

    #[test]
    fn the_house_has_room_for_so_many() {
        let gate = Gate::new(2, 2);
        let _a = gate.admit(ip("192.0.2.1"), HERE).unwrap();
        let _b = gate.admit(ip("192.0.2.2"), HERE).unwrap();
        assert!(gate.admit(ip("192.0.2.3"), HERE).is_none());
    }

    #[test]
    fn the_gate_is_empty_when_the_last_ticket_is_back() {
        let gate = Gate::new(2, 2);
        let ticket = gate.admit(ip("192.0.2.1"), HERE).unwrap();
        drop(ticket);
        smol::block_on(gate.empty());
    }
}
