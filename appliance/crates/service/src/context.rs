//! Who calls, when, and from where: the first argument of every operation.

use std::net::IpAddr;

use domain::permission::Actor;
use domain::time::Timestamp;

/// The circumstances of one call.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who acts.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
    /// From where.
    pub origin: Origin,
}

/// Where a call came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The peer's address; absent on the control socket and for the server's own work.
    pub address: Option<IpAddr>,
    /// The browser and system in a few words, for the list of sessions; may be empty.
    pub device: String,
}

impl Context {
    /// The server's own work.
    pub fn system(now: Timestamp) -> Self {
        Self { actor: Actor::System, now, origin: Origin::default() }
    }

    /// The control socket.
    pub fn console(now: Timestamp) -> Self {
        Self { actor: Actor::Console, now, origin: Origin::default() }
    }

    /// A caller that has not proven anything yet.
    pub fn anonymous(now: Timestamp, origin: Origin) -> Self {
        Self { actor: Actor::Anonymous, now, origin }
    }

    /// The origin as the audit log writes it.
    pub(crate) fn origin_text(&self) -> String {
        match (self.origin.address, &self.actor) {
            (Some(address), _) => address.to_string(),
            (None, Actor::Console) => "console".to_owned(),
            (None, Actor::System) => "system".to_owned(),
            (None, Actor::Anonymous | Actor::Person { .. } | Actor::Service { .. }) => String::new(),
        }
    }
}
