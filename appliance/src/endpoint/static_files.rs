//! Style sheets, scripts and icons: part of the program, addressed by their digest, cached for ever.

use std::sync::{Arc, LazyLock};

use ring::digest;

use crate::http::{App, Kind, Request, Response, Route, handler};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Public, "/static/:name", handler!(get))];

struct File {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

/// One line for each file in `appliance/static`.
macro_rules! files {
    ($($name:literal : $type:literal),* $(,)?) => {
        &[$(File {
            name: $name,
            content_type: $type,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/static/", $name)),
        }),*]
    };
}

const FILES: &[File] = files! {
    "app.css": "text/css; charset=utf-8",
    "form_post.js": "text/javascript; charset=utf-8",
    "helpers.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
    "reach.js": "text/javascript; charset=utf-8",
    "robots.txt": "text/plain; charset=utf-8",
    "setup.js": "text/javascript; charset=utf-8",
    "trust.css": "text/css; charset=utf-8",
    "webauthn.js": "text/javascript; charset=utf-8",
};

/// The address of each file with the first bytes of its digest: a changed file has another address.
static ADDRESSES: LazyLock<Vec<String>> = LazyLock::new(|| FILES.iter().map(address).collect());

fn address(file: &File) -> String {
    let digest = digest::digest(&digest::SHA256, file.bytes);
    let short: String = digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("/static/{}?v={short}", file.name)
}

/// The address to write into a page, such as `/static/app.css?v=0123456789ab`.
pub(crate) fn url(name: &str) -> &'static str {
    let index = FILES.iter().position(|file| file.name == name);
    debug_assert!(index.is_some(), "{name} is not in FILES");
    index.and_then(|index| ADDRESSES.get(index)).map_or("/static/missing", String::as_str)
}

async fn get(_: Arc<App>, request: Request) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == request.params.get("name")) else {
        return Response::text(404, "There is nothing at this address.");
    };
    let version = url(file.name).rsplit('=').next();
    let current = matches!(request.query.one("v"), Ok(Some(v)) if version == Some(v));
    let cache = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    Response::bytes(file.content_type, file.bytes).header("Cache-Control", cache)
}
