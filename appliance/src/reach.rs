//! The name check: does the name of the house lead to this very box?
//!
//! A page of ours gets a nonce from its own address, asks `https://<name>/reach` with it, and takes what it is answered back to
//! its own address, where the answer is checked. Nonce and answer are signed (HMAC-SHA-256) with a key that is made at the start
//! and never leaves the memory, so no other box, router or captive portal can answer for this one. Both hold for two minutes
//! of uptime and an answer is taken once. Only what was taken is remembered, so asking costs no memory.
//!
//! What it does not show: that nobody stands between the phone and the box. Somebody who only passes bytes on gets the right
//! answer too; that the browser accepted the certificate is what rules him out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::entropy::{self, Entropy};
use domain::time::Uptime;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// How long a nonce is good.
const LIFE: Duration = Duration::from_secs(120);
/// Most answers that are remembered as taken, in all and of one peer.
const REMEMBERED: usize = 512;
const OF_ONE_PEER: usize = 64;
/// The longest host name, with room for a port.
const MAX_HOST: usize = 260;
/// The bytes of a nonce: chance, the time, and a signature of both.
const CHANCE: usize = 16;
const TIMED: usize = CHANCE + 8;
const NONCE: usize = TIMED + 32;

/// How the name was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    /// Over TLS: the browser accepts the certificate.
    Https,
    /// In the clear.
    Http,
}

/// What the box answers under a name, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    /// The nonce that it was asked with.
    pub(crate) nonce: String,
    /// How it was asked.
    pub(crate) scheme: Scheme,
    /// Under which host (and port).
    pub(crate) host: String,
    /// The signature of all that.
    pub(crate) seal: String,
}

/// Why a nonce or an answer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not one of ours, or of an earlier start.
    NotOurs,
    /// Its two minutes are over.
    Over,
    /// It was taken before.
    Used,
    /// Too many were taken within the last two minutes.
    Busy,
}

/// Signs and checks.
pub(crate) struct Beacon {
    key: hmac::Key,
    taken: Mutex<Taken>,
}

/// The chance in each nonce that was taken, when, and by whom.
type Taken = HashMap<[u8; CHANCE], (Uptime, Option<IpAddr>)>;

impl Beacon {
    /// With a key of its own.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let key: [u8; 32] = entropy::bytes(entropy);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), taken: Mutex::default() }
    }

    /// A new nonce.
    pub(crate) fn nonce(&self, entropy: &dyn Entropy, now: Uptime) -> String {
        let chance: [u8; CHANCE] = entropy::bytes(entropy);
        let mut bytes = chance.to_vec();
        bytes.extend(now.as_millis().to_be_bytes());
        let seal = hmac::sign(&self.key, &sealed(b"nonce", &[&bytes]));
        bytes.extend(seal.as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The answer to a nonce of ours.
    ///
    /// # Errors
    /// When it is none of ours, or its time is over.
    pub(crate) fn answer(&self, nonce: &str, scheme: Scheme, host: &str, now: Uptime) -> Result<Answer, Refused> {
        self.open(nonce, now)?;
        let host = host.get(..host.len().min(MAX_HOST)).unwrap_or_default().to_ascii_lowercase();
        let seal = hmac::sign(&self.key, &sealed(b"answer", &parts(nonce, scheme, &host)));
        let seal = URL_SAFE_NO_PAD.encode(seal.as_ref());
        Ok(Answer { nonce: nonce.to_owned(), scheme, host, seal })
    }

    /// Takes an answer, once.
    ///
    /// # Errors
    /// When this box did not give it, or it was taken before, or its time is over.
    pub(crate) fn take(&self, answer: &Answer, peer: Option<IpAddr>, now: Uptime) -> Result<(), Refused> {
        let seal = URL_SAFE_NO_PAD.decode(&answer.seal).map_err(|_| Refused::NotOurs)?;
        let said = sealed(b"answer", &parts(&answer.nonce, answer.scheme, &answer.host));
        hmac::verify(&self.key, &said, &seal).map_err(|_| Refused::NotOurs)?;
        let chance = self.open(&answer.nonce, now)?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, (at, _)| now.since(*at) < LIFE);
        if taken.contains_key(&chance) {
            return Err(Refused::Used);
        }
        let mine = taken.values().filter(|(_, of)| *of == peer).count();
        if taken.len() >= REMEMBERED || mine >= OF_ONE_PEER {
            return Err(Refused::Busy);
        }
        taken.insert(chance, (now, peer));
        Ok(())
    }

    /// The chance in a nonce of ours that is still good.
    fn open(&self, nonce: &str, now: Uptime) -> Result<[u8; CHANCE], Refused> {
        let bytes = URL_SAFE_NO_PAD.decode(nonce).map_err(|_| Refused::NotOurs)?;
        let bytes: [u8; NONCE] = bytes.try_into().map_err(|_| Refused::NotOurs)?;
        let (timed, seal) = bytes.split_at(TIMED);
        hmac::verify(&self.key, &sealed(b"nonce", &[timed]), seal).map_err(|_| Refused::NotOurs)?;
        let (chance, made) = timed.split_at(CHANCE);
        let made = made.try_into().map(u64::from_be_bytes).map_err(|_| Refused::NotOurs)?;
        if now.since(Uptime::from_millis(made)) >= LIFE {
            return Err(Refused::Over);
        }
        chance.try_into().map_err(|_| Refused::NotOurs)
    }
}

fn parts<'a>(nonce: &'a str, scheme: Scheme, host: &'a str) -> [&'a [u8]; 3] {
    let scheme: &[u8] = match scheme {
        Scheme::Https => b"https",
        Scheme::Http => b"http",
    };
    [nonce.as_bytes(), scheme, host.as_bytes()]
}

/// Each part with its length before it, so that no two different things read the same.
fn sealed(purpose: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [purpose].iter().chain(parts) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded;

    const NOW: Uptime = Uptime::from_millis(5_000);

    fn beacon(seed: u64) -> Beacon {
        Beacon::new(&seeded(seed))
    }

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn an_answer_is_taken_once() {
        let beacon = beacon(1);
        let nonce = beacon.nonce(&seeded(2), NOW);
        let answer = beacon.answer(&nonce, Scheme::Https, "ID.example", NOW).unwrap();
        assert_eq!(answer.host, "id.example");
        assert_eq!(beacon.take(&answer, peer(1), NOW), Ok(()));
        assert_eq!(beacon.take(&answer, peer(1), NOW), Err(Refused::Used));
        let again = beacon.answer(&nonce, Scheme::Http, "id.example", NOW).unwrap();
        assert_eq!(beacon.take(&again, peer(1), NOW), Err(Refused::Used), "a nonce is good for one answer");
    }

    #[test]
    fn nobody_else_can_answer_and_no_answer_can_be_changed() {
        let (ours, other) = (beacon(1), beacon(9));
        let nonce = ours.nonce(&seeded(2), NOW);
        assert_eq!(other.answer(&nonce, Scheme::Https, "id.example", NOW), Err(Refused::NotOurs));
        let theirs = other.nonce(&seeded(3), NOW);
        let theirs = other.answer(&theirs, Scheme::Https, "id.example", NOW).unwrap();
        assert_eq!(ours.take(&theirs, None, NOW), Err(Refused::NotOurs));
        let answer = ours.answer(&nonce, Scheme::Http, "id.example", NOW).unwrap();
        for changed in [
            Answer { scheme: Scheme::Https, ..answer.clone() },
            Answer { host: "evil.example".to_owned(), ..answer.clone() },
            Answer { nonce: ours.nonce(&seeded(4), NOW), ..answer.clone() },
            Answer { seal: String::new(), ..answer.clone() },
        ] {
            assert_eq!(ours.take(&changed, None, NOW), Err(Refused::NotOurs), "{changed:?}");
        }
        for bad in ["", "a", "!", &"A".repeat(75), &"A".repeat(4000)] {
            assert_eq!(ours.answer(bad, Scheme::Https, "id.example", NOW), Err(Refused::NotOurs), "{bad}");
        }
    }

    #[test]
    fn two_minutes_later_it_is_over() {
        let beacon = beacon(1);
        let nonce = beacon.nonce(&seeded(2), NOW);
        let answer = beacon.answer(&nonce, Scheme::Https, "id.example", NOW).unwrap();
        let late = NOW + LIFE;
        assert_eq!(beacon.answer(&nonce, Scheme::Https, "id.example", late), Err(Refused::Over));
        assert_eq!(beacon.take(&answer, None, late), Err(Refused::Over));
    }

    #[test]
    fn one_peer_cannot_use_up_the_memory_or_the_turn_of_others() {
        let (beacon, entropy) = (beacon(1), seeded(2));
        let take = |last: u8, at: Uptime| {
            let nonce = beacon.nonce(&entropy, at);
            let answer = beacon.answer(&nonce, Scheme::Https, "id.example", at).unwrap();
            beacon.take(&answer, peer(last), at)
        };
        for _ in 0..OF_ONE_PEER {
            assert_eq!(take(1, NOW), Ok(()));
        }
        assert_eq!(take(1, NOW), Err(Refused::Busy));
        assert_eq!(take(2, NOW), Ok(()));
        for last in 0..u8::MAX {
            let _ = (take(last, NOW), take(last, NOW), take(last, NOW));
        }
        assert_eq!(beacon.taken.lock().unwrap().len(), REMEMBERED);
        assert_eq!(take(1, NOW + LIFE), Ok(()), "what is over is forgotten");
        assert_eq!(beacon.taken.lock().unwrap().len(), 1);
    }
}
