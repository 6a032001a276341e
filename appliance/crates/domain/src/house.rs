//! What the house is called and where it is reached.

use crate::host::Host;

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
}

impl House {
    /// What a browser calls this server: `host` or `host:port`.
    pub fn authority(&self) -> String {
        match self.port {
            HTTPS => self.host.as_str().to_owned(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// The issuer of all tokens and the origin of all pages: `https://` and the authority.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.authority())
    }

    /// Whether browsers may be told to use TLS only, for this name and all its ports: not for a demo on localhost, and not
    /// for a name that the next box will bear as well.
    pub fn strict_transport(&self) -> bool {
        self.port == HTTPS && self.host.as_str() != "localhost" && !self.host.is_provisional()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(host: &str, port: u16) -> House {
        House { name: "Home".into(), host: host.parse().unwrap(), port }
    }

    #[test]
    fn another_port_is_part_of_the_issuer() {
        assert_eq!(house("id.example.net", 443).issuer(), "https://id.example.net");
        assert_eq!(house("localhost", 8443).issuer(), "https://localhost:8443");
    }

    #[test]
    fn browsers_insist_on_tls_for_names_that_stay() {
        assert!(house("id.example.net", 443).strict_transport());
        assert!(!house("localhost", 443).strict_transport());
        assert!(!house("latchkey.local", 443).strict_transport());
        assert!(!house("id.example.net", 8443).strict_transport());
    }
}
