//! What the world sees: whether a record that was published is there yet, and whether `_acme-challenge` points where it should.
//!
//! The servers of the zone itself are asked, because a resolver in between remembers that there was nothing. Where they cannot be
//! reached (a router that keeps DNS to itself), the machine's own resolver has to do.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use domain::certificate::DnsName;
use futures_lite::FutureExt;
use simple_dns::TYPE;

use super::{Record, World, wire};
use crate::certificate::acme::{AcmeError, AcmeErrorKind};
use crate::system;

/// Where Linux says whom to ask.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// More than any sensible such file.
const MAX_FILE: u64 = 64 * 1024;
/// As many of its lines count, as in the C library.
const MAX_RESOLVERS: usize = 3;
/// Most servers of a zone that are asked, and most addresses of each.
const MAX_SERVERS: usize = 4;
const MAX_ADDRESSES: usize = 2;
/// To find the addresses of one.
const RESOLVE_LIMIT: Duration = Duration::from_secs(10);

/// Waits until the record is visible, for as long as the pace allows.
pub(in super::super) async fn wait_visible(record: Record<'_>, world: &World<'_>) -> Result<(), AcmeError> {
    let end = system::monotonic() + world.pace.visible;
    let resolvers = resolvers(world);
    let own = match world.resolver {
        Some(_) => Vec::new(),
        None => servers_of(record.name, &resolvers, world).await,
    };
    loop {
        let mut state = look(record, &own, false, world).await;
        if matches!(state, State::Silent) {
            state = look(record, &resolvers, true, world).await;
        }
        if matches!(state, State::There) {
            return Ok(());
        }
        if system::monotonic() + world.pace.look >= end {
            return Err(invisible(record, state, world));
        }
        system::after(world.pace.look).await;
    }
}

/// Whether `name` is an alias for `target`. Asked before an order, because each failed order counts against the household.
pub(in super::super) async fn check_delegation(
    name: &DnsName,
    target: &DnsName,
    world: &World<'_>,
) -> Result<(), AcmeError> {
    let mut heard = false;
    for resolver in resolvers(world) {
        if let Ok(found) = wire::ask(resolver, name, TYPE::CNAME, true, world.entropy).await {
            if found.alias.as_ref() == Some(target) {
                return Ok(());
            }
            heard = true;
        }
    }
    if !heard {
        return Err(deaf());
    }
    let words =
        format!("{name} is not a CNAME for {target}. Make this record where the domain is managed, then try again.");
    Err(AcmeError::new(AcmeErrorKind::NotDelegated, words))
}

/// What one round of questions showed.
#[derive(Clone, Copy)]
enum State {
    /// All who answered show the record.
    There,
    /// Somebody does not show it.
    Missing(SocketAddr),
    /// Nobody answered.
    Silent,
}

async fn look(record: Record<'_>, servers: &[SocketAddr], recursive: bool, world: &World<'_>) -> State {
    let mut state = State::Silent;
    for server in servers {
        match wire::ask(*server, record.name, TYPE::TXT, recursive, world.entropy).await {
            Ok(found) if found.texts.iter().any(|text| text == record.value) => state = State::There,
            Ok(_) => return State::Missing(*server),
            Err(error) => tracing::debug!(%server, %error, "a name server does not answer"),
        }
    }
    state
}

fn invisible(record: Record<'_>, state: State, world: &World<'_>) -> AcmeError {
    let waited = world.pace.visible.as_secs();
    match state {
        State::There | State::Silent => deaf(),
        State::Missing(server) => {
            let words = format!(
                "The DNS record {} was published, but {server} did not show it within {waited} s. Some providers are slow: \
                 Latchkey tries again. If this goes on, check that the domain uses this provider's name servers.",
                record.name
            );
            AcmeError::new(AcmeErrorKind::NotVisible, words)
        }
    }
}

fn deaf() -> AcmeError {
    let words =
        "No name server answers. Check that this box reaches the internet and that DNS (port 53) is let through.";
    AcmeError::new(AcmeErrorKind::NotVisible, words.to_owned())
}

/// The configured resolver, or those of this machine.
fn resolvers(world: &World<'_>) -> Vec<SocketAddr> {
    if let Some(resolver) = world.resolver {
        return vec![resolver.address()];
    }
    let mut text = String::new();
    let read = File::open(RESOLV_CONF).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
    if let Err(error) = read {
        tracing::warn!(%error, "cannot read {RESOLV_CONF}");
    }
    parse_resolvers(&text)
}

fn parse_resolvers(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let address = (words.next() == Some("nameserver")).then(|| words.next())??;
        address.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53))
    };
    text.lines().filter_map(address).take(MAX_RESOLVERS).collect()
}

/// The addresses of the servers of the zone in which this name is; none when they cannot be found.
async fn servers_of(name: &DnsName, resolvers: &[SocketAddr], world: &World<'_>) -> Vec<SocketAddr> {
    for zone in name.and_above() {
        for resolver in resolvers {
            let Ok(found) = wire::ask(*resolver, &zone, TYPE::NS, true, world.entropy).await else { continue };
            if found.servers.is_empty() {
                break;
            }
            let mut addresses = Vec::new();
            for server in found.servers.iter().take(MAX_SERVERS) {
                let late = async {
                    system::after(RESOLVE_LIMIT).await;
                    Ok(Vec::new())
                };
                let found = smol::net::resolve((server.as_str(), 53)).or(late).await.unwrap_or_default();
                addresses.extend(found.into_iter().take(MAX_ADDRESSES));
            }
            return addresses;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolvers_of_the_machine_are_read_and_nonsense_is_skipped() {
        let text = "# made by hand\nsearch home\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver 2001:db8::1\n\
                    nameserver\noptions edns0\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        let found: Vec<String> = parse_resolvers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"]);
    }
}
