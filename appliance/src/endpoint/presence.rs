//! What a browser is recognised by while somebody at the box lets it do something: a claim or a recovery.

use domain::secret::Secret;

use crate::http::{Cookie, Request, Response};

const COOKIE: &str = "__Host-latchkey-presence";
/// How long a browser keeps it, in seconds: a setup that was put aside for lunch goes on.
const KEPT: i64 = 2 * 60 * 60;

/// What the browser holds, if anything.
pub(super) fn held(request: &Request) -> Option<&str> {
    request.cookie(COOKIE).filter(|value| !value.is_empty())
}

/// Lets the browser hold this from now on.
pub(super) fn hold(response: Response, held: &Secret<String>) -> Response {
    response.set_cookie(&Cookie::new(COOKIE, held.expose().as_str()).max_age(KEPT))
}
