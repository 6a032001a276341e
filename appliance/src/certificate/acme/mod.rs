//! A certificate of a public authority: RFC 8555 with the DNS-01 challenge, and RFC 9773 for when to renew.
//!
//! [`obtain`] does the whole of one order and leaves nothing behind but the account key; [`renewal_window`] asks when the authority
//! would like to see a certificate again. Whoever calls decides when, keeps the result, and waits after a failure. Both may be
//! called off by dropping them; a record that was published then stays, and does no harm.

mod account;
mod chain;
mod conversation;
mod error;
mod order;

use std::path::Path;

use domain::certificate::{AcmeChoice, AcmeDirectory, AriWindow};
use domain::clock::Moment;
use domain::entropy::Entropy;
use domain::host::Host;
use domain::secret::Secret;
use domain::time::{Span, Timestamp};
use serde_json::Value;

use crate::certificate::dns::World;
use crate::http::{Method, Outbound, Question, parse_json};

pub use crate::certificate::dns::{Pace, Providers};
pub use crate::http::OutboundLimits;
pub use chain::Validity;
pub(in crate::certificate) use error::clean;
pub use error::{AcmeError, AcmeErrorKind};

use account::AccountKey;
use conversation::{Conversation, Directory};

/// Endings of names that are a house's own: no public authority may vouch for them.
const PRIVATE: &[&str] =
    &["local", "localhost", "lan", "home", "internal", "arpa", "test", "invalid", "example", "onion"];

/// What an order needs of the world around it.
pub struct AcmeDeps<'a> {
    /// Where the account key is kept, in the folder `tls`.
    pub data_dir: &'a Path,
    /// Numbers that nobody can guess.
    pub entropy: &'a dyn Entropy,
    /// What time it is, and whether that can be trusted.
    pub moment: Moment,
    /// Where the providers of DNS are.
    pub providers: &'a Providers,
    /// How long things may take.
    pub pace: Pace,
    /// Bounds of each answer.
    pub limits: OutboundLimits,
}

/// A new certificate, checked.
#[derive(Debug)]
pub struct Issued {
    /// The chain, our own certificate first.
    pub chain_pem: String,
    /// Its key, made for it alone.
    pub key_pem: Secret<String>,
    /// From when to when it is good.
    pub validity: Validity,
    /// When the authority would like to see it renewed, if it says so.
    pub window: Option<AriWindow>,
}

/// When to renew, as the authority sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// When.
    pub window: AriWindow,
    /// When to ask again, as it may change its mind.
    pub ask_again: Option<Span>,
}

/// Gets a certificate for that host. `replaces` is the chain (PEM) that it takes the place of.
///
/// # Errors
/// With words for an owner. The record that was made is taken away again in any case.
pub async fn obtain(
    choice: &AcmeChoice,
    host: &Host,
    deps: &AcmeDeps<'_>,
    replaces: Option<&str>,
) -> Result<Issued, AcmeError> {
    if !deps.moment.trust.is_good() {
        let words =
            "The clock of this box is not trusted yet, and certificates depend on the time. Latchkey waits for it.";
        return Err(AcmeError::new(AcmeErrorKind::ClockNotTrusted, words.to_owned()));
    }
    let host = host.as_str();
    check_name(choice, host)?;
    let now = deps.moment.now;
    let outbound = outbound(choice, deps)?;
    let key = AccountKey::open(deps.data_dir, &choice.directory)?;
    let world = World {
        providers: deps.providers,
        entropy: deps.entropy,
        now,
        pace: deps.pace,
        resolver: choice.resolver,
        limits: deps.limits,
        provider_roots: None,
    };
    let directory = Directory::fetch(&outbound, choice.directory.address()).await?;
    let conversation = Conversation::new(&outbound, &key, &directory, host, now);
    let mut issued = order::run(conversation, choice, &world, replaces).await?;
    // The certificate is good without it.
    match window(&outbound, &directory, &issued.chain_pem, now).await {
        Ok(renewal) => issued.window = renewal.map(|renewal| renewal.window),
        Err(error) => tracing::debug!(%error, "the authority does not say when to renew"),
    }
    Ok(issued)
}

/// When the authority would like to see this certificate (the first of the chain, PEM) renewed; `None` when it has no opinion.
///
/// # Errors
/// With words for an owner.
pub async fn renewal_window(
    choice: &AcmeChoice,
    chain_pem: &str,
    deps: &AcmeDeps<'_>,
) -> Result<Option<Renewal>, AcmeError> {
    let outbound = outbound(choice, deps)?;
    let directory = Directory::fetch(&outbound, choice.directory.address()).await?;
    window(&outbound, &directory, chain_pem, deps.moment.now).await
}

fn outbound(choice: &AcmeChoice, deps: &AcmeDeps<'_>) -> Result<Outbound, AcmeError> {
    let roots = choice.ca_file.as_ref().map(domain::certificate::AbsolutePath::as_path);
    Outbound::new(roots, deps.limits).map_err(|error| AcmeError::storage(&error))
}

/// An authority of the house's own may vouch for any name.
fn check_name(choice: &AcmeChoice, host: &str) -> Result<(), AcmeError> {
    let ending = host.rsplit_once('.').map(|(_, ending)| ending);
    let public = ending.is_some_and(|ending| !PRIVATE.contains(&ending));
    match choice.directory {
        AcmeDirectory::LetsEncrypt | AcmeDirectory::LetsEncryptStaging if !public => {
            let words = format!(
                "No public authority gives a certificate for {host}: it is a name of this house only. Use a domain of your own, \
                 or the certificate that this box makes itself."
            );
            Err(AcmeError::new(AcmeErrorKind::BadName, words))
        }
        AcmeDirectory::LetsEncrypt | AcmeDirectory::LetsEncryptStaging | AcmeDirectory::Url(_) => Ok(()),
    }
}

/// RFC 9773 section 4.
async fn window(
    outbound: &Outbound,
    directory: &Directory,
    chain_pem: &str,
    now: Timestamp,
) -> Result<Option<Renewal>, AcmeError> {
    let (Some(base), Some(id)) = (&directory.renewal_info, chain::certificate_id(chain_pem)) else { return Ok(None) };
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(&id);
    }
    let question = Question { method: Method::Get, url: &url, authorization: None, body: None };
    let reply = outbound.ask(question).await.map_err(|error| AcmeError::down(&error))?;
    if !reply.is_good() {
        return Err(AcmeError::down(&format!("it answers with status {} when asked when to renew", reply.status)));
    }
    let value: Value = parse_json(&reply.body).map_err(|_| AcmeError::down(&"its answer is no JSON"))?;
    let time = |place: &str| value.pointer(place).and_then(Value::as_str)?.parse::<jiff::Timestamp>().ok();
    let (Some(start), Some(end)) = (time("/suggestedWindow/start"), time("/suggestedWindow/end")) else {
        return Err(AcmeError::down(&"its answer lacks the time at which to renew"));
    };
    let moment = |time: jiff::Timestamp| Timestamp::from_unix(time.as_second());
    let window = AriWindow { start: moment(start), end: moment(end) };
    Ok(Some(Renewal { window, ask_again: reply.retry_after(now) }))
}

#[cfg(test)]
mod tests {
    use domain::certificate::CertificateChoice;

    use super::*;

    fn choice(directory: &str) -> AcmeChoice {
        let dns = serde_json::json!({"kind": "exec", "program": "/bin/true"});
        serde_json::from_value(serde_json::json!({"directory": directory, "dns": dns})).unwrap()
    }

    #[test]
    fn a_name_of_the_house_alone_is_not_ordered_from_a_public_authority() {
        for name in ["latchkey.local", "localhost", "id.fritz.lan", "id.home.arpa"] {
            let error = check_name(&choice("lets-encrypt"), name).unwrap_err();
            assert_eq!(error.kind, AcmeErrorKind::BadName, "{name}");
            assert!(check_name(&choice("https://ca.house.lan/acme"), name).is_ok());
        }
        assert!(check_name(&choice("lets-encrypt-staging"), "id.example.org").is_ok());
    }

    #[test]
    fn a_choice_in_a_file_names_the_line_of_a_mistake() {
        let read = |text: &str| toml::from_str::<CertificateChoice>(text).map_err(|error| error.to_string());
        let good = "kind = \"acme\"\ncontact = \"anna@example.org\"\n[dns]\nkind = \"desec\"\ntoken = \"hush\"\n";
        assert!(read(good).is_ok());
        for (from, to, line) in [
            ("contact", "contacts", "line 2"),
            ("anna@example.org", "anna", "line 2"),
            ("token", "tokens", "line 5"),
            ("\"hush\"", "\"two words\"", "line 5"),
        ] {
            let error = read(&good.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(line), "{error}");
        }
    }
}
