//! DuckDNS (www.duckdns.org/spec.jsp): one address, one TXT record for each domain and all that is below it, answers OK or KO.

use domain::certificate::{ApiToken, DnsName};

use super::Record;
use super::api::{Api, Ask};
use crate::certificate::acme::{AcmeError, AcmeErrorKind};
use crate::http::Method;

const ZONE: &str = ".duckdns.org";

pub(super) async fn present(api: &Api<'_>, token: &ApiToken, record: Record<'_>) -> Result<(), AcmeError> {
    update(api, token, record, &[]).await
}

pub(super) async fn remove(api: &Api<'_>, token: &ApiToken, record: Record<'_>) -> Result<(), AcmeError> {
    update(api, token, record, &[("clear", "true")]).await
}

async fn update(api: &Api<'_>, token: &ApiToken, record: Record<'_>, more: &[(&str, &str)]) -> Result<(), AcmeError> {
    let domain = domain(record.name).ok_or_else(|| api.no_zone(record.name))?;
    let mut query = vec![("domains", domain), ("token", token.secret().expose()), ("txt", record.value)];
    query.extend_from_slice(more);
    let ask = Ask { method: Method::Get, path: &["update"], query: &query, body: None };
    let answer = api.text(ask).await?;
    match answer.split_whitespace().next() {
        Some("OK") => Ok(()),
        Some("KO") => {
            let words = format!(
                "DuckDNS refuses to change {domain}{ZONE}. Check the token, and that the domain belongs to the same account."
            );
            Err(AcmeError::new(AcmeErrorKind::ProviderRefused, words))
        }
        Some(_) | None => Err(api.down("it answered neither OK nor KO")),
    }
}

/// The label before `.duckdns.org`.
fn domain(name: &DnsName) -> Option<&str> {
    let labels = name.as_str().strip_suffix(ZONE)?;
    labels.rsplit('.').next().filter(|label| !label.starts_with('_'))
}
