//! Cookies of the `__Host-` kind: this host only, whole site, TLS only, out of reach of scripts.

use std::fmt::Write;

/// A cookie to set. Its attributes are not a choice: `Secure; HttpOnly; SameSite=Lax; Path=/`.
#[derive(Debug, Clone)]
pub(crate) struct Cookie {
    name: &'static str,
    value: String,
    max_age: Option<i64>,
}

impl Cookie {
    /// A cookie for as long as the browser runs. `name` starts with `__Host-`.
    pub(crate) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), max_age: None }
    }

    /// Kept for that many seconds.
    pub(crate) fn max_age(mut self, seconds: i64) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// Takes the cookie away from the browser.
    pub(crate) fn remove(name: &'static str) -> Self {
        Self::new(name, "").max_age(0)
    }

    /// The value of `Set-Cookie`. Bytes that RFC 6265 does not allow in a value are left out: ours have none.
    pub(super) fn to_header(&self) -> String {
        let mut line = String::with_capacity(self.name.len() + self.value.len() + 64);
        line.push_str(self.name);
        line.push('=');
        line.extend(self.value.chars().filter(|c| allowed(*c)));
        line.push_str("; Path=/; Secure; HttpOnly; SameSite=Lax");
        if let Some(seconds) = self.max_age {
            let _ = write!(line, "; Max-Age={seconds}");
        }
        line
    }
}

/// RFC 6265 §4.1.1 cookie-octet.
fn allowed(c: char) -> bool {
    matches!(c, '!' | '#'..='+' | '-'..=':' | '<'..='[' | ']'..='~')
}

/// The value of one cookie in a `Cookie` header. A name that comes twice is nobody's: somebody else may have set one.
pub(super) fn find<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut found = header.split(';').filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    });
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_is_locked_to_the_host() {
        let line = Cookie::new("__Host-s", "abc").max_age(60).to_header();
        assert_eq!(line, "__Host-s=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
    }

    #[test]
    fn a_value_cannot_add_attributes_or_headers() {
        let line = Cookie::new("__Host-s", "a; Domain=evil\r\nX: y").to_header();
        assert_eq!(line, "__Host-s=aDomain=evilX:y; Path=/; Secure; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_that_comes_twice_is_ignored() {
        assert_eq!(find("a=1; b=2", "b"), Some("2"));
        assert_eq!(find("b=1; b=2", "b"), None);
        assert_eq!(find("ab=1", "b"), None);
    }
}
