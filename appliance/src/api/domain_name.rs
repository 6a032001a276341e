//! The name of the house, the one that it had, and what a name leads to as the box itself sees it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Time;

/// What a name leads to, seen from the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainView {
    /// The name.
    pub name: String,
    /// `here`, `partly`, `elsewhere`, `outside`, `itself`, `nothing` or `no-answer`.
    pub finding: String,
    /// The addresses that the system's resolver gave.
    pub found: Vec<IpAddr>,
    /// The addresses of this box in the house.
    pub own: Vec<IpAddr>,
    /// The address that the name's record should have.
    pub record: Option<IpAddr>,
}

/// What there is to know of a name without a phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainCheck {
    /// What it leads to.
    #[serde(flatten)]
    pub view: DomainView,
    /// Whether the certificate that browsers are shown is for this name.
    pub certificate_fits: bool,
}

/// The names of the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The host name that it has.
    pub host: String,
    /// The issuer that it makes: what apps are configured with.
    pub issuer: String,
    /// The name that it had; absent when it never moved.
    pub former: Option<FormerDomain>,
    /// Who has passkeys, but none for the name that the house has.
    pub must_enrol: Vec<MustEnrol>,
    /// How many people these are; more than are named when there are very many.
    pub must_enrol_count: usize,
}

/// The name that the house had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerDomain {
    /// The host name.
    pub host: String,
    /// The issuer that it made.
    pub issuer: String,
    /// When the house left it.
    pub moved_at: Time,
    /// Until when it is served.
    pub until: Time,
    /// Whether it is served now.
    pub served: bool,
}

/// Somebody who has to make a passkey for the name that the house has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MustEnrol {
    /// The username.
    pub name: String,
    /// What others call them.
    pub display_name: String,
    /// Until when their passkeys work; absent when they do not work any more: then the person needs a link.
    pub until: Option<Time>,
}

/// Another name for the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveDomain {
    /// The host name to have; the present one to change `former_days` only.
    pub host: String,
    /// For how many days, counted from the move, the name before it is served as well.
    pub former_days: u16,
}
