//! Why there is no certificate, in words for an owner: what happened, and what to do.

use std::fmt;

use domain::time::Span;
use serde_json::Value;

use crate::http::{Reply, parse_json};

/// The most that is repeated of what somebody else wrote.
const MAX_QUOTE: usize = 300;
/// What the types of an authority's problems begin with (RFC 8555 section 6.7).
const PROBLEM: &str = "urn:ietf:params:acme:error:";

/// What kind of failure it is: what to do about it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeErrorKind {
    /// The clock of this box cannot be trusted yet.
    ClockNotTrusted,
    /// No public authority gives a certificate for this name.
    BadName,
    /// The provider of DNS does not accept the token, or refuses the record.
    ProviderRefused,
    /// The provider of DNS does not work.
    ProviderDown,
    /// The domain is not where it was looked for.
    ZoneNotFound,
    /// `_acme-challenge` does not point to where the record is made.
    NotDelegated,
    /// The record did not become visible in time.
    NotVisible,
    /// The owner's own program failed.
    Program,
    /// Somebody asks us to wait.
    RateLimited,
    /// The authority does not answer, or with nonsense.
    AuthorityDown,
    /// The authority says no.
    AuthorityRefused,
    /// The authority did not accept the proof that the name is ours.
    ProofRefused,
    /// What the authority sent is not the certificate that was ordered.
    BadCertificate,
    /// A file of this box cannot be used.
    Storage,
}

impl AcmeErrorKind {
    /// Whether it may pass by itself, so that trying again without a change makes sense.
    pub const fn passes(self) -> bool {
        match self {
            Self::ClockNotTrusted
            | Self::ProviderDown
            | Self::NotVisible
            | Self::RateLimited
            | Self::AuthorityDown
            | Self::ProofRefused
            | Self::BadCertificate => true,
            Self::BadName
            | Self::ProviderRefused
            | Self::ZoneNotFound
            | Self::NotDelegated
            | Self::Program
            | Self::AuthorityRefused
            | Self::Storage => false,
        }
    }
}

/// Why there is no certificate. `Display` says what happened and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeError {
    /// What kind of failure it is.
    pub kind: AcmeErrorKind,
    /// How long the other side asks us to wait.
    pub retry_after: Option<Span>,
    words: String,
}

impl fmt::Display for AcmeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for AcmeError {}

impl AcmeError {
    pub(in crate::certificate) fn new(kind: AcmeErrorKind, words: String) -> Self {
        Self { kind, retry_after: None, words }
    }

    /// The same, with how long the other side asks us to wait.
    pub(in crate::certificate) fn after(self, retry_after: Option<Span>) -> Self {
        Self { retry_after, ..self }
    }

    pub(in crate::certificate) fn storage(error: &dyn fmt::Display) -> Self {
        Self::new(AcmeErrorKind::Storage, format!("A file of this box cannot be used: {error}."))
    }

    pub(super) fn down(why: &dyn fmt::Display) -> Self {
        let words = format!("The certificate authority cannot be used just now: {why}. Latchkey tries again later.");
        Self::new(AcmeErrorKind::AuthorityDown, words)
    }

    pub(super) fn bad_certificate(why: &dyn fmt::Display) -> Self {
        let words =
            format!("The certificate authority sent something else than what was ordered: {why}. It is not used.");
        Self::new(AcmeErrorKind::BadCertificate, words)
    }
}

/// A problem document of the authority (RFC 7807).
#[derive(Debug)]
pub(super) struct Problem {
    kind: String,
    detail: String,
}

impl Problem {
    /// The problem in an answer that is no success.
    pub(super) fn of(reply: &Reply) -> Self {
        parse_json(&reply.body).map_or(Self { kind: String::new(), detail: String::new() }, |value| Self::read(&value))
    }

    /// The problem in a part of an answer.
    pub(super) fn read(value: &Value) -> Self {
        let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let more = value.pointer("/subproblems/0/detail").and_then(Value::as_str);
        let kind = text("type").strip_prefix(PROBLEM).unwrap_or_default().to_owned();
        Self { kind, detail: clean(more.unwrap_or_else(|| text("detail"))) }
    }

    /// Whether it is of that type, such as `badNonce`.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// What an owner is told about it.
    pub(super) fn explain(&self, host: &str, status: Option<u16>, wait: Option<Span>) -> AcmeError {
        let (kind, words) = match self.kind.as_str() {
            "rateLimited" => (
                AcmeErrorKind::RateLimited,
                format!(
                    "The certificate authority asks us to wait: too many certificates or failures for {host} of late."
                ),
            ),
            "rejectedIdentifier" | "unsupportedIdentifier" => (
                AcmeErrorKind::AuthorityRefused,
                format!(
                    "The certificate authority gives no certificate for {host}. Choose another name or another authority."
                ),
            ),
            "caa" => (
                AcmeErrorKind::AuthorityRefused,
                format!(
                    "A CAA record of the domain forbids this authority to give a certificate for {host}. Change the record."
                ),
            ),
            "dns" | "connection" | "unauthorized" | "incorrectResponse" if status.is_none() => (
                AcmeErrorKind::ProofRefused,
                format!(
                    "The certificate authority did not see the proof that {host} is ours. Check that the domain uses this provider's name servers."
                ),
            ),
            "externalAccountRequired" => (AcmeErrorKind::AuthorityRefused, NEEDS_ACCOUNT.to_owned()),
            "userActionRequired" => (
                AcmeErrorKind::AuthorityRefused,
                "The certificate authority has new terms that somebody must agree to on its site.".to_owned(),
            ),
            "serverInternal" => (
                AcmeErrorKind::AuthorityDown,
                "The certificate authority has a fault of its own. Latchkey tries again later.".to_owned(),
            ),
            _ => self.by_status(status),
        };
        let said =
            if self.detail.is_empty() { String::new() } else { format!(" It says: \u{201c}{}\u{201d}", self.detail) };
        AcmeError::new(kind, words + &said).after(wait)
    }

    fn by_status(&self, status: Option<u16>) -> (AcmeErrorKind, String) {
        match status {
            Some(429) => (AcmeErrorKind::RateLimited, "The certificate authority asks us to wait.".to_owned()),
            Some(status @ 400..=499) => (
                AcmeErrorKind::AuthorityRefused,
                format!("The certificate authority refused the request (status {status} {}).", clean(&self.kind)),
            ),
            Some(status) => (
                AcmeErrorKind::AuthorityDown,
                format!(
                    "The certificate authority does not work just now (status {status}). Latchkey tries again later."
                ),
            ),
            None => (
                AcmeErrorKind::ProofRefused,
                format!("The certificate authority did not accept the proof ({}).", clean(&self.kind)),
            ),
        }
    }
}

/// For an authority whose accounts are made elsewhere.
pub(super) const NEEDS_ACCOUNT: &str = "This certificate authority wants an account that was made on its own site (external \
                                        account binding), which Latchkey cannot do. Choose another authority.";

/// What somebody else wrote, fit for one line of a page, a terminal or a log: no control characters, no markup, not long.
pub(in crate::certificate) fn clean(text: &str) -> String {
    let plain = text.chars().map(|c| match c {
        '<' => '\u{2039}',
        '>' => '\u{203a}',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    });
    let plain: String = plain.take(MAX_QUOTE * 4).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(MAX_QUOTE).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_wrote_is_one_plain_line() {
        let text = format!("<script>alert(1)</script>\u{1b}[2J\r\n\u{202e}evil {}", "x".repeat(5000));
        let shown = clean(&text);
        assert!(!shown.contains(['<', '>', '\u{1b}', '\n', '\u{202e}']), "{shown}");
        assert_eq!(shown.chars().count(), MAX_QUOTE);
    }

    #[test]
    fn a_problem_says_what_to_do() {
        let read = |kind: &str| Problem::read(&json!({"type": format!("{PROBLEM}{kind}"), "detail": "no"}));
        for (kind, status, expected) in [
            ("rateLimited", Some(429), AcmeErrorKind::RateLimited),
            ("caa", Some(403), AcmeErrorKind::AuthorityRefused),
            ("dns", None, AcmeErrorKind::ProofRefused),
            ("unauthorized", Some(403), AcmeErrorKind::AuthorityRefused),
            ("serverInternal", Some(500), AcmeErrorKind::AuthorityDown),
            ("", Some(502), AcmeErrorKind::AuthorityDown),
            ("", None, AcmeErrorKind::ProofRefused),
        ] {
            let error = read(kind).explain("id.example.org", status, None);
            assert_eq!(error.kind, expected, "{kind}");
            assert!(error.to_string().contains("\u{201c}no\u{201d}"), "{error}");
        }
    }

    #[test]
    fn a_problem_that_is_no_object_is_still_explained() {
        let error = Problem::read(&json!([1, 2])).explain("id.example.org", Some(400), None);
        assert_eq!(error.kind, AcmeErrorKind::AuthorityRefused);
    }
}
