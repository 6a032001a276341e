//! One of several who drive the server at the same time.

use std::net::Ipv4Addr;

use crate::app::{App, Tokens};
use crate::house::{House, name};
use crate::http::Connection;
use crate::person::{Person, Tab};
use crate::proof::Proofs;
use crate::server::Server;

/// Browsers and apps that drive the server at the same time.
pub const DRIVERS: usize = 4;
/// How many devices of one address may ask within two minutes.
const ASKS: usize = 16;

/// One person with a browser, and the app that they sign in to.
pub struct Driver {
    number: u8,
    pub tab: Tab,
    pub person: Person,
    pub app: Connection,
    pub code: String,
    pub tokens: Option<Tokens>,
    /// Tokens to be given back.
    laid_in: Vec<Tokens>,
    proofs: Proofs,
    /// The app on devices at other addresses, and how often it may still ask there.
    devices: Vec<(Connection, usize)>,
    addresses: u8,
}

impl Driver {
    pub fn several(server: &Server, house: &mut House) -> Vec<Self> {
        let invites: Vec<String> = (0..DRIVERS).map(|number| house.invite(&name(number))).collect();
        (1..).zip(&invites).map(|(number, invite)| Self::join(server, number, invite)).collect()
    }

    fn join(server: &Server, number: u8, invite: &str) -> Self {
        let mut tab = Tab { connection: server.connect(), origin: server.origin() };
        let person = Person::join(&mut tab, invite);
        Self {
            number,
            tab,
            person,
            app: server.connect(),
            code: String::new(),
            tokens: None,
            laid_in: Vec::new(),
            proofs: Proofs::new(),
            devices: Vec::new(),
            addresses: 0,
        }
    }

    pub fn reconnect(&mut self, server: &Server) {
        self.tab.connection = server.connect();
        self.app = server.connect();
        self.devices.clear();
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

    /// The same for tokens that are bound to a key.
    pub fn exchange_bound(&mut self, app: &App) {
        app.exchange_bound(&mut self.app, &self.code, &mut self.proofs);
    }

    pub fn refresh(&mut self, app: &App) {
        let old = self.tokens.take().expect("tokens");
        self.tokens = Some(app.refresh(&mut self.app, &old.refresh));
    }

    pub fn introspect(&mut self, app: &App) {
        let access = self.tokens.as_ref().expect("tokens").access.clone();
        app.introspect(&mut self.app, &access);
    }

    /// Fetches tokens of so many sign-ins.
    pub fn lay_in(&mut self, app: &App, times: usize) {
        for _ in 0..times {
            self.authorize(app);
            self.laid_in.push(app.exchange(&mut self.app, &self.code));
        }
    }

    /// Gives those of one back.
    pub fn revoke(&mut self, app: &App) {
        let tokens = self.laid_in.pop().expect("tokens");
        app.revoke(&mut self.app, &tokens.refresh);
    }

    pub fn userinfo(&mut self, app: &App) {
        let access = self.tokens.as_ref().expect("tokens").access.clone();
        app.userinfo(&mut self.app, &access);
    }

    /// Switches on as many devices as so many grants take.
    pub fn bring_devices(&mut self, server: &Server, grants: usize) {
        self.devices.clear();
        for _ in 0..grants.div_ceil(ASKS) {
            self.addresses += 1;
            let address = Ipv4Addr::new(127, 0, self.number, self.addresses);
            self.devices.push((server.connect_from(address), ASKS));
        }
    }

    /// A device asks to be let in, the person does so, and the device fetches its tokens.
    pub fn let_device_in(&mut self, app: &App) {
        let code = self.allow_device(app);
        let (device, _) = self.devices.last_mut().expect("the device that asked");
        app.fetch(device, &code);
    }

    /// The same without the end.
    pub fn allow_device(&mut self, app: &App) -> String {
        self.devices.retain(|(_, asks)| *asks > 0);
        let (device, asks) = self.devices.last_mut().expect("a device that may ask");
        *asks -= 1;
        let codes = app.device_codes(device);
        self.person.let_in(&mut self.tab, &codes.user);
        codes.device
    }
}
