//! The app's side of OpenID Connect.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::client::{Answer, Call};
use crate::http::Connection;
use crate::proof::Proofs;

pub const REDIRECT: &str = "https://films.example.org/callback";
const VERIFIER: &str = "a-verifier-that-is-as-long-as-the-rules-want-it-to-be";

/// A confidential app, as it was registered.
#[derive(Clone)]
pub struct App {
    pub id: String,
    pub secret: String,
    pub endpoints: Endpoints,
    /// An API token of a service account that may use it.
    pub robot: String,
}

/// The paths from discovery.
#[derive(Clone)]
pub struct Endpoints {
    pub authorize: String,
    pub token: String,
    pub userinfo: String,
    pub push: String,
    pub introspect: String,
    pub revoke: String,
    pub device: String,
}

/// What a device gets that asks to be let in.
pub struct DeviceCodes {
    pub device: String,
    pub user: String,
}

#[derive(Clone)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Endpoints {
    pub fn discover(connection: &mut Connection) -> Self {
        let document = connection.ask(&discovery(), 200).json();
        let path = |name: &str| {
            let url = document[name].as_str().unwrap_or_else(|| panic!("no {name} in discovery"));
            format!("/{}", url.splitn(4, '/').nth(3).expect("a path"))
        };
        Self {
            authorize: path("authorization_endpoint"),
            token: path("token_endpoint"),
            userinfo: path("userinfo_endpoint"),
            push: path("pushed_authorization_request_endpoint"),
            introspect: path("introspection_endpoint"),
            revoke: path("revocation_endpoint"),
            device: path("device_authorization_endpoint"),
        }
    }
}

pub fn discovery() -> Call {
    Call::get("/.well-known/openid-configuration")
}

impl App {
    /// A signed-in browser comes with an authorization request of this app.
    pub fn authorization(&self, cookie: &str) -> Call {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", &self.id),
                ("redirect_uri", REDIRECT),
                ("scope", "openid profile email groups offline_access"),
                ("state", "st"),
                ("nonce", "no"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        Call::get(format!("{}?{query}", self.endpoints.authorize)).header("Cookie", cookie)
    }

    /// The code that such a browser brings back.
    pub fn code(&self, browser: &mut Connection, cookie: &str) -> String {
        let answer = browser.send(&self.authorization(cookie)).expect("an answer");
        let location = answer.header("location");
        let location = location.unwrap_or_else(|| panic!("{} without a redirect: {}", answer.status, answer.text()));
        let query = location.strip_prefix(REDIRECT).and_then(|rest| rest.strip_prefix('?'));
        let query = query.unwrap_or_else(|| panic!("not back to the app: {location}"));
        let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("no code: {location}")).1.into_owned()
    }

    /// Pushes the same request, and throws it away.
    pub fn push(&self, connection: &mut Connection) {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let request = [
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid profile"),
            ("state", "st"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        connection.ask(&self.call(&self.endpoints.push, &request), 201);
    }

    /// Asks about a token that is good.
    pub fn introspect(&self, connection: &mut Connection, token: &str) {
        let said = connection.ask(&self.call(&self.endpoints.introspect, &[("token", token)]), 200).json();
        assert_eq!(said["active"], true, "{said}");
    }

    /// Ends a token and its family.
    pub fn revoke(&self, connection: &mut Connection, token: &str) {
        connection.ask(&self.call(&self.endpoints.revoke, &[("token", token)]), 200);
    }

    /// Asks for itself.
    pub fn for_itself(&self, connection: &mut Connection) {
        connection.ask(&self.call(&self.endpoints.token, &[("grant_type", "client_credentials")]), 200);
    }

    /// Exchanges the API token of the service account, as RFC 8693 has it.
    pub fn for_robot(&self, connection: &mut Connection) {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", &self.id),
            ("subject_token", &self.robot),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        connection.ask(&Call::post(&self.endpoints.token).form(&fields), 200);
    }

    /// A device asks to be let in.
    pub fn device_codes(&self, device: &mut Connection) -> DeviceCodes {
        let fields = [("scope", "openid profile email groups offline_access")];
        let json = device.ask(&self.call(&self.endpoints.device, &fields), 200).json();
        DeviceCodes { device: text(&json, "device_code"), user: text(&json, "user_code") }
    }

    /// The device comes for its tokens after somebody let it in.
    pub fn fetch(&self, device: &mut Connection, code: &str) -> Tokens {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        self.token(device, &[("grant_type", grant), ("device_code", code)])
    }

    /// A request in which the app proves itself by its secret.
    fn call(&self, path: &str, form: &[(&str, &str)]) -> Call {
        let basic = STANDARD.encode(format!("{}:{}", self.id, self.secret));
        Call::post(path).header("Authorization", format!("Basic {basic}")).form(form)
    }

    pub fn exchange(&self, connection: &mut Connection, code: &str) -> Tokens {
        self.token(connection, &offer(code))
    }

    /// The same with a proof, so that the tokens are bound to its key. The first try brings the nonce only.
    pub fn exchange_bound(&self, connection: &mut Connection, code: &str, proofs: &mut Proofs) -> Tokens {
        let url = format!("{}{}", connection.origin(), self.endpoints.token);
        let mut answer;
        loop {
            let knew = proofs.nonce.is_some();
            let call = self.call(&self.endpoints.token, &offer(code)).header("DPoP", proofs.next(&url));
            answer = connection.send(&call).expect("an answer");
            proofs.nonce = answer.header("dpop-nonce").map(str::to_owned);
            if knew {
                break;
            }
            assert_eq!((answer.status, &answer.json()["error"]), (400, &"use_dpop_nonce".into()));
        }
        let json = answer.json();
        assert_eq!((answer.status, &json["token_type"]), (200, &"DPoP".into()), "{json}");
        Tokens::of(&json)
    }

    pub fn refresh(&self, connection: &mut Connection, refresh: &str) -> Tokens {
        self.token(connection, &[("grant_type", "refresh_token"), ("refresh_token", refresh)])
    }

    pub fn userinfo(&self, connection: &mut Connection, access: &str) -> Answer {
        connection.ask(&Call::get(&self.endpoints.userinfo).bearer(access), 200)
    }

    fn token(&self, connection: &mut Connection, fields: &[(&str, &str)]) -> Tokens {
        Tokens::of(&connection.ask(&self.call(&self.endpoints.token, fields), 200).json())
    }
}

impl Tokens {
    fn of(answer: &Value) -> Self {
        Self { access: text(answer, "access_token"), refresh: text(answer, "refresh_token") }
    }
}

/// What comes with a code at the token endpoint.
fn offer(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

/// A text in an answer.
pub fn text(json: &Value, name: &str) -> String {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned()
}
