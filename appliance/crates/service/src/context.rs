//! Who calls, when, and from where: the first argument of every operation.

use std::net::IpAddr;

use domain::clock::{Moment, Trust};
use domain::house::Address;
use domain::permission::Actor;
use domain::time::{Timestamp, Uptime};

use crate::Fault;

/// The circumstances of one call.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who acts.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
    /// The same on the clock that never jumps.
    pub uptime: Uptime,
    /// How far `now` can be trusted.
    pub trust: Trust,
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
    /// By which name of the house: what is issued to the caller bears it. Absent where no name was asked for; then it is the
    /// one that holds.
    pub at: Option<Address>,
}

impl Context {
    /// Somebody who is known.
    pub fn new(actor: Actor, moment: Moment, origin: Origin) -> Self {
        let Moment { now, uptime, trust } = moment;
        Self { actor, now, uptime, trust, origin }
    }

    /// The server's own work.
    pub fn system(moment: Moment) -> Self {
        Self::new(Actor::System, moment, Origin::default())
    }

    /// The control socket.
    pub fn console(moment: Moment) -> Self {
        Self::new(Actor::Console, moment, Origin::default())
    }

    /// A caller that has not proven anything yet.
    pub fn anonymous(moment: Moment, origin: Origin) -> Self {
        Self::new(Actor::Anonymous, moment, origin)
    }

    /// When, on all clocks.
    pub fn moment(&self) -> Moment {
        Moment { now: self.now, uptime: self.uptime, trust: self.trust }
    }

    /// What depends on the time goes on only while that can be trusted.
    ///
    /// # Errors
    /// [`Fault::ClockNotTrusted`].
    pub(crate) fn timely(&self) -> Result<(), Fault> {
        if self.trust.is_good() { Ok(()) } else { Err(Fault::ClockNotTrusted) }
    }

    /// Whoever is known by a session or a token, and whoever wants to be, depends on the time. The console and the server
    /// itself do not; what they do may, and then says so by [`Self::timely`].
    pub(crate) fn timely_for_actor(&self) -> Result<(), Fault> {
        match self.actor {
            Actor::Anonymous | Actor::Person { .. } | Actor::Service { .. } => self.timely(),
            Actor::Console | Actor::System => Ok(()),
        }
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
