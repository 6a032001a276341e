//! What unit tests of the endpoints need: an application around a household in memory.

#[path = "../tests/support/seeded.rs"]
mod seeded;

use std::sync::Arc;

use domain::time::Timestamp;
use service::{Idp, Settings};

use crate::bridge::Bridge;
use crate::config::Config;
use crate::http::App;
use crate::system::Clock;

/// A clock that stands.
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The application of `https://id.example`, at 1,800,000,000.
pub(crate) fn app() -> Arc<App> {
    let now = Timestamp::from_unix(1_800_000_000);
    let config = Config::parse("host = \"id.example\"").unwrap();
    let entropy = Arc::new(seeded::SeededEntropy::new(1));
    let settings =
        Settings { issuer: config.issuer(), host: config.host.as_str().to_owned(), house: config.house.clone() };
    let idp = Idp::in_memory(settings, entropy.clone(), now).unwrap();
    let bridge = Bridge::start(idp).unwrap();
    Arc::new(App { bridge, config, clock: Arc::new(Standing(now)), entropy })
}
