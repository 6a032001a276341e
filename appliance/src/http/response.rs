//! What an endpoint answers. Header values that could split the response are refused here, once for all.

use std::sync::Arc;

use serde::Serialize;

use super::cookies::Cookie;

/// The header that tells scripts why a server that is up answers 503.
const CLOCK: &str = "Latchkey-Clock";
const HTML: &str = "text/html; charset=utf-8";

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Body,
    pub(super) form_targets: Option<String>,
    pub(super) script_targets: Option<String>,
    /// Whether its forms lead to us as well.
    pub(super) forms_lead_here: bool,
}

/// The bytes of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// Made for this answer.
    Owned(Vec<u8>),
    /// Part of the program.
    Static(&'static [u8]),
    /// Made once, answered often.
    Shared(Arc<[u8]>),
}

impl Body {
    pub(super) fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Static(bytes) => bytes.to_vec(),
            Self::Shared(bytes) => bytes.to_vec(),
        }
    }
}

impl Response {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        let (form_targets, script_targets) = (None, None);
        Self {
            status,
            headers: Vec::new(),
            content_type: None,
            body: Body::Static(b""),
            form_targets,
            script_targets,
            forms_lead_here: true,
        }
    }

    fn with(status: u16, content_type: &'static str, body: Body) -> Self {
        Self { content_type: Some(content_type), body, ..Self::empty(status) }
    }

    /// A page.
    pub(crate) fn html(status: u16, page: String) -> Self {
        Self::with(status, HTML, Body::Owned(page.into_bytes()))
    }

    /// Plain text; a line end is added.
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.push('\n');
        Self::with(status, "text/plain; charset=utf-8", Body::Owned(text.into_bytes()))
    }

    /// JSON. A value that cannot be written (a map with keys that are no text) becomes a 500.
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::with(status, "application/json", Body::Owned(bytes)),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Self::text(500, "The answer could not be written.")
            }
        }
    }

    /// Bytes that are part of the program.
    pub(crate) fn bytes(content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self::with(200, content_type, Body::Static(bytes))
    }

    /// Bytes that were made once and are answered often.
    pub(crate) fn shared(content_type: &'static str, bytes: Arc<[u8]>) -> Self {
        Self::with(200, content_type, Body::Shared(bytes))
    }

    /// Bytes made for this answer.
    pub(crate) fn owned(content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self::with(200, content_type, Body::Owned(bytes))
    }

    /// "See other": the browser goes on with a GET.
    pub(crate) fn redirect303(url: &str) -> Self {
        Self::empty(303).header("Location", url)
    }

    /// The one right address for a GET. Browsers keep it for this time only: the next box may bear the same name or address.
    pub(crate) fn moved(url: &str) -> Self {
        Self::empty(308).header("Location", url).header("Cache-Control", "no-store")
    }

    /// Busy: come back in a moment.
    pub(crate) fn busy() -> Self {
        Self::text(503, "Too much at once. Try again in a few seconds.").header("Retry-After", "5")
    }

    /// Nobody knows yet what time it is; goes on by itself once that is known.
    pub(crate) fn clock_not_set() -> Self {
        let text = "The clock of this server is not set yet. It goes on by itself when a time server has been asked.";
        Self::text(503, text).header("Retry-After", "10").header(CLOCK, "not-set")
    }

    /// Whether it says that.
    pub(crate) fn waits_for_the_clock(&self) -> bool {
        self.status == 503 && self.get(CLOCK).is_some()
    }

    /// The value of a header that was added.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it refuses something in plain words only.
    pub(crate) fn is_plain_refusal(&self) -> bool {
        self.status >= 400 && self.content_type.is_some_and(|kind| kind.starts_with("text/plain"))
    }

    /// The same answer with a page in place of its words.
    pub(crate) fn with_page(mut self, page: String) -> Self {
        self.content_type = Some(HTML);
        self.body = Body::Owned(page.into_bytes());
        self
    }

    /// The same answer with JSON in place of its words.
    pub(crate) fn with_json(self, value: &impl Serialize) -> Self {
        let Self { headers, status, .. } = self;
        let mut answer = Self::json(status, value);
        answer.headers.extend(headers);
        answer
    }

    /// Another status for the same answer.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Adds a header. A value that is not visible ASCII (so CR and LF too) turns the answer into a 500: it
    /// could be read as two answers.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            self.headers.push((name, value));
            self
        } else {
            tracing::error!(header = name, "refused a header value with control bytes");
            Self::text(500, "The answer could not be written.")
        }
    }

    /// Sets a cookie.
    pub(crate) fn set_cookie(self, cookie: &Cookie) -> Self {
        self.header("Set-Cookie", cookie.to_header())
    }

    /// Lets the forms of this page lead (through redirects) to one more origin, as in `https://app.home`. Browsers
    /// hold redirects after a form against `form-action` too, so a consent page names its app here.
    pub(crate) fn form_target(mut self, origin: &str) -> Self {
        add_source(&mut self.form_targets, origin);
        self
    }

    /// The same for a page whose forms lead to that origin and not back to us.
    pub(crate) fn only_form_target(mut self, origin: &str) -> Self {
        self.forms_lead_here = false;
        self.form_target(origin)
    }

    /// Lets the scripts of this page ask one more origin: the name of the house, to see whether it leads here.
    pub(crate) fn script_target(mut self, origin: &str) -> Self {
        add_source(&mut self.script_targets, origin);
        self
    }
}

/// One more source of a directive; nothing that could begin another directive.
fn add_source(sources: &mut Option<String>, origin: &str) {
    if origin.bytes().all(|byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b';' | b',' | b'\'' | b'"')) {
        let sources = sources.get_or_insert_default();
        sources.push(' ');
        sources.push_str(origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_value_cannot_start_a_second_answer() {
        for bad in ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\0b", "é"] {
            let response = Response::empty(200).header("Location", bad);
            assert_eq!(response.status, 500, "{bad:?}");
            assert!(response.headers.is_empty());
        }
    }

    #[test]
    fn a_form_target_cannot_add_a_directive() {
        let response = Response::empty(200).form_target("https://a;script-src");
        assert_eq!(response.form_targets, None);
        assert_eq!(Response::empty(200).script_target("https://a;script-src").script_targets, None);
    }
}
