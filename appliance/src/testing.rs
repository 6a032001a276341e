//! What unit tests of the endpoints need: an application around a household in memory.

#[path = "../tests/support/fake_http.rs"]
#[expect(unreachable_pub, reason = "the integration tests use it too")]
pub(crate) mod fake_http;
#[path = "../tests/support/moment.rs"]
#[expect(unreachable_pub, reason = "the integration tests use it too")]
mod moment;
#[path = "../tests/support/seeded.rs"]
#[expect(unreachable_pub, reason = "the integration tests use it too")]
pub(crate) mod seeded;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::clock::keeper::TooEarly;
use domain::clock::{Basis, Trust};
use domain::time::{Timestamp, Uptime};
use service::{Context, Idp};

use crate::bridge::Bridge;
use crate::certificate::Certificates;
use crate::config::Config;
use crate::http::{App, Discovery};
use crate::logouts::Bell;
use crate::lookup::Lookups;
use crate::reach::Beacon;
use crate::system::{Clock, WallSet};

pub(crate) use moment::steady;

/// When every unit test happens.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// A clock that stands.
struct Standing(Timestamp, Basis);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn uptime(&self) -> Uptime {
        steady(self.0).uptime
    }

    fn trust(&self) -> Trust {
        self.basis().trust()
    }

    fn basis(&self) -> Basis {
        self.1
    }

    fn set(&self, _: Timestamp) -> Result<WallSet, TooEarly> {
        Err(TooEarly { floor: self.0 })
    }
}

/// The application of `https://id.example`, at [`NOW`].
pub(crate) fn app() -> Arc<App> {
    app_by(Basis::TimeServer)
}

/// The same with a clock that is trusted that far.
pub(crate) fn app_by(basis: Basis) -> Arc<App> {
    let config = Config::parse("host = \"id.example\"").unwrap();
    let idp = idp(&config);
    let nameplate = idp.nameplate();
    let bridge = Bridge::start(idp, config.limits.hashes).unwrap();
    let certificates = Arc::new(Certificates::new(&config, Arc::clone(&nameplate)));
    Arc::new(App {
        bridge,
        clock: Arc::new(Standing(NOW, basis)),
        entropy: Arc::new(seeded::SeededEntropy::new(2)),
        config,
        nameplate,
        certificates,
        lookups: Lookups::default(),
        beacon: Beacon::new(&seeded(3)),
        discovery: Discovery::default(),
        fetching: Default::default(),
        start: "a start".to_owned(),
        health: Default::default(),
        logouts: Bell::default(),
    })
}

/// Chance that comes out the same every time.
pub(crate) fn seeded(seed: u64) -> seeded::SeededEntropy {
    seeded::SeededEntropy::new(seed)
}

/// An empty household of that configuration, claimed at its console if it has a name.
pub(crate) fn idp(config: &Config) -> Idp {
    let idp = unclaimed(config);
    if config.host.is_some() {
        idp.claim_here(&Context::console(steady(NOW))).unwrap();
    }
    idp
}

/// An empty household of that configuration, without an owner.
pub(crate) fn unclaimed(config: &Config) -> Idp {
    Idp::in_memory(config.names(), Arc::new(seeded::SeededEntropy::new(1)), steady(NOW)).unwrap()
}

/// A folder of the test's own, gone when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("latchkey-unit-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
