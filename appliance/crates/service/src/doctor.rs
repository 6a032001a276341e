//! `latchkey app doctor`: what an app did wrong lately, for whoever sets it up: which parameter, what was expected, what came, and
//! how to mend it. What was refused is kept in memory only: it is worth nothing once it is mended, and strangers can make it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use domain::admission::NotAdmitted;
use domain::client::Client;
use domain::grant::authorization_code::CodeRefusal;
use domain::grant::refresh_token::RefreshRefusal;
use domain::id::ClientId;
use domain::name::ClientName;
use domain::permission::Need;
use domain::proof::dpop::ProofRefusal;
use domain::redirect_uri::RedirectUri;
use domain::time::Timestamp;

use crate::authorize::{AuthorizationAnswer, AuthorizationRequest, MUST_PUSH};
use crate::token::{TokenRefusal, TokenRequest};
use crate::{Context, Idp, OpError, Refusal};

/// Most that is remembered of one app; the oldest goes.
const PER_APP: usize = 8;
/// Most apps of which something is remembered.
const APPS: usize = 64;
/// Most characters of what came.
const MOST: usize = 256;

/// A refusal, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// When it happened last.
    pub at: Timestamp,
    /// How often in a row.
    pub times: u32,
    /// During what.
    pub step: Step,
    /// Which parameter is wrong.
    pub parameter: String,
    /// What it should have been.
    pub expected: String,
    /// What it was; never a secret.
    pub came: String,
    /// What to do about it.
    pub cure: String,
}

/// Where an app was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The browser came with a request of the app.
    Authorization,
    /// The app came for its tokens.
    Token,
}

impl Step {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization request",
            Self::Token => "token request",
        }
    }
}

/// Something about an app's settings that will not work, or that is weaker than it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub text: String,
    /// What to do about it.
    pub cure: String,
}

/// What the doctor found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// About the settings.
    pub findings: Vec<Finding>,
    /// What was refused since the server started, the latest first.
    pub complaints: Vec<Complaint>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Complaints(Mutex<HashMap<ClientId, VecDeque<Complaint>>>);

/// What is wrong, before it is known when.
struct Wrong {
    parameter: String,
    expected: String,
    came: String,
    cure: String,
}

impl Wrong {
    fn new((parameter, came): (&str, &str), expected: &str, cure: &str) -> Self {
        let [parameter, came, expected, cure] = [parameter, came, expected, cure].map(str::to_owned);
        Self { parameter, expected, came, cure }
    }
}

impl Complaints {
    fn add(&self, app: ClientId, step: Step, wrong: Wrong, at: Timestamp) {
        let Wrong { parameter, expected, came, cure } = wrong;
        // From outside: nothing in it may look like something else on a terminal.
        let shown =
            |c: char| if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { c.escape_unicode().to_string() };
        let came: String = came.chars().take(MOST).map(shown).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= APPS && !all.contains_key(&app) {
            let oldest = all.iter().min_by_key(|(_, list)| list.back().map(|last| last.at)).map(|(id, _)| *id);
            oldest.map(|id| all.remove(&id));
        }
        let list = all.entry(app).or_default();
        if let Some(last) =
            list.back_mut().filter(|last| last.step == step && last.parameter == parameter && last.came == came)
        {
            (last.at, last.times, last.expected, last.cure) = (at, last.times.saturating_add(1), expected, cure);
            return;
        }
        if list.len() >= PER_APP {
            list.pop_front();
        }
        list.push_back(Complaint { at, times: 1, step, parameter, expected, came, cure });
    }

    fn of(&self, app: ClientId) -> Vec<Complaint> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&app).map(|list| list.iter().rev().cloned().collect()).unwrap_or_default()
    }
}

impl Idp {
    /// What is wrong with an app, as far as the house knows.
    pub fn diagnose_app(&self, ctx: &Context, name: &ClientName) -> Result<Diagnosis, OpError<Refusal>> {
        let view = self.show_app(ctx, name)?;
        self.read(ctx, Need::ManageApps, |_| {
            let complaints = self.oauth.complaints.of(view.client.id);
            Ok(Diagnosis { findings: findings(&view.client, view.access.is_empty()), complaints })
        })
    }

    /// The person's browser was not sent back to the app, since the address is none of its own.
    pub(crate) fn complain_of_address(&self, client: &Client, offered: Option<&str>, now: Timestamp) {
        let name = &client.name;
        let registered: Vec<&str> = client.settings.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let cure = match offered.map(str::parse::<RedirectUri>) {
            None => "the app has to send redirect_uri; look for its callback or redirect URL setting".to_owned(),
            // Anybody can make a browser come with any address, so it is no part of a command that somebody pastes.
            Some(Ok(_)) => format!(
                "if what came is the app's own address, as its settings show it, add it: latchkey app set {name} --add-redirect-uri 'URL'"
            ),
            Some(Err(why)) => format!("change the address in the app: {why}"),
        };
        let wrong = Wrong {
            parameter: "redirect_uri".to_owned(),
            expected: or_nothing(registered.join(" or ")),
            came: or_nothing(offered.unwrap_or_default().to_owned()),
            cure,
        };
        self.oauth.complaints.add(client.id, Step::Authorization, wrong, now);
    }

    /// The app was answered with an error.
    pub(crate) fn complain_of_request(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        answer: &AuthorizationAnswer,
        now: Timestamp,
    ) {
        let (Some(error), Some(why)) = (answer.get("error"), answer.get("error_description")) else { return };
        // These are answers to a person, or to an app that only asked whether somebody is there.
        if ["access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required"]
            .contains(&error)
        {
            return;
        }
        let (parameter, came) = match error {
            "request_not_supported" => ("request", "a request object"),
            "request_uri_not_supported" => ("request_uri", "a request object somewhere else"),
            _ if why == MUST_PUSH => ("request_uri", "a request that was not pushed"),
            _ => request.named_in(why).unwrap_or((error, "")),
        };
        let wrong = Wrong {
            parameter: parameter.to_owned(),
            expected: why.to_owned(),
            came: or_nothing(came.to_owned()),
            cure: cure_of_request(&client.name, parameter),
        };
        self.oauth.complaints.add(client.id, Step::Authorization, wrong, now);
    }

    /// Somebody may not use the app.
    pub(crate) fn complain_of_person(&self, client: &Client, person: &str, why: NotAdmitted, now: Timestamp) {
        let name = &client.name;
        let (expected, cure) = match why {
            NotAdmitted::NoAccess => (
                "a member of a group that may use the app".to_owned(),
                format!("latchkey app allow {name} GROUP, or latchkey group add GROUP {person}"),
            ),
            NotAdmitted::TooWeak { demanded, .. } => (
                format!("a sign-in of strength {demanded}"),
                format!("{person} signs in with more, or latchkey app set {name} --strength any"),
            ),
            NotAdmitted::NoPerson | NotAdmitted::Unusable(_) => {
                ("an account that can be used".to_owned(), format!("latchkey person show {person}"))
            }
        };
        let wrong = Wrong { parameter: "person".to_owned(), expected, came: format!("{person}: {why}"), cure };
        self.oauth.complaints.add(client.id, Step::Authorization, wrong, now);
    }

    /// The app got no tokens.
    pub(crate) fn complain_of_token(
        &self,
        client: &Client,
        request: &TokenRequest,
        refusal: &TokenRefusal,
        now: Timestamp,
    ) {
        if let Some(wrong) = wrong_token(client, request, refusal) {
            self.oauth.complaints.add(client.id, Step::Token, wrong, now);
        }
    }
}

fn or_nothing(text: String) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text }
}

/// What in the app's settings will not work, or is weaker than it has to be.
fn findings(client: &Client, nobody: bool) -> Vec<Finding> {
    let (name, settings) = (&client.name, &client.settings);
    let mut found = Vec::new();
    let mut add = |holds: bool, text: &str, cure: String| {
        if holds {
            found.push(Finding { text: text.to_owned(), cure });
        }
    };
    // An app may have nobody to sign in: it acts for itself.
    let for_itself = settings.acts_as.is_some() && settings.redirect_uris.is_empty();
    add(nobody && !for_itself, "nobody may sign in", format!("latchkey app allow {name} GROUP"));
    add(
        settings.redirect_uris.is_empty() && settings.forward_hosts.is_empty() && !settings.device && !for_itself,
        "no address is registered to which people could return",
        format!("latchkey app set {name} --redirect-uri URL, with the callback address that the app shows"),
    );
    add(
        !client.requires_pkce(),
        "the app may do without PKCE, so a stolen code is worth more",
        format!("try it: latchkey app set {name} --pkce true, and sign in once"),
    );
    add(
        client.is_public() && !settings.dpop_required && settings.redirect_uris.iter().any(|uri| !uri.is_loopback()),
        "a public app keeps its tokens in a browser or on a phone, where they can be copied",
        format!(
            "if it runs on a server, make it anew without --public; if it can do DPoP: latchkey app set {name} --require-dpop true"
        ),
    );
    found
}

fn cure_of_request(name: &ClientName, parameter: &str) -> String {
    match parameter {
        "code_challenge" | "code_challenge_method" => {
            format!("switch PKCE on in the app, with S256; if it cannot: latchkey app set {name} --pkce false")
        }
        "response_type" => "choose the authorization code flow in the app (response_type=code)".to_owned(),
        "response_mode" => "leave response_mode out in the app's settings".to_owned(),
        "scope" => format!("correct the scopes in the app; latchkey app show {name} lists those that there are"),
        "request" => "switch request objects (JAR) off in the app".to_owned(),
        "request_uri" => format!(
            "switch request objects (JAR) off in the app, and pushed requests (PAR) on; if it cannot push: latchkey app set {name} --require-par false"
        ),
        "prompt" => "leave prompt out in the app's settings".to_owned(),
        _ => "correct it in the app's settings, or report it to whoever makes the app".to_owned(),
    }
}

/// `None` for what is nobody's mistake.
fn wrong_token(client: &Client, request: &TokenRequest, refusal: &TokenRefusal) -> Option<Wrong> {
    let name = &client.name;
    Some(match refusal {
        TokenRefusal::InvalidClient { .. } => wrong_secret(client, request),
        TokenRefusal::Code(why) => wrong_code(*why, request, &refusal.to_string()),
        TokenRefusal::Refresh(RefreshRefusal::Reused | RefreshRefusal::Leaked | RefreshRefusal::OtherKey) => {
            Wrong::new(
                ("refresh_token", "an older one"),
                "the newest refresh token",
                "the app keeps an old token, or two instances of it share one: each needs a sign-in of its own",
            )
        }
        TokenRefusal::Refresh(RefreshRefusal::Unknown | RefreshRefusal::Expired) => {
            Wrong::new(("refresh_token", &refusal.to_string()), "a token that is still good", "sign in again")
        }
        TokenRefusal::UnsupportedGrant => {
            Wrong::new(("grant_type", request.grant_type()), &refusal.to_string(), "choose another flow in the app")
        }
        TokenRefusal::InvalidScope => Wrong::new(
            ("scope", request.scope().unwrap_or("nothing")),
            "no more than was granted",
            "sign in again, so that the new scopes can be granted",
        ),
        TokenRefusal::InvalidRequest(why) => Wrong::new(
            ("request", "something else"),
            why,
            "correct it in the app's settings, or report it to whoever makes the app",
        ),
        TokenRefusal::NotAdmitted(why) => {
            let cure = format!("latchkey app allow {name} GROUP, or leave it as it is");
            Wrong::new(("person", &why.to_string()), "somebody who may use the app", &cure)
        }
        TokenRefusal::InvalidAssertion(why) => Wrong::new(
            ("client_assertion", &why.to_string()),
            "a JWT that the app signed for this house just now",
            "compare client ID and issuer in the app, and the clocks of both machines",
        ),
        TokenRefusal::Proof(ProofRefusal::Nonce) => return None,
        TokenRefusal::Proof(why) => Wrong::new(
            ("DPoP", &why.to_string()),
            "a proof of the key that the tokens are bound to",
            &format!("switch DPoP on in the app; if it cannot: latchkey app set {name} --require-dpop false"),
        ),
        TokenRefusal::Unauthorized(why) => wrong_grant(request, "a grant that this app may use", why),
        TokenRefusal::NoDevices => {
            let cure = format!("latchkey app set {name} --device true");
            wrong_grant(request, "an app that may sign devices in", &cure)
        }
        TokenRefusal::SubjectToken => wrong_subject(),
        TokenRefusal::InvalidTarget(why) => Wrong::new(("audience", "another app or an address"), name.as_str(), why),
        TokenRefusal::TooManyGuesses { .. } => Wrong::new(
            ("client_secret", "too many wrong ones"),
            "few wrong secrets, codes or tokens from one address",
            "see what was refused before, and mend that first",
        ),
        // A device that waits, a person who said no, and what belongs to other endpoints.
        TokenRefusal::Device(_)
        | TokenRefusal::PublicClient
        | TokenRefusal::OtherClient
        | TokenRefusal::UnsupportedTokenType
        | TokenRefusal::Denied(_) => return None,
    })
}

fn wrong_grant(request: &TokenRequest, expected: &str, cure: &str) -> Wrong {
    Wrong::new(("grant_type", request.grant_type()), expected, cure)
}

fn wrong_subject() -> Wrong {
    let expected = "the API token of a service account, good and not revoked";
    Wrong::new(("subject_token", "something else"), expected, "latchkey service-account token create ACCOUNT")
}

fn wrong_secret(client: &Client, request: &TokenRequest) -> Wrong {
    if client.is_public() {
        let cure = "take the secret out of the app's settings, or make the app anew without --public";
        return Wrong::new(("client_secret", "a secret"), "none: this is a public app", cure);
    }
    if client.settings.keys.is_some() {
        let cure =
            "compare the keys of the app with: latchkey app show, or take them away: latchkey app set NAME --jwks none";
        return Wrong::new(
            ("client_assertion", "a signature by another key, or a secret"),
            "a JWT signed with a key of the app",
            cure,
        );
    }
    let came = if request.has_secret() { "another one" } else { "none" };
    let cure = format!("type the secret into the app again; a new one: latchkey app secret rotate {}", client.name);
    Wrong::new(("client_secret", came), "the secret that was printed when the app was made", &cure)
}

fn wrong_code(why: CodeRefusal, request: &TokenRequest, words: &str) -> Wrong {
    match why {
        CodeRefusal::OtherRedirectUri => Wrong::new(
            ("redirect_uri", request.redirect_uri().unwrap_or("nothing")),
            "the same text as in the authorization request",
            "the app names two addresses for itself; look for a base URL or proxy setting in it",
        ),
        CodeRefusal::Expired => Wrong::new(
            ("code", "an older one"),
            "a code that is younger than a minute",
            "compare the clocks of both machines, and look what keeps the app so long",
        ),
        CodeRefusal::Replayed => Wrong::new(
            ("code", "the same code again"),
            "a code that was not used before",
            "the app or a proxy in front of it repeats the request; look into its log",
        ),
        CodeRefusal::MissingVerifier | CodeRefusal::UnexpectedVerifier | CodeRefusal::WrongVerifier => Wrong::new(
            ("code_verifier", words),
            "the verifier of this sign-in",
            "the app lost its session between the two steps: one instance, cookies allowed, one address",
        ),
        CodeRefusal::Unknown
        | CodeRefusal::OtherClient
        | CodeRefusal::OtherIssuer
        | CodeRefusal::OtherKey
        | CodeRefusal::Trial => {
            Wrong::new(("code", words), "a code that this house made for this app", "sign in again")
        }
    }
}

#[cfg(test)]
mod tests;
