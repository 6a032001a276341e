//! What every endpoint can reach.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use domain::document_uri::may_be_asked;
use domain::entropy::{self, Entropy};
use domain::house::{Address, House};
use service::Nameplate;

use super::outbound::{Outbound, OutboundError, OutboundLimits};
use super::response::Response;
use crate::bridge::Bridge;
use crate::certificate::Certificates;
use crate::config::Config;
use crate::endpoint::oauth::Fetching;
use crate::logouts::Bell;
use crate::lookup::Lookups;
use crate::panel::health::Health;
use crate::reach::Beacon;
use crate::system::{self, Clock};

/// The header that carries the number of a fault.
pub(crate) const FAULT: &str = "Latchkey-Fault";

/// The running server, as its endpoints see it.
pub(crate) struct App {
    /// The way to the operations.
    pub(crate) bridge: Bridge,
    /// What the owner configured.
    pub(crate) config: Config,
    /// What time it is; a request carries the time it came in as `Request::now`.
    pub(crate) clock: Arc<dyn Clock>,
    /// Random bytes, for fault numbers and the like; secrets are made in `service`.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The names of the house, and whether it has an owner.
    pub(crate) nameplate: Arc<Nameplate>,
    /// The certificates that browsers are shown.
    pub(crate) certificates: Arc<Certificates>,
    /// What the system's resolver is asked by.
    pub(crate) lookups: Lookups,
    /// What answers the name check.
    pub(crate) beacon: Beacon,
    /// The discovery document, written at the first request for it.
    pub(crate) discovery: Discovery,
    /// Whose turn it is to fetch what an app publishes.
    pub(crate) fetching: Fetching,
    /// Another one at each start.
    pub(crate) start: String,
    /// What the LED should say, and what the panel told.
    pub(crate) health: Health,
    /// Wakes whoever tells apps that a session has ended.
    pub(crate) logouts: Bell,
}

impl App {
    /// How apps of the house are asked. The house's own authority is trusted beside those of the system. This server itself is
    /// never asked: neither by its ports nor, since its control socket has no address, otherwise.
    pub(crate) fn way_to_apps(&self, limits: OutboundLimits) -> Result<Outbound, OutboundError> {
        let hosts = self.nameplate.hosts(self.clock.moment());
        let authorities = hosts.iter().filter_map(|host| self.certificates.authority(host.as_str()));
        let authorities = authorities.map(|authority| authority.der).collect();
        let ports: Vec<u16> =
            self.config.addresses().iter().chain(&self.config.plain_addresses()).map(SocketAddr::port).collect();
        let public = self.config.port;
        let here = system::addresses();
        let guard = move |secure: bool, to: SocketAddr| {
            let ip = to.ip().to_canonical();
            let ours = (ip.is_loopback() || here.contains(&ip)) && (ports.contains(&to.port()) || to.port() == public);
            !ours && may_be_asked(secure, ip)
        };
        Outbound::guarded(authorities, limits, Box::new(guard))
    }
}

/// The discovery document of each name that the house answers to: one, or two.
#[derive(Default)]
pub(crate) struct Discovery(Mutex<Vec<Written>>);

/// The name and the document.
type Written = (Address, Arc<[u8]>);

impl Discovery {
    /// The document for that name.
    pub(crate) fn of(&self, at: &Address) -> Arc<[u8]> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| Arc::ptr_eq(known.house(), at.house()));
        if let Some((_, written)) = kept.iter().find(|(known, _)| known.is_former() == at.is_former()) {
            return Arc::clone(written);
        }
        let written = service::discovery(&at.issuer());
        kept.push((at.clone(), Arc::clone(&written)));
        written
    }
}

/// The name of a start, made of chance.
pub(crate) fn name_of_start(entropy: &dyn Entropy) -> String {
    let chance: [u8; 8] = entropy::bytes(entropy);
    chance.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl App {
    /// The names of the house as they are now.
    pub(crate) fn house(&self) -> Arc<House> {
        self.nameplate.house()
    }

    /// Logs an accident under a number; the answer shows only the number.
    pub(crate) fn fault(&self, what: &dyn std::fmt::Display) -> Response {
        let id = self.log_fault(what);
        Response::text(500, format!("Something went wrong here (fault {id}). The log of the server says more."))
            .header(FAULT, id)
    }

    /// Logs an accident; the number under which it is found.
    pub(crate) fn log_fault(&self, what: &dyn std::fmt::Display) -> String {
        let [a, b, c, d] = entropy::bytes(&*self.entropy);
        let id = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
        tracing::error!(fault = %id, %what, "fault");
        id
    }
}
