//! The pages of the setup: from a powered box to an owner.

use super::part::{Chrome, Notice};
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
}
