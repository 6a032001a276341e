//! The authorization request as it comes in (RFC 6749 section 4.1.1, RFC 7636 section 4.3, OpenID Connect Core section 3.1.2.1).
//!
//! It is kept in the address while the person signs in and consents, so nothing has to be remembered for strangers. Only what
//! an app pushed (RFC 9126) is remembered, and the address names it.

use domain::grant::access_token::AccessTokenKey;
use domain::secret::Digest;
use domain::time::{Span, Timestamp};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::answer::{ErrorCode, ResponseMode};
use super::pushed;
use crate::path;

/// Most bytes of a request that stands in an address.
const MAX_QUERY: usize = 2048;

/// Most bytes that it may have when it goes on: once as an address, and once more within the one that the browser comes from and
/// names as its `Referer`. Both stand in one head of 8 KiB.
const MAX_ADDRESSES: usize = 6400;

/// Most bytes of a request that was pushed: it stands in no address.
const MAX_PUSHED: usize = 8192;

/// What the parameters are called.
const NAMES: [&str; 19] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    SINCE,
    TRIAL,
    "resource",
    "claims",
    "acr_values",
    "id_token_hint",
    "dpop_jkt",
];

/// What we understand and leave aside: the pages are in one language and of one size. A repeated one is an error all the same.
const LEFT_ASIDE: [&str; 3] = ["ui_locales", "claims_locales", "display"];

/// Ours: from when on an authentication or a consent counts as asked for by this request. Sealed, or anybody who writes an
/// address could do without the sign-in that the app wants to see.
const SINCE: &str = "lk_since";

/// How long a sign-in or a consent may take to count as asked for by the request.
const SINCE_LIFETIME: Span = Span::minutes(15);

/// Ours: the sign-in that an admin tries out.
const TRIAL: &str = "lk_trial";

/// Ours: names a pushed request that this browser has begun.
const TICKET: &str = "lk_pushed";

/// Parameters that change the meaning of a request and that we do not understand.
const UNSUPPORTED: [(&str, ErrorCode); 3] = [
    ("request", ErrorCode::RequestNotSupported),
    ("request_uri", ErrorCode::RequestUriNotSupported),
    ("registration", ErrorCode::RegistrationNotSupported),
];

/// The parameters, not yet believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationRequest {
    pub(super) values: [Option<String>; NAMES.len()],
    repeated: Option<&'static str>,
    left_aside: [bool; LEFT_ASIDE.len()],
    unsupported: Option<ErrorCode>,
    pub(super) length: usize,
    /// Names a request that was pushed.
    reference: Option<Reference>,
    /// It was pushed, and this stood beside the reference although the app had pushed something else.
    contradicted: Option<&'static str>,
}

/// Where the parameters are that the app pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// `request_uri` (RFC 9126 section 4), not used yet.
    Uri(String),
    /// Ours, for the browser that used it.
    Ticket(String),
}

/// Why a request is answered with an error, and what the developer of the app should know.
pub(super) type Wrong = (ErrorCode, &'static str);

impl AuthorizationRequest {
    /// From the decoded pairs of a query or a form. Parameters that nobody knows are ignored (RFC 6749 section 3.1), empty ones
    /// as well.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut request = Self::default();
        for (name, value) in pairs {
            request.length += name.len() + value.len() + 2;
            if !value.is_empty() {
                request.take(name, value);
            }
        }
        request
    }

    fn take(&mut self, name: &str, value: &str) {
        match name {
            TICKET => return self.refer(TICKET, Reference::Ticket(value.to_owned())),
            "request_uri" if value.starts_with(pushed::URN) => {
                return self.refer("request_uri", Reference::Uri(value.to_owned()));
            }
            _ => {}
        }
        if let Some((_, code)) = UNSUPPORTED.into_iter().find(|(known, _)| *known == name) {
            self.unsupported = Some(code);
        }
        if let Some(at) = LEFT_ASIDE.iter().position(|known| *known == name) {
            if self.left_aside[at] {
                self.repeated.get_or_insert(LEFT_ASIDE[at]);
            }
            self.left_aside[at] = true;
        }
        let Some(at) = NAMES.iter().position(|known| *known == name) else { return };
        if self.values[at].is_some() && name != "resource" {
            self.repeated = Some(NAMES[at]);
        }
        self.values[at] = Some(value.to_owned());
    }

    fn refer(&mut self, name: &'static str, reference: Reference) {
        if self.reference.is_some() {
            self.repeated.get_or_insert(name);
        }
        self.reference = Some(reference);
    }

    /// `client_id`, unless it was repeated.
    pub(super) fn client_id(&self) -> Option<&str> {
        if self.repeated == Some("client_id") { None } else { self.get("client_id") }
    }

    /// `redirect_uri`, unless it was repeated.
    pub fn redirect_uri(&self) -> Option<&str> {
        if self.repeated == Some("redirect_uri") { None } else { self.get("redirect_uri") }
    }

    /// `state`, which comes back unchanged.
    pub(super) fn state(&self) -> Option<&str> {
        self.get("state")
    }

    /// `login_hint`.
    pub(super) fn login_hint(&self) -> Option<&str> {
        self.get("login_hint")
    }

    /// The secret of a trial.
    pub(super) fn trial(&self) -> Option<&str> {
        self.get(TRIAL)
    }

    /// How the answer is sent (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1).
    pub(super) fn response_mode(&self) -> Result<ResponseMode, Wrong> {
        const BAD: ErrorCode = ErrorCode::InvalidRequest;
        let Some(raw) = self.get("response_mode").filter(|_| self.repeated != Some("response_mode")) else {
            return Ok(ResponseMode::Query);
        };
        let mode = ResponseMode::ALL.into_iter().find(|mode| mode.as_str() == raw);
        let mode = mode.ok_or((BAD, "response_mode is one of query, fragment and form_post"))?;
        let web = self.redirect_uri().is_some_and(|uri| uri.starts_with("https:") || uri.starts_with("http:"));
        if mode == ResponseMode::FormPost && !web {
            return Err((BAD, "response_mode=form_post needs a redirect_uri that takes a form: https or http"));
        }
        Ok(mode)
    }

    /// What is wrong with the request as a whole, before anybody looks at what it asks for.
    pub(super) fn flaw(&self) -> Option<Wrong> {
        const BAD: ErrorCode = ErrorCode::InvalidRequest;
        if self.repeated.is_some() {
            return Some((BAD, "a parameter was given more than once"));
        }
        match self.reference {
            None if self.length > MAX_QUERY || self.addresses() > MAX_ADDRESSES => {
                return Some((BAD, "the request is too long for an address; push it (RFC 9126)"));
            }
            Some(_) if self.length > MAX_PUSHED => return Some((BAD, "the request is too long")),
            None | Some(_) => {}
        }
        if self.contradicted.is_some() {
            return Some((BAD, "a parameter beside request_uri is not the one that was pushed"));
        }
        self.unsupported.map(|code| (code, "give the parameters in the request itself, or push them (RFC 9126)"))
    }

    /// How long the addresses become in which it goes on.
    fn addresses(&self) -> usize {
        let once = self.resume(None);
        let twice: usize = byte_serialize(once.as_bytes()).map(str::len).sum();
        once.len() + twice
    }

    /// What was pushed, if it only refers to that.
    pub(super) fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Whether the app pushed it.
    pub(super) fn was_pushed(&self) -> bool {
        self.reference.is_some()
    }

    /// As the app pushes it: by this client, and without what is ours.
    pub(super) fn pushed_by(mut self, client_id: &str) -> Self {
        for (name, value) in NAMES.iter().zip(&mut self.values) {
            match *name {
                SINCE | TRIAL => *value = None,
                "client_id" => *value = Some(client_id.to_owned()),
                _ => {}
            }
        }
        self.reference = Some(Reference::Ticket(String::new()));
        self
    }

    /// For a client that holds this key (RFC 9449 section 10.1); `None` where it names another one.
    pub(super) fn bound_to(mut self, key: Option<&Digest>) -> Option<Self> {
        let Some(key) = key else { return Some(self) };
        match self.get("dpop_jkt").map(Digest::from_text) {
            Some(named) if named.as_ref() != Some(key) => return None,
            Some(_) => {}
            None => {
                for (_, value) in NAMES.iter().zip(&mut self.values).filter(|(name, _)| **name == "dpop_jkt") {
                    *value = Some(key.to_text());
                }
            }
        }
        Some(self)
    }

    /// Under this name it goes on in the browser that began it, with what stood beside the reference there.
    pub(super) fn begun(mut self, ticket: String, beside: &Self) -> Self {
        self.reference = Some(Reference::Ticket(ticket));
        for ((name, mine), other) in NAMES.iter().zip(&mut self.values).zip(&beside.values) {
            match *name {
                SINCE => mine.clone_from(other),
                _ if other.is_some() && other != mine => self.contradicted = Some(name),
                _ => {}
            }
        }
        self.repeated = self.repeated.or(beside.repeated);
        self.unsupported = self.unsupported.or(beside.unsupported);
        self
    }

    /// Since when what happens counts as asked for by this request, if we sealed that for it a short while ago.
    pub(super) fn since(&self, key: &AccessTokenKey, now: Timestamp) -> Option<Timestamp> {
        let since = key.decode_since(&self.digest(), self.get(SINCE)?)?;
        (since <= now && now.since(since) < SINCE_LIFETIME).then_some(since)
    }

    /// The digest of all that is asked for, but for `SINCE` itself.
    fn digest(&self) -> Digest {
        let mut text = Vec::new();
        for (name, value) in NAMES.iter().zip(&self.values).filter(|(name, _)| **name != SINCE) {
            let Some(value) = value else { continue };
            for part in [*name, value] {
                text.extend_from_slice(&(part.len() as u64).to_be_bytes());
                text.extend_from_slice(part.as_bytes());
            }
        }
        Digest::of(&text)
    }

    /// The path and query under which the request goes on, once what was asked for has happened after `since`.
    pub(super) fn resume(&self, since: Option<(&AccessTokenKey, Timestamp)>) -> String {
        let mut query = Serializer::new(String::new());
        let ticket = match &self.reference {
            Some(Reference::Ticket(ticket)) => Some(ticket),
            Some(Reference::Uri(_)) | None => None,
        };
        for (name, value) in NAMES.iter().zip(&self.values) {
            let stands_here = ticket.is_none() || matches!(*name, "client_id" | SINCE);
            if let Some(value) = value.as_ref().filter(|_| stands_here)
                && !(*name == SINCE && since.is_some())
            {
                query.append_pair(name, value);
            }
        }
        if let Some(ticket) = ticket {
            query.append_pair(TICKET, ticket);
        }
        if let Some((key, since)) = since {
            query.append_pair(SINCE, &key.encode_since(&self.digest(), since));
        }
        format!("{}?{}", path::AUTHORIZATION, query.finish())
    }

    /// The first parameter that is named in these words, and its value.
    pub(crate) fn named_in(&self, words: &str) -> Option<(&'static str, &str)> {
        let mut named = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        named
            .find_map(|word| NAMES.iter().find(|name| **name == word))
            .map(|name| (*name, self.get(name).unwrap_or("")))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        NAMES.iter().zip(&self.values).find(|(known, _)| **known == name).and_then(|(_, value)| value.as_deref())
    }
}
