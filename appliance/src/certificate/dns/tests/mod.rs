//! Every provider against a fake of this machine that follows its published interface, with the ways in which it fails.

mod program;
mod providers;
mod servers;

use std::net::SocketAddr;
use std::time::Duration;

use domain::certificate::{DnsChoice, DnsName};
use domain::time::Timestamp;
use serde_json::Value;
use url::Url;

use super::{Pace, Providers, Publisher, Record, World};
use crate::certificate::acme::AcmeError;
use crate::http::OutboundLimits;
use crate::testing::seeded::SeededEntropy;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const VALUE: &str = "gfj9Xq-Rg85nM_6EkxmjlLOOSnL7ZX7WYQ0f3M6R8oA";

/// What a test's publisher stands on.
struct Ground {
    providers: Providers,
    entropy: SeededEntropy,
    resolver: Option<SocketAddr>,
}

impl Ground {
    fn at(base: &str) -> Self {
        let base = Url::parse(base).unwrap();
        Self { providers: Providers::all_at(&base), entropy: SeededEntropy::new(3), resolver: None }
    }

    fn nowhere() -> Self {
        Self::at("http://127.0.0.1:9/")
    }

    fn world(&self) -> World<'_> {
        let short = Duration::from_millis(20);
        let long = Duration::from_secs(5);
        World {
            providers: &self.providers,
            entropy: &self.entropy,
            now: NOW,
            pace: Pace { look: short, visible: long, poll: short, decided: long, program: long },
            resolver: self.resolver.map(Into::into),
            limits: OutboundLimits { bytes: 64 * 1024, time: Duration::from_secs(10) },
            provider_roots: None,
        }
    }
}

fn choice(json: Value) -> DnsChoice {
    serde_json::from_value(json).unwrap()
}

fn name(text: &str) -> DnsName {
    text.parse().unwrap()
}

/// Publishes and takes away again.
fn round(choice: &DnsChoice, at: &str, world: &World<'_>) -> Result<(), AcmeError> {
    let name = name(at);
    let record = Record { name: &name, value: VALUE };
    smol::block_on(async {
        let publisher = Publisher::new(choice, world)?;
        let published = publisher.present(record).await?;
        publisher.remove(record, &published).await
    })
}
