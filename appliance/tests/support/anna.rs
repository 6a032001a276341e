//! Anna's browser at a house with an app, for tests of what happens between the three.

use std::cell::RefCell;

use appliance::system::Clock;
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::ConsentMode;
use service::{AppAmendment, AppKind, Context};

use crate::authenticator::Authenticator;
use crate::harness::{Answer, Call, Server};
use crate::moving_in::{COOKIE, move_in};

pub const REDIRECT: &str = "https://photos.example.org/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Anna, signed in, and the app `photos` that everybody may use.
pub struct Anna {
    pub server: Server,
    pub cookie: String,
    pub secret: String,
    device: RefCell<Authenticator>,
}

impl Anna {
    /// At that house, with more of the app's settings.
    pub fn at(server: Server, settings: AppAmendment) -> Self {
        let moment = server.clock.moment();
        let secret = server.operate(move |idp| {
            let (ctx, anna, photos) = (Context::console(moment), "anna".parse().unwrap(), "photos".parse().unwrap());
            idp.create_account(&ctx, AccountKind::Person, &anna, &Amendment::default()).unwrap();
            let amendment = AppAmendment {
                redirect_uris: Some(vec![REDIRECT.parse().unwrap()]),
                consent: Some(ConsentMode::Skip),
                display_name: Some("Photos".parse().unwrap()),
                ..settings
            };
            let made = idp.create_app(&ctx, &photos, AppKind::Confidential, &amendment).unwrap();
            idp.allow_group(&ctx, &photos, &"everyone".parse().unwrap()).unwrap();
            made.secret.unwrap().expose().clone()
        });
        let mut device = Authenticator::new(&server.issuer);
        let cookie = move_in(&server, &mut device, (&invite(&server), "Anna Bauer"));
        Self { server, cookie, secret, device: RefCell::new(device) }
    }

    /// Anna signs in with another browser.
    pub fn another_browser(&self) -> String {
        let issuer = &self.server.issuer;
        let asked = Call::post("/signin/passkey/options").origin(issuer).header("Accept", "application/json");
        let options = self.server.send(&asked).json();
        let credential = self.device.borrow_mut().get(&options).to_string();
        let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
        let answer = self.server.send(&Call::post("/signin/passkey").origin(issuer).form(&fields));
        answer.set_cookie(COOKIE).unwrap().to_owned()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.get_as(&self.cookie, path)
    }

    pub fn get_as(&self, cookie: &str, path: &str) -> Answer {
        self.server.send(&Call::get(path).cookie(COOKIE, cookie).header("Accept", "text/html"))
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let call =
            Call::post(path).cookie(COOKIE, &self.cookie).origin(&self.server.issuer).header("Accept", "text/html");
        self.server.send(&call.form(fields))
    }

    /// Whether that browser is signed in.
    pub fn is_in(&self, cookie: &str) -> bool {
        self.get_as(cookie, "/account/devices").status == 200
    }
}

/// A new link for Anna.
fn invite(server: &Server) -> String {
    let moment = server.clock.moment();
    server.operate(move |idp| {
        idp.create_invite(&Context::console(moment), &"anna".parse().unwrap(), None, None).unwrap().url.expose().clone()
    })
}

/// An address with these parameters.
pub fn address(path: &str, fields: &[(&str, &str)]) -> String {
    format!("{path}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// The value of a hidden field.
pub fn field(page: &str, name: &str) -> String {
    let at = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
    at.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// A parameter of an address.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
