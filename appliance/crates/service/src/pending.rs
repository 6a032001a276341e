//! Things that are worth nothing after a reboot: half-done sign-ins, ceremonies. Bounded in number and time, never on disk.
//! When it is full, whoever holds most loses its oldest first, so one peer cannot push everybody else out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::entropy::{self, Entropy};
use domain::time::{Span, Timestamp};
use uuid::Uuid;

/// The bounds of one map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most entries in all.
    pub(crate) all: usize,
    /// Most entries of one peer.
    pub(crate) per_peer: usize,
    /// How long an entry lives.
    pub(crate) life: Span,
}

/// A bounded map from unguessable ids to values.
pub(crate) struct Pending<T> {
    bounds: Bounds,
    entries: Mutex<HashMap<String, Held<T>>>,
}

/// An entry that was taken out and may be put back.
pub(crate) struct Held<T> {
    /// The value.
    pub(crate) value: T,
    peer: Option<IpAddr>,
    since: Timestamp,
    order: u64,
}

impl<T> Pending<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, entries: Mutex::new(HashMap::new()) }
    }

    /// Keeps the value and returns the id under which it can be taken.
    pub(crate) fn put(&self, entropy: &dyn Entropy, peer: Option<IpAddr>, now: Timestamp, value: T) -> String {
        let id = Uuid::from_bytes(entropy::bytes(entropy)).simple().to_string();
        let peer = peer.map(network);
        let mut entries = self.lock();
        entries.retain(|_, held| lives(held, self.bounds.life, now));
        if count(&entries, peer) >= self.bounds.per_peer {
            drop_oldest(&mut entries, peer);
        } else if entries.len() >= self.bounds.all {
            let greediest = greediest(&entries);
            drop_oldest(&mut entries, greediest);
        }
        let order = entries.values().map(|held| held.order).max().unwrap_or(0) + 1;
        entries.insert(id.clone(), Held { value, peer, since: now, order });
        id
    }

    /// Takes the value out; a second call finds nothing.
    pub(crate) fn take(&self, id: &str, now: Timestamp) -> Option<Held<T>> {
        self.lock().remove(id).filter(|held| lives(held, self.bounds.life, now))
    }

    /// Puts back what was taken, with its old age.
    pub(crate) fn put_back(&self, id: &str, held: Held<T>) {
        self.lock().insert(id.to_owned(), held);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Held<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One household, or one attacker, usually has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// A clock that was set back ends an entry too, rather than lengthening its life.
fn lives<T>(held: &Held<T>, life: Span, now: Timestamp) -> bool {
    now >= held.since && now < held.since + life
}

fn count<T>(entries: &HashMap<String, Held<T>>, peer: Option<IpAddr>) -> usize {
    entries.values().filter(|held| held.peer == peer).count()
}

fn greediest<T>(entries: &HashMap<String, Held<T>>) -> Option<IpAddr> {
    let mut counts: HashMap<Option<IpAddr>, usize> = HashMap::new();
    for held in entries.values() {
        *counts.entry(held.peer).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(peer, count)| (*count, *peer)).and_then(|(peer, _)| peer)
}

fn drop_oldest<T>(entries: &mut HashMap<String, Held<T>>, peer: Option<IpAddr>) {
    let oldest = entries
        .iter()
        .filter(|(_, held)| held.peer == peer)
        .min_by_key(|(_, held)| held.order)
        .map(|(id, _)| id.clone());
    if let Some(id) = oldest {
        entries.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn map() -> (Pending<u32>, SeededEntropy) {
        (Pending::new(Bounds { all: 10, per_peer: 6, life: Span::minutes(5) }), SeededEntropy::new(1))
    }

    #[test]
    fn what_was_taken_is_gone() {
        let (map, entropy) = map();
        let id = map.put(&entropy, peer(1), NOW, 7);
        assert_eq!(map.take(&id, NOW).unwrap().value, 7);
        assert!(map.take(&id, NOW).is_none());
    }

    #[test]
    fn nothing_outlives_its_time() {
        let (map, entropy) = map();
        let id = map.put(&entropy, peer(1), NOW, 7);
        assert!(map.take(&id, NOW + Span::minutes(5)).is_none());
        let id = map.put(&entropy, peer(1), NOW, 7);
        assert!(map.take(&id, NOW + Span::seconds(299)).is_some());
    }

    #[test]
    fn putting_back_does_not_lengthen_its_life() {
        let (map, entropy) = map();
        let id = map.put(&entropy, peer(1), NOW, 7);
        let held = map.take(&id, NOW + Span::minutes(4)).unwrap();
        map.put_back(&id, held);
        assert!(map.take(&id, NOW + Span::minutes(5)).is_none());
    }

    #[test]
    fn one_peer_cannot_push_the_others_out() {
        let (map, entropy) = map();
        let mine = map.put(&entropy, peer(1), NOW, 1);
        for n in 0..1000 {
            map.put(&entropy, peer(2), NOW, n);
        }
        assert!(map.take(&mine, NOW).is_some());
    }

    #[test]
    fn a_crowd_of_peers_is_bounded_and_the_greediest_pays() {
        let (map, entropy) = map();
        let greedy: Vec<_> = (0..6).map(|n| map.put(&entropy, peer(1), NOW, n)).collect();
        let modest: Vec<_> = (2..8).map(|last| map.put(&entropy, peer(last), NOW, 0)).collect();
        assert!(map.take(&greedy[0], NOW).is_none());
        assert!(modest.iter().all(|id| map.take(id, NOW).is_some()));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let (map, entropy) = map();
        let ids: Vec<_> = (0..7u16)
            .map(|n| map.put(&entropy, Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n])), NOW, 0))
            .collect();
        assert!(map.take(&ids[0], NOW).is_none());
        assert!(map.take(&ids[6], NOW).is_some());
    }
}
