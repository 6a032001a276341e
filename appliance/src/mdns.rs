//! `latchkey.local` for the setup pages: found by name and as a service on the local network, until the box has an owner (RFC
//! 6762). Afterwards the house has a name of its own, and another new box may have this one; it is kept a little longer, so that
//! the pages of a setup under way do not vanish. IPv4 carries the packets; they tell the IPv6 addresses too.

mod responder;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use async_io::Async;
use domain::entropy;
use domain::time::Uptime;
use futures_lite::FutureExt;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::http::App;
use crate::listen::Stop;
use crate::system;
use responder::{MAX_PACKET, Offer, Responder};

/// Where everybody on the link listens.
const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);
/// How often the addresses of the machine are looked at, and whether there is an owner.
const LOOK: Duration = Duration::from_secs(10);
/// How long the name is kept after the claim.
const GRACE: Duration = Duration::from_secs(10 * 60);
/// Most packets that are looked at in a second; more is a flood, and what it says is lost.
const MOST_PACKETS: u32 = 100;

/// Announces the box until it has had an owner for a while, or `stop` is closed. A network without multicast is no fault.
pub(crate) async fn announce(app: Arc<App>, stop: Stop) {
    if app.nameplate.claimed() {
        return;
    }
    let mut wanted = Wanted { claimed_at: None };
    while !stop.is_closed() && wanted.still(&app) {
        let addresses = system::addresses();
        match Link::open(&addresses) {
            Ok(link) => talk(&app, &link, &mut wanted, &stop).await,
            Err(error) => {
                tracing::debug!(%error, "no mDNS on this network yet");
                wait(LOOK, &stop).await;
            }
        }
    }
}

/// Whether the name is still for this box.
struct Wanted {
    claimed_at: Option<Uptime>,
}

impl Wanted {
    fn still(&mut self, app: &App) -> bool {
        let now = app.clock.uptime();
        if self.claimed_at.is_none() && app.nameplate.claimed() {
            self.claimed_at = Some(now);
        }
        self.claimed_at.is_none_or(|at| now.since(at) < GRACE)
    }
}

/// Talks on the link until the addresses change, the name is not wanted any more, or the server stops.
async fn talk(app: &App, link: &Link, wanted: &mut Wanted, stop: &Stop) {
    let [chance] = entropy::bytes(&*app.entropy);
    let now = || app.clock.uptime();
    let offer = Offer { addresses: link.addresses.clone(), port: app.house().port };
    let mut responder = Responder::new(offer, now() + Duration::from_millis(u64::from(chance)));
    let (mut known, mut looked) = (String::new(), now());
    let (mut heard, mut second) = (0, now());
    while !stop.is_closed() {
        if let Some(packet) = responder.tick(now()) {
            link.say(&packet).await;
        }
        if responder.holds() && responder.host() != known {
            known = responder.host();
            tracing::info!(name = known, "found on the local network");
        }
        if now().since(looked) >= LOOK {
            looked = now();
            if system::addresses() != link.addresses || !wanted.still(app) {
                break;
            }
        }
        let rest = LOOK.saturating_sub(now().since(looked));
        let due = responder.due().map_or(rest, |due| due.since(now()).min(rest));
        let Some(packet) = link.hear(due, stop).await else { continue };
        if now().since(second) >= Duration::from_secs(1) {
            (heard, second) = (0, now());
        }
        heard += 1;
        if heard <= MOST_PACKETS
            && let Some(answer) = responder.hear(&packet, now())
        {
            link.say(&answer).await;
        }
    }
    if let Some(packet) = responder.goodbye() {
        link.say(&packet).await;
    }
}

async fn wait(time: Duration, stop: &Stop) {
    let over = async {
        system::after(time).await;
    };
    let stopped = async {
        let _ = stop.recv().await;
    };
    over.or(stopped).await;
}

/// A socket in the group, on every interface that has an IPv4 address.
struct Link {
    socket: Async<UdpSocket>,
    addresses: Vec<IpAddr>,
    interfaces: Vec<Ipv4Addr>,
    group: SocketAddrV4,
}

impl Link {
    fn open(addresses: &[IpAddr]) -> io::Result<Self> {
        let interfaces: Vec<Ipv4Addr> = addresses
            .iter()
            .filter_map(|address| match address {
                IpAddr::V4(v4) => Some(*v4),
                IpAddr::V6(_) => None,
            })
            .collect();
        if interfaces.is_empty() {
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no IPv4 address"));
        }
        Self::join(GROUP, addresses.to_vec(), interfaces)
    }

    fn join(group: SocketAddrV4, addresses: Vec<IpAddr>, interfaces: Vec<Ipv4Addr>) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
        // Others on this machine may speak mDNS too.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        sockopt::set_socket_reuseport(&socket, true)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(*group.ip(), group.port()))?;
        sockopt::set_ip_multicast_ttl(&socket, 255)?;
        sockopt::set_ip_multicast_loop(&socket, true)?;
        for interface in &interfaces {
            sockopt::set_ip_add_membership(&socket, group.ip(), interface)?;
        }
        Ok(Self { socket: Async::new_nonblocking(UdpSocket::from(socket))?, addresses, interfaces, group })
    }

    /// Says it to the group on every interface; what cannot be sent is lost, as on any network.
    async fn say(&self, packet: &[u8]) {
        for interface in &self.interfaces {
            let sent = match sockopt::set_ip_multicast_if(&self.socket, interface) {
                Ok(()) => self.socket.send_to(packet, self.group).await.map(drop),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, %interface, "mDNS");
            }
        }
    }

    /// A packet from a speaker of mDNS, if one comes in that time. Others (section 6.7) are not answered.
    async fn hear(&self, time: Duration, stop: &Stop) -> Option<Vec<u8>> {
        let packet = async {
            let _ = self.socket.readable().await;
        };
        packet.or(wait(time, stop)).await;
        let mut buffer = vec![0; MAX_PACKET + 1];
        let (length, from) = self.socket.get_ref().recv_from(&mut buffer).ok()?;
        buffer.truncate(length);
        (from.port() == self.group.port()).then_some(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The group of a test's own, on this machine alone; `None` where the machine has no multicast.
    fn link(port: u16) -> Option<Link> {
        let here = Ipv4Addr::LOCALHOST;
        let group = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), port);
        Link::join(group, vec![IpAddr::V4(here)], vec![here]).ok()
    }

    #[test]
    fn what_is_said_on_the_link_is_heard_there_and_strangers_are_not() {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (Some(one), Some(other)) = (link(free), link(free)) else { return };
        let (_sender, stop) = smol::channel::bounded(1);
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        smol::block_on(async {
            one.say(b"hello").await;
            let heard = other.hear(Duration::from_secs(5), &stop).await;
            if heard.is_none() {
                // The group does not reach us on this machine.
                return;
            }
            assert_eq!(heard.as_deref(), Some(&b"hello"[..]));
            stranger.send_to(b"hello", one.group).unwrap();
            assert_eq!(other.hear(Duration::from_millis(1), &stop).await, None);
        });
    }

    #[test]
    fn a_machine_without_an_address_has_no_link() {
        assert!(Link::open(&[]).is_err());
        assert!(Link::open(&["fd00::1".parse().unwrap()]).is_err());
    }
}
