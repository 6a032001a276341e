//! What the whole server knows of the house without asking the store: its names, and whether it has an owner.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::clock::Moment;
use domain::host::Host;
use domain::house::{Address, House};
use domain::moving::Former;

/// What the configuration says of the house's names. What it leaves open is decided in the setup.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The host name; the setup cannot change one that is given.
    pub host: Option<Host>,
    /// What people see as the name of the house.
    pub house: Option<String>,
    /// The port in the address that browsers use.
    pub port: u16,
}

/// A handle that many threads share; it changes when the owner names or claims the house.
#[derive(Debug)]
pub struct Nameplate {
    house: RwLock<Arc<House>>,
    claimed: AtomicBool,
    /// Whether the end of the former name was seen: a clock that goes back does not revive it.
    lapsed: AtomicBool,
}

/// Whom a `Host` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The house, by one of its names.
    Here(Address),
    /// The house, by a name that it does not answer to any more.
    Gone,
    /// Somebody else.
    Elsewhere,
}

impl Nameplate {
    pub(crate) fn new(house: House, claimed: bool) -> Self {
        Self { house: RwLock::new(Arc::new(house)), claimed: AtomicBool::new(claimed), lapsed: AtomicBool::new(false) }
    }

    /// The names that hold now.
    pub fn house(&self) -> Arc<House> {
        Arc::clone(&self.house.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The house by the name that it has.
    pub fn address(&self) -> Address {
        Address::current(self.house())
    }

    /// The house by the name that it had, while it answers to it.
    pub fn former_address(&self, moment: Moment) -> Option<Address> {
        let house = self.house();
        if house.former().is_some_and(|former| self.holds(former, moment)) { Address::former(house) } else { None }
    }

    /// Every name that the house answers to, its own first: each needs a certificate.
    pub fn hosts(&self, moment: Moment) -> Vec<Host> {
        let mut hosts = vec![self.house().host.clone()];
        hosts.extend(self.former_address(moment).map(|address| address.host().clone()));
        hosts
    }

    /// Whom a browser or an app means that says `Host: authority`.
    pub fn asked_for(&self, authority: &str, moment: Moment) -> Asked {
        let house = self.house();
        // The usual port may be said as well (RFC 9110 section 4.2.3); proxies do.
        let authority = authority.strip_suffix(":443").unwrap_or(authority);
        if authority.eq_ignore_ascii_case(&house.authority()) {
            return Asked::Here(Address::current(house));
        }
        match house.former() {
            Some(former) if authority.eq_ignore_ascii_case(&house.authority_of(&former.host)) => {
                self.former_address(moment).map_or(Asked::Gone, Asked::Here)
            }
            Some(_) | None => Asked::Elsewhere,
        }
    }

    /// Only a clock that is trusted says that it is over for good.
    fn holds(&self, former: &Former, moment: Moment) -> bool {
        let holds = former.holds(moment.now) && !self.lapsed.load(Ordering::Acquire);
        if !holds && moment.trust.is_good() {
            self.lapsed.store(true, Ordering::Release);
        }
        holds
    }

    /// Whether the house has an owner. Before that only the setup is served.
    pub fn claimed(&self) -> bool {
        self.claimed.load(Ordering::Acquire)
    }

    pub(crate) fn rename(&self, house: House) {
        let mut held = self.house.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(house);
        self.lapsed.store(false, Ordering::Release);
    }

    pub(crate) fn claim(&self) {
        self.claimed.store(true, Ordering::Release);
    }
}
