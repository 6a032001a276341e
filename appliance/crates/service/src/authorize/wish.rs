//! What a request asks for, once app and redirect URI are known to be good.

use domain::grant::pkce::CodeChallenge;
use domain::scope::Scopes;
use domain::secret::Digest;
use domain::time::{Span, Timestamp};

use super::answer::ErrorCode;
use super::claims::{self, Acr, Asked};
use super::request::{AuthorizationRequest, Wrong};

const BAD: ErrorCode = ErrorCode::InvalidRequest;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<CodeChallenge>,
    pub(super) dpop_jkt: Option<Digest>,
    pub(super) prompt: Prompt,
    pub(super) max_age: Option<Span>,
    /// Claims by name, and demands on who the person is.
    pub(super) asked: Asked,
    pub(super) since: Option<Timestamp>,
}

/// `prompt` (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) none: bool,
    pub(super) login: bool,
    pub(super) consent: bool,
    pub(super) select_account: bool,
}

/// The values that are understood; discovery names the same.
pub(crate) const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

impl AuthorizationRequest {
    /// The request, checked in the order in which a developer would want to hear of it.
    pub(super) fn wish(&self, pkce_required: bool, since: Option<Timestamp>) -> Result<Wish, Wrong> {
        if let Some(flaw) = self.flaw() {
            return Err(flaw);
        }
        match self.get("response_type") {
            Some("code") => {}
            Some(_) => return Err((ErrorCode::UnsupportedResponseType, "only response_type=code is supported")),
            None => return Err((BAD, "response_type is missing")),
        }
        self.response_mode()?;
        let scopes = self.get("scope").unwrap_or_default();
        let scopes: Scopes = scopes
            .parse()
            .map_err(|_| (ErrorCode::InvalidScope, "scope has characters or a length that are not allowed"))?;
        let max_age = match self.get("max_age") {
            None => None,
            Some(raw) => Some(Span::seconds(raw.parse::<u32>().map_err(|_| (BAD, "max_age is not a number"))?.into())),
        };
        Ok(Wish {
            nonce: self.get("nonce").map(str::to_owned),
            challenge: self.challenge(pkce_required)?,
            dpop_jkt: self.dpop_jkt()?,
            prompt: self.prompt()?,
            max_age,
            asked: self.asked(&scopes)?,
            scopes,
            since,
        })
    }

    fn challenge(&self, required: bool) -> Result<Option<CodeChallenge>, Wrong> {
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

    /// RFC 9449 section 10.
    fn dpop_jkt(&self) -> Result<Option<Digest>, Wrong> {
        let Some(raw) = self.get("dpop_jkt") else { return Ok(None) };
        let thumbprint = Digest::from_text(raw).ok_or((BAD, "dpop_jkt is not the base64url of a SHA-256 digest"))?;
        Ok(Some(thumbprint))
    }

    fn prompt(&self) -> Result<Prompt, Wrong> {
        let mut prompt = Prompt::default();
        for word in self.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err((BAD, "prompt is made of none, login, consent and select_account")),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err((BAD, "prompt=none stands alone"));
        }
        Ok(prompt)
    }

    /// `claims`, and `acr_values` where that says nothing of `acr`. Both belong to OpenID Connect, so to `openid`.
    fn asked(&self, scopes: &Scopes) -> Result<Asked, Wrong> {
        if !scopes.has("openid") {
            return Ok(Asked::default());
        }
        let mut asked = match self.get("claims") {
            None => Asked::default(),
            Some(raw) => claims::parse(raw).map_err(|why| (BAD, why))?,
        };
        if let Some(raw) = self.get("acr_values")
            && asked.acr == Acr::default()
        {
            asked.acr = Acr::preferred(raw.split(' '));
        }
        Ok(asked)
    }
}
