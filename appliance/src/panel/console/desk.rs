//! What the console asks the server and the machine for.

use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::menu::MOST_OWNERS;
use crate::api::{self, ClockSet, Invite, NewInvite, SetClock, Status};
use crate::http::{Call, Client, Method};
use crate::panel::PanelError;
use crate::panel::link;

/// A person waits for it.
const LIMIT: Duration = Duration::from_secs(10);
/// Network interfaces that are shown, at most.
const MOST_INTERFACES: usize = 16;

/// The server behind its control socket.
pub(super) struct Desk {
    client: Client,
}

/// What the banner tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The states that hold, or why they are not known.
    pub(super) states: Vec<String>,
    /// Where browsers go.
    pub(super) address: Option<String>,
    /// The machine's own addresses.
    pub(super) numbers: Vec<IpAddr>,
    /// The code of a box without an owner, and where to type it.
    pub(super) code: Option<(String, String)>,
    /// Of the certificate.
    pub(super) fingerprint: Option<String>,
}

impl Desk {
    pub(super) fn new(socket: PathBuf) -> Result<Self, PanelError> {
        Ok(Self { client: Client::socket(socket)? })
    }

    /// Everything for the banner; what cannot be had is left out.
    pub(super) fn facts(&self) -> Facts {
        let status = match self.status() {
            Ok(status) => status,
            Err(why) => {
                let states = vec![format!("The server does not answer: {why}")];
                return Facts { states, numbers: addresses(), ..Facts::default() };
            }
        };
        let unclaimed = status.states.iter().any(|state| state.name == "unclaimed");
        Facts {
            states: status.states.into_iter().map(|state| state.text).collect(),
            address: Some(status.issuer),
            numbers: addresses(),
            code: if unclaimed { self.code() } else { None },
            fingerprint: self.fingerprint(),
        }
    }

    pub(super) fn status(&self) -> Result<Status, PanelError> {
        self.ask(Method::Get, "status", None)
    }

    /// Says what time it is.
    pub(super) fn set_clock(&self, now: api::Time) -> Result<ClockSet, PanelError> {
        let body = serde_json::to_vec(&SetClock { now }).map_err(|error| PanelError::Refused(error.to_string()))?;
        self.ask(Method::Put, "time", Some(body))
    }

    /// The owners, as many as can be chosen from.
    pub(super) fn owners(&self) -> Result<Vec<String>, PanelError> {
        let page: api::Page<Value> =
            self.ask(Method::Get, &format!("groups/owners/members?limit={MOST_OWNERS}"), None)?;
        let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
        Ok(page.items.iter().filter_map(name).take(MOST_OWNERS).collect())
    }

    /// A link that lets somebody back in.
    pub(super) fn recover(&self, name: &str) -> Result<Invite, PanelError> {
        let request = NewInvite { recover: true, expires_in: None };
        let body = serde_json::to_vec(&request).map_err(|error| PanelError::Refused(error.to_string()))?;
        self.ask(Method::Post, &format!("persons/{name}/invites"), Some(body))
    }

    fn code(&self) -> Option<(String, String)> {
        let made: Value = self.ask(Method::Post, "presence/code", Some(json!({}).to_string().into_bytes())).ok()?;
        let part = |name| made.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((part("code")?, part("url")?))
    }

    fn fingerprint(&self) -> Option<String> {
        let certificate: Value = self.ask(Method::Get, "certificate", None).ok()?;
        // Phones are shown that of the authority; of a certificate without one, its own.
        let authority = certificate.get("authority").and_then(|authority| authority.get("fingerprint"));
        authority.or_else(|| certificate.get("fingerprint")).and_then(Value::as_str).map(str::to_owned)
    }

    fn ask<T: DeserializeOwned>(&self, method: Method, what: &str, body: Option<Vec<u8>>) -> Result<T, PanelError> {
        let path = format!("{}/{what}", api::PREFIX);
        let body = body.map(|bytes| ("application/json", bytes));
        let answer = link::call(&self.client, Call { method, path: &path, body }, LIMIT)?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| PanelError::Refused(format!("the server's answer is not understood: {error}")))
    }
}

/// The addresses that this machine would speak from: to learn them, nothing is sent.
pub(super) fn addresses() -> Vec<IpAddr> {
    let from = |here: &str, there: &str| {
        let socket = UdpSocket::bind(here).ok()?;
        socket.connect(there).ok()?;
        let ip = socket.local_addr().ok()?.ip();
        (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
    };
    // Addresses for documentation (RFC 5737, RFC 3849): the way to them is the way out.
    [from("0.0.0.0:0", "192.0.2.1:9"), from("[::]:0", "[2001:db8::1]:9")].into_iter().flatten().collect()
}

/// The network interfaces with their state, as the kernel tells them under that folder.
pub(super) fn interfaces(sys: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(sys.join("class/net")) else { return Vec::new() };
    let mut found: Vec<(String, String)> = entries
        .flatten()
        .take(MOST_INTERFACES)
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.to_owned();
            let state = crate::panel::health::word(&entry.path().join("operstate")).unwrap_or_default();
            (name != "lo").then_some((name, state))
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn interfaces_are_told_with_their_state() {
        let folder = Folder::new();
        for (name, state) in [("eth0", "up\n"), ("wlan0", "down\n"), ("lo", "unknown\n")] {
            let path = folder.path().join("class/net").join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("operstate"), state).unwrap();
        }
        let found = interfaces(folder.path());
        assert_eq!(found, [("eth0".to_owned(), "up".to_owned()), ("wlan0".to_owned(), "down".to_owned())]);
        assert_eq!(interfaces(Path::new("/nowhere")), []);
    }

    #[test]
    fn a_server_that_is_not_there_is_told_in_the_banner() {
        let facts = Desk::new("/nowhere/latchkey.sock".into()).unwrap().facts();
        assert!(facts.states[0].contains("does not answer"), "{facts:?}");
        assert_eq!((facts.code, facts.fingerprint), (None, None));
    }
}
