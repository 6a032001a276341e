//! The one table of everything that is served.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::app::App;
use super::request::{Method, Request};
use super::response::Response;
use crate::endpoint;

/// A body's bound unless its route says otherwise.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// An endpoint; write `handler!(path::to::function)`.
pub(crate) type Handler = fn(Arc<App>, Request) -> Pin<Box<dyn Future<Output = Response> + Send>>;

/// Which rules hold for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For people with browsers: cookies, so no POST from other sites; strict CSP; never cached.
    Page,
    /// For the browser that sets up a box without an owner: as a page, under whatever name or address the box is reached.
    Setup,
    /// For apps (token, userinfo ...): no cookies, so no CSRF check; not cached unless the endpoint says so.
    Protocol,
    /// The admin API, on the control socket and with a bearer token on TLS: no cookies; never cached.
    Admin,
    /// The same for everybody: style sheets, discovery, health. The endpoint says how long it may be cached.
    Public,
    /// For port 80, where anybody on the way reads along and may change what is said: no cookies in either direction, only
    /// `GET`; strict CSP; never cached.
    Plain,
}

/// One row.
pub(crate) struct Route {
    /// `GET` answers `HEAD` too.
    pub(crate) method: Method,
    /// Like `/person/:name`.
    pub(crate) path: &'static str,
    /// Which rules hold.
    pub(crate) kind: Kind,
    /// The longest body in bytes.
    pub(crate) body_limit: usize,
    /// Whether a box without an owner serves it too.
    pub(crate) in_setup: bool,
    /// Whether a page is there under the former name of the house too; else that leads to the new one.
    pub(crate) both_names: bool,
    /// What answers.
    pub(crate) handler: Handler,
}

impl Route {
    const fn new(method: Method, path: &'static str, kind: Kind, handler: Handler) -> Self {
        let in_setup = match kind {
            Kind::Setup | Kind::Public | Kind::Plain => true,
            Kind::Page | Kind::Protocol | Kind::Admin => false,
        };
        Self { method, path, kind, body_limit: BODY_LIMIT, in_setup, both_names: false, handler }
    }

    /// `GET` and `HEAD`.
    pub(crate) const fn get(kind: Kind, path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Get, path, kind, handler)
    }

    /// `POST`.
    pub(crate) const fn post(kind: Kind, path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Post, path, kind, handler)
    }

    /// `PUT`.
    pub(crate) const fn put(kind: Kind, path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Put, path, kind, handler)
    }

    /// `PATCH`.
    pub(crate) const fn patch(kind: Kind, path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Patch, path, kind, handler)
    }

    /// `DELETE`.
    pub(crate) const fn delete(kind: Kind, path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Delete, path, kind, handler)
    }

    /// `OPTIONS`.
    pub(crate) const fn options(kind: Kind, path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Options, path, kind, handler)
    }

    /// The setup leads here: a box without an owner serves it.
    pub(crate) const fn in_setup(mut self) -> Self {
        self.in_setup = true;
        self
    }

    /// What apps that know the former name lead to has to be there, with the cookies of that name.
    pub(crate) const fn under_both_names(mut self) -> Self {
        self.both_names = true;
        self
    }

    /// Another bound for the body.
    pub(crate) const fn body(mut self, limit: usize) -> Self {
        self.body_limit = limit;
        self
    }
}

/// Makes an async function a [`Handler`].
macro_rules! handler {
    ($function:path) => {
        |app, request| Box::pin($function(app, request))
    };
}
pub(crate) use handler;

/// Families of rows.
pub(crate) type Table = &'static [&'static [Route]];

/// A family of endpoints keeps its rows beside its code and is named here once.
pub(crate) const ROUTES: Table = &[
    endpoint::admin::app::ROUTES,
    endpoint::admin::audit::ROUTES,
    endpoint::admin::backup::ROUTES,
    endpoint::admin::certificate::ROUTES,
    endpoint::admin::domain_name::ROUTES,
    endpoint::admin::group::ROUTES,
    endpoint::admin::health::ROUTES,
    endpoint::admin::key::ROUTES,
    endpoint::admin::panel::ROUTES,
    endpoint::admin::person::ROUTES,
    endpoint::admin::person_files::ROUTES,
    endpoint::admin::presence::ROUTES,
    endpoint::admin::registration::ROUTES,
    endpoint::admin::service_account::ROUTES,
    endpoint::admin::sign_in::ROUTES,
    endpoint::admin::status::ROUTES,
    endpoint::admin::time::ROUTES,
    endpoint::admin::trial::ROUTES,
    endpoint::forward_auth::ROUTES,
    endpoint::health::ROUTES,
    endpoint::oauth::ROUTES,
    endpoint::reach::ROUTES,
    endpoint::setup::ROUTES,
    endpoint::related_origins::ROUTES,
    endpoint::static_files::ROUTES,
    endpoint::trust::ROUTES,
    endpoint::web::CHOOSE,
    endpoint::web::CONSENT,
    endpoint::web::DASHBOARD,
    endpoint::web::DEVICE_CODE,
    endpoint::web::DEVICES,
    endpoint::web::FORWARD,
    endpoint::web::GRANTED,
    endpoint::web::INVITE,
    endpoint::web::LOGOUT,
    endpoint::web::MOVED,
    endpoint::web::PICTURE,
    endpoint::web::PROFILE,
    endpoint::web::RECOVER,
    endpoint::web::SIGN_IN,
    endpoint::web::SSH_KEYS,
    endpoint::web::WAYS_IN,
];

/// What port 80 answers itself; it sends everything else on to the addresses above.
pub(crate) const PLAIN_ROUTES: Table =
    &[endpoint::reach::PLAIN_ROUTES, endpoint::static_files::ROUTES, endpoint::trust::PLAIN_ROUTES];

/// Whether a path fits a pattern such as `/person/:name`.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        match parts.next() {
            Some(part) if wanted.starts_with(':') || wanted == part => {}
            Some(_) | None => return false,
        }
    }
    parts.next().is_none()
}
