//! Between the bytes of one request and the endpoint that answers it: async-h1 decodes and encodes, tide finds the route.

use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use async_h1::server::Encoder;
use domain::clock::Moment;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, FutureExt};
use tide::http;

use super::app::App;
use super::form::Form;
use super::gate::{Knock, nothing_here};
use super::request::{Method, PathParams, Peer, Request, target};
use super::response::Response;
use super::routes::{self, BODY_LIMIT, Kind, Route, Table};
use super::{csrf, gate, headers, plain};
use crate::{endpoint, system};

/// One request whose framing has been checked and whose body has been read.
pub(crate) struct Incoming {
    /// The head up to and with its empty line, without `Expect`.
    pub(crate) head: Vec<u8>,
    /// The body, without its framing.
    pub(crate) body: Vec<u8>,
    /// Who asks.
    pub(crate) peer: Peer,
    /// Whether the connection ends after the answer.
    pub(crate) close: bool,
}

/// The bytes of one answer.
pub(crate) struct Outgoing {
    encoder: Encoder,
    length: usize,
}

/// What rides along with a request through tide.
struct Meta {
    body: Vec<u8>,
    peer: Peer,
}

/// Which row answered, for the log.
struct Answered(&'static Route);

/// How requests come to a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Over TLS, or over the control socket, which needs none.
    Tls,
    /// In the clear: see [`Kind::Plain`].
    Plain,
}

/// The routes, ready to answer.
pub(crate) struct Router {
    server: tide::Server<Arc<App>>,
    app: Arc<App>,
    table: Table,
    transport: Transport,
}

impl Router {
    /// Puts every row of the table into tide's router.
    pub(crate) fn new(app: Arc<App>, table: Table, transport: Transport) -> Self {
        let mut server = tide::Server::with_state(Arc::clone(&app));
        for route in table.iter().copied().flatten() {
            let endpoint = move |request| async move { Ok(run(route, transport, request).await) };
            server.at(route.path).method(to_tide(route.method), endpoint);
        }
        Self { server, app, table, transport }
    }

    /// The longest body that such a request may bring, before anything of the body is read.
    pub(crate) fn body_limit(&self, method: &str, path: &str) -> usize {
        let rows = self.table.iter().copied().flatten();
        let special = rows.filter(|route| {
            route.body_limit != BODY_LIMIT
                && to_tide(route.method).as_ref() == method
                && routes::matches(route.path, path)
        });
        special.map(|route| route.body_limit).max().unwrap_or(BODY_LIMIT)
    }

    /// Answers one request; never fails, and survives an endpoint that panics.
    pub(crate) async fn answer(&self, incoming: Incoming) -> Outgoing {
        let started = system::monotonic();
        let Incoming { head, body, peer, close } = incoming;
        let mut request = match async_h1::server::decode(Replay::new(head)).await {
            Ok(Some((request, _))) => request,
            Ok(None) | Err(_) => {
                return self.refuse(400, "The request cannot be understood.", peer);
            }
        };
        let method = request.method();
        request.ext_mut().insert(Meta { body, peer });
        let (mut response, route) = self.respond(request, peer).await;
        if close {
            response.insert_header("connection", "close");
        }
        log(method.as_ref(), route, response.status().into(), peer, started);
        Outgoing::new(response, method)
    }

    /// Answers what is no request at all; the connection ends after it.
    pub(crate) fn refuse(&self, status: u16, text: &'static str, peer: Peer) -> Outgoing {
        self.turn_away(Response::text(status, text), peer)
    }

    /// Answers a request that there is no room for now; the connection ends after it.
    pub(crate) fn busy(&self, peer: Peer) -> Outgoing {
        self.turn_away(Response::busy(), peer)
    }

    fn turn_away(&self, response: Response, peer: Peer) -> Outgoing {
        let status = response.status();
        let mut response = self.encode(response, peer);
        response.insert_header("connection", "close");
        log("-", "-", status, peer, system::monotonic());
        Outgoing::new(response, http::Method::Get)
    }

    async fn respond(&self, mut request: http::Request, peer: Peer) -> (http::Response, &'static str) {
        let path = request.url().path().to_owned();
        let person = looks_like_a_person(&request);
        let elsewhere = match self.transport {
            Transport::Tls => None,
            Transport::Plain => Some(match plain::look(&self.app, &mut request, person) {
                Ok(elsewhere) => elsewhere,
                Err(answer) => return (self.encode(answer, peer), "-"),
            }),
        };
        let answer = self.server.respond::<http::Request, http::Response>(request);
        let refusal = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => match response.ext().get::<Answered>().map(|row| row.0.path) {
                Some(route) => return (response, route),
                None => elsewhere.unwrap_or_else(|| unrouted(self.table, &path)),
            },
            Ok(Err(error)) => self.app.fault(&error),
            Err(_) => self.app.fault(&"an endpoint panicked"),
        };
        let refusal = if person { endpoint::web::in_plain_sight(&self.app, refusal, "/") } else { refusal };
        (self.encode(refusal, peer), "-")
    }

    /// For what no row answered.
    fn encode(&self, response: Response, peer: Peer) -> http::Response {
        let kind = match self.transport {
            Transport::Tls => Kind::Page,
            Transport::Plain => Kind::Plain,
        };
        encode(response, kind, secure(&self.app, peer, self.transport))
    }
}

impl Outgoing {
    fn new(response: http::Response, method: http::Method) -> Self {
        Self { length: response.len().unwrap_or(0), encoder: Encoder::new(response, method) }
    }

    /// How many bytes the body has, to size a buffer by.
    pub(crate) fn body_length(&self) -> usize {
        self.length
    }

    /// Fills the buffer as far as the answer goes; less than its length means that the answer is over.
    ///
    /// # Errors
    /// When the answer cannot be encoded.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.encoder.read(rest).await? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }
}

/// Runs one row: the rules of its kind, then its endpoint.
async fn run(route: &'static Route, transport: Transport, request: tide::Request<Arc<App>>) -> tide::Response {
    let app = Arc::clone(request.state());
    let mut raw: http::Request = request.into();
    let Meta { body, peer } = raw
        .ext_mut()
        .remove::<Meta>()
        .unwrap_or(Meta { body: Vec::new(), peer: Peer::Network(std::net::Ipv4Addr::UNSPECIFIED.into()) });
    let person = matches!(route.kind, Kind::Page | Kind::Setup | Kind::Plain) && looks_like_a_person(&raw);
    let back = if person { way_back(&raw) } else { String::new() };
    let response = match admit(route, &app, raw, peer) {
        Ok(mut request) => {
            request.body = body;
            (route.handler)(Arc::clone(&app), request).await
        }
        Err(refused) => refused,
    };
    let response = if person { endpoint::web::in_plain_sight(&app, response, &back) } else { response };
    let mut response = encode(response, route.kind, secure(&app, peer, transport));
    response.ext_mut().insert(Answered(route));
    response.into()
}

/// Makes the request that the endpoint sees, or refuses it by the rules of the route's kind.
fn admit(route: &'static Route, app: &App, raw: http::Request, peer: Peer) -> Result<Request, Response> {
    let moment = app.clock.moment();
    let host = raw.header("host").map_or("", |host| host.as_str());
    let at = gate::admits(route, app, &Knock { peer, host, target: &target(&raw), moment })?;
    let ours = gate::origin(route.kind, &at, host);
    let params = PathParams::read(route.path, raw.url().path()).ok_or_else(nothing_here)?;
    let query = Form::parse(raw.url().query().unwrap_or_default())?;
    let Moment { now, uptime, trust } = moment;
    let (method, body) = (route.method, Vec::new());
    let request = Request { method, params, query, body, peer, now, uptime, trust, at, headers: raw };
    if matches!(route.kind, Kind::Page | Kind::Setup) && !csrf::allowed(&request, &ours) {
        let text = "This form was not sent from a page of this server. Go back, load the page again and repeat.";
        return Err(Response::text(403, text));
    }
    if route.kind == Kind::Page && !trust.is_good() {
        // The service would not let anybody in; this says so before somebody has filled in a form.
        return Err(Response::clock_not_set());
    }
    Ok(request)
}

/// Whether whoever asks wants a page to look at. Scripts and apps get plain words.
fn looks_like_a_person(request: &http::Request) -> bool {
    request.header("accept").is_some_and(|accept| accept.iter().any(|value| value.as_str().contains("text/html")))
}

/// Where to try again: the page itself, or the page of ours that the form stood on. Never another site.
fn way_back(request: &http::Request) -> String {
    let here = request.header("host").map_or_else(String::new, |host| format!("https://{}", host.as_str()));
    let referer = request.header("referer").map_or("", |referer| referer.as_str());
    let back = if request.method() == http::Method::Get {
        target(request)
    } else {
        referer.strip_prefix(&here).unwrap_or("/").to_owned()
    };
    if back.starts_with('/') && !back.starts_with("//") { back } else { "/".to_owned() }
}

/// The answer when no row has this path, or none with this method.
fn unrouted(table: Table, path: &str) -> Response {
    let rows = table.iter().copied().flatten().filter(|route| routes::matches(route.path, path));
    let allowed: Vec<http::Method> = rows.map(|route| to_tide(route.method)).collect();
    if allowed.is_empty() {
        return nothing_here();
    }
    let names: Vec<&str> = allowed.iter().map(AsRef::as_ref).collect();
    Response::text(405, "This address does not take this method.").header("Allow", names.join(", "))
}

fn encode(mut response: Response, kind: Kind, secure: bool) -> http::Response {
    headers::complete(kind, secure, &mut response);
    let status = http::StatusCode::try_from(response.status).unwrap_or(http::StatusCode::InternalServerError);
    let mut encoded = http::Response::new(status);
    if let Some(content_type) = response.content_type {
        encoded.insert_header("content-type", content_type);
    }
    for (name, value) in response.headers {
        encoded.append_header(name, value);
    }
    let body = response.body.into_vec();
    if !body.is_empty() {
        encoded.set_body(body);
    }
    encoded
}

/// Whether to tell the browser to insist on TLS for this name.
fn secure(app: &App, peer: Peer, transport: Transport) -> bool {
    let encrypted = matches!((peer, transport), (Peer::Network(_), Transport::Tls));
    encrypted && app.nameplate.claimed() && app.house().strict_transport()
}

fn log(method: &str, route: &str, status: u16, peer: Peer, started: Instant) {
    let us = u64::try_from(system::monotonic().duration_since(started).as_micros());
    let us = us.unwrap_or(u64::MAX);
    tracing::info!(target: "request", method, route, status, us, %peer);
}

fn to_tide(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::Get,
        Method::Post => http::Method::Post,
        Method::Put => http::Method::Put,
        Method::Patch => http::Method::Patch,
        Method::Delete => http::Method::Delete,
        Method::Options => http::Method::Options,
    }
}

/// The checked head as the stream that async-h1 wants to read. What it would write goes nowhere: it writes only
/// after `Expect`, which it never sees.
#[derive(Clone)]
struct Replay {
    head: Arc<Vec<u8>>,
    at: usize,
}

impl Replay {
    fn new(head: Vec<u8>) -> Self {
        Self { head: Arc::new(head), at: 0 }
    }
}

impl AsyncRead for Replay {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let rest = self.head.get(self.at..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
