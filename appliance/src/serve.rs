//! Wires everything together: store, threads, sockets, signals, and an orderly end.

mod error;
mod fault;
mod supervisor;

use std::convert::Infallible;
use std::fs::DirBuilder;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_io::Async;
use domain::clock::Moment;
use domain::entropy::Entropy;
use domain::house::House;
use futures_lite::FutureExt;
use service::Idp;
use smol::Executor;
use smol::channel::{self, Sender};

use crate::bridge::{Bridge, Busy};
use crate::certificate::{self, Certificates};
use crate::clock::Timekeeper;
use crate::config::Config;
use crate::http::{self, App, Discovery, PLAIN_ROUTES, Peer, ROUTES, Router, Table, Transport};
use crate::listen::{self, ControlSocket, Floor, Gate, Handed, HandedError, Site, Timeouts, Wire};
use crate::logouts::{self, Bell};
use crate::lookup::Lookups;
use crate::panel::health;
use crate::provisioning::{self, Began, Card, keep_outcome};
use crate::reach::Beacon;
use crate::system::{self, Clock, SystemEntropy};
use crate::{log, mdns, signals, tend};

pub use error::ServeError;

/// Connections on the control socket.
const CONTROL_CONNECTIONS: usize = 16;

/// Connections that the kernel keeps for us while we are busy: past it, a peer waits a second to try again.
const BACKLOG: i32 = 1024;

/// How often it is looked whether the house has an owner, until it has.
const LOOK_FOR_CLAIM: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When something that the server needs cannot be had; the text says what and where.
pub fn run(config: Config) -> Result<(), ServeError> {
    run_after(config, |_| Ok(()))
}

/// The same, with something to do between opening the household and serving it.
pub(crate) fn run_after<E: From<ServeError>>(
    config: Config,
    prepare: impl FnOnce(&Desk) -> Result<(), E>,
) -> Result<(), E> {
    let handed = Handed::from_environment().map_err(ServeError::from)?;
    log::start(config.log);
    let (stopper, stop) = stop();
    on_signals(stopper)?;
    while let Some(reason) = fault::found(&config) {
        fault::serve(&config, &handed, reason, &stop)?;
        if stop.0.is_closed() {
            return Ok(());
        }
    }
    let server = Server::open_on(&handed, Setup::real(config)?)?;
    prepare(&server.desk)?;
    if let Some(marker) = fault::owner_is_lost(&server.desk) {
        return Err(ServeError::OwnerLost(marker).into());
    }
    tracing::info!(issuer = server.desk.house().issuer(), addresses = ?server.addresses(), "ready");
    supervisor::ready("Serving");
    server.run(stop);
    tracing::info!("stopped");
    Ok(())
}

/// What a server is made of. Tests bring their own clock, randomness and patience.
pub struct Setup {
    /// What the owner configured.
    pub config: Config,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// How long peers may take.
    pub timeouts: Timeouts,
    /// Keep the household in memory only, and open no control socket.
    pub in_memory: bool,
}

impl Setup {
    /// The real thing.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn real(config: Config) -> Result<Self, ServeError> {
        Ok(Self {
            clock: Arc::new(Timekeeper::real(config.clock, Some(&config.data_dir))),
            config,
            entropy: Arc::new(SystemEntropy::open()?),
            timeouts: Timeouts::default(),
            in_memory: false,
        })
    }
}

/// Ends the server when it is dropped.
pub struct Stopper(#[expect(dead_code, reason = "held to be dropped")] Sender<Infallible>);

/// What a server waits for to end.
pub struct Stop(listen::Stop);

/// A pair: the server runs until the first one is dropped.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = channel::bounded(1);
    (Stopper(sender), Stop(receiver))
}

/// A server with its sockets open, not running yet.
pub struct Server {
    desk: Desk,
    tls: Arc<rustls::ServerConfig>,
    listeners: Vec<Async<TcpListener>>,
    plain: Vec<Async<TcpListener>>,
    control: Option<ControlSocket>,
    /// What a provisioning file came to, where there can be one.
    began: Option<(Card, Began)>,
}

/// The server without its sockets: what answers requests.
#[derive(Clone)]
pub struct Desk {
    site: Arc<Site>,
    plain: Arc<Site>,
    app: Arc<App>,
}

impl Server {
    /// Opens the store and the sockets.
    ///
    /// # Errors
    /// When something that the server needs cannot be had.
    pub fn open(setup: Setup) -> Result<Self, ServeError> {
        Self::open_on(&Handed::default(), setup)
    }

    /// The same with the sockets that were handed over, and those that were not.
    fn open_on(handed: &Handed, setup: Setup) -> Result<Self, ServeError> {
        let config = setup.config.clone();
        let in_memory = setup.in_memory;
        make_data_dir(&config.data_dir)?;
        let desk = Desk::open(setup)?;
        let card =
            config.boot_dir.clone().filter(|_| !in_memory).map(|boot| Card { boot, data: config.data_dir.clone() });
        let began = card.map(|card| desk.read_card(card)).transpose()?;
        let certificates = Arc::clone(&desk.app.certificates);
        certificates.check_configured()?;
        let tls = listen::server_config(certificates.shown()).map_err(ServeError::Handshakes)?;
        let at = desk.moment();
        desk.operate(move |idp| certificates.look(idp, at)).map_err(|TooBusy| ServeError::Busy)?;
        let control = match in_memory {
            true => None,
            false => Some(open_control(handed, &config.socket())?),
        };
        let listeners = open_tls(handed, &config)?;
        let plain = open_plain(handed, &config)?;
        Ok(Self { desk, tls, listeners, plain, control, began })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.get_ref().local_addr().ok()).collect()
    }

    /// Where it listens without TLS.
    pub fn plain_addresses(&self) -> Vec<SocketAddr> {
        self.plain.iter().filter_map(|listener| listener.get_ref().local_addr().ok()).collect()
    }

    /// The file with what its clients have to trust.
    pub fn certificate_file(&self) -> Option<PathBuf> {
        self.desk.app.certificates.trust_file()
    }

    /// The part that answers.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Serves on this thread until the stopper is dropped; requests under way get a few seconds to finish.
    pub fn run(self, stop: Stop) {
        let Self { desk, tls, listeners, plain, control, began } = self;
        let executor = Arc::new(Executor::new());
        let timeouts = desk.site.timeouts.clone();
        // A household in memory has no control socket, and leaves no traces.
        let lasting = control.is_some();
        let found = (lasting && desk.app.config.announced())
            .then(|| executor.spawn(mdns::announce(Arc::clone(&desk.app), stop.0.clone())));
        let floor = |site: &Arc<Site>, stop| Floor { site: Arc::clone(site), executor: Arc::clone(&executor), stop };
        let plain_floor = Arc::new(floor(&desk.plain, stop.0.clone()));
        let floor = Arc::new(floor(&desk.site, stop.0));
        let limits = &desk.app.config.limits;
        let gate = Gate::new(limits.connections, limits.per_peer);
        let control_gate = Gate::new(CONTROL_CONNECTIONS, CONTROL_CONNECTIONS);
        let (gate, control_gate) = (Arc::new(gate), Arc::new(control_gate));
        let mut loops = Vec::new();
        for listener in listeners {
            let accept = listen::accept_tls(Arc::clone(&floor), listener, Arc::clone(&tls), Arc::clone(&gate));
            loops.push(executor.spawn(accept));
        }
        for listener in plain {
            let accept = listen::accept_plain(Arc::clone(&plain_floor), listener, Arc::clone(&gate));
            loops.push(executor.spawn(accept));
        }
        if let Some(control) = control {
            loops.push(executor.spawn(listen::accept_control(Arc::clone(&floor), control, Arc::clone(&control_gate))));
        }
        let fresh = executor.spawn(certificate::keep(Arc::clone(&desk.app)));
        let tended = executor.spawn(tend::tend(Arc::clone(&desk.app)));
        let told = began.map(|(card, began)| executor.spawn(keep_outcome(Arc::clone(&desk.app), card, began)));
        let noted = lasting.then(|| executor.spawn(note_claim(Arc::clone(&desk.app))));
        let telling = executor.spawn(logouts::tell(Arc::clone(&desk.app)));
        let watched = executor.spawn(health::watch(Arc::clone(&desk.app)));
        let alive = executor.spawn(supervisor::keep_alive(Arc::clone(&desk.app)));
        let main = async {
            for accept in loops {
                accept.await;
            }
            supervisor::stopping();
            alive.cancel().await;
            fresh.cancel().await;
            tended.cancel().await;
            telling.cancel().await;
            watched.cancel().await;
            drop((told, noted));
            if let Some(found) = found {
                found.await;
            }
            tend::save(&desk.app).await;
            let patience = async {
                system::after(timeouts.shutdown).await;
            };
            all_gone(gate).or(patience).await;
        };
        async_io::block_on(executor.run(main));
    }
}

/// Notes beside the database that the house has an owner, as soon as it has.
async fn note_claim(app: Arc<App>) {
    while !app.nameplate.claimed() {
        system::after(LOOK_FOR_CLAIM).await;
    }
    let folder = app.config.data_dir.clone();
    if let Ok(Err(error)) = app.bridge.run(move |_| fault::mark_claimed(&folder)).await {
        tracing::warn!(%error, "cannot note that the house has an owner");
    }
}

/// Ends when the last connection has ended.
async fn all_gone(gate: Arc<Gate>) {
    if let Some(gate) = Arc::into_inner(gate) {
        gate.empty().await;
    }
}

impl Desk {
    /// Opens the store and starts the worker threads.
    ///
    /// # Errors
    /// When the household cannot be opened.
    pub fn open(setup: Setup) -> Result<Self, ServeError> {
        Self::with_routes(setup, ROUTES)
    }

    fn with_routes(setup: Setup, table: Table) -> Result<Self, ServeError> {
        let Setup { config, clock, entropy, timeouts, in_memory } = setup;
        let settings = config.names();
        let moment = clock.moment();
        let idp = if in_memory {
            Idp::in_memory(settings, Arc::clone(&entropy), moment)?
        } else {
            Idp::open(&config.database(), settings, Arc::clone(&entropy), moment)?
        };
        let nameplate = idp.nameplate();
        let logouts = Bell::default();
        idp.on_logouts(logouts.rope());
        let bridge = Bridge::start(idp, config.limits.hashes).map_err(ServeError::Threads)?;
        let certificates = Arc::new(Certificates::new(&config, Arc::clone(&nameplate)));
        let app = Arc::new(App {
            bridge,
            config,
            beacon: Beacon::new(&*entropy),
            start: http::name_of_start(&*entropy),
            clock,
            entropy,
            nameplate,
            certificates,
            lookups: Lookups::default(),
            discovery: Discovery::default(),
            fetching: Default::default(),
            health: Default::default(),
            logouts,
        });
        let site =
            |rows, transport| Arc::new(Site::new(Router::new(Arc::clone(&app), rows, transport), timeouts.clone()));
        let (site, plain) = (site(table, Transport::Tls), site(PLAIN_ROUTES, Transport::Plain));
        Ok(Self { site, plain, app })
    }
}

impl Desk {
    /// Does what a provisioning file on the card asks for.
    fn read_card(&self, card: Card) -> Result<(Card, Began), ServeError> {
        let (place, at) = (card.clone(), self.moment());
        let began =
            self.operate(move |idp| provisioning::begin(idp, &place, at)).map_err(|TooBusy| ServeError::Busy)?;
        Ok((card, began))
    }
}

/// Who is at the other end of [`Desk::exchange`].
#[derive(Debug, Clone, Copy)]
pub enum Via {
    /// Somebody on the network.
    Network(IpAddr),
    /// Somebody on the network, without TLS.
    Plain(IpAddr),
    /// Root on the control socket.
    Console,
}

impl Desk {
    /// The names of the house as they are now.
    pub fn house(&self) -> Arc<House> {
        self.app.house()
    }

    /// Whether the house has an owner.
    pub fn claimed(&self) -> bool {
        self.app.nameplate.claimed()
    }

    /// Answers the bytes of one or more requests without a socket: the whole of HTTP, without TCP and TLS.
    pub fn exchange(&self, via: Via, requests: &[u8]) -> Vec<u8> {
        let (site, peer) = match via {
            Via::Network(ip) => (&self.site, Peer::Network(ip)),
            Via::Plain(ip) => (&self.plain, Peer::Network(ip)),
            Via::Console => (&self.site, Peer::Control { uid: 0, console: true }),
        };
        let wire = Wire::new(requests);
        let answers = wire.answers();
        let (_stopper, stop) = stop();
        async_io::block_on(listen::converse(site, wire, peer, stop.0));
        answers.take()
    }

    /// What the clocks show.
    pub fn moment(&self) -> Moment {
        self.app.clock.moment()
    }

    /// Runs an operation as an endpoint would.
    ///
    /// # Errors
    /// When too many operations wait already.
    pub fn operate<T: Send + 'static>(&self, op: impl FnOnce(&Idp) -> T + Send + 'static) -> Result<T, TooBusy> {
        async_io::block_on(self.app.bridge.run(op)).map_err(|Busy| TooBusy)
    }
}

/// Too many operations wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooBusy;

fn make_data_dir(path: &Path) -> Result<(), ServeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| ServeError::Path(path.to_owned(), error))
}

fn open_control(handed: &Handed, path: &Path) -> Result<ControlSocket, ServeError> {
    if let Some(listener) = handed.control().map_err(HandedError::from)? {
        return Ok(ControlSocket::handed(listener).map_err(HandedError::from)?);
    }
    ControlSocket::bind(path).map_err(|error| ServeError::Path(path.to_owned(), error))
}

fn open_tls(handed: &Handed, config: &Config) -> Result<Vec<Async<TcpListener>>, ServeError> {
    match handed.https().map_err(HandedError::from)? {
        Some(listeners) => watched(listeners),
        None => config.addresses().into_iter().map(open_listener).collect(),
    }
}

fn watched(listeners: Vec<TcpListener>) -> Result<Vec<Async<TcpListener>>, ServeError> {
    let watched = listeners.into_iter().map(Async::new).collect::<Result<_, _>>();
    Ok(watched.map_err(HandedError::from)?)
}

/// Port 80 is a help for people, so a server that cannot have it goes on; an address that the owner named is needed.
fn open_plain(handed: &Handed, config: &Config) -> Result<Vec<Async<TcpListener>>, ServeError> {
    if let Some(listeners) = handed.http().map_err(HandedError::from)? {
        return watched(listeners);
    }
    let opened: Result<Vec<_>, _> = config.plain_addresses().into_iter().map(open_listener).collect();
    match opened {
        Err(error) if config.plain.is_none() => {
            tracing::warn!(%error, "no page about trust; `plain = []` says that none is wanted");
            Ok(Vec::new())
        }
        opened => opened,
    }
}

fn open_listener(address: SocketAddr) -> Result<Async<TcpListener>, ServeError> {
    let open = || {
        let listener = TcpListener::bind(address)?;
        // A second `listen` only sets the length of the queue; the standard library's is 128.
        rustix::net::listen(&listener, BACKLOG)?;
        Async::new(listener)
    };
    open().map_err(|error| ServeError::Listen(address, error))
}

/// Drops the stopper at the first SIGTERM or SIGINT.
fn on_signals(stopper: Stopper) -> Result<(), ServeError> {
    signals::on_stop(move || drop(stopper)).map_err(ServeError::Threads)
}
