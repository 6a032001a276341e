//! Pieces that several pages show: the frame, faces and app icons, points in time, notices.

use askama::Template;
use askama::filters::HtmlSafe;
use domain::time::Timestamp;

use domain::house::{Address, House};

/// What the frame around every page needs.
#[derive(Clone, Debug)]
pub(crate) struct Chrome {
    /// What people see as the name of the house.
    pub house: String,
    /// The name of this house's Latchkey, so that a person sees where a secret is typed.
    pub host: String,
    /// Who is signed in, if anybody.
    pub me: Option<Me>,
}

impl Chrome {
    /// The frame of a page under that name of the house.
    pub(crate) fn at(address: &Address) -> Self {
        Self::nobody(address.house()).at_name(address)
    }

    /// The same frame under that name.
    pub(crate) fn at_name(self, address: &Address) -> Self {
        Self { host: address.authority(), ..self }
    }

    /// The frame for somebody who is not signed in.
    pub(crate) fn nobody(house: &House) -> Self {
        Self { house: house.name.clone(), host: house.authority(), me: None }
    }
}

/// The person who looks at the page.
#[derive(Clone, Debug)]
pub(crate) struct Me {
    /// What they are called, as others see it.
    pub name: String,
    /// Their picture, or their initials.
    pub face: Face,
}

impl Me {
    /// A person by display name and, where there is one, the address of a picture.
    pub(crate) fn new(name: &str, picture: Option<String>) -> Self {
        Self { name: name.to_owned(), face: Face::new(name, picture) }
    }
}

/// A person's picture, or their initials where there is none.
#[derive(Clone, Debug, Template)]
#[template(path = "part/face.html")]
pub(crate) struct Face {
    picture: Option<String>,
    initials: String,
}

impl HtmlSafe for Face {}

impl Face {
    /// From a name and the address of a picture on this site.
    pub(crate) fn new(name: &str, picture: Option<String>) -> Self {
        let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
        let first = words.next();
        let last = words.next_back();
        let initials = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
        Self { picture, initials }
    }
}

/// The icon of an app: its own, or its first letter on a calm ground.
#[derive(Clone, Debug, Template)]
#[template(path = "part/icon.html")]
pub(crate) struct Icon {
    picture: Option<String>,
    letter: String,
    tint: u32,
}

impl HtmlSafe for Icon {}

/// How many grounds `app.css` knows (`.tint-0` and on).
const TINTS: u32 = 6;

impl Icon {
    /// From the app's title and the address of an icon on this site. The same title always gets the same ground
    /// (FNV-1a).
    pub(crate) fn new(title: &str, picture: Option<String>) -> Self {
        let letter = title.chars().find(|c| c.is_alphanumeric()).unwrap_or('?').to_uppercase().collect();
        let tint = (title.chars().fold(2_166_136_261_u32, |hash, c| (hash ^ u32::from(c)).wrapping_mul(16_777_619))
            >> 13)
            % TINTS;
        Self { picture, letter, tint }
    }
}

/// A point in time, in words that fit its distance.
#[derive(Clone, Debug, Template)]
#[template(path = "part/when.html")]
pub(crate) struct When {
    iso: String,
    date: String,
    distance: Distance,
}

impl HtmlSafe for When {}

/// How far a moment is away; past a month the date says more than the distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Distance {
    Now,
    MinutesAgo(i64),
    HoursAgo(i64),
    Yesterday,
    DaysAgo(i64),
    InMinutes(i64),
    InHours(i64),
    InDays(i64),
    Far,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl When {
    /// The moment `at`, seen from `now`.
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        let (at, now) = (at.unix(), now.unix());
        let moment = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Self {
            iso: moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            date: moment.strftime("%-d %B %Y").to_string(),
            distance: distance(now.saturating_sub(at)),
        }
    }
}

impl When {
    /// The day alone, for "until".
    pub(crate) fn day(&self) -> &str {
        &self.date
    }
}

fn distance(ago: i64) -> Distance {
    match ago {
        i64::MIN..=-2_592_001 => Distance::Far,
        -2_592_000..=-129_600 => Distance::InDays((-ago + DAY / 2) / DAY),
        -129_599..=-5_400 => Distance::InHours((-ago + HOUR / 2) / HOUR),
        -5_399..=-46 => Distance::InMinutes((-ago + MINUTE - 1) / MINUTE),
        -45..=59 => Distance::Now,
        60..=3_599 => Distance::MinutesAgo(ago / MINUTE),
        3_600..=86_399 => Distance::HoursAgo(ago / HOUR),
        86_400..=172_799 => Distance::Yesterday,
        172_800..=2_591_999 => Distance::DaysAgo(ago / DAY),
        2_592_000.. => Distance::Far,
    }
}

/// A line above a form that says what happened. The words are in `part/notice.html`.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "part/notice.html")]
pub(crate) struct Notice {
    /// What happened.
    pub news: News,
}

impl HtmlSafe for Notice {}

impl Notice {
    /// The notice for `news`.
    pub(crate) fn of(news: News) -> Self {
        Self { news }
    }
}

/// What can have happened before a page is shown again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Something was done.
    Done(Done),
    /// Name and password do not belong together; which of the two is wrong is nobody's business.
    WrongPassword,
    /// The six digits are wrong, over, or used already.
    WrongCode,
    /// The recovery code is wrong or used already.
    WrongRecoveryCode,
    /// Name and recovery code do not belong together; which of the two is wrong is nobody's business.
    NotRecovered,
    /// The passkey was not accepted.
    WrongPasskey,
    /// The passkey may have been copied.
    SuspectPasskey,
    /// Too many wrong codes: this way in is closed for a while; a passkey still works.
    Locked { minutes: i64 },
    /// The proof was right, but this account needs a stronger one.
    TooWeak,
    /// The page was open for too long.
    TookTooLong,
    /// Somebody else is signed in.
    SomebodyElse,
    /// No device waits with this code.
    WrongUserCode,
    /// The device that showed this code was answered, or gave up.
    UserCodeOver,
    /// Too many wrong codes of devices.
    UserCodesLocked { minutes: u64 },
    /// The two new passwords are not the same.
    PasswordsDiffer,
    /// An expected no, in the service's own words.
    Refused { why: String },
}

impl News {
    /// Whether the notice is read out at once and shown as trouble.
    pub(crate) fn is_trouble(&self) -> bool {
        !matches!(self, Self::Done(_))
    }
}

/// Good news, carried over a redirect by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The person proved who they are; what they wanted to do is still to be done.
    Proven,
    /// A link replaced what was lost; the passkeys from before are still there.
    BackAgain,
    Saved,
    PasskeyAdded,
    PasskeyRenamed,
    PasskeyRemoved,
    PasswordSet,
    PasswordRemoved,
    AuthenticatorSet,
    AuthenticatorRemoved,
    SshKeyAdded,
    SshKeyRemoved,
    DeviceSignedOut,
    DevicesSignedOut,
    AppForgotten,
    PictureSet,
    PictureRemoved,
}

impl Done {
    const ALL: [(Self, &str); 17] = [
        (Self::Proven, "proven"),
        (Self::BackAgain, "back-again"),
        (Self::Saved, "saved"),
        (Self::PasskeyAdded, "passkey-added"),
        (Self::PasskeyRenamed, "passkey-renamed"),
        (Self::PasskeyRemoved, "passkey-removed"),
        (Self::PasswordSet, "password-set"),
        (Self::PasswordRemoved, "password-removed"),
        (Self::AuthenticatorSet, "authenticator-set"),
        (Self::AuthenticatorRemoved, "authenticator-removed"),
        (Self::SshKeyAdded, "ssh-key-added"),
        (Self::SshKeyRemoved, "ssh-key-removed"),
        (Self::DeviceSignedOut, "device-signed-out"),
        (Self::DevicesSignedOut, "devices-signed-out"),
        (Self::AppForgotten, "app-forgotten"),
        (Self::PictureSet, "picture-set"),
        (Self::PictureRemoved, "picture-removed"),
    ];

    /// Reads its word.
    pub(crate) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(done, _)| done)
    }

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(done, _)| *done == self).map_or("saved", |(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_come_from_the_first_and_the_last_word() {
        assert_eq!(Face::new("Ada King Lovelace", None).initials, "AL");
        assert_eq!(Face::new("  mia ", None).initials, "M");
        assert_eq!(Face::new("!!!", None).initials, "");
    }

    #[test]
    fn a_moment_is_told_by_its_distance_and_later_by_its_date() {
        assert_eq!(distance(0), Distance::Now);
        assert_eq!(distance(59), Distance::Now);
        assert_eq!(distance(61), Distance::MinutesAgo(1));
        assert_eq!(distance(2 * HOUR), Distance::HoursAgo(2));
        assert_eq!(distance(DAY), Distance::Yesterday);
        assert_eq!(distance(3 * DAY), Distance::DaysAgo(3));
        assert_eq!(distance(31 * DAY), Distance::Far);
        assert_eq!(distance(-10 * MINUTE), Distance::InMinutes(10));
        assert_eq!(distance(-24 * HOUR), Distance::InHours(24));
        assert_eq!(distance(-2 * DAY), Distance::InDays(2));
        assert_eq!(distance(i64::MIN), Distance::Far);
    }

    #[test]
    fn a_moment_outside_the_calendar_is_shown_and_does_not_panic() {
        assert!(When::new(Timestamp::from_unix(i64::MAX), Timestamp::default()).to_string().contains("<time"));
    }

    #[test]
    fn every_good_news_survives_a_redirect() {
        for (done, word) in Done::ALL {
            assert_eq!(Done::read(word), Some(done));
            assert_eq!(done.word(), word);
        }
        assert_eq!(Done::read("you-won"), None);
    }

    #[test]
    fn a_name_with_markup_stays_text() {
        let icon = Icon::new("<script>", Some("/a\"><script>".to_owned())).to_string();
        assert!(!icon.contains("<script>"), "{icon}");
    }
}
