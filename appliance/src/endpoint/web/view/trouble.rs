//! The pages for when something is in the way: what happened, and what to do next.

use super::part::Chrome;
use askama::Template;

/// One page for all trouble; the words are in `trouble.html`.
#[derive(Debug, Template)]
#[template(path = "trouble.html")]
pub(crate) struct TroublePage {
    pub chrome: Chrome,
    pub trouble: Trouble,
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing lives at this address.
    NotFound,
    /// The house has another name now, and does not answer to this one any more.
    Moved { issuer: String },
    /// The form cannot be read, or is too large.
    BadRequest,
    /// The form came from another site.
    NotFromHere,
    /// The invitation cannot be used; why, in the service's own words.
    LinkOver { why: String },
    /// The account is locked or not valid today.
    AccountClosed,
    /// The person has no office for this.
    NotAllowed,
    /// A right recovery code of somebody who looks after the house: it needs another admin or the console.
    HoldsOffice,
    /// An expected no, in the service's own words.
    Refused { why: String },
    /// The app asked in a way that cannot be answered safely.
    AppConfused { detail: String },
    /// Something broke; the log knows it under this id.
    Fault { id: String },
    /// Everybody came at once. `again` is the address to go back to after so many seconds.
    Busy { seconds: u32, again: String },
    /// The clock cannot be trusted yet. The page looks again by itself after so many seconds.
    ClockNotSet { seconds: u32, again: String },
}
