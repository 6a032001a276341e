//! The way into the house that most tests take.

use crate::authenticator::Authenticator;
use crate::harness::{Call, Server};

/// The cookie of the session.
pub(crate) const COOKIE: &str = "__Host-latchkey";

/// Through an invite link, with a new passkey of that device; the cookie of the session that begins.
pub(crate) fn move_in(server: &Server, device: &mut Authenticator, (link, display_name): (&str, &str)) -> String {
    let issuer = &server.issuer;
    let path = link.strip_prefix(issuer.as_str()).unwrap();
    let asked = Call::post(format!("{path}/passkey/options")).origin(issuer).header("Accept", "application/json");
    let options = server.send(&asked.form(&[("display_name", display_name)])).json();
    let credential = device.create(&options).to_string();
    let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
    let answer = server.send(&Call::post(format!("{path}/passkey")).origin(issuer).form(&fields));
    answer.set_cookie(COOKIE).unwrap().to_owned()
}
