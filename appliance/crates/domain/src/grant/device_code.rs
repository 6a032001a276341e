//! Device authorization (RFC 8628): a device without a keyboard asks, a person answers with a code on another screen, and the
//! device comes back for its tokens. Told by the clock that never jumps: nothing of it outlives a start.

use std::time::Duration;

use crate::grant::authorization_code::Granted;
use crate::host::Host;
use crate::id::{AccountId, ClientId};
use crate::presence::PresenceCode;
use crate::scope::Scopes;
use crate::time::{Span, Uptime};

/// How long a person may take (`expires_in`).
pub const LIFETIME: Span = Span::minutes(10);

/// How long a device waits between two questions (`interval`), and how much longer after each that came too early (RFC 8628
/// section 3.5).
pub const INTERVAL: Span = Span::seconds(5);

/// How long an authorization that is over is remembered, so that device and person hear what became of it.
pub const MEMORY: Span = Span::minutes(5);

/// A question may be on the way for a shorter time than the one before it: it is not too early for that.
const JITTER: Duration = Duration::from_secs(1);

/// Wrong user codes of one person, and of all together, within [`GUESSING`] (RFC 8628 section 5.1).
const WRONG_CODES: usize = 5;
const ALL_WRONG_CODES: usize = 100;
const GUESSING: Duration = Duration::from_secs(10 * 60);

/// What a device asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequest {
    /// For which app.
    pub client: ClientId,
    /// Under which name of the house: tokens are issued at that one only.
    pub host: Host,
    /// To do and know what.
    pub scopes: Scopes,
    /// Address and device in words, for the person to compare (RFC 8628 section 5.4).
    pub seen_as: String,
}

/// A request of a device from the question until it is forgotten.
#[derive(Clone, Debug)]
pub struct DeviceAuthorization {
    request: DeviceRequest,
    user_code: PresenceCode,
    issued_at: Uptime,
    interval: Span,
    asked_at: Option<Uptime>,
    answer: Answer,
}

/// What the person said, and what became of it.
#[derive(Clone, Debug)]
enum Answer {
    Waiting,
    Granted(Box<Granted>),
    Denied,
    Spent,
}

/// What comes with a device code at the token endpoint.
#[derive(Clone, Copy, Debug)]
pub struct DeviceOffer<'a> {
    /// The authenticated client.
    pub client: ClientId,
    /// The name under which it is offered.
    pub host: &'a Host,
}

/// Why a device gets no tokens (RFC 8628 section 3.5), or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceRefusal {
    /// There is none like it, or it was forgotten.
    Unknown,
    /// The person has not answered yet.
    Pending,
    /// The same, and the device asks too often.
    SlowDown,
    /// The person said no.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// Its tokens were fetched before.
    Spent,
    /// It was made for another client; now it is void.
    OtherClient,
    /// It was made by the issuer under another name of the house.
    OtherIssuer,
}

impl DeviceAuthorization {
    /// A request that waits for a person.
    pub fn new(request: DeviceRequest, user_code: PresenceCode, now: Uptime) -> Self {
        Self { request, user_code, issued_at: now, interval: INTERVAL, asked_at: None, answer: Answer::Waiting }
    }

    /// What was asked for.
    pub fn request(&self) -> &DeviceRequest {
        &self.request
    }

    /// The code that the device shows.
    pub fn user_code(&self) -> &PresenceCode {
        &self.user_code
    }

    /// When it was made.
    pub fn issued_at(&self) -> Uptime {
        self.issued_at
    }

    /// Whether a person can still answer.
    pub fn waits(&self, now: Uptime) -> bool {
        matches!(self.answer, Answer::Waiting) && now < self.issued_at + LIFETIME
    }

    /// Whether anybody needs to know of it.
    pub fn remembered(&self, now: Uptime) -> bool {
        now < self.issued_at + LIFETIME + MEMORY
    }

    /// The person said yes, or no. Whether that counts: the first answer does, in time.
    pub fn answer(&mut self, granted: Option<Granted>, now: Uptime) -> bool {
        if !self.waits(now) {
            return false;
        }
        self.answer = granted.map_or(Answer::Denied, |granted| Answer::Granted(Box::new(granted)));
        true
    }

    /// The device asks for its tokens. It gets what was granted once.
    pub fn redeem(&mut self, offer: &DeviceOffer<'_>, now: Uptime) -> Result<Granted, DeviceRefusal> {
        if offer.client != self.request.client {
            self.answer = Answer::Spent;
            return Err(DeviceRefusal::OtherClient);
        }
        if *offer.host != self.request.host {
            return Err(DeviceRefusal::OtherIssuer);
        }
        if self.too_early(now) {
            self.interval = Span::seconds(self.interval.as_seconds() + INTERVAL.as_seconds());
            return Err(DeviceRefusal::SlowDown);
        }
        let over = now >= self.issued_at + LIFETIME;
        match std::mem::replace(&mut self.answer, Answer::Spent) {
            Answer::Granted(granted) if !over => Ok(*granted),
            Answer::Spent => Err(DeviceRefusal::Spent),
            before @ (Answer::Waiting | Answer::Granted(_) | Answer::Denied) => {
                let denied = matches!(before, Answer::Denied);
                self.answer = before;
                Err(match (denied, over) {
                    (true, _) => DeviceRefusal::Denied,
                    (false, true) => DeviceRefusal::Expired,
                    (false, false) => DeviceRefusal::Pending,
                })
            }
        }
    }

    /// Whether the device did not wait since it last asked; it has asked now.
    fn too_early(&mut self, now: Uptime) -> bool {
        let wait = Duration::from_secs(self.interval.as_seconds().unsigned_abs()).saturating_sub(JITTER);
        self.asked_at.replace(now).is_some_and(|before| now.since(before) < wait)
    }
}

/// Counts wrong user codes.
#[derive(Clone, Debug, Default)]
pub struct Guesses(Vec<(AccountId, Uptime)>);

impl Guesses {
    /// How long the person has to wait before the next code is looked at; `None` when they need not.
    pub fn wait(&mut self, by: AccountId, now: Uptime) -> Option<Duration> {
        self.0.retain(|(_, at)| now.since(*at) < GUESSING);
        let mine: Vec<Uptime> = self.0.iter().filter(|(other, _)| *other == by).map(|(_, at)| *at).collect();
        let (full, oldest) = match self.0.first() {
            Some((_, at)) if self.0.len() >= ALL_WRONG_CODES => (true, *at),
            Some(_) | None => (mine.len() >= WRONG_CODES, mine.first().copied().unwrap_or(now)),
        };
        full.then(|| GUESSING.saturating_sub(now.since(oldest)))
    }

    /// One was wrong.
    pub fn note(&mut self, by: AccountId, now: Uptime) {
        if self.0.len() < ALL_WRONG_CODES {
            self.0.push((by, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::RequestedClaims;
    use crate::grant::authorization_code::Authentication;
    use crate::sign_in::Factors;
    use crate::strength::Strength;
    use crate::testing::SeededEntropy;
    use crate::time::Timestamp;

    const TV: ClientId = ClientId(2);

    static HERE: std::sync::LazyLock<Host> = std::sync::LazyLock::new(Host::provisional);

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(1_000_000 + seconds * 1000)
    }

    fn waiting() -> DeviceAuthorization {
        let request = DeviceRequest {
            client: TV,
            host: Host::provisional(),
            scopes: "openid".parse().unwrap(),
            seen_as: String::new(),
        };
        DeviceAuthorization::new(request, PresenceCode::random(&SeededEntropy::new(1)), at(0))
    }

    fn granted() -> Granted {
        let at = Timestamp::from_unix(1_800_000_000);
        Granted {
            account: AccountId(1),
            client: TV,
            scopes: "openid".parse().unwrap(),
            authentication: Authentication { session: None, strength: Strength::Any, factors: Factors::NONE, at },
            claims: RequestedClaims::default(),
        }
    }

    fn offer() -> DeviceOffer<'static> {
        DeviceOffer { client: TV, host: &HERE }
    }

    #[test]
    fn what_was_granted_is_given_once() {
        let mut device = waiting();
        assert_eq!(device.redeem(&offer(), at(0)), Err(DeviceRefusal::Pending));
        assert!(device.answer(Some(granted()), at(3)));
        assert_eq!(device.redeem(&offer(), at(5)), Ok(granted()));
        assert_eq!(device.redeem(&offer(), at(10)), Err(DeviceRefusal::Spent));
    }

    #[test]
    fn only_the_first_answer_counts_and_only_in_time() {
        let mut device = waiting();
        assert!(device.answer(None, at(1)));
        assert!(!device.answer(Some(granted()), at(2)));
        assert_eq!(device.redeem(&offer(), at(5)), Err(DeviceRefusal::Denied));
        assert_eq!(device.redeem(&offer(), at(10)), Err(DeviceRefusal::Denied));
        let mut device = waiting();
        assert!(device.waits(at(599)) && !device.waits(at(600)));
        assert!(!device.answer(Some(granted()), at(600)));
        assert_eq!(device.redeem(&offer(), at(600)), Err(DeviceRefusal::Expired));
        let mut device = waiting();
        assert!(device.answer(Some(granted()), at(599)));
        assert_eq!(device.redeem(&offer(), at(600)), Err(DeviceRefusal::Expired), "a yes does not keep");
    }

    #[test]
    fn a_device_that_asks_too_often_waits_longer_each_time() {
        let mut device = waiting();
        let mut ask = |seconds| device.redeem(&offer(), at(seconds)).unwrap_err();
        assert_eq!(ask(0), DeviceRefusal::Pending);
        assert_eq!(ask(1), DeviceRefusal::SlowDown);
        assert_eq!(ask(6), DeviceRefusal::SlowDown, "ten seconds since the last question");
        assert_eq!(ask(21), DeviceRefusal::Pending);
        assert_eq!(ask(36), DeviceRefusal::Pending);
        assert_eq!(ask(46), DeviceRefusal::SlowDown);
    }

    #[test]
    fn a_device_code_is_bound_to_client_and_issuer() {
        let mut device = waiting();
        device.answer(Some(granted()), at(0));
        let elsewhere = "id.example.org".parse().unwrap();
        let wrong = device.redeem(&DeviceOffer { host: &elsewhere, ..offer() }, at(0));
        assert_eq!(wrong, Err(DeviceRefusal::OtherIssuer));
        let wrong = device.redeem(&DeviceOffer { client: ClientId(9), ..offer() }, at(0));
        assert_eq!(wrong, Err(DeviceRefusal::OtherClient));
        assert_eq!(device.redeem(&offer(), at(5)), Err(DeviceRefusal::Spent), "somebody else had it");
    }

    #[test]
    fn guessing_user_codes_is_bounded_for_one_and_for_all() {
        let (mut guesses, anna) = (Guesses::default(), AccountId(1));
        for second in 0..5 {
            assert_eq!(guesses.wait(anna, at(second)), None);
            guesses.note(anna, at(second));
        }
        assert_eq!(guesses.wait(anna, at(10)), Some(Duration::from_secs(590)));
        assert_eq!(guesses.wait(AccountId(2), at(10)), None);
        assert_eq!(guesses.wait(anna, at(600)), None);
        for other in 0..1000 {
            guesses.note(AccountId(100 + other), at(600));
        }
        assert!(guesses.wait(AccountId(2), at(600)).is_some());
        assert!(guesses.0.len() <= ALL_WRONG_CODES);
        assert_eq!(guesses.wait(AccountId(2), at(1200)), None);
    }
}
