//! The proof that a name is ours (DNS-01, RFC 8555 section 8.4): a TXT record, published at a provider of DNS, waited for, and
//! taken away again.
//!
//! Each provider is one file with a `present` and a `remove`; [`Publisher`] is the only door. A new provider is a variant of
//! [`DnsChoice`] and a file, and the compiler names what is left.

mod api;
mod cloudflare;
mod desec;
mod duckdns;
mod exec;
mod hetzner;
mod rfc2136;
mod tsig;
mod visible;
mod wire;

use std::path::Path;
use std::time::Duration;

use domain::certificate::{DnsChoice, DnsName, DnsServer};
use domain::entropy::Entropy;
use domain::time::Timestamp;
use url::Url;

use super::acme::AcmeError;
use crate::http::{Outbound, OutboundLimits};

pub(super) use visible::{check_delegation, wait_visible};

/// How long the record may be remembered by others: short, but no shorter than providers take.
const TTL: u32 = 60;
/// What we write beside our records where a provider has room for it.
const MARK: &str = "latchkey";

/// Where the providers' interfaces are; other addresses are for tests.
#[derive(Clone, Debug)]
pub struct Providers {
    /// Cloudflare's, with its version.
    pub cloudflare: Url,
    /// deSEC's, with its version.
    pub desec: Url,
    /// DuckDNS has the one page.
    pub duckdns: Url,
    /// Hetzner Cloud's, with its version.
    pub hetzner: Url,
}

impl Providers {
    /// The real ones.
    ///
    /// # Errors
    /// Never in practice; the addresses are constants.
    pub fn real() -> Result<Self, url::ParseError> {
        Ok(Self {
            cloudflare: Url::parse("https://api.cloudflare.com/client/v4/")?,
            desec: Url::parse("https://desec.io/api/v1/")?,
            duckdns: Url::parse("https://www.duckdns.org/")?,
            hetzner: Url::parse("https://api.hetzner.cloud/v1/")?,
        })
    }

    /// All of them at one address, for a fake.
    pub fn all_at(base: &Url) -> Self {
        Self { cloudflare: base.clone(), desec: base.clone(), duckdns: base.clone(), hetzner: base.clone() }
    }
}

/// How long things may take, and how often we look.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks at the DNS.
    pub look: Duration,
    /// Until a record must be visible.
    pub visible: Duration,
    /// Between two questions to an authority or a provider that does not say how long to wait.
    pub poll: Duration,
    /// Until an authority must have decided, or a provider must have done its work.
    pub decided: Duration,
    /// Until a program of the owner's must end.
    pub program: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(5),
            visible: Duration::from_secs(300),
            poll: Duration::from_secs(3),
            decided: Duration::from_secs(180),
            program: Duration::from_secs(60),
        }
    }
}

/// What publishing needs of the world.
pub(super) struct World<'a> {
    pub(super) providers: &'a Providers,
    pub(super) entropy: &'a dyn Entropy,
    pub(super) now: Timestamp,
    pub(super) pace: Pace,
    pub(super) resolver: Option<DnsServer>,
    pub(super) limits: OutboundLimits,
    pub(super) provider_roots: Option<&'a Path>,
}

/// A TXT record to publish.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) name: &'a DnsName,
    pub(super) value: &'a str,
}

/// What taking a record away needs to know.
pub(super) enum Published {
    /// Its number at Cloudflare.
    Cloudflare { zone: String, record: String },
    /// The zone it is in.
    Zone(DnsName),
    /// Nothing more than the record itself.
    Plain,
}

/// Publishes records at the chosen provider.
pub(super) struct Publisher<'a> {
    choice: &'a DnsChoice,
    world: &'a World<'a>,
    outbound: Option<Outbound>,
}

impl<'a> Publisher<'a> {
    pub(super) fn new(choice: &'a DnsChoice, world: &'a World<'a>) -> Result<Self, AcmeError> {
        let outbound = match choice {
            DnsChoice::Cloudflare { .. }
            | DnsChoice::Desec { .. }
            | DnsChoice::Duckdns { .. }
            | DnsChoice::Hetzner { .. } => {
                let outbound = Outbound::new(world.provider_roots, world.limits);
                Some(outbound.map_err(|error| AcmeError::storage(&error))?)
            }
            DnsChoice::Rfc2136 { .. } | DnsChoice::Exec { .. } => None,
        };
        Ok(Self { choice, world, outbound })
    }

    /// Makes the record. Publishing it a second time changes nothing; what may have been made behind a failure is taken away.
    pub(super) async fn present(&self, record: Record<'_>) -> Result<Published, AcmeError> {
        let made = self.make(record).await;
        if made.is_err() && matches!(self.choice, DnsChoice::Rfc2136 { .. } | DnsChoice::Exec { .. }) {
            let _ = self.remove(record, &Published::Plain).await;
        }
        made
    }

    async fn make(&self, record: Record<'_>) -> Result<Published, AcmeError> {
        match self.choice {
            DnsChoice::Cloudflare { token, zone } => {
                let api = self.api(&self.world.providers.cloudflare, Some(("Bearer", token)))?;
                cloudflare::present(&api, zone.as_ref(), record).await
            }
            DnsChoice::Desec { token, zone } => {
                let api = self.api(&self.world.providers.desec, Some(("Token", token)))?;
                desec::present(&api, zone.as_ref(), record).await.map(Published::Zone)
            }
            DnsChoice::Duckdns { token } => {
                let api = self.api(&self.world.providers.duckdns, None)?;
                duckdns::present(&api, token, record).await.map(|()| Published::Plain)
            }
            DnsChoice::Hetzner { token, zone } => {
                let api = self.api(&self.world.providers.hetzner, Some(("Bearer", token)))?;
                hetzner::present(&api, zone.as_ref(), record).await.map(Published::Zone)
            }
            DnsChoice::Rfc2136 { server, zone, key_name, key } => {
                let update = rfc2136::Update { server: server.address(), zone, key_name, key };
                update.present(record, self.world).await.map(|()| Published::Plain)
            }
            DnsChoice::Exec { program } => {
                exec::run(program, exec::Action::Present, record, self.world.pace.program).await?;
                Ok(Published::Plain)
            }
        }
    }

    /// Takes the record away.
    pub(super) async fn remove(&self, record: Record<'_>, published: &Published) -> Result<(), AcmeError> {
        match (self.choice, published) {
            (DnsChoice::Cloudflare { token, .. }, Published::Cloudflare { zone, record }) => {
                let api = self.api(&self.world.providers.cloudflare, Some(("Bearer", token)))?;
                cloudflare::remove(&api, zone, record).await
            }
            (DnsChoice::Desec { token, .. }, Published::Zone(zone)) => {
                let api = self.api(&self.world.providers.desec, Some(("Token", token)))?;
                desec::remove(&api, zone, record).await
            }
            (DnsChoice::Duckdns { token }, _) => {
                let api = self.api(&self.world.providers.duckdns, None)?;
                duckdns::remove(&api, token, record).await
            }
            (DnsChoice::Hetzner { token, .. }, Published::Zone(zone)) => {
                let api = self.api(&self.world.providers.hetzner, Some(("Bearer", token)))?;
                hetzner::remove(&api, zone, record).await
            }
            (DnsChoice::Rfc2136 { server, zone, key_name, key }, _) => {
                let update = rfc2136::Update { server: server.address(), zone, key_name, key };
                update.remove(record, self.world).await
            }
            (DnsChoice::Exec { program }, _) => {
                exec::run(program, exec::Action::Cleanup, record, self.world.pace.program).await
            }
            // `present` of these three never answers anything else.
            (DnsChoice::Cloudflare { .. } | DnsChoice::Desec { .. } | DnsChoice::Hetzner { .. }, _) => Ok(()),
        }
    }

    fn api<'b>(
        &'b self,
        base: &'b Url,
        token: Option<(&str, &domain::certificate::ApiToken)>,
    ) -> Result<api::Api<'b>, AcmeError> {
        let outbound = self.outbound.as_ref().ok_or_else(|| AcmeError::storage(&"no way out was opened"))?;
        Ok(api::Api::new(outbound, base, self.choice.title(), token, self.world))
    }
}

#[cfg(test)]
mod tests;
