//! Certificates: which one is shown under which name, where it comes from, and who sees to it that it does not end.
//!
//! The ways are one closed enum, [`Source`]. Whatever goes wrong, the certificate that was shown goes on being shown; at a start
//! without one that works, a self-made one is shown and the status says why.

pub mod acme;
mod dns;
mod entry;
mod facts;
mod files;
mod keep;
mod ledger;
mod order;
mod own_ca;
mod pinned;
mod self_made;
mod shown;
mod status;
mod trouble;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::certificate::CertificateChoice;
use domain::clock::Moment;
use domain::host::Host;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use service::Nameplate;
use smol::channel::{self, Receiver, Sender};

use crate::api::CertificateTrial;
use crate::config::{Config, Tls};

use entry::{Entry, Kind, Source};
use facts::Facts;
pub(crate) use keep::{Done, NotChanged, keep};
use order::Asked;
pub(crate) use own_ca::{Authority, pem};
pub(crate) use pinned::trusting;
pub(crate) use shown::Shown;
pub use trouble::Trouble;

/// Where the certificates lie in the data directory.
const FOLDER: &str = "tls";

/// A certificate with its key, and what it says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    key: Arc<CertifiedKey>,
    facts: Facts,
    /// How many certificates the chain has.
    length: usize,
}

impl Held {
    fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }
}

/// Which names are served, and how their certificates are come by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The names, the house's own first.
    pub(crate) hosts: Vec<String>,
    /// The name whose certificate they get who ask for none of them, but for an address.
    pub(crate) usual: String,
    /// What people call the house.
    pub(crate) house: String,
    /// What the owner chose for the house's own names.
    pub(crate) choice: CertificateChoice,
    /// Under which addresses browsers may ask for the setup pages; only certificates that sign themselves name them.
    pub(crate) addresses: Vec<IpAddr>,
}

/// The certificates of the house.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: PathBuf,
    configured: Option<files::Pair>,
    shown: Arc<Shown>,
    entries: Mutex<Vec<Entry>>,
    /// One change at a time; those who only look do not wait for the card.
    turn: Mutex<()>,
    nameplate: Arc<Nameplate>,
    /// Whether the configuration names the house: then it has its own name before it has an owner.
    named: bool,
    /// Wakes the loop that orders at public authorities.
    orders: (Sender<()>, Receiver<()>),
    asked: Mutex<Option<Asked>>,
    trial: Mutex<Option<CertificateTrial>>,
}

impl Certificates {
    /// Certificates for this configuration. None is there before [`Self::follow`].
    pub(crate) fn new(config: &Config, nameplate: Arc<Nameplate>) -> Self {
        let pair = |tls: &Tls| files::Pair { chain: tls.certificate.clone(), key: tls.key.clone() };
        Self {
            folder: config.data_dir.join(FOLDER),
            configured: config.tls.as_ref().map(pair),
            shown: Arc::default(),
            entries: Mutex::default(),
            turn: Mutex::default(),
            nameplate,
            named: config.host.is_some(),
            orders: channel::bounded(1),
            asked: Mutex::default(),
            trial: Mutex::default(),
        }
    }

    /// What handshakes look at.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown)
    }

    /// Sees to it that every name of the plan has a certificate, and that none is due. Blocks: it may write to the card.
    pub(crate) fn follow(&self, plan: &Plan, at: Moment) {
        self.change(plan, at, |_| false);
    }

    /// What is wrong with the files that the configuration names, if it names any.
    ///
    /// # Errors
    /// When they cannot be used at all.
    pub(crate) fn check_configured(&self) -> Result<(), Trouble> {
        self.configured.as_ref().map_or(Ok(()), |pair| files::load(pair).map(drop))
    }

    /// Makes the certificate of the first name anew, whether it is due or not.
    ///
    /// # Errors
    /// When that cannot be done; the one that is shown stays.
    pub(crate) fn renew(&self, plan: &Plan, at: Moment) -> Result<(), Trouble> {
        let first = plan.hosts.first().cloned().unwrap_or_default();
        self.change(plan, at, |host| host == first);
        self.failure_of(&first)
    }

    /// Makes a new authority for the first name, and a certificate of it. No phone trusts it yet.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(crate) fn renew_authority(&self, plan: &Plan, at: Moment) -> Result<(), Trouble> {
        let first = plan.hosts.first().cloned().unwrap_or_default();
        own_ca::replace(&self.wanted(&first, plan, at))?;
        self.renew(plan, at)
    }

    /// Tries a choice without showing what it gives.
    ///
    /// # Errors
    /// Why it would not work.
    pub(crate) fn try_out(&self, plan: &Plan, at: Moment) -> Result<(), Trouble> {
        let _turn = lock(&self.turn);
        for host in &plan.hosts {
            let source = self.source(host, &plan.choice);
            Entry::try_out(&self.wanted(host, plan, at), &source)?;
        }
        Ok(())
    }

    /// The file that a client of the house has to trust: the authority, or a certificate that signs itself.
    pub(crate) fn trust_file(&self) -> Option<PathBuf> {
        let entries = lock(&self.entries);
        let entry = entries.first()?;
        Some(match &entry.source {
            Source::SelfMade => self_made::public_path(&self.folder, &entry.host),
            Source::OwnCa => own_ca::public_path(&self.folder, &entry.host),
            Source::Acme(_) => entry::acme_path(&self.folder, &entry.host),
            Source::Files(pair) => pair.chain.clone(),
        })
    }

    /// The house's own authority, for the pages that hand it to phones; `None` while that name is shown a certificate that came
    /// another way, since then nobody has to trust it.
    pub(crate) fn authority(&self, host: &str) -> Option<Authority> {
        let entries = lock(&self.entries);
        let entry = entries.iter().find(|entry| entry.host == host).filter(|entry| entry.kind == Kind::OwnCa)?;
        entry.authority.clone()
    }

    /// The fingerprint of the certificate that a browser is shown under this name.
    pub(crate) fn fingerprint(&self, name: &str) -> Option<String> {
        Facts::read(self.shown.find(Some(name))?.cert.first()?).map(|facts| facts.fingerprint)
    }

    /// Whether the certificate that a browser is shown under this name is for it.
    pub(crate) fn is_for(&self, name: &str) -> bool {
        let shown = self.shown.find(Some(name));
        shown.is_some_and(|key| key.cert.first().is_some_and(|leaf| facts::is_for(leaf, name)))
    }

    /// Whether the first name shows a certificate that vouches for itself.
    pub(crate) fn shows_self_made(&self) -> bool {
        lock(&self.entries).first().is_some_and(|entry| entry.kind == Kind::SelfMade)
    }

    /// Whether the configuration names the files, so that nothing else can be chosen.
    pub(crate) fn configured(&self) -> bool {
        self.configured.is_some()
    }

    fn change(&self, plan: &Plan, at: Moment, anew: impl Fn(&str) -> bool) {
        let _turn = lock(&self.turn);
        let mut old = lock(&self.entries).clone();
        let mut entries = Vec::new();
        for host in &plan.hosts {
            let known = old.iter().position(|entry| entry.host == *host).map(|place| old.swap_remove(place));
            let source = self.source(host, &plan.choice);
            let wanted = self.wanted(host, plan, at);
            let mut entry = Entry::new(known, &wanted, source);
            entry.tend(&wanted, anew(host));
            entries.push(entry);
        }
        let row = |entry: &Entry| Some((entry.host.clone(), Arc::clone(&entry.held.as_ref()?.key)));
        let mut table: Vec<_> = entries.iter().filter_map(row).collect();
        table.sort_by_key(|(host, _)| *host != plan.usual);
        self.shown.replace(table);
        *lock(&self.entries) = entries;
    }

    /// Whether the house's own name is one that gets no authority, and no certificate of one.
    fn self_made_only(&self, plan: &Plan) -> bool {
        plan.hosts.first().is_none_or(|host| self.source(host, &CertificateChoice::OwnCa) == Source::SelfMade)
    }

    fn has_authority(&self, plan: &Plan) -> bool {
        plan.hosts.first().is_some_and(|host| self.source(host, &plan.choice) == Source::OwnCa)
    }

    fn failure_of(&self, host: &str) -> Result<(), Trouble> {
        let entries = lock(&self.entries);
        let failure = entries.iter().find(|entry| entry.host == host).and_then(|entry| entry.failure.as_ref());
        failure.map_or(Ok(()), |failure| Err(failure.trouble.clone()))
    }

    /// The configuration wins. Names that the next box bears as well get no authority.
    fn source(&self, host: &str, choice: &CertificateChoice) -> Source {
        if let Some(pair) = &self.configured {
            return Source::Files(pair.clone());
        }
        if matches!(host, "localhost" | Host::PROVISIONAL) || host.ends_with(".localhost") {
            return Source::SelfMade;
        }
        match choice {
            CertificateChoice::OwnCa => Source::OwnCa,
            CertificateChoice::Acme(choice) => Source::Acme(Box::new(choice.clone())),
            CertificateChoice::Files(files) => Source::Files(files::Pair {
                chain: files.certificate.as_path().to_owned(),
                key: files.key.as_path().to_owned(),
            }),
        }
    }

    fn wanted<'a>(&'a self, host: &'a str, plan: &'a Plan, at: Moment) -> Wanted<'a> {
        let addresses: &[IpAddr] = if host == Host::PROVISIONAL { &plan.addresses } else { &[] };
        Wanted { folder: &self.folder, host, house: &plan.house, addresses, at }
    }
}

/// What there is to know before a certificate is made.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// Where the files are.
    folder: &'a Path,
    /// For which name.
    host: &'a str,
    /// What people call the house.
    house: &'a str,
    /// The addresses of the machine.
    addresses: &'a [IpAddr],
    /// When.
    at: Moment,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
