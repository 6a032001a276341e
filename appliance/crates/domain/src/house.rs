//! What the house is called and where it is reached.

use std::sync::Arc;

use crate::credential::{Credential, Passkey};
use crate::host::Host;
use crate::moving::{Former, Moves};

/// The port of `https` that no address has to name.
const HTTPS: u16 = 443;

/// The names of the house, as people and apps see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct House {
    /// What people see as the name of the house.
    pub name: String,
    /// The host name: WebAuthn's RP ID, fixed at the first passkey.
    pub host: Host,
    /// The port in the address that browsers use.
    pub port: u16,
    /// What it was called before, if it has moved.
    pub moves: Option<Moves>,
}

impl House {
    /// What a browser calls this server: `host` or `host:port`.
    pub fn authority(&self) -> String {
        self.authority_of(&self.host)
    }

    /// The same for another name of the house.
    pub fn authority_of(&self, host: &Host) -> String {
        match self.port {
            HTTPS => host.as_str().to_owned(),
            port => format!("{host}:{port}"),
        }
    }

    /// The issuer of all tokens and the origin of all pages: `https://` and the authority.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.authority())
    }

    /// The issuer that another name of the house makes.
    pub fn issuer_of(&self, host: &Host) -> String {
        format!("https://{}", self.authority_of(host))
    }

    /// The name before this one, if the house has moved; whether it is served is another question.
    pub fn former(&self) -> Option<&Former> {
        self.moves.as_ref().map(|moves| &moves.former)
    }

    /// The name (RP ID) that a passkey belongs to. One that does not say is older than the first move.
    pub fn rp_id<'a>(&'a self, passkey: &'a Passkey) -> &'a Host {
        let first = || self.moves.as_ref().map_or(&self.host, |moves| &moves.first);
        passkey.rp_id.as_ref().unwrap_or_else(first)
    }

    /// Whether a credential can be proven under a name of the house; `former` says whether that one is served.
    pub fn hears(&self, credential: &Credential, former: bool) -> bool {
        match credential {
            Credential::Passkey(passkey) => {
                let host = self.rp_id(passkey);
                *host == self.host || (former && self.former().is_some_and(|former| former.host == *host))
            }
            Credential::Password(_) | Credential::Totp(_) | Credential::Recovery(_) => true,
        }
    }

    /// Whether browsers may be told to use TLS only, for this name and all its ports: not for a demo on localhost, and not
    /// for a name that the next box will bear as well.
    pub fn strict_transport(&self) -> bool {
        self.port == HTTPS && self.host.as_str() != "localhost" && !self.host.is_provisional()
    }
}

/// The house by one of its names, as somebody reached it. What is issued to them bears that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    house: Arc<House>,
    former: bool,
}

impl Address {
    /// By the name that it has.
    pub fn current(house: Arc<House>) -> Self {
        Self { house, former: false }
    }

    /// By the name that it had, if it had another.
    pub fn former(house: Arc<House>) -> Option<Self> {
        house.former()?;
        Some(Self { house, former: true })
    }

    /// Whether it is the name that the house had.
    pub fn is_former(&self) -> bool {
        self.former
    }

    /// The house with its names.
    pub fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// The name.
    pub fn host(&self) -> &Host {
        match self.house.former() {
            Some(former) if self.former => &former.host,
            Some(_) | None => &self.house.host,
        }
    }

    /// `host` or `host:port`.
    pub fn authority(&self) -> String {
        self.house.authority_of(self.host())
    }

    /// The issuer of what is issued there, and the origin of the pages there.
    pub fn issuer(&self) -> String {
        self.house.issuer_of(self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(host: &str, port: u16) -> House {
        House { name: "Home".into(), host: host.parse().unwrap(), port, moves: None }
    }

    #[test]
    fn another_port_is_part_of_the_issuer() {
        assert_eq!(house("id.example.net", 443).issuer(), "https://id.example.net");
        assert_eq!(house("localhost", 8443).issuer(), "https://localhost:8443");
    }

    #[test]
    fn a_passkey_belongs_to_the_name_it_was_made_for_and_proves_nothing_elsewhere() {
        let at = |name: &str| name.parse::<Host>().unwrap();
        let passkey = |rp_id: Option<&str>| Passkey {
            credential_id: Vec::new(),
            key: serde_json::Value::Null,
            suspect: false,
            rp_id: rp_id.map(at),
        };
        let mut house = house("a.example", 443);
        assert!(house.hears(&Credential::Passkey(passkey(None)), false));
        for (from, to) in [("a.example", "b.example"), ("b.example", "c.example")] {
            let wish = crate::moving::Wish { host: &at(to), lifetime: crate::moving::USUAL };
            let ended = house.moves.take().map(Moves::ended);
            let plan = crate::moving::plan(&at(from), ended.as_ref(), wish, crate::time::Timestamp::default()).unwrap();
            let crate::moving::Plan::Move(moves) = plan else { panic!("{plan:?}") };
            house = House { host: at(to), moves: Some(moves), ..house };
        }
        let heard = |rp_id| {
            let credential = Credential::Passkey(passkey(rp_id));
            (house.hears(&credential, true), house.hears(&credential, false))
        };
        assert_eq!(heard(None), (false, false), "of the first name, two moves ago");
        assert_eq!(heard(Some("b.example")), (true, false));
        assert_eq!(heard(Some("c.example")), (true, true));
        let former = Address::former(Arc::new(house)).unwrap();
        assert_eq!((former.issuer().as_str(), former.is_former()), ("https://b.example", true));
    }

    #[test]
    fn browsers_insist_on_tls_for_names_that_stay() {
        assert!(house("id.example.net", 443).strict_transport());
        assert!(!house("localhost", 443).strict_transport());
        assert!(!house("latchkey.local", 443).strict_transport());
        assert!(!house("id.example.net", 8443).strict_transport());
    }
}
