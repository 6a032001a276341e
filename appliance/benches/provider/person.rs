//! The person's side: a browser that holds a passkey, opens an invite and signs in, by the forms of the pages.

use serde_json::Value;

use crate::authenticator::Authenticator;
use crate::client::{Answer, Call};
use crate::http::Connection;

pub struct Person {
    passkey: Authenticator,
    /// The session cookie, `name=value`.
    pub cookie: String,
}

/// One browser tab on our own pages.
pub struct Tab {
    pub connection: Connection,
    pub origin: String,
}

impl Tab {
    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.connection.send(&Call::post(path).origin(&self.origin).form(fields)).expect("an answer")
    }

    fn options(&mut self, path: &str) -> Value {
        self.connection.ask(&Call::post(path).origin(&self.origin).header("Content-Length", "0"), 200).json()
    }

    /// One try with a password; whatever comes of it.
    pub fn try_password(&mut self, name: &str, password: &str) -> Answer {
        self.post("/signin/password", &[("username", name), ("password", password), ("next", "/")])
    }
}

impl Person {
    /// Opens an invite link and creates a passkey.
    pub fn join(tab: &mut Tab, invite: &str) -> Self {
        let path = invite.strip_prefix(&tab.origin).expect("an invite to this house").to_owned();
        let options = tab.options(&format!("{path}/passkey/options"));
        let (passkey, credential) = Authenticator::create(&options, &tab.origin);
        let fields = [("ceremony", text(&options["ceremony"])), ("credential", &credential.to_string())];
        let answer = tab.post(&format!("{path}/passkey"), &fields);
        Self { passkey, cookie: cookie(&answer) }
    }

    /// Signs in with the passkey, without typing a name; the session is the new one from now on.
    pub fn sign_in(&mut self, tab: &mut Tab) {
        let options = tab.options("/signin/passkey/options");
        let credential = self.passkey.get(&options).to_string();
        let fields = [("ceremony", text(&options["ceremony"])), ("credential", &credential), ("next", "/")];
        self.cookie = cookie(&tab.post("/signin/passkey", &fields));
    }
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    let whole = || format!("no session came: {} {:?} {}", answer.status, answer.headers, answer.text());
    cookie.unwrap_or_else(|| panic!("{}", whole())).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
