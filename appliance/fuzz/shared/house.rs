//! A house in memory, at one moment, and with the same bytes of chance every time.

use std::sync::Arc;

use domain::clock::{Moment, Trust};
use domain::time::{Timestamp, Uptime};
use service::{AppAmendment, Context, Idp, Origin, Settings};

use crate::testing::SeededEntropy;

pub const NOW: Moment =
    Moment { now: Timestamp::from_unix(1_800_000_000), uptime: Uptime::from_millis(0), trust: Trust::Synchronised };
pub const REDIRECT: &str = "https://photos.example.org/cb";

/// The house `id.example.org`, without apps.
pub fn house() -> Idp {
    let host = "id.example.org".parse().expect("a name");
    let settings = Settings { host: Some(host), house: Some("Example".into()), port: 443 };
    Idp::in_memory(settings, Arc::new(SeededEntropy::new(1)), NOW).expect("a house")
}

/// What every app of the house has.
pub fn app() -> AppAmendment {
    AppAmendment { redirect_uris: Some(vec![REDIRECT.parse().expect("an address")]), ..AppAmendment::default() }
}

pub fn console() -> Context {
    Context::console(NOW)
}

pub fn stranger() -> Context {
    Context::anonymous(NOW, Origin::default())
}
