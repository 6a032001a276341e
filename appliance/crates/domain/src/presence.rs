//! A timed permission by presence. Whoever is at the box opens a window: with the button, or by reading a code that only the box
//! itself shows. A window alone grants nothing: it lets ONE browser, the first that asks, go on to something else that is asked
//! for.

use std::net::IpAddr;
use std::time::Duration;

use crate::entropy::Entropy;
use crate::secret::{Digest, Secret};
use crate::time::{Span, Uptime};

/// How long a window waits for a browser.
pub const WINDOW: Span = Span::seconds(120);
/// How long the browser that a claim window is bound to may rest between two steps.
pub const REST: Span = Span::minutes(30);

/// What a window is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// To claim a box that has no owner.
    Claim,
    /// To get an owner back in who lost everything else but a recovery code.
    Recovery,
}

impl WindowKind {
    /// The word for the audit log and the admin API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Recovery => "recovery",
        }
    }

    /// The kind of that word.
    pub fn by_name(word: &str) -> Option<Self> {
        [Self::Claim, Self::Recovery].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A browser that asks: what it is recognised by, and how it looks to others.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The digest of a secret that only this browser has.
    pub key: Digest,
    /// Address and device in words.
    pub seen_as: String,
}

/// A window. Opening another one replaces it, whoever it was bound to.
#[derive(Clone, Debug)]
pub struct Window {
    kind: WindowKind,
    opened_at: Uptime,
    holder: Option<Holder>,
}

#[derive(Clone, Debug)]
struct Holder {
    asker: Asker,
    last_seen: Uptime,
}

/// How a window looks to one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// There is none, or it is over.
    Closed,
    /// It waits for the first browser, that long still.
    Open(Duration),
    /// It is this browser's.
    Mine,
    /// Another browser was first; in words, which.
    Taken(String),
}

/// Why a window did not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowRefusal {
    /// There is none, or it is over.
    Closed,
    /// Another browser was first.
    Taken(String),
}

impl Window {
    /// A window that waits for its browser.
    pub fn open(kind: WindowKind, now: Uptime) -> Self {
        Self { kind, opened_at: now, holder: None }
    }

    /// What it is for.
    pub fn kind(&self) -> WindowKind {
        self.kind
    }

    /// How it looks to the browser with this key.
    pub fn view(&self, key: Option<Digest>, now: Uptime) -> View {
        match &self.holder {
            None => {
                match Duration::from_secs(WINDOW.as_seconds().unsigned_abs()).checked_sub(now.since(self.opened_at)) {
                    Some(left) if !left.is_zero() => View::Open(left),
                    Some(_) | None => View::Closed,
                }
            }
            Some(holder) if now >= holder.last_seen + self.patience() => View::Closed,
            Some(holder) if key == Some(holder.asker.key) => View::Mine,
            Some(holder) => View::Taken(holder.asker.seen_as.clone()),
        }
    }

    /// Binds the window to the first browser that asks; the same browser may ask again.
    pub fn ask(&mut self, asker: &Asker, now: Uptime) -> Result<(), WindowRefusal> {
        match self.view(Some(asker.key), now) {
            View::Closed => Err(WindowRefusal::Closed),
            View::Taken(by) => Err(WindowRefusal::Taken(by)),
            View::Open(_) | View::Mine => {
                self.holder = Some(Holder { asker: asker.clone(), last_seen: now });
                Ok(())
            }
        }
    }

    /// Gives the window of the browser that goes by another address of the box from now on to what it is recognised by there.
    pub fn hand_over(&mut self, from: Digest, to: &Asker, now: Uptime) -> Result<(), WindowRefusal> {
        match self.view(Some(from), now) {
            View::Mine => {
                self.holder = Some(Holder { asker: to.clone(), last_seen: now });
                Ok(())
            }
            View::Taken(by) => Err(WindowRefusal::Taken(by)),
            View::Open(_) | View::Closed => Err(WindowRefusal::Closed),
        }
    }

    /// A claim takes its time; a recovery is over in one form.
    fn patience(&self) -> Span {
        match self.kind {
            WindowKind::Claim => REST,
            WindowKind::Recovery => WINDOW,
        }
    }
}

/// What a code is made of: no 0 and O, 1, I and L, and no U that makes words.
const LETTERS: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 39 bits: with two hundred tries a minute nobody gets through them.
const LENGTH: usize = 8;
/// Most tries of codes in a minute from one address, and from all together: nobody can use up what others need.
const TRIES: usize = 10;
const ALL_TRIES: usize = 200;
/// Most recovery windows in an hour: whoever leans on the button does not keep the house open.
const RECOVERIES: usize = 3;

/// A one-time code that only the box itself shows: on its console, or in a file on its card.
#[derive(Clone, Debug)]
pub struct PresenceCode(Secret<String>);

impl PresenceCode {
    /// A new one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut text = String::with_capacity(LENGTH);
        while text.len() < LENGTH {
            let [byte] = crate::entropy::bytes(entropy);
            // 240 is the greatest multiple of 30 below 256: every letter is as likely as every other.
            if let Some(letter) = LETTERS.get(usize::from(byte % 30)).filter(|_| byte < 240) {
                text.push(char::from(*letter));
            }
        }
        Self(Secret::new(text))
    }

    /// One that was [shown](Self::shown) before.
    pub fn read(shown: &str) -> Self {
        Self(Secret::new(shown.chars().filter(char::is_ascii_alphanumeric).collect()))
    }

    /// As it is shown: `ABCD-EFGH`.
    pub fn shown(&self) -> Secret<String> {
        let text = self.0.expose();
        match text.split_at_checked(LENGTH / 2) {
            Some((head, tail)) => Secret::new(format!("{head}-{tail}")),
            None => self.0.clone(),
        }
    }

    /// What somebody typed, whatever its case, hyphens and spaces; it need not be a code that there is.
    pub fn typed(raw: &str) -> Self {
        let text: String = raw.chars().take(64).filter(char::is_ascii_alphanumeric).collect();
        Self(Secret::new(text.to_ascii_uppercase()))
    }

    /// What it is found by, without its letters being compared one by one.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose().as_bytes())
    }

    /// Whether this was typed, whatever its case, hyphens and spaces.
    pub fn is(&self, typed: &str) -> bool {
        Self::typed(typed).digest() == self.digest()
    }
}

/// Counts what may happen only so often in a while.
#[derive(Clone, Debug)]
pub struct Tries {
    most: usize,
    each: usize,
    within: Duration,
    made: Vec<(Option<IpAddr>, Uptime)>,
}

impl Tries {
    /// Codes that are typed.
    pub const fn of_codes() -> Self {
        Self { most: ALL_TRIES, each: TRIES, within: Duration::from_secs(60), made: Vec::new() }
    }

    /// Recovery windows that are opened.
    pub const fn of_recoveries() -> Self {
        Self { most: RECOVERIES, each: RECOVERIES, within: Duration::from_secs(60 * 60), made: Vec::new() }
    }

    /// Whether one more may be made now; it is counted.
    pub fn admit(&mut self, by: Option<IpAddr>, now: Uptime) -> bool {
        self.made.retain(|(_, at)| now.since(*at) < self.within);
        let theirs = self.made.iter().filter(|(other, _)| *other == by).count();
        let room = self.made.len() < self.most && theirs < self.each;
        if room {
            self.made.push((by, now));
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    fn asker(name: &str) -> Asker {
        Asker { key: Digest::of(name.as_bytes()), seen_as: name.to_owned() }
    }

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    #[test]
    fn a_window_waits_two_minutes_for_a_browser() {
        let mut window = Window::open(WindowKind::Claim, at(10));
        assert_eq!(window.view(None, at(129)), View::Open(Duration::from_secs(1)));
        assert_eq!(window.view(None, at(130)), View::Closed);
        assert_eq!(window.ask(&asker("late"), at(130)), Err(WindowRefusal::Closed));
    }

    #[test]
    fn the_first_browser_has_it_and_others_see_that() {
        let mut window = Window::open(WindowKind::Claim, at(0));
        window.ask(&asker("phone"), at(5)).unwrap();
        window.ask(&asker("phone"), at(6)).unwrap();
        assert_eq!(window.ask(&asker("laptop"), at(7)), Err(WindowRefusal::Taken("phone".into())));
        assert_eq!(window.view(Some(asker("phone").key), at(7)), View::Mine);
        assert_eq!(window.view(None, at(7)), View::Taken("phone".into()));
    }

    #[test]
    fn a_browser_that_rests_for_half_an_hour_has_to_be_present_again() {
        let mut window = Window::open(WindowKind::Claim, at(0));
        window.ask(&asker("phone"), at(5)).unwrap();
        window.ask(&asker("phone"), at(1800)).unwrap();
        assert_eq!(window.view(Some(asker("phone").key), at(1800 + 1799)), View::Mine);
        assert_eq!(window.ask(&asker("phone"), at(1800 + 1800)), Err(WindowRefusal::Closed));
    }

    #[test]
    fn a_recovery_window_is_short_for_its_own_browser_too() {
        let mut window = Window::open(WindowKind::Recovery, at(0));
        window.ask(&asker("phone"), at(5)).unwrap();
        assert_eq!(window.view(Some(asker("phone").key), at(125)), View::Closed);
    }

    #[test]
    fn a_code_is_read_however_it_is_typed_and_no_other_is() {
        let code = PresenceCode::random(&SeededEntropy::new(7));
        let shown = code.shown();
        assert_eq!(shown.expose().len(), 9);
        assert!(code.is(shown.expose()));
        assert!(code.is(&format!(" {} ", shown.expose().to_lowercase().replace('-', " "))));
        assert!(!code.is("") && !code.is("AAAA-AAAA") && !code.is(&"A".repeat(10_000)));
        assert!(!code.is(&format!("{}2", shown.expose())));
    }

    #[test]
    fn codes_are_tried_ten_times_a_minute() {
        let mut tries = Tries::of_codes();
        assert_eq!((0..20).filter(|_| tries.admit(None, at(1))).count(), 10);
        let other = Some(IpAddr::from([192, 168, 1, 7]));
        assert!(tries.admit(other, at(1)), "one address uses up what another needs");
        assert!(!tries.admit(None, at(60)));
        assert!(tries.admit(None, at(61)));
    }

    #[test]
    fn recovery_windows_open_three_times_an_hour() {
        let mut tries = Tries::of_recoveries();
        assert_eq!((0..9).filter(|minute| tries.admit(None, at(minute * 60))).count(), 3);
        assert!(!tries.admit(None, at(3599)));
        assert!(tries.admit(None, at(3600)));
    }
}
