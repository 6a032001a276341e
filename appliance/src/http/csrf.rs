//! Cross-site request forgery: a POST to a page must come from our own pages.
//!
//! Every browser since 2020 sends `Origin` on a POST; `Sec-Fetch-Site` is the second witness. No token in forms is needed.

use super::request::{Method, Request};

/// Whether this request may change something in the name of the cookie that it carries. `ours` is the origin of our pages.
pub(super) fn allowed(request: &Request, ours: &str) -> bool {
    if request.method == Method::Get {
        return true;
    }
    let origin = request.headers.header("origin");
    let site = request.headers.header("sec-fetch-site");
    match (origin, site) {
        (Some(_), _) => request.header("origin") == Some(ours),
        (None, Some(_)) => request.header("sec-fetch-site") == Some("same-origin"),
        (None, None) => false,
    }
}
