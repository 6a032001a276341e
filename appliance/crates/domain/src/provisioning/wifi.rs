//! The wireless network, and how wpa_supplicant is told of it.

use std::num::NonZeroU32;

use ring::pbkdf2;
use serde::{Deserialize, Deserializer};

use super::Unfit;
use super::secrets::REMOVED;
use crate::secret::Secret;

/// Rounds from a password to a key (IEEE 802.11-2020 annex J.4.1).
const ROUNDS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// A wireless network.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wifi {
    /// What it is called.
    pub ssid: Ssid,
    /// What lets us in; an open network has none.
    pub password: Option<WifiPassword>,
    /// Where the box stands: each country allows other channels.
    pub country: Country,
    /// Whether the network does not say its name.
    #[serde(default)]
    pub hidden: bool,
}

impl Wifi {
    /// What wpa_supplicant reads. The name in hexadecimal and the key instead of the password: nothing in it needs quotes, and
    /// the password itself is not kept. WPA2 takes such a key; a network with WPA3 alone does not.
    pub fn network_block(&self) -> Secret<String> {
        let hidden = if self.hidden { "\tscan_ssid=1\n" } else { "" };
        let key = match &self.password {
            Some(password) => Secret::new(format!("\tkey_mgmt=WPA-PSK\n\tpsk={}\n", password.key(&self.ssid).expose())),
            None => Secret::new("\tkey_mgmt=NONE\n".to_owned()),
        };
        let (country, ssid) = (&self.country.0, hex(self.ssid.0.as_bytes()));
        Secret::new(format!("country={country}\nnetwork={{\n\tssid={ssid}\n{hidden}{}}}\n", key.expose()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a wireless network: 1 to 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Ssid(String);

impl Ssid {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Ssid {
    type Error = Unfit;

    fn try_from(raw: String) -> Result<Self, Unfit> {
        let good = (1..=32).contains(&raw.len()) && !raw.chars().any(char::is_control);
        if good { Ok(Self(raw)) } else { Err(Unfit("write the network's name: 1 to 32 characters on one line")) }
    }
}

/// Two letters of ISO 3166.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Country(String);

impl Country {
    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Country {
    type Error = Unfit;

    fn try_from(raw: String) -> Result<Self, Unfit> {
        if raw.len() == 2 && raw.bytes().all(|b| b.is_ascii_alphabetic()) {
            Ok(Self(raw.to_ascii_uppercase()))
        } else {
            Err(Unfit("write the two letters of your country, such as AT"))
        }
    }
}

/// A password of 8 to 63 printable ASCII characters, or a key in 64 hexadecimal digits (IEEE 802.11-2020 annex J.4).
#[derive(Clone, Debug, PartialEq)]
pub struct WifiPassword(Secret<String>);

impl WifiPassword {
    /// The key of that network, in hexadecimal digits.
    fn key(&self, ssid: &Ssid) -> Secret<String> {
        if is_key(self.0.expose()) {
            return Secret::new(self.0.expose().to_ascii_lowercase());
        }
        let mut key = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, ROUNDS, ssid.0.as_bytes(), self.0.expose().as_bytes(), &mut key);
        Secret::new(hex(Secret::new(key).expose()))
    }
}

fn is_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl TryFrom<Secret<String>> for WifiPassword {
    type Error = Unfit;

    fn try_from(raw: Secret<String>) -> Result<Self, Unfit> {
        let text = raw.expose();
        if text.starts_with(REMOVED) {
            return Err(Unfit("this password was taken out after it was applied; write it again"));
        }
        let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        if is_key(text) || ((8..=63).contains(&text.len()) && printable) {
            Ok(Self(raw))
        } else {
            Err(Unfit("a Wi-Fi password has 8 to 63 letters, digits and signs without accents"))
        }
    }
}

impl<'de> Deserialize<'de> for WifiPassword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Secret::new(String::deserialize(deserializer)?);
        raw.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wifi(ssid: &str, password: Option<&str>) -> Wifi {
        Wifi {
            ssid: ssid.to_owned().try_into().unwrap(),
            password: password.map(|text| Secret::new(text.to_owned()).try_into().unwrap()),
            country: "at".to_owned().try_into().unwrap(),
            hidden: false,
        }
    }

    #[test]
    fn the_key_is_the_one_of_the_standard() {
        // IEEE 802.11-2020 annex J.4.2.
        for (ssid, password, key) in [
            ("IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
            ("ThisIsASSID", "ThisIsAPassword", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"),
        ] {
            let block = wifi(ssid, Some(password)).network_block();
            assert!(block.expose().contains(&format!("psk={key}\n")), "{ssid}");
            assert!(!block.expose().contains(password));
        }
        let given = "AB".repeat(32);
        assert!(wifi("a", Some(&given)).network_block().expose().contains(&given.to_lowercase()));
    }

    #[test]
    fn nothing_in_a_name_or_password_adds_a_line_or_a_setting() {
        let mut odd = wifi("a\"}\u{e4} #", Some("}\" psk=\"x # y"));
        odd.hidden = true;
        let block = odd.network_block();
        let lines: Vec<&str> = block.expose().lines().collect();
        assert_eq!(lines[..4], ["country=AT", "network={", "\tssid=61227dc3a42023", "\tscan_ssid=1"]);
        assert_eq!((lines.len(), lines[4], lines[6]), (7, "\tkey_mgmt=WPA-PSK", "}"));
    }

    #[test]
    fn an_open_network_has_no_key() {
        let block = wifi("cafe", None).network_block();
        assert_eq!(block.expose(), "country=AT\nnetwork={\n\tssid=63616665\n\tkey_mgmt=NONE\n}\n");
    }
}
