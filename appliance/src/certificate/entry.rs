//! One name and its certificate.

use std::path::{Path, PathBuf};

use domain::certificate::AcmeChoice;
use domain::clock::Moment;
use domain::time::{Span, Timestamp, Uptime};

use super::files::{self, Pair, Stamp};
use super::ledger::{Failed, Ledger};
use super::own_ca::{self, Authority};
use super::trouble::Trouble;
use super::{Held, Wanted, self_made};

/// How long to wait after a failure on this machine: a full card stays full for a while.
const PATIENCE: Span = Span::hours(1);

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// It signs itself.
    SelfMade,
    /// The house's own authority.
    OwnCa,
    /// A public authority.
    Acme(Box<AcmeChoice>),
    /// Somebody puts it there.
    Files(Pair),
}

/// Which kind of certificate is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    SelfMade,
    OwnCa,
    Acme,
    Files,
}

/// What went wrong last.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) at: Timestamp,
    pub(super) trouble: Trouble,
    retry: Uptime,
}

/// One name and its certificate.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) host: String,
    pub(super) source: Source,
    /// What is shown, and of which kind it is: after a failure not always what was chosen.
    pub(super) held: Option<Held>,
    pub(super) kind: Kind,
    pub(super) authority: Option<Authority>,
    pub(super) failure: Option<Failure>,
    pub(super) warnings: Vec<Trouble>,
    /// What is remembered of orders at a public authority.
    pub(super) ledger: Ledger,
    /// When the public authority is to be asked when to renew.
    pub(super) question: Option<Uptime>,
    seen: Option<Stamp>,
}

/// Where a certificate of a public authority lies, key included.
pub(super) fn acme_path(folder: &Path, host: &str) -> PathBuf {
    folder.join(format!("acme-{host}.pem"))
}

impl Source {
    fn kind(&self) -> Kind {
        match self {
            Self::SelfMade => Kind::SelfMade,
            Self::OwnCa => Kind::OwnCa,
            Self::Acme(_) => Kind::Acme,
            Self::Files(_) => Kind::Files,
        }
    }
}

impl Entry {
    /// The entry of a host. Another source keeps showing what was shown until it has something of its own.
    pub(super) fn new(known: Option<Self>, wanted: &Wanted<'_>, source: Source) -> Self {
        let (held, kind) = match known {
            Some(known) if known.source == source => return known,
            Some(known) => (known.held, known.kind),
            None => (None, source.kind()),
        };
        let ledger = match &source {
            Source::Acme(_) => Ledger::open(wanted.folder, wanted.host),
            Source::SelfMade | Source::OwnCa | Source::Files(_) => Ledger::default(),
        };
        let failure =
            ledger.last.clone().map(|Failed { at, trouble }| Failure { at, trouble, retry: Uptime::default() });
        let (host, warnings) = (wanted.host.to_owned(), Vec::new());
        Self { host, source, held, kind, authority: None, failure, warnings, ledger, question: None, seen: None }
    }

    /// Tries what a source gives.
    ///
    /// # Errors
    /// Why it would not work.
    pub(super) fn try_out(wanted: &Wanted<'_>, source: &Source) -> Result<(), Trouble> {
        match source {
            Source::SelfMade => Ok(()),
            Source::OwnCa => own_ca::provide(wanted, false).trouble.map_or(Ok(()), Err),
            Source::Files(pair) => files::check(&files::load(pair)?, pair, wanted.host, wanted.at),
            Source::Acme(_) => Ok(()),
        }
    }

    /// Sees to it that there is a certificate, and that it is not due.
    pub(super) fn tend(&mut self, wanted: &Wanted<'_>, anew: bool) {
        let own = self.held.is_some() && self.kind == self.source.kind();
        let waits = self.failure.as_ref().is_some_and(|failure| wanted.at.uptime < failure.retry);
        match self.source.clone() {
            Source::Files(pair) => self.tend_files(wanted, &pair, anew),
            Source::Acme(_) => self.tend_acme(wanted, anew, own),
            Source::SelfMade | Source::OwnCa if waits && !anew => {}
            Source::SelfMade => {
                if anew || !own || self.held.as_ref().is_some_and(|held| is_stale(held, wanted)) {
                    self.settle(self_made(wanted, anew), wanted.at);
                }
            }
            Source::OwnCa => {
                if anew || !own || self.authority.is_none() || self.own_is_due(wanted.at) {
                    self.tend_own(wanted, anew);
                }
            }
        }
        if self.held.is_none() {
            self.fall_back(wanted);
        }
    }

    fn own_is_due(&self, at: Moment) -> bool {
        let (Some(held), Some(authority)) = (&self.held, &self.authority) else { return true };
        held.facts.validity.leaf_is_due(authority.facts.validity, at.now, at.trust)
    }

    fn tend_own(&mut self, wanted: &Wanted<'_>, anew: bool) {
        let own_ca::Provided { held, authority, trouble } = own_ca::provide(wanted, anew);
        self.authority = authority;
        if let Some(held) = held {
            self.show(held, Kind::OwnCa);
        }
        match trouble {
            Some(trouble) => self.fail(trouble, wanted.at),
            None => self.failure = None,
        }
    }

    fn tend_files(&mut self, wanted: &Wanted<'_>, pair: &Pair, anew: bool) {
        let found = files::stamp(pair);
        if !anew && found == self.seen && (found.is_some() || self.failure.is_some()) {
            return;
        }
        self.seen = found;
        match files::load(pair) {
            Ok(held) => {
                let fits = files::check(&held, pair, wanted.host, wanted.at);
                // At a start, a certificate that browsers refuse is better than one that they refuse and nobody chose.
                if fits.is_ok() || self.kind != Kind::Files || self.held.is_none() {
                    self.warnings = files::warnings(&held, pair);
                    self.show(held, Kind::Files);
                }
                match fits {
                    Ok(()) => self.failure = None,
                    Err(trouble) => self.fail(trouble, wanted.at),
                }
            }
            Err(trouble) => self.fail(trouble, wanted.at),
        }
    }

    /// What the public authority gave lies in a file, and what became of the last order beside it; here they are only read.
    fn tend_acme(&mut self, wanted: &Wanted<'_>, anew: bool, own: bool) {
        if anew {
            self.ledger = Ledger::open(wanted.folder, wanted.host);
            self.failure = remembered(&self.ledger);
        }
        let path = acme_path(wanted.folder, wanted.host);
        if (anew || !own) && path.exists() {
            match files::load(&Pair::single(path)) {
                Ok(held) => self.show(held, Kind::Acme),
                Err(trouble) if self.failure.is_none() => self.fail(trouble, wanted.at),
                Err(_) => {}
            }
        }
    }

    fn settle(&mut self, made: Result<Held, Trouble>, at: Moment) {
        match made {
            Ok(held) => {
                self.show(held, Kind::SelfMade);
                self.failure = None;
            }
            Err(trouble) => self.fail(trouble, at),
        }
    }

    fn show(&mut self, held: Held, kind: Kind) {
        if self.held.as_ref().is_none_or(|old| old.facts.fingerprint != held.facts.fingerprint) {
            let facts = &held.facts;
            let until = crate::api::Time(facts.validity.not_after);
            tracing::info!(host = self.host, issuer = facts.issuer, %until, "another certificate is shown");
        }
        self.held = Some(held);
        self.kind = kind;
    }

    pub(super) fn fail(&mut self, trouble: Trouble, at: Moment) {
        tracing::warn!(host = self.host, %trouble, "the certificate");
        self.failure = Some(Failure { at: at.now, trouble, retry: at.uptime + PATIENCE });
    }

    /// What is shown when nothing else is there: something that phones may trust already, or else anything.
    fn fall_back(&mut self, wanted: &Wanted<'_>) {
        if own_ca::path(wanted.folder, wanted.host).exists() {
            let own_ca::Provided { held, authority, .. } = own_ca::provide(wanted, false);
            if let Some(held) = held {
                self.authority = authority;
                return self.show(held, Kind::OwnCa);
            }
        }
        match self_made(wanted, false) {
            Ok(held) => self.show(held, Kind::SelfMade),
            Err(trouble) => self.fail(trouble, wanted.at),
        }
    }
}

/// How the last order at a public authority failed.
fn remembered(ledger: &Ledger) -> Option<Failure> {
    ledger.last.clone().map(|Failed { at, trouble }| Failure { at, trouble, retry: Uptime::default() })
}

fn self_made(wanted: &Wanted<'_>, anew: bool) -> Result<Held, Trouble> {
    let Wanted { folder, host, addresses, at, .. } = *wanted;
    if anew { self_made::renew(folder, host, addresses, at) } else { self_made::provide(folder, host, addresses, at) }
}

fn is_stale(held: &Held, wanted: &Wanted<'_>) -> bool {
    self_made::is_due(held, wanted.host, wanted.addresses, wanted.at)
}
