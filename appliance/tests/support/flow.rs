//! Anna's browser, signed in, the app `photos`, and the requests that it makes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::ConsentMode;
use ring::digest::{SHA256, digest};
use serde_json::json;
use service::{AppAmendment, AppKind, Context};

use crate::authenticator::Authenticator;
use crate::harness::{self, Answer, Call, START, Server};
use crate::moving_in::{COOKIE, move_in};

pub(crate) const REDIRECT: &str = "https://photos.example.org/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Anna's browser, signed in, and the app `photos`.
pub(crate) struct Flow {
    pub(crate) server: Server,
    pub(crate) cookie: String,
    pub(crate) secret: String,
}

impl Flow {
    pub(crate) fn new(consent: ConsentMode) -> Self {
        Self::with(AppAmendment { consent: Some(consent), ..AppAmendment::default() })
    }

    pub(crate) fn with(amendment: AppAmendment) -> Self {
        let server = Server::start();
        let (link, secret) = server.operate(move |idp| {
            let (ctx, anna, photos) =
                (Context::console(harness::steady(START)), "anna".parse().unwrap(), "photos".parse().unwrap());
            let mail = Amendment {
                attributes: [("mail".to_owned(), json!(["anna@example.org"]))].into(),
                ..Amendment::default()
            };
            idp.create_account(&ctx, AccountKind::Person, &anna, &mail).unwrap();
            let amendment = AppAmendment {
                redirect_uris: Some(vec![REDIRECT.parse().unwrap()]),
                display_name: Some("Photos".parse().unwrap()),
                ..amendment
            };
            let made = idp.create_app(&ctx, &photos, AppKind::Confidential, &amendment).unwrap();
            idp.allow_group(&ctx, &photos, &"everyone".parse().unwrap()).unwrap();
            let link = idp.create_invite(&ctx, &anna, None, None).unwrap().url.expose().clone();
            (link, made.secret.unwrap().expose().clone())
        });
        let cookie = move_in(&server, &mut Authenticator::new(&server.issuer), (&link, "Anna Bauer"));
        Self { server, cookie, secret }
    }

    pub(crate) fn set(&self, amendment: AppAmendment) {
        self.server.operate(move |idp| {
            let ctx = Context::console(harness::steady(START));
            idp.set_app(&ctx, &"photos".parse().unwrap(), &amendment).unwrap();
        });
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.server.send(&Call::get(path).cookie(COOKIE, &self.cookie).header("Accept", "text/html"))
    }

    /// As a browser in which nobody is signed in.
    pub(crate) fn stranger(&self, path: &str) -> Answer {
        self.server.send(&Call::get(path).header("Accept", "text/html"))
    }

    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let call =
            Call::post(path).cookie(COOKIE, &self.cookie).origin(&self.server.issuer).header("Accept", "text/html");
        self.server.send(&call.form(fields))
    }

    pub(crate) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("photos:{}", self.secret)))
    }

    pub(crate) fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        change(&mut fields, changes);
        self.server.send(&Call::post("/token").header("Authorization", self.basic()).form(&fields))
    }
}

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()))
}

pub(crate) fn usual(challenge: &str) -> Vec<(&str, &str)> {
    vec![
        ("client_id", "photos"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s 1&"),
        ("nonce", "n1"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

/// These instead; an empty one is left out.
pub(crate) fn change<'a>(fields: &mut Vec<(&'a str, &'a str)>, changes: &[(&'a str, &'a str)]) {
    fields.retain(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
}

pub(crate) fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The usual request with these parameters instead.
pub(crate) fn authorize(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut fields = usual(&challenge);
    change(&mut fields, changes);
    format!("/authorize?{}", query(&fields))
}

pub(crate) fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap()
}

pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once(['?', '#']).unwrap();
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The value of a hidden field.
pub(crate) fn field(page: &str, name: &str) -> Option<String> {
    let at = page.split_once(&format!("name=\"{name}\" value=\""))?.1;
    Some(at.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}
