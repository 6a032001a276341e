//! HTTP as the endpoints see it. This folder is the only code that names tide and its types.
//!
//! An endpoint is `async fn(Arc<App>, Request) -> Response` and one row of [`routes::ROUTES`].

mod adapt;
mod app;
mod client;
mod cookies;
mod csrf;
mod depth;
mod form;
mod gate;
mod headers;
mod json;
mod outbound;
mod plain;
mod request;
mod response;
mod routes;

pub(crate) use adapt::{Incoming, Outgoing, Router, Transport};
pub(crate) use app::{App, Discovery, FAULT, name_of_start};
pub(crate) use client::{Answer, Call, Client, ClientError, within};
pub(crate) use cookies::Cookie;
pub(crate) use form::Form;
pub(crate) use json::parse as parse_json;
pub use outbound::OutboundLimits;
pub(crate) use outbound::{Outbound, Question, Reply};
pub(crate) use plain::{host_of, is_ours};
pub(crate) use request::{BadRequest, Method, Peer, Request};
pub(crate) use response::Response;
pub(crate) use routes::{BODY_LIMIT, Kind, PLAIN_ROUTES, ROUTES, Route, Table, handler};

#[cfg(test)]
mod tests;
