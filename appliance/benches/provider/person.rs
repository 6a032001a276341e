//! The person's side: a browser that opens an invite and signs in, by the forms of the pages.

use ring::hmac;
use serde_json::Value;

use crate::authenticator::Authenticator;
use crate::client::{Answer, Call};
use crate::http::Connection;

/// Somebody with a passkey.
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
        self.connection.ask(&Call::post(path).origin(&self.origin).form(&[("name", "")]), 200).json()
    }

    /// The value that follows `before` in a page, up to `after`.
    fn read<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
        let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}")).1;
        rest.split_once(after).map_or(rest, |(value, _)| value)
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
        let mut passkey = Authenticator::new(&tab.origin);
        let credential = passkey.create(&options);
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

    /// Looks at what a device asks, and lets it in.
    pub fn let_in(&self, tab: &mut Tab, user_code: &str) {
        let page = Call::get(format!("/device?code={user_code}")).header("Cookie", &self.cookie);
        tab.connection.ask(&page, 200);
        let yes = [("code", user_code), ("answer", "allow")];
        let answer = Call::post("/device").header("Cookie", &self.cookie).origin(&tab.origin).form(&yes);
        tab.connection.ask(&answer, 200);
    }
}

/// Somebody with a password and recovery codes, as the second factor that can be used ten times in a minute.
pub struct Guest {
    pub name: String,
    codes: Vec<String>,
}

pub const PASSWORD: &str = "seven quiet herons by the weir";

impl Guest {
    /// Opens an invite link and sets a password and an authenticator app, at this time.
    pub fn join(tab: &mut Tab, name: &str, invite: &str, unix_time: u64) -> Self {
        let path = format!("{}/password", invite.strip_prefix(&tab.origin).expect("an invite to this house"));
        let page = tab.connection.ask(&Call::get(&path), 200).text();
        let ceremony = Tab::read(&page, "name=\"ceremony\" value=\"", "\"");
        let key = Tab::read(&page, "id=\"totp-key\">", "<");
        let code = six_digits(key, unix_time);
        let fields =
            [("ceremony", ceremony), ("username", name), ("password", PASSWORD), ("repeat", PASSWORD), ("code", &code)];
        let page = tab.post(&path, &fields).text();
        let codes =
            page.split("data-code>").skip(1).map(|rest| Tab::read(rest, "", "<").to_owned()).collect::<Vec<_>>();
        assert!(!codes.is_empty(), "no recovery codes: {page}");
        Self { name: name.to_owned(), codes }
    }

    /// Signs in with the password and the next recovery code.
    pub fn sign_in(&mut self, tab: &mut Tab) {
        let page = tab.try_password(&self.name, PASSWORD).text();
        let attempt = Tab::read(&page, "name=\"attempt\" value=\"", "\"");
        let code = self.codes.pop().expect("a recovery code");
        let answer = tab.post("/signin/second", &[("attempt", attempt), ("recovery", &code), ("next", "/")]);
        cookie(&answer);
    }
}

/// RFC 6238 with the parameters that every authenticator app has.
fn six_digits(key: &str, unix_time: u64) -> String {
    let mut bits = String::new();
    for letter in key.bytes().filter(u8::is_ascii_alphanumeric) {
        let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter.to_ascii_uppercase() - b'A' };
        bits.push_str(&format!("{value:05b}"));
    }
    let bytes = bits.as_bytes().chunks_exact(8).map(|byte| {
        let text = std::str::from_utf8(byte).expect("digits");
        u8::from_str_radix(text, 2).expect("eight bits")
    });
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes.collect::<Vec<_>>());
    let tag = hmac::sign(&key, &(unix_time / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    let whole = || format!("no session came: {} {:?} {}", answer.status, answer.headers, answer.text());
    cookie.unwrap_or_else(|| panic!("{}", whole())).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
