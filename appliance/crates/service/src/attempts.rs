//! How many wrong secrets, codes and tokens are looked at from one place. No secret of ours is found by trying; this keeps an app
//! that is set up wrongly, or somebody who tries all the same, from taking the time of the others.
//!
//! Only what was wrong is counted. It is counted for an app at one address, and in all for that address: a stranger elsewhere
//! who knows the name of an app cannot have the app turned away. In memory only, and bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::name::ClientName;
use domain::time::Uptime;

/// Most places that are counted at the same time; beyond, the one that was wrong longest ago goes.
const MAX_PLACES: usize = 512;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Absent for whoever is on this machine, who is not counted.
    peer: Option<IpAddr>,
    /// Absent where that is no name of an app.
    client: Option<ClientName>,
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// The client's secret, or its name.
    Secret,
    /// A code or a token, by a client that proved itself as far as it can.
    Token,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Attempts(Mutex<HashMap<Place, Bucket>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Peer(IpAddr),
    App(IpAddr, ClientName),
}

/// How many more may be wrong.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    counted_from: Uptime,
    last: Uptime,
}

impl Caller {
    /// From the address and what was given as `client_id`.
    pub(crate) fn new(address: Option<IpAddr>, client_id: &str) -> Self {
        Self { peer: address.map(household), client: client_id.parse().ok() }
    }

    fn app(&self) -> Option<Place> {
        Some(Place::App(self.peer?, self.client.clone()?))
    }

    fn all(&self) -> impl Iterator<Item = Place> + use<> {
        self.peer.map(Place::Peer).into_iter().chain(self.app())
    }
}

impl Attempts {
    /// Whether another one of theirs is looked at; else after how many seconds.
    pub(crate) fn admit(&self, caller: &Caller, now: Uptime) -> Result<(), u64> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = caller.all().filter_map(|place| {
            let bucket = buckets.get_mut(&place)?;
            bucket.refill(&place, now);
            (bucket.left == 0).then(|| bucket.wait(&place, now))
        });
        waits.max().map_or(Ok(()), Err)
    }

    /// Counts what was wrong. What a client got wrong that proved itself is not held against others at its address.
    pub(crate) fn count(&self, caller: &Caller, guess: Guess, now: Uptime) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = match guess {
            Guess::Secret => caller.peer.map(Place::Peer),
            Guess::Token => None,
        };
        for place in peer.into_iter().chain(caller.app()) {
            if buckets.len() >= MAX_PLACES && !buckets.contains_key(&place) {
                let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.last).map(|(place, _)| place.clone());
                oldest.and_then(|place| buckets.remove(&place));
            }
            let bucket = buckets.entry(place.clone()).or_insert_with(|| Bucket::whole(&place, now));
            bucket.refill(&place, now);
            bucket.left = bucket.left.saturating_sub(1);
            bucket.last = now;
        }
    }
}

impl Place {
    /// How many may be wrong in a row, and after what time there is one more.
    const fn allowance(&self) -> (u32, Duration) {
        match self {
            Self::Peer(_) => (120, Duration::from_secs(1)),
            Self::App(..) => (30, Duration::from_secs(2)),
        }
    }
}

impl Bucket {
    fn whole(place: &Place, now: Uptime) -> Self {
        Self { left: place.allowance().0, counted_from: now, last: now }
    }

    fn refill(&mut self, place: &Place, now: Uptime) {
        let (most, each) = place.allowance();
        let earned = now.since(self.counted_from).as_secs() / each.as_secs();
        self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(most)).min(most);
        self.counted_from = self.counted_from + Duration::from_secs(earned * each.as_secs());
    }

    fn wait(&self, place: &Place, now: Uptime) -> u64 {
        let (_, each) = place.allowance();
        each.saturating_sub(now.since(self.counted_from)).as_millis().div_ceil(1000).try_into().unwrap_or(1)
    }
}

/// Who counts as one peer: an IPv4 address, or the /64 that an IPv6 host elsewhere can take any address of.
fn household(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) if v6.is_unicast_link_local() || v6.is_unique_local() => IpAddr::V6(v6),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        IpAddr::V4(v4) => IpAddr::V4(v4),
    }
}

#[cfg(test)]
mod tests {
    use domain::time::Span;

    use super::*;

    const NOW: Uptime = Uptime::from_millis(5_000_000);

    fn caller(address: &str, client: &str) -> Caller {
        Caller::new(Some(address.parse().unwrap()), client)
    }

    fn wrong(attempts: &Attempts, caller: &Caller, guess: Guess, times: usize) {
        for _ in 0..times {
            attempts.count(caller, guess, NOW);
        }
    }

    #[test]
    fn so_many_may_be_wrong_and_then_one_every_two_seconds() {
        let (attempts, photos) = (Attempts::default(), caller("192.0.2.1", "photos"));
        wrong(&attempts, &photos, Guess::Token, 29);
        assert_eq!(attempts.admit(&photos, NOW), Ok(()));
        wrong(&attempts, &photos, Guess::Token, 1);
        assert_eq!(attempts.admit(&photos, NOW), Err(2));
        assert_eq!(attempts.admit(&photos, NOW + Duration::from_millis(1200)), Err(1));
        assert_eq!(attempts.admit(&photos, NOW + Span::seconds(2)), Ok(()));
        attempts.count(&photos, Guess::Token, NOW + Span::seconds(2));
        assert_eq!(attempts.admit(&photos, NOW + Span::seconds(2)), Err(2));
        assert_eq!(attempts.admit(&photos, NOW + Span::hours(1)), Ok(()));
    }

    #[test]
    fn nobody_elsewhere_has_an_app_turned_away() {
        let attempts = Attempts::default();
        wrong(&attempts, &caller("192.0.2.1", "photos"), Guess::Secret, 1000);
        assert!(attempts.admit(&caller("192.0.2.1", "photos"), NOW).is_err());
        assert!(attempts.admit(&caller("192.0.2.1", "other"), NOW).is_err(), "the address has used its share up");
        assert_eq!(attempts.admit(&caller("192.0.2.2", "photos"), NOW), Ok(()));
    }

    #[test]
    fn an_app_with_bad_tokens_does_not_hurt_those_behind_the_same_address() {
        let attempts = Attempts::default();
        wrong(&attempts, &caller("192.0.2.1", "photos"), Guess::Token, 1000);
        assert!(attempts.admit(&caller("192.0.2.1", "photos"), NOW).is_err());
        assert_eq!(attempts.admit(&caller("192.0.2.1", "other"), NOW), Ok(()));
    }

    #[test]
    fn names_that_are_none_are_counted_by_address() {
        let attempts = Attempts::default();
        wrong(&attempts, &caller("2001:db8::1", "not a name"), Guess::Secret, 120);
        assert!(attempts.admit(&caller("2001:db8::2", "photos"), NOW).is_err(), "of one network");
        assert_eq!(attempts.admit(&caller("2001:db8:0:1::1", "photos"), NOW), Ok(()));
    }

    #[test]
    fn places_are_counted_in_bounded_memory() {
        let attempts = Attempts::default();
        for number in 0..2000u32 {
            let address = Ipv6Addr::from_bits(u128::from(number) << 64 | 0x2001 << 112);
            attempts.count(
                &Caller::new(Some(address.into()), "photos"),
                Guess::Secret,
                NOW + Span::seconds(number.into()),
            );
        }
        assert_eq!(attempts.0.lock().unwrap().len(), MAX_PLACES);
    }
}
