//! Hetzner's Cloud API (docs.hetzner.cloud, zones and their RRsets). The DNS Console of dns.hetzner.com, with tokens of its own,
//! was switched off in May 2026. A change is an action that is polled until it is done.

use domain::certificate::DnsName;
use serde_json::{Value, json};

use super::api::{Api, Ask, candidates};
use super::{Record, TTL};
use crate::certificate::acme::{AcmeError, AcmeErrorKind};
use crate::http::Method;
use crate::system;

/// Answers with the zone.
pub(super) async fn present(api: &Api<'_>, zone: Option<&DnsName>, record: Record<'_>) -> Result<DnsName, AcmeError> {
    let zone = match zone {
        Some(zone) => zone.clone(),
        None => find_zone(api, record.name).await?,
    };
    change(api, &zone, record, "add_records").await?;
    Ok(zone)
}

pub(super) async fn remove(api: &Api<'_>, zone: &DnsName, record: Record<'_>) -> Result<(), AcmeError> {
    change(api, zone, record, "remove_records").await
}

async fn find_zone(api: &Api<'_>, name: &DnsName) -> Result<DnsName, AcmeError> {
    for zone in candidates(name) {
        if api.call(Ask::get(&["zones", zone.as_str()])).await?.is_some() {
            return Ok(zone);
        }
    }
    Err(api.no_zone(name))
}

async fn change(api: &Api<'_>, zone: &DnsName, record: Record<'_>, what: &str) -> Result<(), AcmeError> {
    let sub = record.name.below(zone).ok_or_else(|| api.no_zone(record.name))?;
    let sub = if sub.is_empty() { "@" } else { sub };
    let adding = what == "add_records";
    let mut body = json!({"records": [{"value": format!("\"{}\"", record.value)}]});
    if adding {
        body["ttl"] = Value::from(TTL);
    }
    let path = ["zones", zone.as_str(), "rrsets", sub, "TXT", "actions", what];
    let answer = api.call(Ask { method: Method::Post, path: &path, query: &[], body: Some(body) }).await?;
    match answer {
        Some(answer) => finish(api, answer).await,
        None if adding => Err(api.no_zone(record.name)),
        // One that is gone already is as good.
        None => Ok(()),
    }
}

/// Waits until the action is done.
async fn finish(api: &Api<'_>, mut answer: Value) -> Result<(), AcmeError> {
    let end = system::monotonic() + api.decided;
    loop {
        match answer.pointer("/action/status").and_then(Value::as_str) {
            Some("success") => return Ok(()),
            Some("running") if system::monotonic() < end => {}
            Some("running") => return Err(api.down("it does not finish the change of the record")),
            Some("error") => {
                let words = format!("{} could not change the DNS record. Look at the zone in its console.", api.who);
                return Err(AcmeError::new(AcmeErrorKind::ProviderRefused, words));
            }
            Some(_) | None => return Err(api.down("its answer lacks the state of the change")),
        }
        let id = api.id(answer.pointer("/action/id"))?;
        system::after(api.poll).await;
        answer = api.call(Ask::get(&["actions", &id])).await?.unwrap_or_default();
    }
}
