//! deSEC's API (desec.readthedocs.io): a set of records is read, changed and put back whole; an empty set removes it.

use domain::certificate::DnsName;
use serde_json::{Value, json};

use super::Record;
use super::api::{Api, Ask};
use crate::certificate::acme::AcmeError;
use crate::http::Method;

/// deSEC takes nothing shorter.
const TTL: u32 = 3600;

/// Answers with the zone.
pub(super) async fn present(api: &Api<'_>, zone: Option<&DnsName>, record: Record<'_>) -> Result<DnsName, AcmeError> {
    let zone = match zone {
        Some(zone) => zone.clone(),
        None => find_zone(api, record.name).await?,
    };
    let mut values = current(api, &zone, record).await?;
    let ours = quoted(record);
    if !values.contains(&ours) {
        values.push(ours);
        put(api, &zone, record, &values).await?;
    }
    Ok(zone)
}

pub(super) async fn remove(api: &Api<'_>, zone: &DnsName, record: Record<'_>) -> Result<(), AcmeError> {
    let mut values = current(api, zone, record).await?;
    let ours = quoted(record);
    if values.contains(&ours) {
        values.retain(|value| *value != ours);
        put(api, zone, record, &values).await?;
    }
    Ok(())
}

fn quoted(record: Record<'_>) -> String {
    format!("\"{}\"", record.value)
}

async fn find_zone(api: &Api<'_>, name: &DnsName) -> Result<DnsName, AcmeError> {
    let query = [("owns_qname", name.as_str())];
    let ask = Ask { method: Method::Get, path: &["domains", ""], query: &query, body: None };
    let found = api.call(ask).await?.unwrap_or_default();
    let zone = found.pointer("/0/name").and_then(Value::as_str).and_then(|zone| zone.parse::<DnsName>().ok());
    zone.filter(|zone| name.is_in(zone)).ok_or_else(|| api.no_zone(name))
}

async fn current(api: &Api<'_>, zone: &DnsName, record: Record<'_>) -> Result<Vec<String>, AcmeError> {
    let sub = subname(api, zone, record.name)?;
    let place = if sub.is_empty() { "@" } else { sub };
    let path = ["domains", zone.as_str(), "rrsets", place, "TXT", ""];
    let Some(found) = api.call(Ask::get(&path)).await? else { return Ok(Vec::new()) };
    let list = found.get("records").and_then(Value::as_array);
    let list = list.ok_or_else(|| api.down("its answer lacks the records"))?;
    Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

async fn put(api: &Api<'_>, zone: &DnsName, record: Record<'_>, values: &[String]) -> Result<(), AcmeError> {
    let sub = subname(api, zone, record.name)?;
    let body = json!([{"subname": sub, "type": "TXT", "ttl": TTL, "records": values}]);
    let path = ["domains", zone.as_str(), "rrsets", ""];
    let ask = Ask { method: Method::Put, path: &path, query: &[], body: Some(body) };
    api.call(ask).await?.map(|_| ()).ok_or_else(|| api.no_zone(record.name))
}

fn subname<'a>(api: &Api<'_>, zone: &DnsName, name: &'a DnsName) -> Result<&'a str, AcmeError> {
    name.below(zone).ok_or_else(|| api.no_zone(name))
}
