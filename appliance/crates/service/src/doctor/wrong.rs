//! What a refusal means in the words of somebody who looks at the app's settings.

use domain::client::Client;
use domain::grant::authorization_code::CodeRefusal;
use domain::grant::refresh_token::RefreshRefusal;
use domain::name::ClientName;
use domain::proof::dpop::ProofRefusal;

use super::Asked;
use crate::token::TokenRefusal;

/// What is wrong, before it is known when.
pub(super) struct Wrong {
    pub(super) parameter: String,
    pub(super) expected: String,
    pub(super) came: String,
    pub(super) cure: String,
}

impl Wrong {
    pub(super) fn new((parameter, came): (&str, &str), expected: &str, cure: &str) -> Self {
        let [parameter, came, expected, cure] = [parameter, came, expected, cure].map(str::to_owned);
        Self { parameter, expected, came, cure }
    }
}

pub(super) fn cure_of_request(name: &ClientName, parameter: &str) -> String {
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
pub(super) fn wrong_token(client: &Client, asked: &Asked<'_>, refusal: &TokenRefusal) -> Option<Wrong> {
    let name = &client.name;
    Some(match refusal {
        TokenRefusal::InvalidClient { .. } => wrong_secret(client, asked),
        TokenRefusal::Code(why) => wrong_code(*why, asked, &refusal.to_string()),
        TokenRefusal::Refresh(why) => wrong_refresh(*why, &refusal.to_string()),
        TokenRefusal::UnsupportedGrant => {
            Wrong::new(("grant_type", asked.grant_type), &refusal.to_string(), "choose another flow in the app")
        }
        TokenRefusal::InvalidScope => Wrong::new(
            ("scope", asked.scope.unwrap_or("nothing")),
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
        TokenRefusal::Unauthorized(why) => wrong_grant(asked, "a grant that this app may use", why),
        TokenRefusal::NoDevices => {
            let cure = format!("latchkey app set {name} --device true");
            wrong_grant(asked, "an app that may sign devices in", &cure)
        }
        TokenRefusal::SubjectToken => wrong_subject(),
        TokenRefusal::InvalidTarget(why) => Wrong::new(("audience", "another app or an address"), name.as_str(), why),
        TokenRefusal::PublicClient => Wrong::new(
            ("client_secret", "none: this is a public app"),
            "an app with a secret",
            "ask about tokens from the app's server, or make the app anew without --public",
        ),
        TokenRefusal::OtherClient => wrong_kind("a token of another app", "a token that was issued to this app"),
        TokenRefusal::UnsupportedTokenType => {
            wrong_kind("a token of another kind", "an access token or a refresh token")
        }
        // A device that waits, a person who said no, and what is told no more after it was told.
        TokenRefusal::Device(_) | TokenRefusal::TooManyGuesses { .. } | TokenRefusal::Denied(_) => return None,
    })
}

fn wrong_refresh(why: RefreshRefusal, words: &str) -> Wrong {
    match why {
        RefreshRefusal::Reused | RefreshRefusal::Leaked | RefreshRefusal::OtherKey => Wrong::new(
            ("refresh_token", "an older one"),
            "the newest refresh token",
            "the app keeps an old token, or two instances of it share one: each needs a sign-in of its own",
        ),
        RefreshRefusal::Unknown | RefreshRefusal::Expired => {
            Wrong::new(("refresh_token", words), "a token that is still good", "sign in again")
        }
    }
}

fn wrong_grant(asked: &Asked<'_>, expected: &str, cure: &str) -> Wrong {
    Wrong::new(("grant_type", asked.grant_type), expected, cure)
}

fn wrong_kind(came: &str, expected: &str) -> Wrong {
    Wrong::new(
        ("token", came),
        expected,
        "look which token the app keeps; each app asks about its own, and ends its own",
    )
}

fn wrong_subject() -> Wrong {
    let expected = "the API token of a service account, good and not revoked";
    Wrong::new(("subject_token", "something else"), expected, "latchkey service-account token create ACCOUNT")
}

fn wrong_secret(client: &Client, asked: &Asked<'_>) -> Wrong {
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
    let came = if asked.client.has_secret() { "another one" } else { "none" };
    let cure = format!("type the secret into the app again; a new one: latchkey app secret rotate {}", client.name);
    Wrong::new(("client_secret", came), "the secret that was printed when the app was made", &cure)
}

fn wrong_code(why: CodeRefusal, asked: &Asked<'_>, words: &str) -> Wrong {
    match why {
        CodeRefusal::OtherRedirectUri => Wrong::new(
            ("redirect_uri", asked.redirect_uri.unwrap_or("nothing")),
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
