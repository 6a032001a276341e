//! One of several who drive the server at the same time.

use crate::app::{App, Tokens};
use crate::house::{House, name};
use crate::http::Connection;
use crate::person::{Person, Tab};
use crate::server::Server;

/// Browsers and apps that drive the server at the same time.
pub const DRIVERS: usize = 4;

/// One person with a browser, and the app that they sign in to.
pub struct Driver {
    pub tab: Tab,
    pub person: Person,
    pub app: Connection,
    pub code: String,
    pub tokens: Option<Tokens>,
}

impl Driver {
    pub fn several(server: &Server, house: &mut House) -> Vec<Self> {
        let invites: Vec<String> = (0..DRIVERS).map(|number| house.invite(&name(number))).collect();
        invites.iter().map(|invite| Self::join(server, invite)).collect()
    }

    fn join(server: &Server, invite: &str) -> Self {
        let mut tab = Tab { connection: server.connect(), origin: server.origin() };
        let person = Person::join(&mut tab, invite);
        Self { tab, person, app: server.connect(), code: String::new(), tokens: None }
    }

    pub fn reconnect(&mut self, server: &Server) {
        self.tab.connection = server.connect();
        self.app = server.connect();
    }

    pub fn sign_in(&mut self) {
        self.person.sign_in(&mut self.tab);
    }

    pub fn authorize(&mut self, app: &App) {
        self.code = app.code(&mut self.tab.connection, &self.person.cookie);
    }

    pub fn exchange(&mut self, app: &App) {
        self.tokens = Some(app.exchange(&mut self.app, &self.code));
    }

    pub fn refresh(&mut self, app: &App) {
        let old = self.tokens.take().expect("tokens");
        self.tokens = Some(app.refresh(&mut self.app, &old.refresh));
    }

    pub fn introspect(&mut self, app: &App) {
        let access = self.tokens.as_ref().expect("tokens").access.clone();
        app.introspect(&mut self.app, &access);
    }

    /// A whole sign-in to the app, given back at once.
    pub fn revoke(&mut self, app: &App) {
        let tokens = self.tokens.take().expect("tokens");
        app.revoke(&mut self.app, &tokens.refresh);
    }

    pub fn userinfo(&mut self, app: &App) {
        let access = self.tokens.as_ref().expect("tokens").access.clone();
        app.userinfo(&mut self.app, &access);
    }
}
