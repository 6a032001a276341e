//! The household under test, made through the admin API on the control socket.

use serde_json::{Value, json};

use crate::app::{App, Endpoints, REDIRECT, text};
use crate::client::{Answer, Call};
use crate::http::Connection;

const API: &str = "/api/v1";
/// How many groups there are beside the built-in ones.
pub const GROUPS: usize = 2000;

pub struct House {
    control: Connection,
    persons: usize,
}

impl House {
    /// Groups, some inside others, and one app that the family may use and that asks for no consent.
    pub fn found(control: Connection) -> Self {
        let mut house = Self { control, persons: 0 };
        house.post("/presence/claim", &json!({}));
        house.post("/groups", &json!({ "name": "family" }));
        for number in 0..GROUPS {
            house.post("/groups", &json!({ "name": format!("group-{number}") }));
            if number % 10 != 0 {
                house.put(&format!("/groups/group-{}/groups/group-{number}", number - number % 10));
            }
        }
        house
    }

    /// The same house, after the server was started again.
    pub fn again(control: Connection, persons: usize) -> Self {
        Self { control, persons }
    }

    pub fn app(&mut self, endpoints: Endpoints) -> App {
        self.post("/service-accounts", &json!({ "name": "robot" }));
        self.put("/groups/family/accounts/robot");
        let set = json!({
            "display_name": "Films", "redirect_uris": [REDIRECT], "consent": "skip",
            "device": true, "acts_as": "robot", "service_accounts": true,
        });
        let made = self.post("/apps", &json!({ "name": "films", "set": set })).json();
        self.put("/apps/films/groups/family");
        let token = self.post("/service-accounts/robot/tokens", &json!({ "label": "job" })).json();
        App {
            id: text(&made, "client_id"),
            secret: text(&made, "client_secret"),
            robot: text(&token, "token"),
            endpoints,
        }
    }

    /// Adds persons, each in the family and in two other groups, until there are so many.
    pub fn grow(&mut self, persons: usize) {
        while self.persons < persons {
            let number = self.persons;
            let name = name(number);
            let attributes =
                json!({ "display_name": format!("Person {number}"), "mail": format!("{name}@example.org") });
            self.post("/persons", &json!({ "name": name, "set": { "attributes": attributes } }));
            for group in ["family", &format!("group-{}", number % GROUPS), &format!("group-{}", number * 7 % GROUPS)] {
                self.put(&format!("/groups/{group}/accounts/{name}"));
            }
            self.persons += 1;
        }
    }

    pub fn invite(&mut self, name: &str) -> String {
        let made = self.post(&format!("/persons/{name}/invites"), &json!({})).json();
        text(&made, "url")
    }

    fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send(&Call::post(format!("{API}{path}")).json(body))
    }

    fn put(&mut self, path: &str) -> Answer {
        self.send(&Call::new("PUT", format!("{API}{path}")).header("Content-Length", "0"))
    }

    fn send(&mut self, call: &Call) -> Answer {
        let answer = self.control.send(call).expect("an answer");
        assert!(answer.status < 300, "{call:?}: {} {}", answer.status, answer.text());
        answer
    }
}

pub fn name(number: usize) -> String {
    format!("person{number}")
}
