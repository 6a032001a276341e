//! Devices that wait for a person (RFC 8628). Worth nothing after a reboot, so never on the card; bounded in number, in all, per
//! app and per network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::entropy::Entropy;
use domain::grant::authorization_code::Granted;
use domain::grant::device_code::{DeviceAuthorization, DeviceOffer, DeviceRefusal, DeviceRequest, Guesses};
use domain::id::AccountId;
use domain::presence::PresenceCode;
use domain::secret::{self, Digest, Secret};
use domain::time::{Span, Uptime};

use crate::Fault;
use crate::pending::{greediest, network};

/// Most devices that wait, in all.
const ALL: usize = 256;

/// Most devices of one app.
const PER_APP: usize = 64;

/// Most devices of one network.
const PER_PEER: usize = 16;

/// A younger one is in somebody's hands: nobody else of the same network pushes it out.
const IN_USE: Span = Span::minutes(2);

const PREFIX: &str = "lk_d_";

type Key = [u8; 32];

/// See the module.
#[derive(Default)]
pub(crate) struct DeviceCodes(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    waiting: HashMap<Key, Held>,
    guesses: Guesses,
}

struct Held {
    authorization: DeviceAuthorization,
    network: Option<IpAddr>,
}

/// Both codes of a device.
pub(crate) struct Issued {
    pub(crate) device_code: Secret<String>,
    /// As it is shown.
    pub(crate) user_code: Secret<String>,
}

/// What a person finds who types a user code.
#[derive(Debug)]
pub(crate) enum Found {
    /// A device that waits.
    Waiting(Box<DeviceAuthorization>),
    /// One that was answered, or that waited for too long.
    Over,
    /// None like it; it was counted.
    Wrong,
    /// The person has to wait that long after so many wrong ones.
    Blocked(Duration),
}

impl DeviceCodes {
    /// Keeps the request and returns what to hand out.
    ///
    /// # Errors
    /// [`Fault::Busy`] when this network has its share already.
    pub(crate) fn issue(
        &self,
        request: DeviceRequest,
        peer: Option<IpAddr>,
        entropy: &dyn Entropy,
        now: Uptime,
    ) -> Result<Issued, Fault> {
        let mut inner = self.lock();
        inner.waiting.retain(|_, held| held.authorization.remembered(now));
        let network = peer.map(network);
        inner.make_room(&request, network, now)?;
        let user_code = loop {
            let code = PresenceCode::random(entropy);
            if inner.by_user_code(&code).is_none() {
                break code;
            }
        };
        let key = secret::random_key(entropy);
        let mut device_code = String::from(PREFIX);
        URL_SAFE_NO_PAD.encode_string(key.expose(), &mut device_code);
        let shown = user_code.shown();
        let authorization = DeviceAuthorization::new(request, user_code, now);
        inner.waiting.insert(*Digest::of(key.expose()).as_bytes(), Held { authorization, network });
        Ok(Issued { device_code: Secret::new(device_code), user_code: shown })
    }

    /// What the code that this person typed leads to.
    pub(crate) fn find(&self, typed: &str, by: AccountId, now: Uptime) -> Found {
        let mut inner = self.lock();
        if let Some(wait) = inner.guesses.wait(by, now) {
            return Found::Blocked(wait);
        }
        match inner.by_user_code(&PresenceCode::typed(typed)).map(|held| held.authorization.clone()) {
            Some(known) if known.waits(now) => Found::Waiting(Box::new(known)),
            Some(known) if known.remembered(now) => Found::Over,
            Some(_) | None => {
                inner.guesses.note(by, now);
                Found::Wrong
            }
        }
    }

    /// The person said yes, or no; whether that counts.
    pub(crate) fn answer(&self, code: &PresenceCode, granted: Option<Granted>, now: Uptime) -> bool {
        let mut inner = self.lock();
        inner.by_user_code(code).is_some_and(|held| held.authorization.answer(granted, now))
    }

    /// The device asks for its tokens.
    pub(crate) fn redeem(&self, text: &str, offer: &DeviceOffer<'_>, now: Uptime) -> Result<Granted, DeviceRefusal> {
        let name = name_of(text).ok_or(DeviceRefusal::Unknown)?;
        let mut inner = self.lock();
        inner.waiting.retain(|_, held| held.authorization.remembered(now));
        let held = inner.waiting.get_mut(&name).ok_or(DeviceRefusal::Unknown)?;
        held.authorization.redeem(offer, now)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The map knows a digest only, so how long a look-up takes says nothing about the codes in it.
fn name_of(text: &str) -> Option<Key> {
    let body = text.strip_prefix(PREFIX).filter(|body| body.len() == 43)?;
    let key = Secret::new(URL_SAFE_NO_PAD.decode(body).ok()?);
    Some(*Digest::of(key.expose()).as_bytes())
}

impl Inner {
    fn by_user_code(&mut self, code: &PresenceCode) -> Option<&mut Held> {
        let wanted = code.digest();
        self.waiting.values_mut().find(|held| held.authorization.user_code().digest() == wanted)
    }

    /// Whoever has its share waits; when an app or all is full, the network that holds most loses its oldest.
    fn make_room(&mut self, request: &DeviceRequest, home: Option<IpAddr>, now: Uptime) -> Result<(), Fault> {
        let of_app = |held: &Held| held.authorization.request().client == request.client;
        if self.waiting.values().filter(|held| held.network == home).count() >= PER_PEER {
            let old = |held: &Held| held.network == home && now >= held.authorization.issued_at() + IN_USE;
            return if self.drop_oldest(old) { Ok(()) } else { Err(Fault::Busy) };
        }
        if self.waiting.values().filter(|held| of_app(held)).count() >= PER_APP {
            let greedy = self.greediest(of_app);
            self.drop_oldest(|held| of_app(held) && held.network == greedy);
        } else if self.waiting.len() >= ALL {
            let greedy = self.greediest(|_| true);
            self.drop_oldest(|held| held.network == greedy);
        }
        Ok(())
    }

    fn greediest(&self, which: impl Fn(&Held) -> bool) -> Option<IpAddr> {
        greediest(self.waiting.values().filter(|held| which(held)).map(|held| held.network)).0
    }

    fn drop_oldest(&mut self, which: impl Fn(&Held) -> bool) -> bool {
        let found = self.waiting.iter().filter(|(_, held)| which(held));
        let oldest = found.min_by_key(|(_, held)| held.authorization.issued_at()).map(|(key, _)| *key);
        oldest.is_some_and(|key| self.waiting.remove(&key).is_some())
    }
}

#[cfg(test)]
mod tests {
    use domain::host::Host;
    use domain::id::ClientId;

    use super::*;
    use crate::testing::SeededEntropy;

    const NOW: Uptime = Uptime::from_millis(5_000_000);
    const ANNA: AccountId = AccountId(1);

    fn request(client: i64) -> DeviceRequest {
        let scopes = "openid".parse().unwrap();
        DeviceRequest { client: ClientId(client), host: Host::provisional(), scopes, seen_as: String::new() }
    }

    fn peer(a: u8, b: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, a, b]))
    }

    #[test]
    fn a_user_code_is_found_however_it_is_typed() {
        let (codes, entropy) = (DeviceCodes::default(), SeededEntropy::new(1));
        let issued = codes.issue(request(1), None, &entropy, NOW).unwrap();
        let shown = issued.user_code.expose();
        for typed in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', ""), format!(" {} ", shown.replace('-', " - "))]
        {
            assert!(matches!(codes.find(&typed, ANNA, NOW), Found::Waiting(_)), "{typed}");
        }
        for typed in ["", "-", "AAAA-AAAA", "é", &shown[..8]] {
            assert!(matches!(codes.find(typed, ANNA, NOW), Found::Wrong), "{typed}");
        }
        assert!(matches!(codes.find(shown, ANNA, NOW), Found::Blocked(_)), "five wrong ones");
        assert!(matches!(codes.find(shown, AccountId(2), NOW), Found::Waiting(_)), "of somebody else");
        assert!(matches!(codes.find(shown, AccountId(2), NOW + Span::minutes(10)), Found::Over));
        assert!(matches!(codes.find(shown, AccountId(2), NOW + Span::minutes(15)), Found::Wrong));
    }

    #[test]
    fn rubbish_is_no_device_code() {
        let codes = DeviceCodes::default();
        let (host, long) = (Host::provisional(), "A".repeat(43));
        for text in ["", "lk_d_", "lk_d_x", "x", &format!("lk_d_{}", "!".repeat(43)), &format!("lk_d_{long}")] {
            let offer = DeviceOffer { client: ClientId(1), host: &host };
            assert_eq!(codes.redeem(text, &offer, NOW), Err(DeviceRefusal::Unknown), "{text}");
        }
    }

    #[test]
    fn one_network_cannot_fill_it_and_waits_for_its_turn() {
        let (codes, entropy) = (DeviceCodes::default(), SeededEntropy::new(1));
        let mine = codes.issue(request(1), peer(1, 1), &entropy, NOW).unwrap();
        let busy = (0..100).filter(|_| codes.issue(request(1), peer(2, 1), &entropy, NOW).is_err()).count();
        assert_eq!(busy, 100 - PER_PEER);
        assert!(codes.issue(request(1), peer(2, 1), &entropy, NOW + Span::minutes(2)).is_ok());
        assert!(matches!(codes.find(mine.user_code.expose(), ANNA, NOW), Found::Waiting(_)));
    }

    #[test]
    fn a_crowd_is_bounded_per_app_and_in_all_and_the_greediest_pays() {
        let (codes, entropy) = (DeviceCodes::default(), SeededEntropy::new(1));
        let mine = codes.issue(request(1), peer(1, 1), &entropy, NOW).unwrap();
        for network in 0..20 {
            for _ in 0..PER_PEER {
                codes.issue(request(1), peer(2, network), &entropy, NOW).unwrap();
            }
        }
        assert_eq!(codes.lock().waiting.len(), PER_APP);
        assert!(matches!(codes.find(mine.user_code.expose(), ANNA, NOW), Found::Waiting(_)));
        for client in 2..100 {
            for _ in 0..8 {
                let _ = codes.issue(request(client), peer(3, u8::try_from(client).unwrap()), &entropy, NOW);
            }
        }
        assert_eq!(codes.lock().waiting.len(), ALL);
        let later = NOW + Span::minutes(15);
        codes.issue(request(1), None, &entropy, later).unwrap();
        assert_eq!(codes.lock().waiting.len(), 1, "what is over is forgotten");
    }
}
