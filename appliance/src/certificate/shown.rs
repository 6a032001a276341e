//! Which certificate a handshake gets: the one of the name that the browser asks for, or else the usual one. Who changes the
//! table changes it for handshakes to come; connections that are open go on.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// What is shown now.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    table: RwLock<Table>,
}

/// The first row is the usual one.
type Table = Vec<(String, Arc<CertifiedKey>)>;

impl Shown {
    pub(super) fn replace(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    pub(super) fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let asked = name.and_then(|name| table.iter().find(|(host, _)| host.eq_ignore_ascii_case(name)));
        asked.or_else(|| table.first()).map(|(_, key)| Arc::clone(key))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}
