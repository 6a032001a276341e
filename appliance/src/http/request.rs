//! A request whose framing, size and headers have been checked.

use std::net::IpAddr;

use domain::clock::{Moment, Trust};
use domain::house::Address;
use domain::time::{Timestamp, Uptime};
use serde::de::DeserializeOwned;

use super::form::{self, Form};
use super::response::Response;
use super::{cookies, json};

/// What an endpoint gets.
pub(crate) struct Request {
    /// `HEAD` arrives as `GET`; the loop leaves the body out.
    pub(crate) method: Method,
    /// The values of the `:name` parts of the route's path.
    pub(crate) params: PathParams,
    /// The fields after `?`.
    pub(crate) query: Form,
    /// The whole body, at most as long as the route allows.
    pub(crate) body: Vec<u8>,
    /// Who is at the other end.
    pub(crate) peer: Peer,
    /// When the request came in.
    pub(crate) now: Timestamp,
    /// The same on the clock that never jumps.
    pub(crate) uptime: Uptime,
    /// How far `now` can be trusted.
    pub(crate) trust: Trust,
    /// By which name of the house it came in.
    pub(crate) at: Address,
    pub(super) headers: tide::http::Request,
}

/// The methods that exist here; anything else is answered with 501 before it gets this far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Look.
    Get,
    /// Do.
    Post,
    /// Set.
    Put,
    /// Change a part.
    Patch,
    /// Remove.
    Delete,
    /// CORS preflight.
    Options,
}

/// The other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody on the network.
    Network(IpAddr),
    /// Somebody on this machine, through the control socket; the kernel vouches for the user id.
    Control {
        /// The user id of the process.
        uid: u32,
        /// Whether it is root or the user that the server runs as: the console.
        console: bool,
    },
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Network(ip) => ip.fmt(f),
            Self::Control { uid, .. } => write!(f, "uid:{uid}"),
        }
    }
}

/// The request cannot be understood; the text says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadRequest {
    /// For the person or programmer at the other end.
    pub(crate) message: String,
    /// 400, or 415 for a wrong content type.
    pub(crate) status: u16,
}

impl BadRequest {
    /// A 400 with this text.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), status: 400 }
    }

    fn wrong_type(wanted: &str) -> Self {
        Self { message: format!("Send this request with Content-Type: {wanted}."), status: 415 }
    }
}

impl From<BadRequest> for Response {
    fn from(bad: BadRequest) -> Self {
        Self::text(bad.status, bad.message)
    }
}

/// The values of the `:name` parts of a path, percent-decoded.
#[derive(Debug, Default, Clone)]
pub(crate) struct PathParams(Vec<(&'static str, String)>);

impl PathParams {
    /// Reads the parts of `path` that `pattern` names; `None` when one is not UTF-8.
    pub(super) fn read(pattern: &'static str, path: &str) -> Option<Self> {
        let mut params = Vec::new();
        if pattern.contains(':') {
            for (name, raw) in pattern.split('/').zip(path.split('/')) {
                if let Some(name) = name.strip_prefix(':') {
                    params.push((name, form::percent_decode(raw)?));
                }
            }
        }
        Some(Self(params))
    }

    /// The value of `:name`; the empty string when the route has no such part.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }
}

/// The path with its query, as it was asked for.
pub(super) fn target(raw: &tide::http::Request) -> String {
    let url = raw.url();
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

impl Request {
    /// When the request came in, on all clocks.
    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.now, uptime: self.uptime, trust: self.trust }
    }

    /// The path with its query, as it was asked for.
    pub(crate) fn target(&self) -> String {
        target(&self.headers)
    }

    /// The value of a header, when it came exactly once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.header(name)?.iter();
        let value = values.next()?;
        values.next().is_none().then_some(value.as_str())
    }

    /// Whether a header came, once or more often.
    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.header(name).is_some()
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        cookies::find(self.header("cookie")?, name)
    }

    /// The token of `Authorization: Bearer` (RFC 6750 §2.1).
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.authorization("bearer")
    }

    /// What follows that scheme in `Authorization` (RFC 9110 §11.6.2).
    pub(crate) fn authorization(&self, wanted: &str) -> Option<&str> {
        let (scheme, rest) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim_start_matches(' '))
    }

    /// The fields of a form in the body.
    ///
    /// # Errors
    /// When the body is something else, not UTF-8, or has too many fields.
    pub(crate) fn form(&self) -> Result<Form, BadRequest> {
        const TYPE: &str = "application/x-www-form-urlencoded";
        if !self.has_type(TYPE) {
            return Err(BadRequest::wrong_type(TYPE));
        }
        let text = std::str::from_utf8(&self.body).map_err(|_| BadRequest::new("The form is not valid UTF-8."))?;
        Form::parse(text)
    }

    /// The JSON value in the body.
    ///
    /// # Errors
    /// When the body is something else, nested too deeply, or does not fit `T`; the text says where.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, BadRequest> {
        const TYPE: &str = "application/json";
        if !self.has_type(TYPE) {
            return Err(BadRequest::wrong_type(TYPE));
        }
        json::parse(&self.body)
    }

    fn has_type(&self, wanted: &str) -> bool {
        self.header("content-type").is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case(wanted)
        })
    }
}
