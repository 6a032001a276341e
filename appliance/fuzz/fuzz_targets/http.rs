//! The whole of HTTP without a socket: any bytes get well-formed answers or none, and the server goes on.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use appliance::config::Config;
use appliance::listen::Timeouts;
use appliance::serve::{Desk, Setup, Via};
use appliance::system::{Clock, SystemEntropy, WallSet};
use domain::clock::keeper::TooEarly;
use domain::clock::{Basis, Trust};
use domain::time::{Timestamp, Uptime};
use libfuzzer_sys::fuzz_target;
use service::Context;

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

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let setup = Setup {
        config: Config::parse("host = \"id.example\"").expect("a configuration"),
        clock: Arc::new(Standing),
        entropy: Arc::new(SystemEntropy::open().expect("random bytes")),
        timeouts: Timeouts::default(),
        in_memory: true,
    };
    let desk = Desk::open(setup).expect("a household in memory");
    let console = Context::console(Standing.moment());
    desk.operate(move |idp| idp.claim_here(&console)).expect("a free thread").expect("a claim");
    desk
});

fuzz_target!(|bytes: &[u8]| {
    let answers = DESK.exchange(Via::Network(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))), bytes);
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1.1 "));
    assert!(!answers.starts_with(b"HTTP/1.1 500"));
});
