//! `latchkey cert use`: where the certificate comes from, in words of the command line.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use domain::certificate::CertificateChoice;
use serde_json::{Map, Value, json};

use crate::cli::failure::Failure;
use crate::cli::shell::{Shell, read_file};

/// The longest secret of a DNS provider.
const MAX_SECRET: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(crate) enum Source {
    /// The house's own authority: works without a domain and without the internet; each phone is told once to trust it
    #[command(after_help = "Example:\n  latchkey cert use own-ca")]
    OwnCa,
    /// A public authority (Let's Encrypt): every phone trusts it, and the name has to be in a domain of yours
    #[command(after_help = "\
The proof that the name is yours is a record in the DNS, so nothing has to be reached from the internet. The token for that is
read from a file, or from stdin with `-`; never from the command line, where everybody on the machine could see it.

Examples:
  latchkey cert use acme --dns cloudflare --token-file /root/cloudflare-token --contact anna@example.org
  latchkey cert use acme --dns desec --token-file - --challenge-alias _acme-challenge.house.dedyn.io
  latchkey cert use acme --dns rfc2136 --server 192.0.2.1 --zone example.org --key-name latchkey --key-file /root/tsig
  latchkey cert use acme --dns exec --program /usr/local/bin/dns-record --staging")]
    Acme(Box<Acme>),
    /// Files that you bring; they are read again when they change
    #[command(after_help = "Example:\n  latchkey cert use files /etc/ssl/house/fullchain.pem /etc/ssl/house/key.pem")]
    Files(Files),
}

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The chain, PEM, the server's own certificate first
    certificate: PathBuf,
    /// The private key, PEM, without a password
    key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Acme {
    /// Who serves the DNS of your domain
    #[arg(long, value_enum)]
    dns: Dns,
    /// A file that holds the provider's token, or - for stdin
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The zone, where it is not found from the name
    #[arg(long)]
    zone: Option<String>,
    /// rfc2136: the address of the zone's primary server
    #[arg(long, value_name = "ADDRESS")]
    server: Option<String>,
    /// rfc2136: what both sides call the key
    #[arg(long, value_name = "NAME")]
    key_name: Option<String>,
    /// rfc2136: a file that holds the TSIG key in base64, or - for stdin
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// exec: a program on the server, called as PROGRAM present|cleanup NAME VALUE
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// The name to which _acme-challenge of the house is a CNAME: the token need not open the whole domain
    #[arg(long, value_name = "NAME")]
    challenge_alias: Option<String>,
    /// A mail address at which the authority may warn you
    #[arg(long, value_name = "MAIL")]
    contact: Option<String>,
    /// Try with Let's Encrypt's counterpart for trials: no limits, and browsers warn of what it gives
    #[arg(long, conflicts_with = "directory")]
    staging: bool,
    /// Another authority, by the address of its ACME directory
    #[arg(long, value_name = "URL")]
    directory: Option<String>,
    /// A file on the server with the certificates to trust when talking to that authority
    #[arg(long, value_name = "PATH", requires = "directory")]
    directory_ca: Option<PathBuf>,
    /// The name server to ask whether the record is visible
    #[arg(long, value_name = "ADDRESS")]
    resolver: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Dns {
    Cloudflare,
    Desec,
    Duckdns,
    Hetzner,
    Rfc2136,
    Exec,
}

impl Dns {
    const fn word(self) -> &'static str {
        match self {
            Self::Cloudflare => "cloudflare",
            Self::Desec => "desec",
            Self::Duckdns => "duckdns",
            Self::Hetzner => "hetzner",
            Self::Rfc2136 => "rfc2136",
            Self::Exec => "exec",
        }
    }
}

impl Source {
    /// The choice in the words of the API.
    pub(super) fn choice(self, shell: &mut Shell<'_, '_>) -> Result<CertificateChoice, Failure> {
        let value = match self {
            Self::OwnCa => json!({"kind": "own-ca"}),
            Self::Files(Files { certificate, key }) => {
                json!({"kind": "files", "certificate": absolute(&certificate)?, "key": absolute(&key)?})
            }
            Self::Acme(acme) => acme.value(shell)?,
        };
        serde_json::from_value(value).map_err(|error| Failure::Usage(format!("{error} (--help names the options)")))
    }
}

impl Acme {
    fn value(self, shell: &mut Shell<'_, '_>) -> Result<Value, Failure> {
        let Self { dns, token_file, zone, server, key_name, key_file, program, .. } = self;
        if token_file.as_deref() == Some(Path::new("-")) && key_file.as_deref() == Some(Path::new("-")) {
            return Err(Failure::Usage("only one secret can come from stdin (--token-file, --key-file)".to_owned()));
        }
        let token = token_file.map(|file| secret(shell, &file)).transpose()?;
        let key = key_file.map(|file| secret(shell, &file)).transpose()?;
        let program = program.map(|program| absolute(&program)).transpose()?;
        let dns = given([
            ("kind", Some(dns.word().to_owned())),
            ("token", token),
            ("zone", zone),
            ("server", server),
            ("key_name", key_name),
            ("key", key),
            ("program", program),
        ]);
        let directory = if self.staging { Some("lets-encrypt-staging".to_owned()) } else { self.directory };
        let mut choice = given([
            ("kind", Some("acme".to_owned())),
            ("directory", directory),
            ("contact", self.contact),
            ("challenge_alias", self.challenge_alias),
            ("resolver", self.resolver),
            ("ca_file", self.directory_ca.map(|file| absolute(&file)).transpose()?),
        ]);
        choice.insert("dns".to_owned(), Value::Object(dns));
        Ok(Value::Object(choice))
    }
}

fn given<const N: usize>(fields: [(&str, Option<String>); N]) -> Map<String, Value> {
    let fields = fields.into_iter();
    fields.filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect()
}

/// The server may run in another folder than the shell.
fn absolute(path: &Path) -> Result<String, Failure> {
    let full = std::path::absolute(path).map_err(|error| Failure::Local(format!("{}: {error}", path.display())))?;
    full.into_os_string().into_string().map_err(|path| Failure::Usage(format!("{path:?} is not UTF-8")))
}

fn secret(shell: &mut Shell<'_, '_>, file: &Path) -> Result<String, Failure> {
    let bytes = if file == Path::new("-") { shell.stdin(MAX_SECRET)? } else { read_file(file, MAX_SECRET)? };
    let text = String::from_utf8(bytes).unwrap_or_default().trim().to_owned();
    if text.is_empty() {
        return Err(Failure::Usage(format!("there is no token in {} (--token-file, --key-file)", file.display())));
    }
    Ok(text)
}
