//! The security headers of each kind of answer, in one place.

use super::response::Response;
use super::routes::Kind;

/// Everything from ourselves, nothing inline, no frames (CSP Level 3). What forms and scripts may
/// reach beside this site is added per answer.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers that an answer gets beside its own. One that the endpoint set itself wins.
pub(super) fn complete(kind: Kind, secure: bool, response: &mut Response) {
    if kind == Kind::Plain {
        response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
    }
    let mut add = |name: &'static str, value: &str| {
        let already = response.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        if !already {
            response.headers.push((name, value.to_owned()));
        }
    };
    add("X-Content-Type-Options", "nosniff");
    if secure {
        add("Strict-Transport-Security", "max-age=31536000");
    }
    match kind {
        Kind::Page | Kind::Setup | Kind::Plain => {
            add("Cache-Control", "no-store");
            add("Referrer-Policy", "same-origin");
            // Browsers heed it where nobody on the way can have changed it, and complain of it elsewhere.
            if kind != Kind::Plain {
                add("Cross-Origin-Opener-Policy", "same-origin");
            }
            add("X-Frame-Options", "DENY");
            let targets = response.form_targets.take().unwrap_or_default();
            let reached = response.script_targets.take().unwrap_or_default();
            let forms = match (response.forms_lead_here, targets.trim_start()) {
                (true, _) => format!("'self'{targets}"),
                (false, "") => "'none'".to_owned(),
                (false, target) => target.to_owned(),
            };
            let policy = format!("{POLICY}; connect-src 'self'{reached}; form-action {forms}");
            response.headers.push(("Content-Security-Policy", policy));
        }
        Kind::Protocol | Kind::Admin => add("Cache-Control", "no-store"),
        Kind::Public => {}
    }
}
