//! The name of the house, as the box itself sees it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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
