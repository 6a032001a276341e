//! The whole server without a socket, on a household in memory, at one moment.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use appliance::config::Config;
use appliance::listen::Timeouts;
use appliance::serve::{Desk, Setup, Via};
use appliance::system::{Clock, SystemEntropy, WallSet};
use domain::clock::keeper::TooEarly;
use domain::clock::{Basis, Trust};
use domain::time::{Timestamp, Uptime};
use service::Context;

/// From where every request comes.
pub const SOMEWHERE: Via = Via::Network(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

/// The house `id.example`, claimed.
pub fn desk() -> Desk {
    let setup = Setup {
        config: Config::parse("host = \"id.example\"").expect("a configuration"),
        clock: Arc::new(Standing),
        entropy: Arc::new(SystemEntropy::open().expect("random bytes")),
        timeouts: Timeouts::default(),
        in_memory: true,
    };
    let desk = Desk::open(setup).expect("a household in memory");
    desk.operate(|idp| idp.claim_here(&console())).expect("a free thread").expect("a claim");
    desk
}

pub fn console() -> Context {
    Context::console(Standing.moment())
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_800_000_000)
    }

    fn uptime(&self) -> Uptime {
        Uptime::from_millis(0)
    }

    fn trust(&self) -> Trust {
        Trust::Synchronised
    }

    fn basis(&self) -> Basis {
        Basis::TimeServer
    }

    fn set(&self, _: Timestamp) -> Result<WallSet, TooEarly> {
        Ok(WallSet::OfTheServer)
    }
}
