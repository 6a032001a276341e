//! Pushed authorization requests (RFC 9126): the app sends its request by its own connection and gets a name for it.
//!
//! The name is good once, for a minute and a half. The browser that brings it gets another one of its own, which lasts for the
//! sign-in and the consent and is over with the answer. Worth nothing after a reboot, so never on the card.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::client::Client;
use domain::entropy::Entropy;
use domain::permission::{Denied, Need};
use domain::proof::dpop::{Expected, Proven};
use domain::secret::{self, Digest};
use domain::time::{Span, Uptime};

use super::Refused;
use super::answer::{AuthorizeRefusal, ErrorCode};
use super::request::{AuthorizationRequest, Reference};
use crate::doctor::{Asked, Step};
use crate::dpop::Nonce;
use crate::operation::{Abort, Refuses};
use crate::pending::{greediest, network};
use crate::token::{ClientCredentials, TokenRefusal};
use crate::{Context, Idp, OpError, path};

/// How `request_uri` begins (section 2.2).
pub(super) const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// How long a name waits for its browser (section 2.2 proposes 5 to 600 seconds).
const LIFETIME: Span = Span::seconds(90);

/// How long the browser may take for sign-in and consent.
const PATIENCE: Span = Span::minutes(15);

/// Most requests of one app, so that one cannot push out the others'. The network that holds most of them loses its oldest: whoever
/// knows the name of a public app can push for it.
const PER_APP: usize = 64;

/// Most requests in all.
const ALL: usize = 256;

type Key = [u8; 32];

/// See the module.
#[derive(Default)]
pub(crate) struct Pushed(Mutex<HashMap<Key, Entry>>);

struct Entry {
    request: AuthorizationRequest,
    /// Whether a browser has begun it.
    begun: bool,
    /// From where it was pushed.
    network: Option<IpAddr>,
    since: Uptime,
}

impl Entry {
    fn lives(&self, now: Uptime) -> bool {
        now < self.since + if self.begun { PATIENCE } else { LIFETIME }
    }
}

impl Pushed {
    /// Keeps the request and returns its secret name.
    fn put(
        &self,
        request: AuthorizationRequest,
        (begun, network): (bool, Option<IpAddr>),
        (entropy, now): (&dyn Entropy, Uptime),
    ) -> String {
        let name = secret::random_key(entropy);
        let mut all = self.living(now);
        let of_this_app = |entry: &Entry| entry.request.client_id() == request.client_id();
        if all.values().filter(|entry| of_this_app(entry)).count() >= PER_APP {
            drop_oldest(&mut all, of_this_app);
        } else if all.len() >= ALL {
            drop_oldest(&mut all, |_| true);
        }
        let text = URL_SAFE_NO_PAD.encode(name.expose());
        all.insert(key_of(&text), Entry { request, begun, network, since: now });
        text
    }

    /// Takes out what waits under that name for this app.
    fn begin(
        &self,
        name: &str,
        client_id: Option<&str>,
        now: Uptime,
    ) -> Option<(AuthorizationRequest, Option<IpAddr>)> {
        let mut all = self.living(now);
        let key = key_of(name);
        all.get(&key).filter(|entry| !entry.begun && entry.request.client_id() == client_id)?;
        all.remove(&key).map(|entry| (entry.request, entry.network))
    }

    /// What a browser has begun under that name.
    fn begun(&self, name: &str, client_id: Option<&str>, now: Uptime) -> Option<AuthorizationRequest> {
        let all = self.living(now);
        let entry = all.get(&key_of(name)).filter(|entry| entry.begun && entry.request.client_id() == client_id)?;
        Some(entry.request.clone())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn living(&self, now: Uptime) -> MutexGuard<'_, HashMap<Key, Entry>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, entry| entry.lives(now));
        all
    }
}

/// The map knows digests only, so how long a look-up takes says nothing about the names in it.
fn key_of(name: &str) -> Key {
    *Digest::of(name.as_bytes()).as_bytes()
}

/// The oldest of the network that has most of them; one that a browser has begun only where there is no other.
fn drop_oldest(all: &mut HashMap<Key, Entry>, which: impl Fn(&Entry) -> bool) {
    let waits = all.values().any(|entry| which(entry) && !entry.begun);
    let which = |entry: &Entry| which(entry) && (!waits || !entry.begun);
    let (greedy, _) = greediest(all.values().filter(|entry| which(entry)).map(|entry| entry.network));
    let of_it = |entry: &Entry| which(entry) && entry.network == greedy;
    let oldest = all.iter().filter(|(_, entry)| of_it(entry)).min_by_key(|(_, entry)| entry.since).map(|(key, _)| *key);
    oldest.and_then(|key| all.remove(&key));
}

/// What the app brought.
#[derive(Debug)]
pub struct PushRequest {
    client: ClientCredentials,
    request: AuthorizationRequest,
    /// It named another request (section 2.1 forbids that).
    nested: bool,
    /// A proof that the client holds a key.
    proof: Option<String>,
}

impl PushRequest {
    /// Who asks.
    pub fn client(&self) -> &ClientCredentials {
        &self.client
    }

    /// From the decoded pairs of the form and the `Authorization` header.
    pub fn parse<'a>(
        pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        authorization: Option<&str>,
    ) -> Result<Self, PushRefusal> {
        let client = ClientCredentials::parse(pairs.clone(), authorization).map_err(PushRefusal::Client)?;
        let nested = pairs.clone().any(|(name, value)| name == "request_uri" && !value.is_empty());
        // Who the client is was read already; its proof is nothing to keep.
        let asked = pairs.filter(|(name, _)| !matches!(*name, "client_id" | "client_secret" | "client_assertion"));
        Ok(Self { client, request: AuthorizationRequest::from_pairs(asked), nested, proof: None })
    }

    /// The same with a proof that the client holds a key: the `DPoP` header (RFC 9449 section 10.1).
    #[must_use]
    pub fn with_proof(self, proof: Option<String>) -> Self {
        Self { proof, ..self }
    }

    /// Whether there is one.
    pub fn has_proof(&self) -> bool {
        self.proof.is_some()
    }
}

/// What the app gets (section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushAnswer {
    /// The name to send the browser with.
    pub request_uri: String,
    /// For how many seconds.
    pub expires_in: i64,
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushRefusal {
    /// The client did not prove itself, or could not be read.
    Client(TokenRefusal),
    /// What `/authorize` would have told the app.
    Request(ErrorCode, String),
    /// Cannot happen: the operation needs nothing.
    Denied(Denied),
}

impl Refuses for PushRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// The request as it is kept, if `/authorize` would take it too, as far as that can be told without looking anything up.
fn checked(
    client: &Client,
    (request, nested): (&AuthorizationRequest, bool),
    proven: Option<&Proven>,
) -> Result<AuthorizationRequest, (ErrorCode, String)> {
    let invalid = |why: &str| (ErrorCode::InvalidRequest, why.to_owned());
    if nested {
        return Err(invalid("request_uri cannot be pushed"));
    }
    let bound = request.clone().bound_to(proven.map(|proven| &proven.thumbprint));
    let bound = bound.ok_or_else(|| invalid("dpop_jkt is not the key of the DPoP proof"))?;
    bound.wish(client.requires_pkce(), None).map_err(|(code, why)| (code, why.to_owned()))?;
    Ok(bound)
}

impl Idp {
    /// Takes a request from an app that proves itself as at the token endpoint, checked as at the authorization endpoint.
    /// Nothing is written.
    pub fn push(&self, ctx: &Context, asked: PushRequest) -> Result<PushAnswer, OpError<PushRefusal>> {
        let PushRequest { client, request, nested, proof } = asked;
        let app = self.read(ctx, Need::Nothing, |op| self.authenticate(ctx, op, &client).map_err(Abort::into_error));
        let app = self
            .bounded(ctx, &Asked::by(&client, Step::PushedAuthorization), app)
            .map_err(|error| error.map(PushRefusal::Client))?;
        let proven = self.proof_of_push(ctx, proof.as_deref())?;
        let request = request.pushed_by(app.client.name.as_str());
        let request = checked(&app.client, (&request, nested), proven.as_ref()).map_err(|(code, why)| {
            let step = (Step::PushedAuthorization, &request);
            self.complain_of_request(&app.client, step, (code.as_str(), &why), ctx.now);
            OpError::Refused(PushRefusal::Request(code, why))
        })?;
        self.read(ctx, Need::Nothing, |op| match self.address(op, &request, ctx) {
            Ok(_) => Ok(()),
            Err(OpError::Refused(why)) => {
                Err(OpError::Refused(PushRefusal::Request(ErrorCode::InvalidRequest, why.to_string())))
            }
            Err(OpError::Fault(fault)) => Err(OpError::Fault(fault)),
        })?;
        if let Some(proven) = &proven {
            self.note_proof(ctx, proven)
                .map_err(|error| error.map(|why| PushRefusal::Client(TokenRefusal::Proof(why))))?;
        }
        let from = ctx.origin.address.map(network);
        let name = self.oauth.pushed.put(request, (false, from), (self.entropy(), ctx.uptime));
        Ok(PushAnswer { request_uri: format!("{URN}{name}"), expires_in: LIFETIME.as_seconds() })
    }

    /// The key that the client holds (RFC 9449 section 10.1).
    fn proof_of_push(&self, ctx: &Context, proof: Option<&str>) -> Result<Option<Proven>, OpError<PushRefusal>> {
        let Some(text) = proof else { return Ok(None) };
        let address = format!("{}{}", self.reached_at(ctx).issuer(), path::PUSHED_AUTHORIZATION);
        let expected = Expected { method: "POST", address: &address, access_token: None };
        let proven = self.check_proof(ctx, text, &expected, Nonce::Demanded);
        proven.map(Some).map_err(|error| error.map(|why| PushRefusal::Client(TokenRefusal::Proof(why))))
    }

    /// The request itself, where only the name of one came. A name that was given to the app is spent by this.
    pub(super) fn unfold<'r>(
        &self,
        ctx: &Context,
        request: &'r AuthorizationRequest,
    ) -> Result<Cow<'r, AuthorizationRequest>, Refused> {
        ctx.timely()?;
        let (pushed, client_id) = (&self.oauth.pushed, request.client_id());
        let gone = || OpError::Refused(AuthorizeRefusal::PushedRequestGone);
        match request.reference() {
            None => Ok(Cow::Borrowed(request)),
            Some(Reference::Uri(uri)) => {
                let name = uri.strip_prefix(URN).unwrap_or_default();
                let (whole, from) = pushed.begin(name, client_id, ctx.uptime).ok_or_else(gone)?;
                let ticket = pushed.put(whole.clone(), (true, from), (self.entropy(), ctx.uptime));
                Ok(Cow::Owned(whole.begun(ticket, request)))
            }
            Some(Reference::Ticket(ticket)) => {
                let whole = pushed.begun(ticket, client_id, ctx.uptime).ok_or_else(gone)?;
                Ok(Cow::Owned(whole.begun(ticket.clone(), request)))
            }
        }
    }

    /// It is answered: the browser cannot come back with it.
    pub(super) fn answered(&self, request: &AuthorizationRequest) {
        if let Some(Reference::Ticket(ticket)) = request.reference() {
            self.oauth.pushed.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key_of(ticket));
        }
    }
}
