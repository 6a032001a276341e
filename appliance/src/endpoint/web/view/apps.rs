//! The apps of the house: the dashboard, and the question whether an app may know something.

use super::part::{Chrome, Face, Icon, Notice, When};
use askama::Template;

/// `/`: the apps that this person may use.
#[derive(Debug, Template)]
#[template(path = "dashboard.html")]
pub(crate) struct Dashboard {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub apps: Vec<AppTile>,
    /// Until when the person's passkeys work, if all are of the name that the house had.
    pub passkey_due: Option<When>,
    /// Sign-in rests on a single passkey and nothing else: say so once, kindly.
    pub only_one_way_in: bool,
    /// Recovery codes would be another.
    pub codes_would_help: bool,
    /// For owners only.
    pub certificate: Option<CertificateNews>,
    /// The last update was taken back; for owners only.
    pub update: Option<UpdateNews>,
    /// When somebody at the box opened a recovery window of late; for owners only.
    pub recovery_window: Option<When>,
}

/// The certificate ends soon, has ended, or could not be made anew.
#[derive(Debug)]
pub(crate) struct CertificateNews {
    pub ended: bool,
    /// Its last day.
    pub until: String,
    /// What failed last, and what to do.
    pub failure: Option<(String, String)>,
}

/// A version did not work, and the one before it runs again.
#[derive(Debug)]
pub(crate) struct UpdateNews {
    pub runs: String,
    pub failed: String,
    pub reason: String,
    pub at: When,
}

/// One app.
#[derive(Debug)]
pub(crate) struct AppTile {
    pub title: String,
    pub icon: Icon,
    /// Where the app starts; `None` when its owner gave no address.
    pub launch: Option<String>,
    /// The host that the launch link leads to.
    pub place: String,
}

/// `/consent`: what the app gets, in plain words.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub(crate) struct Consent {
    pub chrome: Chrome,
    /// Names the authorization request that waits; worthless without the session's cookie.
    pub request: String,
    pub app: String,
    pub icon: Icon,
    /// The host that the answer goes to.
    pub place: String,
    pub name: String,
    pub username: String,
    pub mail: String,
    pub face: Face,
    /// What is new to it.
    pub gets: Vec<Share>,
    /// The person allowed this before, and now it asks for more.
    pub has: Vec<Share>,
    pub again: bool,
    /// What the app says about data that it gets.
    pub policy: Option<String>,
    /// Its terms of use.
    pub terms: Option<String>,
}

/// The answer to an app that wants it posted (OAuth 2.0 Form Post Response Mode): a form that sends itself.
#[derive(Debug, Template)]
#[template(path = "form_post.html")]
pub(crate) struct FormPost {
    pub chrome: Chrome,
    /// The host that the form leads to.
    pub place: String,
    pub target: String,
    pub fields: Vec<(&'static str, String)>,
}

/// `/device`: which device?
#[derive(Debug, Template)]
#[template(path = "device_code.html")]
pub(crate) struct DeviceCode {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    /// What was typed before.
    pub code: String,
}

/// `/device` with a code: what the device asks for, and from where.
#[derive(Debug, Template)]
#[template(path = "device_question.html")]
pub(crate) struct DeviceQuestion {
    pub chrome: Chrome,
    /// As the device shows it.
    pub code: String,
    pub app: String,
    pub icon: Icon,
    pub seen_as: String,
    pub asked: When,
    pub name: String,
    pub username: String,
    pub mail: String,
    pub face: Face,
    pub gets: Vec<Share>,
    /// What the app says about the data that it gets.
    pub policy: Option<String>,
    /// Its terms of use.
    pub terms: Option<String>,
}

/// `/device` after the answer.
#[derive(Debug, Template)]
#[template(path = "device_answered.html")]
pub(crate) struct DeviceAnswered {
    pub chrome: Chrome,
    pub app: String,
    pub allowed: bool,
}

/// What a scope means to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// `openid`
    Identity,
    /// `profile`
    Profile,
    /// `email`
    Mail,
    /// `groups`
    Groups,
    /// `offline_access`
    Offline,
    /// A scope that this house made up, by its name.
    Other(String),
}

/// `/forward-auth/start`: on the way to an app behind a proxy.
#[derive(Debug, Template)]
#[template(path = "forward.html")]
pub(crate) struct Forward {
    pub chrome: Chrome,
    /// The name that it is shown under.
    pub place: String,
    /// Where the browser goes by itself.
    pub location: String,
}
