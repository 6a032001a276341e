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

/// When every unit test happens.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// A clock that stands.
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The application of `https://id.example`, at [`NOW`].
pub(crate) fn app() -> Arc<App> {
    let config = Config::parse("host = \"id.example\"").unwrap();
    let bridge = Bridge::start(idp(&config)).unwrap();
    Arc::new(App { bridge, clock: Arc::new(Standing(NOW)), entropy: Arc::new(seeded::SeededEntropy::new(2)), config })
}

/// An empty household of that configuration.
pub(crate) fn idp(config: &Config) -> Idp {
    let settings =
        Settings { issuer: config.issuer(), host: config.host.as_str().to_owned(), house: config.house.clone() };
    Idp::in_memory(settings, Arc::new(seeded::SeededEntropy::new(1)), NOW).unwrap()
}
