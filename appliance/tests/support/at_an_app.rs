//! A house with Anna in it, signed in, and apps that she may use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::ConsentMode;
use serde_json::json;
use service::{AppAmendment, AppKind, Context};

use crate::authenticator::Authenticator;
use crate::client_key::hashed;
use crate::harness::{self, Answer, Call, START, Server};
use crate::moving_in::{COOKIE, move_in};

pub const REDIRECT: &str = "https://app.example.org/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// See the module.
pub struct AtAnApp {
    pub server: Server,
    cookie: String,
    /// The secret of the app `photos`; `phone` is a public app.
    pub secret: String,
}

impl AtAnApp {
    pub fn new() -> Self {
        let server = Server::start();
        let (link, secret) = server.operate(|idp| {
            let ctx = Context::console(harness::steady(START));
            let anna = "anna".parse().unwrap();
            idp.create_account(&ctx, AccountKind::Person, &anna, &Amendment::default()).unwrap();
            let amendment = AppAmendment {
                redirect_uris: Some(vec![REDIRECT.parse().unwrap()]),
                consent: Some(ConsentMode::Skip),
                ..AppAmendment::default()
            };
            let make = |name: &str, kind| {
                let name = name.parse().unwrap();
                let made = idp.create_app(&ctx, &name, kind, &amendment).unwrap();
                idp.allow_group(&ctx, &name, &"everyone".parse().unwrap()).unwrap();
                made.secret.map(|secret| secret.expose().clone())
            };
            let secret = make("photos", AppKind::Confidential).unwrap();
            make("phone", AppKind::Public);
            (idp.create_invite(&ctx, &anna, None, None).unwrap().url.expose().clone(), secret)
        });
        let cookie = move_in(&server, &mut Authenticator::new(&server.issuer), (&link, "Anna Bauer"));
        Self { server, cookie, secret }
    }

    /// Changes an app.
    pub fn set(&self, app: &'static str, amendment: AppAmendment) {
        let moment = harness::steady(START);
        self.server
            .operate(move |idp| idp.set_app(&Context::console(moment), &app.parse().unwrap(), &amendment))
            .unwrap();
    }

    /// The house gets another name; both are served.
    pub fn move_to(&self, host: &str) {
        let body = json!({ "host": host, "former_days": 30 });
        let answer = self.server.send(&Call::new("PUT", "/api/v1/domain").json(&body).on_console());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Anna's code for that app.
    pub fn code(&self, app: &str, scope: &str) -> String {
        let challenge = hashed(VERIFIER);
        let fields = [
            ("client_id", app),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", scope),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        self.code_for(&fields)
    }

    /// Anna's code for a request with these parameters.
    pub fn code_for(&self, fields: &[(&str, &str)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = self.server.send(&Call::get(format!("/authorize?{query}")).cookie(COOKIE, &self.cookie));
        let url = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text()));
        let (_, query) = url.split_once('?').unwrap();
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").unwrap().1.into_owned()
    }

    /// Asks the token endpoint, with these headers beside.
    pub fn token(&self, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let call = headers.iter().fold(Call::post("/token"), |call, (name, value)| call.header(name, *value));
        self.server.send(&call.form(fields))
    }

    /// The `Authorization` header of `photos`.
    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("photos:{}", self.secret)))
    }
}

/// What a code is redeemed with, beside the client's credentials.
pub fn exchange(code: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

/// Status and error of an answer.
pub fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}
