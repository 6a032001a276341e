//! The pages of the setup: from a powered box to an owner.

use super::part::{Chrome, Notice};
use crate::endpoint::trust::view::Reach;
use askama::Template;

/// `/setup`: somebody at the box lets a browser begin.
#[derive(Debug, Template)]
#[template(path = "setup_begin.html")]
pub(crate) struct Begin {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub door: Door,
}

/// How the claim window looks from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Nobody is present yet.
    Closed,
    /// It waits for a browser.
    Open,
    /// Another browser was first; in words, which.
    Taken { by: String },
}

/// `/setup/names`: what the house is called and where it is reached.
#[derive(Debug, Template)]
#[template(path = "setup_names.html")]
pub(crate) struct Names {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    /// The name of the house in its field; `None` where the configuration says it.
    pub house: Option<String>,
    /// The host name in its field; `None` where the configuration says it.
    pub host: Option<String>,
}

/// The DNS providers that the setup offers, by their word in a certificate choice.
pub(crate) const PROVIDERS: &[(&str, &str)] =
    &[("cloudflare", "Cloudflare"), ("desec", "deSEC (dedyn.io)"), ("duckdns", "DuckDNS"), ("hetzner", "Hetzner")];

/// `/setup/certificate`: how phones come to trust the box.
#[derive(Debug, Template)]
#[template(path = "setup_certificate.html")]
pub(crate) struct Certificate {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    pub host: String,
    /// A public authority is being asked.
    pub running: bool,
    /// What was chosen before: the provider's word, and the name that the challenge is delegated to.
    pub provider: String,
    pub alias: String,
}

/// `/setup/clock`: for a box that does not know the time.
#[derive(Debug, Template)]
#[template(path = "setup_clock.html")]
pub(crate) struct Clock {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
}

/// `/setup/reach`: from the address of a box without a name to its name.
#[derive(Debug, Template)]
#[template(path = "setup_reach.html")]
pub(crate) struct OnToTheName {
    pub chrome: Chrome,
    pub reach: Reach,
    /// Where the steps are by which a device comes to trust the box, if it needs any.
    pub steps: Option<String>,
    /// Of the box's own authority.
    pub fingerprint: Option<String>,
}

/// `/setup/owner`: who owns the house.
#[derive(Debug, Template)]
#[template(path = "setup_owner.html")]
pub(crate) struct Owner {
    pub chrome: Chrome,
    pub notice: Option<Notice>,
    /// What was typed before, or came with the card.
    pub name: String,
    /// The host name that is fixed with the first passkey.
    pub host: String,
    /// The SSH key in its field; `None` where the machine is administered by somebody else.
    pub ssh_key: Option<String>,
}
