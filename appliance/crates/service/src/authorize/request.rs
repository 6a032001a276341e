//! The authorization request as it comes in (RFC 6749 section 4.1.1, RFC 7636 section 4.3, OpenID Connect Core section 3.1.2.1).
//!
//! It is kept in the address while the person signs in and consents, so nothing has to be remembered for strangers.

use domain::grant::access_token::AccessTokenKey;
use domain::grant::pkce::CodeChallenge;
use domain::scope::Scopes;
use domain::secret::Digest;
use domain::time::{Span, Timestamp};
use url::form_urlencoded::Serializer;

use super::answer::ErrorCode;

/// Most bytes of a request, written as a query. It has to fit twice encoded into the head of the next request.
const MAX_QUERY: usize = 2048;

/// What the parameters are called.
const NAMES: [&str; 15] = [
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
];

/// Ours: from when on an authentication or a consent counts as asked for by this request. Sealed, or anybody who writes an
/// address could do without the sign-in that the app wants to see.
const SINCE: &str = "lk_since";

/// How long a sign-in or a consent may take to count as asked for by the request.
const SINCE_LIFETIME: Span = Span::minutes(15);

/// Ours: the sign-in that an admin tries out.
const TRIAL: &str = "lk_trial";

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
    unsupported: Option<(&'static str, ErrorCode)>,
    pub(super) length: usize,
}

/// What a request asks for, once app and redirect URI are known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<CodeChallenge>,
    pub(super) prompt: Prompt,
    pub(super) max_age: Option<Span>,
    pub(super) since: Option<Timestamp>,
}

/// `prompt` (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) none: bool,
    pub(super) login: bool,
    pub(super) consent: bool,
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
            if value.is_empty() {
                continue;
            }
            if let Some(unsupported) = UNSUPPORTED.into_iter().find(|(known, _)| *known == name) {
                request.unsupported = Some(unsupported);
            }
            let Some(at) = NAMES.iter().position(|known| *known == name) else { continue };
            if request.values[at].is_some() && name != "resource" {
                request.repeated = Some(NAMES[at]);
            }
            request.values[at] = Some(value.to_owned());
        }
        request
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

    /// The rest, checked in the order in which a developer would want to hear of it.
    pub(super) fn wish(&self, pkce_required: bool, since: Option<Timestamp>) -> Result<Wish, Wrong> {
        const BAD: ErrorCode = ErrorCode::InvalidRequest;
        if self.repeated.is_some() {
            return Err((BAD, "a parameter was given more than once"));
        }
        if self.length > MAX_QUERY {
            return Err((BAD, "the request is too long"));
        }
        if let Some((_, code)) = self.unsupported {
            return Err((code, "give the parameters in the request itself"));
        }
        match self.get("response_type") {
            Some("code") => {}
            Some(_) => return Err((ErrorCode::UnsupportedResponseType, "only response_type=code is supported")),
            None => return Err((BAD, "response_type is missing")),
        }
        if self.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err((BAD, "only response_mode=query is supported"));
        }
        let scopes = self.get("scope").unwrap_or_default();
        let scopes: Scopes = scopes
            .parse()
            .map_err(|_| (ErrorCode::InvalidScope, "scope has characters or a length that are not allowed"))?;
        let max_age = match self.get("max_age") {
            None => None,
            Some(raw) => Some(Span::seconds(raw.parse::<u32>().map_err(|_| (BAD, "max_age is not a number"))?.into())),
        };
        Ok(Wish {
            scopes,
            nonce: self.get("nonce").map(str::to_owned),
            challenge: self.challenge(pkce_required)?,
            prompt: self.prompt()?,
            max_age,
            since,
        })
    }

    fn challenge(&self, required: bool) -> Result<Option<CodeChallenge>, Wrong> {
        const BAD: ErrorCode = ErrorCode::InvalidRequest;
        match (self.get("code_challenge"), self.get("code_challenge_method")) {
            (None, _) if required => Err((BAD, "code_challenge is missing: this app must use PKCE")),
            (None, _) => Ok(None),
            (Some(raw), Some("S256")) => match CodeChallenge::parse(raw) {
                Some(challenge) => Ok(Some(challenge)),
                None => Err((BAD, "code_challenge is not the base64url of a SHA-256 digest")),
            },
            (Some(_), Some(_) | None) => Err((BAD, "only code_challenge_method=S256 is supported")),
        }
    }

    fn prompt(&self) -> Result<Prompt, Wrong> {
        let mut prompt = Prompt::default();
        let mut others = false;
        for word in self.get("prompt").unwrap_or_default().split(' ') {
            match word {
                "none" => prompt.none = true,
                // There is one account in a browser: to choose another one is to sign in anew.
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                other => others |= !other.is_empty(),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || others) {
            return Err((ErrorCode::InvalidRequest, "prompt=none stands alone"));
        }
        Ok(prompt)
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
        for (name, value) in NAMES.iter().zip(&self.values) {
            if let Some(value) = value
                && !(*name == SINCE && since.is_some())
            {
                query.append_pair(name, value);
            }
        }
        if let Some((key, since)) = since {
            query.append_pair(SINCE, &key.encode_since(&self.digest(), since));
        }
        format!("/authorize?{}", query.finish())
    }

    /// The first parameter that is named in these words, and its value.
    pub(crate) fn named_in(&self, words: &str) -> Option<(&'static str, &str)> {
        let mut named = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        named
            .find_map(|word| NAMES.iter().find(|name| **name == word))
            .map(|name| (*name, self.get(name).unwrap_or("")))
    }

    fn get(&self, name: &str) -> Option<&str> {
        NAMES.iter().zip(&self.values).find(|(known, _)| **known == name).and_then(|(_, value)| value.as_deref())
    }
}
