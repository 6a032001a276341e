//! What the whole server knows of the house without asking the store: its names, and whether it has an owner.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::host::Host;
use domain::house::House;

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
}

impl Nameplate {
    pub(crate) fn new(house: House, claimed: bool) -> Self {
        Self { house: RwLock::new(Arc::new(house)), claimed: AtomicBool::new(claimed) }
    }

    /// The names that hold now.
    pub fn house(&self) -> Arc<House> {
        Arc::clone(&self.house.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the house has an owner. Before that only the setup is served.
    pub fn claimed(&self) -> bool {
        self.claimed.load(Ordering::Acquire)
    }

    pub(crate) fn rename(&self, house: House) {
        *self.house.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(house);
    }

    pub(crate) fn claim(&self) {
        self.claimed.store(true, Ordering::Release);
    }
}
