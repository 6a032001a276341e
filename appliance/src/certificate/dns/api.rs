//! What the providers' interfaces have in common: JSON over HTTPS with a token, and the same few ways to fail.

use std::time::Duration;

use domain::certificate::{ApiToken, DnsName};
use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::Value;
use url::Url;

use super::World;
use crate::certificate::acme::{AcmeError, AcmeErrorKind, clean};
use crate::http::{Method, Outbound, Question, Reply, parse_json};

/// Names that a provider gave to its things, such as the number of a record, are at most that long.
const MAX_ID: usize = 128;

/// One provider's interface.
pub(super) struct Api<'a> {
    outbound: &'a Outbound,
    base: &'a Url,
    /// What people call the provider.
    pub(super) who: &'static str,
    authorization: Option<Secret<String>>,
    now: Timestamp,
    /// Between two questions about the same thing.
    pub(super) poll: Duration,
    /// Until the provider must have done its work.
    pub(super) decided: Duration,
}

/// What to ask: the parts of the path and the query, neither encoded.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<Value>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &'a [&'a str]) -> Self {
        Self { method: Method::Get, path, query: &[], body: None }
    }
}

impl<'a> Api<'a> {
    pub(super) fn new(
        outbound: &'a Outbound,
        base: &'a Url,
        who: &'static str,
        token: Option<(&str, &ApiToken)>,
        world: &World<'_>,
    ) -> Self {
        let header = |(scheme, token): (&str, &ApiToken)| Secret::new(format!("{scheme} {}", token.secret().expose()));
        let authorization = token.map(header);
        Self { outbound, base, who, authorization, now: world.now, poll: world.pace.poll, decided: world.pace.decided }
    }

    /// Asks; `None` when there is no such thing (404).
    pub(super) async fn call(&self, ask: Ask<'_>) -> Result<Option<Value>, AcmeError> {
        let reply = self.send(ask).await?;
        match reply.status {
            404 => Ok(None),
            200..=299 if reply.body.is_empty() => Ok(Some(Value::Null)),
            200..=299 => match parse_json(&reply.body) {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.down("its answer is no JSON")),
            },
            status => Err(self.refused(status, &reply)),
        }
    }

    /// Asks for a text.
    pub(super) async fn text(&self, ask: Ask<'_>) -> Result<String, AcmeError> {
        let reply = self.send(ask).await?;
        if !reply.is_good() {
            return Err(self.refused(reply.status, &reply));
        }
        String::from_utf8(reply.body).map_err(|_| self.down("its answer is no text"))
    }

    async fn send(&self, ask: Ask<'_>) -> Result<Reply, AcmeError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(ask.path);
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(ask.query);
        }
        let body = ask.body.map(|body| ("application/json", body.to_string().into_bytes()));
        let question = Question { method: ask.method, url: &url, authorization: self.authorization.as_ref(), body };
        self.outbound.ask(question).await.map_err(|error| self.down(&error.to_string()))
    }

    /// The provider does not work.
    pub(super) fn down(&self, why: &str) -> AcmeError {
        let words = format!("{} does not work just now: {why}. Latchkey tries again later.", self.who);
        AcmeError::new(AcmeErrorKind::ProviderDown, words)
    }

    /// The zone is not among those that the token reaches.
    pub(super) fn no_zone(&self, name: &DnsName) -> AcmeError {
        let words = format!(
            "{} has no zone for {name} that this token may see. Check that the domain is in this account and that the token \
             may read and edit its DNS.",
            self.who
        );
        AcmeError::new(AcmeErrorKind::ZoneNotFound, words)
    }

    fn refused(&self, status: u16, reply: &Reply) -> AcmeError {
        let who = self.who;
        let said = said(&reply.body).map(|text| format!(" It says: \u{201c}{text}\u{201d}")).unwrap_or_default();
        match status {
            401 | 403 => AcmeError::new(
                AcmeErrorKind::ProviderRefused,
                format!(
                    "{who} does not accept the token. Make a new one that may edit DNS, and give it to Latchkey.{said}"
                ),
            ),
            429 => {
                let words = format!("{who} asks us to wait, because it was asked too often.{said}");
                let wait = reply.retry_after(self.now);
                AcmeError::new(AcmeErrorKind::RateLimited, words).after(wait)
            }
            500..=599 => self.down(&format!("it answered {status}.{said}")).after(reply.retry_after(self.now)),
            status => {
                let words = format!("{who} refused the DNS record (status {status}).{said}");
                AcmeError::new(AcmeErrorKind::ProviderRefused, words)
            }
        }
    }

    /// A name that the provider gave to a thing of its own, if it is one that may be put into a path.
    pub(super) fn id(&self, value: Option<&Value>) -> Result<String, AcmeError> {
        let id = match value {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
        };
        let good = !id.is_empty() && id.len() <= MAX_ID;
        if !good || !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Err(self.down("its answer lacks what it should hold"));
        }
        Ok(id)
    }
}

/// The zones in which a name may be, the longest first.
pub(super) fn candidates(name: &DnsName) -> impl Iterator<Item = DnsName> + '_ {
    name.and_above().filter(|zone| !zone.as_str().starts_with('_'))
}

/// A provider's own words, from where the four of them keep it.
fn said(body: &[u8]) -> Option<String> {
    let value: Value = parse_json(body).ok()?;
    let places = ["/errors/0/message", "/error/message", "/detail", "/0/non_field_errors/0", "/message"];
    let text = places.iter().find_map(|place| value.pointer(place)?.as_str())?;
    Some(clean(text))
}
