//! Cloudflare's API, version 4 (developers.cloudflare.com/api): zones and DNS records, both with an id.

use domain::certificate::DnsName;
use serde_json::{Value, json};

use super::api::{Api, Ask, candidates};
use super::{MARK, Published, Record, TTL};
use crate::certificate::acme::AcmeError;
use crate::http::Method;

pub(super) async fn present(api: &Api<'_>, zone: Option<&DnsName>, record: Record<'_>) -> Result<Published, AcmeError> {
    let zone = find_zone(api, zone, record.name).await?;
    drop_leftovers(api, &zone, record.name).await?;
    let made = api
        .call(Ask {
            method: Method::Post,
            path: &["zones", &zone, "dns_records"],
            query: &[],
            body: Some(json!({
                "type": "TXT",
                "name": record.name.as_str(),
                "content": format!("\"{}\"", record.value),
                "ttl": TTL,
                "comment": MARK,
            })),
        })
        .await?
        .ok_or_else(|| api.no_zone(record.name))?;
    Ok(Published::Cloudflare { record: api.id(made.pointer("/result/id"))?, zone })
}

pub(super) async fn remove(api: &Api<'_>, zone: &str, record: &str) -> Result<(), AcmeError> {
    let path = ["zones", zone, "dns_records", record];
    // One that is gone already is as good.
    api.call(Ask { method: Method::Delete, path: &path, query: &[], body: None }).await.map(|_| ())
}

async fn find_zone(api: &Api<'_>, zone: Option<&DnsName>, name: &DnsName) -> Result<String, AcmeError> {
    let zones: Vec<DnsName> = zone.map_or_else(|| candidates(name).collect(), |zone| vec![zone.clone()]);
    for zone in zones {
        let query = [("name", zone.as_str())];
        let ask = Ask { method: Method::Get, path: &["zones"], query: &query, body: None };
        let found = api.call(ask).await?.unwrap_or_default();
        let list =
            found.get("result").and_then(Value::as_array).ok_or_else(|| api.down("its answer lacks the zones"))?;
        if let Some(one) = list.iter().find(|one| one["name"] == zone.as_str()) {
            return api.id(one.get("id"));
        }
    }
    Err(api.no_zone(name))
}

/// Takes away what an interrupted order left at this name; ours are known by their comment.
async fn drop_leftovers(api: &Api<'_>, zone: &str, name: &DnsName) -> Result<(), AcmeError> {
    let query = [("type", "TXT"), ("name", name.as_str())];
    let path = ["zones", zone, "dns_records"];
    let found =
        api.call(Ask { method: Method::Get, path: &path, query: &query, body: None }).await?.unwrap_or_default();
    for old in found["result"].as_array().into_iter().flatten().filter(|old| old["comment"] == MARK) {
        remove(api, zone, &api.id(old.get("id"))?).await?;
    }
    Ok(())
}
