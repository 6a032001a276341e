//! What the owner configured: one small TOML file. A key that does not exist is an error that names its line.

mod panel;

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use domain::host::Host;
use serde::Deserialize;
use service::Settings;

pub use panel::{Night, NotHours, Panel};

/// The ports that no address has to name.
const HTTPS: u16 = 443;
const HTTP: u16 = 80;
/// More than any sensible file; a wrong path (a disk, a log) is noticed before it fills the memory.
const MAX_FILE: u64 = 64 * 1024;
/// Most passwords that are hashed at a time.
const MOST_HASHES: usize = 8;

/// The configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name that browsers use, such as `id.example.net`. Passkeys are bound to it for ever. Chosen in the setup unless
    /// given here.
    #[serde(default)]
    pub host: Option<Host>,
    /// What people see as the name of the house. Chosen in the setup unless given here.
    #[serde(default)]
    pub house: Option<String>,
    /// The port in the address that browsers use.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Where to listen; all addresses of the machine unless said otherwise.
    #[serde(default)]
    pub listen: Vec<SocketAddr>,
    /// Where to listen without TLS, for the page that tells phones how to trust the house, and for sending browsers on to TLS:
    /// port 80 of all addresses while the port is 443 and `listen` is not given, nowhere else unless said so. An empty list
    /// is nowhere.
    #[serde(default)]
    pub plain: Option<Vec<SocketAddr>>,
    /// Where the database, the keys and a self-made certificate live.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// Where the boot partition is mounted, if a PC shall be able to read how the setup went: `latchkey.toml` is read from
    /// there, and `latchkey-setup.txt` written to it.
    #[serde(default)]
    pub boot_dir: Option<PathBuf>,
    /// Where a file system must be mounted before there is any data. While it is not, the server serves nothing but that.
    #[serde(default)]
    pub data_mount: Option<PathBuf>,
    /// Where root writes down how an update of the system stands, on a machine that is updated by whole slots.
    #[serde(default)]
    pub update_dir: Option<PathBuf>,
    /// Whether a box without an owner is found as `latchkey.local`; yes on port 443 unless said otherwise.
    #[serde(default)]
    pub mdns: Option<bool>,
    /// The control socket; `control/latchkey.sock` in the data directory unless said otherwise.
    #[serde(default)]
    pub socket: Option<PathBuf>,
    /// The certificate; a self-made one unless said otherwise.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// How far the clock of the machine is trusted: `auto`, `trusted` or `check`.
    #[serde(default)]
    pub clock: ClockMode,
    /// What is logged: `error`, `warn`, `info` or `debug`.
    #[serde(default)]
    pub log: LogLevel,
    /// LED and button.
    #[serde(default)]
    pub panel: Panel,
    /// Bounds of the network side.
    #[serde(default)]
    pub limits: Limits,
}

/// The files of a certificate; they are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// How far the clock of the machine is trusted before a time server has set it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    /// As `trusted`, unless the machine has no battery clock and systemd-timesyncd runs: then as `check`.
    #[default]
    Auto,
    /// Whatever it shows counts, if it is later than when this program was built.
    Trusted,
    /// It counts when systemd-timesyncd has set it, or an admin. For a board without a battery clock.
    Check,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Faults only.
    Error,
    /// And what an owner should look at.
    Warn,
    /// And one line a request.
    #[default]
    Info,
    /// And details for developers.
    Debug,
}

/// Bounds of the network side.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address.
    pub per_peer: usize,
    /// Passwords hashed at a time, 19 MiB each; what the machine's memory allows unless said otherwise.
    pub hashes: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, per_peer: 32, hashes: None }
    }
}

fn default_port() -> u16 {
    HTTPS
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("/var/lib/latchkey")
}

/// The configuration cannot be used; the text says where and what to do.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The file is not what it should be.
    Wrong(PathBuf, String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Wrong(path, what) => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is longer than 64 KiB, or has an unknown key or a wrong value.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable(path.to_owned(), error);
        let mut text = String::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_FILE {
            return Err(ConfigError::Wrong(path.to_owned(), "longer than 64 KiB; is it the right file?".to_owned()));
        }
        Self::parse(&text).map_err(|what| ConfigError::Wrong(path.to_owned(), what))
    }

    /// Reads the text of a file; the error names the line.
    ///
    /// # Errors
    /// When it has an unknown key or a wrong value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if config.limits.hashes.is_some_and(|hashes| !(1..=MOST_HASHES).contains(&hashes)) {
            return Err(format!("limits: hashes is between 1 and {MOST_HASHES}"));
        }
        if config.limits.connections == 0 || config.limits.per_peer == 0 {
            return Err("limits: a bound of 0 would let nobody in".to_owned());
        }
        if config.port == 0 {
            return Err("port: 0 is no port that a browser can use".to_owned());
        }
        Ok(config)
    }

    /// What the configuration says of the house's names.
    pub fn names(&self) -> Settings {
        Settings { host: self.host.clone(), house: self.house.clone(), port: self.port }
    }

    /// Whether the box is announced on the local network while it has no owner.
    pub fn announced(&self) -> bool {
        self.mdns.unwrap_or(self.port == 443 && self.host.is_none())
    }

    /// Whether this is the system of a box of its own, whose administration belongs to the claim too.
    pub fn is_appliance(&self) -> bool {
        self.boot_dir.is_some() || self.data_mount.is_some()
    }

    /// Where to listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        if self.listen.is_empty() {
            vec![SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), self.port)]
        } else {
            self.listen.clone()
        }
    }

    /// Where to listen without TLS.
    pub fn plain_addresses(&self) -> Vec<SocketAddr> {
        match &self.plain {
            Some(addresses) => addresses.clone(),
            None if self.port == HTTPS && self.listen.is_empty() => {
                vec![SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), HTTP)]
            }
            None => Vec::new(),
        }
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| self.data_dir.join("control").join("latchkey.sock"))
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("latchkey.db")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_enough() {
        let config = Config::parse("host = \"id.example.net\"").unwrap();
        assert_eq!(config.host.unwrap().as_str(), "id.example.net");
        assert_eq!(config.limits, Limits { connections: 256, per_peer: 32, hashes: None });
    }

    #[test]
    fn a_box_that_nobody_named_needs_no_line_at_all() {
        let config = Config::parse("").unwrap();
        assert_eq!((config.host, config.house, config.port), (None, None, 443));
    }

    #[test]
    fn port_80_is_open_by_itself_only_beside_port_443_of_all_addresses() {
        let plain = |text| Config::parse(text).unwrap().plain_addresses();
        assert_eq!(plain(""), ["[::]:80".parse().unwrap()]);
        assert!(plain("plain = []").is_empty());
        assert!(plain("port = 8443").is_empty());
        assert!(plain("listen = [\"192.0.2.5:443\"]").is_empty());
        assert_eq!(plain("port = 8443\nplain = [\"127.0.0.1:8080\"]"), ["127.0.0.1:8080".parse().unwrap()]);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = Config::parse("host = \"a.b\"\nprot = 1\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("prot"), "{error}");
        assert!(Config::parse("host = \"a.b\"\n[limits]\npeers = 3\n").is_err());
    }

    #[test]
    fn wrong_values_are_refused() {
        for bad in [
            "host = \"Id.Example.net\"",
            "host = \"192.168.1.5\"",
            "host = \"a..b\"",
            "host = \"a/b\"",
            "host = \"a:8443\"",
            "host = \"a.b\"\nport = 0",
            "host = \"a.b\"\nport = 65536",
            "host = \"a.b\"\nlisten = [\"here\"]",
            "plain = [\"here\"]",
            "plain = \"0.0.0.0:80\"",
            "host = \"a.b\"\nlog = \"loud\"",
            "host = \"a.b\"\nclock = \"sun\"",
            "host = \"a.b\"\n[limits]\nper_peer = 0",
            "host = \"a.b\"\n[limits]\nhashes = 0",
            "host = \"a.b\"\n[limits]\nhashes = 99",
        ] {
            assert!(Config::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Path::new("/nowhere/latchkey.toml")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/latchkey.toml"));
    }
}
