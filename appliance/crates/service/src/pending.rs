//! Things that are worth nothing after a reboot: half-done sign-ins, ceremonies. Bounded in number and uptime, never on disk.
//! When it is full, whoever holds most loses its oldest first, and whoever has its share is told to wait, so one peer cannot push
//! everybody else out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::entropy::{self, Entropy};
use domain::time::{Span, Uptime};
use uuid::Uuid;

use crate::Fault;

/// A younger entry is in somebody's hands: nobody else behind the same address pushes it out.
const IN_USE: Span = Span::seconds(30);

/// The bounds of one map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most entries in all.
    pub(crate) all: usize,
    /// Most entries of one peer and of one network.
    pub(crate) per_peer: usize,
    /// How long an entry lives.
    pub(crate) life: Span,
}

/// A bounded map from unguessable ids to values.
pub(crate) struct Pending<T> {
    bounds: Bounds,
    entries: Mutex<Entries<T>>,
}

type Entries<T> = HashMap<String, Held<T>>;

/// An entry that was taken out and may be put back.
pub(crate) struct Held<T> {
    /// The value.
    pub(crate) value: T,
    peer: Option<IpAddr>,
    since: Uptime,
    order: u64,
}

impl<T> Pending<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, entries: Mutex::new(HashMap::new()) }
    }

    /// Keeps the value and returns the id under which it can be taken.
    ///
    /// # Errors
    /// [`Fault::Busy`] when this peer has its share already.
    pub(crate) fn put(
        &self,
        entropy: &dyn Entropy,
        peer: Option<IpAddr>,
        now: Uptime,
        value: T,
    ) -> Result<String, Fault> {
        let id = Uuid::from_bytes(entropy::bytes(entropy)).simple().to_string();
        let mut entries = self.lock();
        entries.retain(|_, held| lives(held, self.bounds.life, now));
        self.make_room(&mut entries, peer, now)?;
        let order = entries.values().map(|held| held.order).max().unwrap_or(0) + 1;
        entries.insert(id.clone(), Held { value, peer, since: now, order });
        Ok(id)
    }

    fn make_room(&self, entries: &mut Entries<T>, peer: Option<IpAddr>, now: Uptime) -> Result<(), Fault> {
        let home = peer.map(network);
        let near = |held: &Held<T>| held.peer.map(network) == home;
        if entries.values().filter(|held| near(held)).count() >= self.bounds.per_peer {
            let (greedy, most) = greediest(entries.values().filter(|held| near(held)).map(|held| held.peer));
            let mine = entries.values().filter(|held| held.peer == peer).count();
            let made = if most > mine + 1 {
                drop_oldest(entries, |held| held.peer == greedy)
            } else {
                drop_oldest(entries, |held| near(held) && now >= held.since + IN_USE)
            };
            return if made { Ok(()) } else { Err(Fault::Busy) };
        }
        if entries.len() >= self.bounds.all {
            let (greedy, _) = greediest(entries.values().map(|held| held.peer.map(network)));
            drop_oldest(entries, |held| held.peer.map(network) == greedy);
        }
        Ok(())
    }

    /// Takes the value out; a second call finds nothing.
    pub(crate) fn take(&self, id: &str, now: Uptime) -> Option<Held<T>> {
        self.lock().remove(id).filter(|held| lives(held, self.bounds.life, now))
    }

    /// Puts back what was taken, with its old age.
    pub(crate) fn put_back(&self, id: &str, held: Held<T>) {
        self.lock().insert(id.to_owned(), held);
    }

    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Elsewhere one household, or one attacker, usually has a whole /64; at home everybody is in the same one.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) if v6.is_unicast_link_local() || v6.is_unique_local() => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

fn lives<T>(held: &Held<T>, life: Span, now: Uptime) -> bool {
    now < held.since + life
}

/// Whoever is named most often, and how often.
pub(crate) fn greediest(peers: impl Iterator<Item = Option<IpAddr>>) -> (Option<IpAddr>, usize) {
    let mut counts: HashMap<Option<IpAddr>, usize> = HashMap::new();
    for peer in peers {
        *counts.entry(peer).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(peer, count)| (*count, *peer)).unwrap_or_default()
}

/// Whether there was one.
fn drop_oldest<T>(entries: &mut Entries<T>, which: impl Fn(&Held<T>) -> bool) -> bool {
    let oldest = entries.iter().filter(|(_, held)| which(held)).min_by_key(|(_, held)| held.order);
    match oldest.map(|(id, _)| id.clone()) {
        Some(id) => entries.remove(&id).is_some(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    const NOW: Uptime = Uptime::from_millis(5_000_000);

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn map() -> (Pending<u32>, SeededEntropy) {
        (Pending::new(Bounds { all: 10, per_peer: 6, life: Span::minutes(5) }), SeededEntropy::new(1))
    }

    #[test]
    fn what_was_taken_is_gone() {
        let (map, entropy) = map();
        let id = map.put(&entropy, peer(1), NOW, 7).unwrap();
        assert_eq!(map.take(&id, NOW).unwrap().value, 7);
        assert!(map.take(&id, NOW).is_none());
    }

    #[test]
    fn nothing_outlives_its_time() {
        let (map, entropy) = map();
        let id = map.put(&entropy, peer(1), NOW, 7).unwrap();
        assert!(map.take(&id, NOW + Span::minutes(5)).is_none());
        let id = map.put(&entropy, peer(1), NOW, 7).unwrap();
        assert!(map.take(&id, NOW + Span::seconds(299)).is_some());
    }

    #[test]
    fn putting_back_does_not_lengthen_its_life() {
        let (map, entropy) = map();
        let id = map.put(&entropy, peer(1), NOW, 7).unwrap();
        let held = map.take(&id, NOW + Span::minutes(4)).unwrap();
        map.put_back(&id, held);
        assert!(map.take(&id, NOW + Span::minutes(5)).is_none());
    }

    #[test]
    fn one_peer_cannot_push_the_others_out() {
        let (map, entropy) = map();
        let mine = map.put(&entropy, peer(1), NOW, 1).unwrap();
        for n in 0..1000 {
            let _ = map.put(&entropy, peer(2), NOW, n);
        }
        assert!(map.take(&mine, NOW).is_some());
    }

    #[test]
    fn a_crowd_of_peers_is_bounded_and_the_greediest_pays() {
        let (map, entropy) = map();
        let greedy: Vec<_> = (0..6).map(|n| map.put(&entropy, peer(1), NOW, n).unwrap()).collect();
        let modest: Vec<_> = (2..8).map(|last| map.put(&entropy, peer(last), NOW, 0).unwrap()).collect();
        assert!(map.take(&greedy[0], NOW).is_none());
        assert!(modest.iter().all(|id| map.take(id, NOW).is_some()));
    }

    fn in_network(first: u16, last: u16) -> Option<IpAddr> {
        Some(IpAddr::from([first, 0xdb8, 0, 1, 0, 0, 0, last]))
    }

    #[test]
    fn whoever_has_its_share_waits_instead_of_pushing_out_a_neighbour() {
        let (map, entropy) = map();
        let ids: Vec<_> = (0..6).map(|n| map.put(&entropy, peer(1), NOW, n).unwrap()).collect();
        let later = |seconds| map.put(&entropy, peer(1), NOW + Span::seconds(seconds), 7);
        assert!(matches!(later(29), Err(Fault::Busy)));
        assert!(later(30).is_ok(), "what nobody used for a while stands in the way");
        let now = NOW + Span::seconds(30);
        assert_eq!(ids.iter().filter(|id| map.take(id, now).is_some()).count(), 5);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let (map, entropy) = map();
        let put = |last| map.put(&entropy, in_network(0x2001, last), NOW, 0);
        assert!((0..6).all(|last| put(last).is_ok()));
        assert!(matches!(put(6), Err(Fault::Busy)));
    }

    #[test]
    fn a_greedy_device_does_not_shut_out_the_house_over_ipv6() {
        for first in [0xfe80, 0xfd00, 0x2001] {
            let (map, entropy) = map();
            for _ in 0..100 {
                let _ = map.put(&entropy, in_network(first, 1), NOW, 0);
            }
            let mine = map.put(&entropy, in_network(first, 2), NOW, 7).unwrap();
            let _ = map.put(&entropy, in_network(first, 1), NOW, 0);
            assert!(map.take(&mine, NOW).is_some(), "{first:x}");
        }
    }
}
