//! My account: who I am, how I sign in, where I am signed in, and what my apps know.

use super::apps::Share;
use super::part::{Chrome, Face, Icon, Notice, When};
use super::sign_in::Svg;
use askama::Template;
use domain::credential::recovery::Worth;

/// The pages of "my account", in the order of their tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Profile,
    SignIn,
    Devices,
    Apps,
    SshKeys,
}

/// `/account`: name, mail and picture.
#[derive(Debug, Template)]
#[template(path = "account_profile.html")]
pub(crate) struct Profile {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub tab: Tab,
    pub username: String,
    /// What the person may change, in the order of the one table of attributes.
    pub fields: Vec<Field>,
    pub mails: Vec<Mail>,
    pub face: Face,
    pub has_picture: bool,
    pub groups: Vec<String>,
}

/// One attribute.
#[derive(Debug)]
pub(crate) struct Field {
    pub key: &'static str,
    pub title: &'static str,
    pub value: String,
}

/// One mail address.
#[derive(Debug)]
pub(crate) struct Mail {
    pub address: String,
    pub primary: bool,
}

/// `/account/sign-in`: passkeys, password, authenticator app, recovery codes.
#[derive(Debug, Template)]
#[template(path = "account_sign_in.html")]
pub(crate) struct WaysIn {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub tab: Tab,
    pub passkeys: Vec<Passkey>,
    pub password_changed: Option<When>,
    pub authenticator_added: Option<When>,
    pub codes: Option<Codes>,
    pub codes_are: CodesAre,
}

/// One passkey.
#[derive(Debug)]
pub(crate) struct Passkey {
    pub id: String,
    pub name: String,
    pub created: When,
    pub used: Option<When>,
    /// Copied to the person's other devices by its maker (Apple, Google, a password manager).
    pub synced: bool,
    /// Refused, because it may have been copied by somebody else.
    pub suspect: bool,
}

/// What the person may do with recovery codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodesAre {
    /// One leads to a new passkey.
    NewPasskey,
    /// One is the second step after the password.
    WithPassword,
    /// One leads to a new passkey when somebody holds the button of the box: for who looks after the house.
    WithPresence,
}

impl From<Worth> for CodesAre {
    fn from(worth: Worth) -> Self {
        match worth {
            Worth::Alone => Self::NewPasskey,
            Worth::WithPassword => Self::WithPassword,
            Worth::WithPresence => Self::WithPresence,
        }
    }
}

/// How many recovery codes are left.
#[derive(Debug)]
pub(crate) struct Codes {
    pub left: usize,
    pub made: When,
}

/// `/account/password`
#[derive(Debug, Template)]
#[template(path = "account_password.html")]
pub(crate) struct Password {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub tab: Tab,
    pub username: String,
    pub replaces: bool,
    pub least: usize,
}

/// `/account/authenticator`: the QR code and the first six digits.
#[derive(Debug, Template)]
#[template(path = "account_authenticator.html")]
pub(crate) struct Authenticator {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub tab: Tab,
    pub qr: Svg,
    /// The same key as letters, in groups of four.
    pub key: String,
    pub ceremony: String,
}

/// New recovery codes, shown this once.
#[derive(Debug, Template)]
#[template(path = "recovery_codes.html")]
pub(crate) struct RecoveryCodes {
    pub chrome: Chrome,
    pub codes: Vec<String>,
    pub username: String,
    /// What one of them is good for.
    pub codes_are: CodesAre,
    /// Shown as the last step of an invitation.
    pub first_time: bool,
    pub next: String,
}

/// `/account/devices`: where the person is signed in.
#[derive(Debug, Template)]
#[template(path = "account_devices.html")]
pub(crate) struct Devices {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub tab: Tab,
    pub sessions: Vec<SessionRow>,
}

/// One session.
#[derive(Debug)]
pub(crate) struct SessionRow {
    pub id: String,
    /// "Firefox on Windows", as far as the browser said so.
    pub device: String,
    pub hand_held: bool,
    pub place: String,
    pub since: When,
    pub seen: When,
    pub this_one: bool,
}

/// `/account/apps`: what was allowed.
#[derive(Debug, Template)]
#[template(path = "account_apps.html")]
pub(crate) struct Apps {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub tab: Tab,
    pub consents: Vec<ConsentRow>,
}

/// One app that knows something.
#[derive(Debug)]
pub(crate) struct ConsentRow {
    pub id: String,
    pub title: String,
    pub icon: Icon,
    pub gets: Vec<Share>,
    pub since: When,
}

/// `/account/ssh-keys`
#[derive(Debug, Template)]
#[template(path = "account_ssh_keys.html")]
pub(crate) struct SshKeys {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub tab: Tab,
    pub keys: Vec<SshKey>,
    /// What was pasted and refused, to be corrected.
    pub draft: String,
}

/// One SSH key.
#[derive(Debug)]
pub(crate) struct SshKey {
    pub name: String,
    pub kind: String,
    pub fingerprint: String,
    pub added: When,
}
