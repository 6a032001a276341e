//! The JSON admin API: on the control socket, where the kernel says who asks, and over TLS with the API token of a service
//! account. Never with a cookie, so no other site can make a browser use it.
//!
//! An endpoint is `fn(&Idp, &Context, &Request) -> Result<Reply, Stop>` and one row of its file's `ROUTES`.

pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod certificate;
pub(crate) mod domain_name;
pub(crate) mod group;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod panel;
pub(crate) mod person;
pub(crate) mod person_files;
pub(crate) mod presence;
mod problem;
pub(crate) mod registration;
pub(crate) mod service_account;
pub(crate) mod sign_in;
pub(crate) mod status;
pub(crate) mod time;
pub(crate) mod trial;

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use service::{Change, Context, Idp, Origin, PageQuery};

use crate::api::{AccountState, Changed, Effect, Page, Problem, ProblemCode};
use crate::http::{App, Peer, Request, Response};

pub(crate) use problem::{Stop, render};

/// Makes an operation a [`crate::http::Handler`].
macro_rules! admin {
    ($act:path) => {
        |app, request| Box::pin($crate::endpoint::admin::run(app, request, $act))
    };
}
pub(crate) use admin;

/// What an endpoint answers.
pub(crate) enum Reply {
    /// 200 and JSON.
    Json(Vec<u8>),
    /// 200 and something else.
    Bytes(&'static str, Vec<u8>),
}

impl Reply {
    fn json(value: &impl Serialize) -> Result<Self, Stop> {
        serde_json::to_vec(value).map(Self::Json).map_err(|error| service::Fault::unexpected(error).into())
    }
}

/// Finds out who asks, runs the endpoint on a worker thread, and writes down what came of it.
pub(crate) async fn run<A>(app: Arc<App>, request: Request, act: A) -> Response
where
    A: FnOnce(&Idp, &Context, &Request) -> Result<Reply, Stop> + Send + 'static,
{
    let done = app.bridge.run(move |idp| caller(idp, &request).and_then(|ctx| act(idp, &ctx, &request)));
    match done.await {
        Ok(Ok(Reply::Json(bytes))) => Response::owned("application/json", bytes),
        Ok(Ok(Reply::Bytes(media_type, bytes))) => Response::owned(media_type, bytes),
        Ok(Err(Stop::Problem(problem))) => render(&problem),
        Ok(Err(Stop::Fault(fault))) => render(&problem::of_fault(&app, &fault)),
        Err(_) => render(&problem::busy()),
    }
}

/// The kernel vouches for the console; everybody else shows a token.
fn caller(idp: &Idp, request: &Request) -> Result<Context, Stop> {
    match request.peer {
        Peer::Control { console: true, .. } => Ok(Context::console(request.moment())),
        Peer::Control { console: false, uid } => {
            let problem = Problem::new(ProblemCode::NotAllowed, format!("user {uid} may not use the control socket"));
            Err(problem.hint("become root or the server's own user (sudo), or use --url with --token-file").into())
        }
        Peer::Network(address) => {
            let origin = Origin { address: Some(address), device: String::new(), at: Some(request.at.clone()) };
            let Some(token) = request.bearer() else {
                let problem = Problem::new(ProblemCode::NotSignedIn, "the admin API wants an API token");
                return Err(problem.hint("send Authorization: Bearer with the token of a service account").into());
            };
            let actor = idp.authenticate_api_token(token, request.moment())?;
            Ok(Context::new(actor, request.moment(), origin))
        }
    }
}

/// A name or number in the path.
fn param<T: FromStr<Err: Display>>(request: &Request, name: &str) -> Result<T, Stop> {
    parse(name, request.params.get(name))
}

/// A value that came as text.
fn parse<T: FromStr<Err: Display>>(what: &str, raw: &str) -> Result<T, Stop> {
    raw.parse().map_err(|why: T::Err| Problem::new(ProblemCode::Invalid, format!("{what}: {why}")).into())
}

/// A value that is none of those that there are.
fn parse_failed(what: &str, why: &str) -> Stop {
    Problem::new(ProblemCode::Invalid, format!("{what} {why}")).into()
}

/// A field of the query; a repeated one is refused.
fn query<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, Stop> {
    request
        .query
        .one(name)
        .map_err(|_| Problem::new(ProblemCode::Invalid, format!("{name} came more than once")).into())
}

/// A field of the query as what it means.
fn query_as<T: FromStr<Err: Display>>(request: &Request, name: &str) -> Result<Option<T>, Stop> {
    query(request, name)?.map(|raw| parse(name, raw)).transpose()
}

/// Which page of a list.
fn page_query(request: &Request) -> Result<PageQuery, Stop> {
    Ok(PageQuery {
        prefix: query(request, "prefix")?.unwrap_or_default().to_owned(),
        after: query(request, "after")?.map(str::to_owned),
        limit: query_as(request, "limit")?,
    })
}

/// A page in the words of the API.
fn page<T, K: Display, U: Serialize>(found: service::Page<T, K>, item: impl FnMut(T) -> U) -> Result<Reply, Stop> {
    let next = found.next.map(|next| next.to_string());
    Reply::json(&Page { items: found.items.into_iter().map(item).collect(), next })
}

/// A list that is short enough for one page.
fn whole<T: Serialize>(items: Vec<T>) -> Result<Reply, Stop> {
    Reply::json(&Page { items, next: None })
}

/// What a change did, in the words of the API.
fn changed(change: Change) -> Result<Reply, Stop> {
    Reply::json(&Changed { change: effect(change) })
}

fn effect(change: Change) -> Effect {
    match change {
        Change::Created => Effect::Created,
        Change::Changed => Effect::Changed,
        Change::Removed => Effect::Removed,
        Change::Unchanged => Effect::Unchanged,
    }
}

/// Whether an account can be used now, in the words of the API.
fn state(account: &domain::account::Account, now: domain::time::Timestamp) -> AccountState {
    use domain::account::Unusable;
    match account.usable(now) {
        Ok(()) => AccountState::Active,
        Err(Unusable::Locked) => AccountState::Locked,
        Err(Unusable::NotYet(_)) => AccountState::NotYet,
        Err(Unusable::Expired(_)) => AccountState::Expired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{ROUTES, Router, Transport};
    use crate::listen::{Site, Timeouts, Wire, converse};
    use crate::testing;

    fn status(peer: Peer) -> (u16, String) {
        let site = Site::new(Router::new(testing::app(), ROUTES, Transport::Tls), Timeouts::default());
        let wire = Wire::new(b"GET /api/v1/status HTTP/1.1\r\nHost: id.example\r\n\r\n");
        let answers = wire.answers();
        let (_sender, stop) = smol::channel::bounded(1);
        smol::block_on(converse(&site, wire, peer, stop));
        let text = String::from_utf8(answers.take()).unwrap();
        (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
    }

    #[test]
    fn only_root_and_the_servers_own_user_are_the_console() {
        assert_eq!(status(Peer::Control { uid: 1000, console: true }).0, 200);
        let (code, text) = status(Peer::Control { uid: 1000, console: false });
        assert_eq!(code, 403);
        assert!(text.contains("user 1000") && text.contains("sudo"), "{text}");
    }
}
