//! What every endpoint of clients needs before an operation can tell who the client is: keys that it publishes, fetched outside of
//! any transaction, and the proof of a key that it sends along.

use std::time::Duration;

use domain::document_uri::DocumentUri;
use domain::jwk::{JwkSet, MAX_JWKS};
use domain::proof::dpop::ProofRefusal;
use service::{ClientCredentials, Context, KeysToFetch};
use smol::lock::Mutex;
use url::Url;

use crate::http::{App, Method, OutboundLimits, Question, Request, Response, within};

/// The name of the header with the nonce for the next proof (RFC 9449 section 8.1).
const NONCE: &str = "DPoP-Nonce";

/// Most bytes of the head of an answer.
const MAX_HEAD: usize = 4096;
/// How long anybody waits for what an app publishes.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What apps publish is fetched for one at a time: whoever comes second for the same keys finds them, and nobody has us ask for
/// much at once. A sign-in that waits for keys waits for no registration.
#[derive(Default)]
pub(crate) struct Fetching {
    keys: Mutex<()>,
    pub(super) registration: Mutex<()>,
}

/// Fetches the client's keys if its assertion is by one that is not here. Without it the operation refuses the client, so there is
/// nothing to answer; the log says what is wrong.
pub(super) async fn fetch_keys(app: &App, ctx: &Context, credentials: &ClientCredentials) {
    let Some(question) = credentials.key_question() else { return };
    let (at, asked) = (ctx.clone(), question.clone());
    let Ok(Ok(true)) = app.bridge.run(move |idp| idp.lacks_keys(&at, &asked)).await else { return };
    let Ok(_turn) = within(PATIENCE, app.fetching.keys.lock()).await else { return };
    let at = ctx.clone();
    let Ok(Ok(Some(wanted))) = app.bridge.run(move |idp| idp.keys_to_fetch(&at, &question)).await else { return };
    let keys = match fetch_set(app, &wanted).await {
        Ok(keys) => Some(keys),
        Err(why) => {
            tracing::warn!(app = %wanted.app, uri = %wanted.uri, why, "the keys of an app cannot be fetched");
            None
        }
    };
    let at = ctx.clone();
    // Nobody but the log could be told that they were not kept.
    let _ = app.bridge.run(move |idp| idp.keep_fetched_keys(&at, &wanted, keys)).await;
}

async fn fetch_set(app: &App, wanted: &KeysToFetch) -> Result<JwkSet, String> {
    let bytes = fetch(app, &wanted.uri, MAX_JWKS).await?;
    JwkSet::published(&bytes).map_err(|why| why.to_string())
}

/// A document that an app publishes, of at most so many bytes. Somebody waits for it.
pub(super) async fn fetch(app: &App, uri: &DocumentUri, most: usize) -> Result<Vec<u8>, String> {
    let url = Url::parse(uri.as_str()).map_err(|why| why.to_string())?;
    let limits = OutboundLimits { bytes: (most + MAX_HEAD) as u64, time: PATIENCE };
    let outbound = app.way_to_apps(limits).map_err(|why| why.to_string())?;
    let question = Question { method: Method::Get, url: &url, authorization: None, body: None };
    // To find the name and to connect have limits of their own; together they are longer than anybody waits.
    let asked = within(PATIENCE, outbound.ask(question)).await;
    let reply = asked.map_err(|_| "no answer in time".to_owned())?.map_err(|why| why.to_string())?;
    if reply.status != 200 {
        return Err(format!("the answer has status {}; redirects are not followed", reply.status));
    }
    Ok(reply.body)
}

/// The proof that came with the request. More than one is none (RFC 9449 section 4.3).
pub(super) fn proof(request: &Request) -> Result<Option<String>, ProofRefusal> {
    match (request.header("dpop"), request.has_header("dpop")) {
        (Some(proof), _) => Ok(Some(proof.to_owned())),
        (None, false) => Ok(None),
        (None, true) => Err(ProofRefusal::Several),
    }
}

/// The answer with the nonce for the next proof, for an app that sends proofs.
pub(super) fn with_nonce(answer: Response, nonce: Option<String>) -> Response {
    match nonce {
        Some(nonce) => {
            answer.header(NONCE, nonce).header("Access-Control-Expose-Headers", "DPoP-Nonce, WWW-Authenticate")
        }
        None => answer,
    }
}
