//! The conversation with an authority (RFC 8555 section 6): signed requests, a fresh nonce for each, and problems in words.
//!
//! All addresses that the authority names must be its own: same scheme, host and port as its directory.

use domain::time::{Span, Timestamp};
use serde_json::Value;
use url::Url;

use super::account::{AccountKey, Signer};
use super::error::{AcmeError, AcmeErrorKind, NEEDS_ACCOUNT, Problem};
use crate::http::{Method, Outbound, Question, Reply, parse_json};

/// How often a request is repeated because its nonce was refused.
const MAX_NONCES: u32 = 8;
const JOSE: &str = "application/jose+json";

/// What an authority offers.
pub(super) struct Directory {
    base: Url,
    new_nonce: Url,
    new_account: Url,
    pub(super) new_order: Url,
    /// RFC 9773; not all have it.
    pub(super) renewal_info: Option<Url>,
}

impl Directory {
    /// Asks for it.
    pub(super) async fn fetch(outbound: &Outbound, address: &str) -> Result<Self, AcmeError> {
        let base = Url::parse(address).map_err(|error| AcmeError::down(&error))?;
        let question = Question { method: Method::Get, url: &base, authorization: None, body: None };
        let reply = outbound.ask(question).await.map_err(|error| AcmeError::down(&error))?;
        if !reply.is_good() {
            return Err(AcmeError::down(&format!("its directory answers with status {}", reply.status)));
        }
        let value: Value = parse_json(&reply.body).map_err(|_| AcmeError::down(&"its directory is no JSON"))?;
        let find = |name: &str| within(&base, value.get(name));
        if value.pointer("/meta/externalAccountRequired").and_then(Value::as_bool) == Some(true) {
            return Err(AcmeError::new(AcmeErrorKind::AuthorityRefused, NEEDS_ACCOUNT.to_owned()));
        }
        Ok(Self {
            new_nonce: find("newNonce")?,
            new_account: find("newAccount")?,
            new_order: find("newOrder")?,
            renewal_info: find("renewalInfo").ok(),
            base,
        })
    }
}

/// An address that the authority names, if it is its own.
fn within(base: &Url, value: Option<&Value>) -> Result<Url, AcmeError> {
    let raw = value.and_then(Value::as_str).ok_or_else(|| AcmeError::down(&"its answer lacks an address"))?;
    let url = Url::parse(raw).map_err(|_| AcmeError::down(&"its answer holds an address that is none"))?;
    if url.origin() != base.origin() {
        return Err(AcmeError::down(&"it sends us to another server, where we do not go"));
    }
    Ok(url)
}

/// An open conversation.
pub(super) struct Conversation<'a> {
    outbound: &'a Outbound,
    pub(super) key: &'a AccountKey,
    pub(super) directory: &'a Directory,
    account: Option<String>,
    nonce: Option<String>,
    /// The name that the certificate is for.
    pub(super) host: &'a str,
    now: Timestamp,
}

/// An answer that is a success.
pub(super) struct Answer {
    pub(super) value: Value,
    /// The address of what was made.
    pub(super) location: Option<Url>,
    /// How long to wait before asking again.
    pub(super) retry_after: Option<Span>,
}

impl<'a> Conversation<'a> {
    /// Begins; nothing is sent yet.
    pub(super) fn new(
        outbound: &'a Outbound,
        key: &'a AccountKey,
        directory: &'a Directory,
        host: &'a str,
        now: Timestamp,
    ) -> Self {
        Self { outbound, key, directory, account: None, nonce: None, host, now }
    }

    /// Finds the account of this key, or makes it.
    pub(super) async fn sign_in(&mut self, contact: Option<&str>) -> Result<(), AcmeError> {
        let mut payload = serde_json::json!({"termsOfServiceAgreed": true});
        if let Some(contact) = contact {
            payload["contact"] = serde_json::json!([format!("mailto:{contact}")]);
        }
        let url = self.directory.new_account.clone();
        let account = self.post(&url, Some(&payload)).await?.location;
        let account = account.ok_or_else(|| AcmeError::down(&"it does not say which account is ours"))?;
        self.account = Some(account.into());
        Ok(())
    }

    /// A signed request; no payload asks for what is there.
    pub(super) async fn post(&mut self, url: &Url, payload: Option<&Value>) -> Result<Answer, AcmeError> {
        let reply = self.send(url, payload).await?;
        let value = match reply.body.as_slice() {
            [] => Value::Null,
            body => parse_json(body).map_err(|_| AcmeError::down(&"its answer is no JSON"))?,
        };
        let location = reply.location.as_ref().map(|raw| self.own(Some(&Value::from(raw.as_str())))).transpose()?;
        Ok(Answer { value, location, retry_after: reply.retry_after(self.now) })
    }

    /// A signed request for a text.
    pub(super) async fn text(&mut self, url: &Url) -> Result<String, AcmeError> {
        let reply = self.send(url, None).await?;
        String::from_utf8(reply.body).map_err(|_| AcmeError::bad_certificate(&"it is no text"))
    }

    /// An address in an answer, if it is the authority's own.
    pub(super) fn own(&self, value: Option<&Value>) -> Result<Url, AcmeError> {
        within(&self.directory.base, value)
    }

    async fn send(&mut self, url: &Url, payload: Option<&Value>) -> Result<Reply, AcmeError> {
        for _ in 0..MAX_NONCES {
            let nonce = match self.nonce.take() {
                Some(nonce) => nonce,
                None => self.fresh_nonce().await?,
            };
            let signer = self.account.as_deref().map_or(Signer::Key, Signer::Account);
            let body = self.key.sign(&signer, url, &nonce, payload);
            let body = body.ok_or_else(|| AcmeError::storage(&"the account key does not sign"))?;
            let question = Question { method: Method::Post, url, authorization: None, body: Some((JOSE, body)) };
            let reply = self.outbound.ask(question).await.map_err(|error| AcmeError::down(&error))?;
            self.nonce.clone_from(&reply.replay_nonce);
            if reply.is_good() {
                return Ok(reply);
            }
            let problem = Problem::of(&reply);
            if !problem.is("badNonce") {
                return Err(problem.explain(self.host, Some(reply.status), reply.retry_after(self.now)));
            }
        }
        Err(AcmeError::down(&"it refuses every nonce that it gives us"))
    }

    async fn fresh_nonce(&self) -> Result<String, AcmeError> {
        let url = &self.directory.new_nonce;
        let question = Question { method: Method::Get, url, authorization: None, body: None };
        let reply = self.outbound.ask(question).await.map_err(|error| AcmeError::down(&error))?;
        if !reply.is_good() {
            let problem = Problem::of(&reply);
            return Err(problem.explain(self.host, Some(reply.status), reply.retry_after(self.now)));
        }
        reply.replay_nonce.ok_or_else(|| AcmeError::down(&"it gives no nonce"))
    }
}
