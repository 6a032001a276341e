//! A whole server inside the test: a clock that the test sets, seeded randomness, a household in memory.
//!
//! [`Server::start`] answers without sockets (fast); [`Server::listen`] opens a real port with TLS.

#![expect(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

pub mod client;
#[path = "../support/moment.rs"]
mod moment;
#[path = "../support/seeded.rs"]
mod seeded;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use appliance::config::Config;
use appliance::listen::Timeouts;
use appliance::serve::{self, Desk, Setup, Stopper, Via};
use appliance::system::{Clock, SystemClock, WallSet};
use domain::clock::keeper::TooEarly;
use domain::clock::{Basis, Moment, Trust};
use domain::house::House;
use domain::time::{Span, Timestamp, Uptime};
use service::{Context, Idp};

pub use client::{Answer, Call, TlsClient};
pub use moment::steady;
pub use seeded::SeededEntropy;

/// When every test without sockets begins.
pub const START: Timestamp = Timestamp::from_unix(1_800_000_000);
/// Where calls come from unless they say otherwise.
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A clock that stands until the test moves it, and is trusted unless the test says otherwise.
#[derive(Debug)]
pub struct SetClock(Mutex<Moment>);

impl SetClock {
    fn new(now: Timestamp) -> Self {
        Self(Mutex::new(steady(now)))
    }

    /// Time goes by.
    pub fn advance(&self, seconds: u32) {
        self.change(|moment| {
            let span = Span::seconds(seconds.into());
            *moment = Moment { now: moment.now + span, uptime: moment.uptime + span, trust: moment.trust };
        });
    }

    /// Somebody sets the wall clock, forwards or back; no time goes by.
    pub fn jump(&self, seconds: i64) {
        self.change(|moment| moment.now = Timestamp::from_unix(moment.now.unix() + seconds));
    }

    /// The clock is to be trusted that far from now on.
    pub fn set_trust(&self, trust: Trust) {
        self.change(|moment| moment.trust = trust);
    }

    fn change(&self, change: impl FnOnce(&mut Moment)) {
        change(&mut self.0.lock().unwrap());
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        self.moment().now
    }

    fn uptime(&self) -> Uptime {
        self.moment().uptime
    }

    fn trust(&self) -> Trust {
        self.moment().trust
    }

    fn basis(&self) -> Basis {
        match self.trust() {
            Trust::Floor => Basis::Build,
            Trust::Plausible => Basis::Saved,
            Trust::Synchronised => Basis::TimeServer,
        }
    }

    fn set(&self, now: Timestamp) -> Result<WallSet, TooEarly> {
        let floor = START - Span::days(1000);
        if now < floor {
            return Err(TooEarly { floor });
        }
        self.change(|moment| (moment.now, moment.trust) = (now, Trust::Synchronised));
        Ok(WallSet::OfTheServer)
    }

    fn moment(&self) -> Moment {
        *self.0.lock().unwrap()
    }
}

/// A server; it stops when it is dropped.
pub struct Server {
    pub clock: Arc<SetClock>,
    pub issuer: String,
    desk: Desk,
    config: Config,
    running: Option<Running>,
    data_dir: PathBuf,
}

struct Running {
    stopper: Option<Stopper>,
    thread: Option<JoinHandle<()>>,
    address: SocketAddr,
    plain: Option<SocketAddr>,
    certificate: Vec<u8>,
}

impl Server {
    /// A server without sockets, called `https://id.example`.
    pub fn start() -> Self {
        Self::build(&config("host = \"id.example\""), Timeouts::default(), Sockets::None).claimed()
    }

    /// The same with more lines of configuration.
    pub fn start_with(lines: &str) -> Self {
        Self::build(&config(&format!("host = \"id.example\"\n{lines}")), Timeouts::default(), Sockets::None).claimed()
    }

    /// The same by another start: its keys and secrets are others.
    pub fn another() -> Self {
        Self::build_from(2, &config("host = \"id.example\""), Timeouts::default(), Sockets::None).claimed()
    }

    /// The same without an owner, with these lines of configuration.
    pub fn unclaimed(lines: &str) -> Self {
        Self::build(&config(lines), Timeouts::default(), Sockets::None)
    }

    /// The same with its household on a card: see [`Self::cut_power`].
    pub fn unclaimed_on_card(lines: &str) -> Self {
        Self::build(&config(lines), Timeouts::default(), Sockets::NoneButCard)
    }

    /// The power goes and comes back: what was not on the card is gone.
    pub fn cut_power(&mut self) {
        let setup = Setup {
            config: self.config.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::new(SeededEntropy::new(99)),
            timeouts: Timeouts::default(),
            in_memory: false,
        };
        self.desk = Desk::open(setup).unwrap();
    }

    /// A server on a free port of 127.0.0.1, called `https://localhost:<port>`.
    pub fn listen() -> Self {
        Self::listen_with("", Timeouts::default())
    }

    /// The same with more lines of configuration and other timeouts.
    pub fn listen_with(lines: &str, timeouts: Timeouts) -> Self {
        // The port is part of the issuer, so it is found first; the listener is then opened on it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!("host = \"localhost\"\nport = {port}\nlisten = [\"127.0.0.1:{port}\"]\n{lines}");
        Self::build(&config(&text), timeouts, Sockets::Tls).claimed()
    }

    /// The same with the control socket open too; see [`Self::socket`].
    pub fn listen_with_control() -> Self {
        Self::listen_as("localhost", "")
    }

    /// The same under another name, with more lines of configuration.
    pub fn listen_as(host: &str, lines: &str) -> Self {
        Self::with_control(host, lines).claimed()
    }

    /// The same without an owner.
    pub fn unclaimed_with_control() -> Self {
        Self::with_control("localhost", "")
    }

    /// The same under another name, with more lines of configuration.
    pub fn with_control(host: &str, lines: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "host = \"{host}\"
port = {port}
listen = [\"127.0.0.1:{port}\"]
{lines}"
        );
        Self::build(&config(&text), Timeouts::default(), Sockets::TlsAndControl)
    }

    /// Claims the house at its console.
    fn claimed(self) -> Self {
        let moment = self.clock.moment();
        self.operate(move |idp| idp.claim_here(&Context::console(moment))).unwrap();
        self
    }

    fn build(config: &Config, timeouts: Timeouts, sockets: Sockets) -> Self {
        Self::build_from(1, config, timeouts, sockets)
    }

    fn build_from(seed: u64, config: &Config, timeouts: Timeouts, sockets: Sockets) -> Self {
        // Clients that were not written for this harness compare certificates and tokens with their own clock.
        let start = if let Sockets::None | Sockets::NoneButCard = sockets { START } else { SystemClock.now() };
        let clock = Arc::new(SetClock::new(start));
        let data_dir = config.data_dir.clone();
        let setup = Setup {
            config: config.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(SeededEntropy::new(seed)),
            timeouts,
            in_memory: !matches!(sockets, Sockets::TlsAndControl | Sockets::NoneButCard),
        };
        if let Sockets::None | Sockets::NoneButCard = sockets {
            std::fs::create_dir_all(&data_dir).unwrap();
            let desk = Desk::open(setup).unwrap();
            let issuer = desk.house().issuer();
            return Self { clock, issuer, desk, config: config.clone(), running: None, data_dir };
        }
        let server = serve::Server::open(setup).unwrap();
        let desk = server.desk();
        let issuer = desk.house().issuer();
        let address = server.addresses()[0];
        let plain = server.plain_addresses().first().copied();
        let certificate = std::fs::read(server.certificate_file().unwrap()).unwrap();
        let (stopper, stop) = serve::stop();
        let thread = std::thread::spawn(move || server.run(stop));
        let running = Running { stopper: Some(stopper), thread: Some(thread), address, plain, certificate };
        Self { clock, issuer, desk, config: config.clone(), running: Some(running), data_dir }
    }

    /// Sends a call without a socket.
    pub fn send(&self, call: &Call) -> Answer {
        self.send_to(&self.authority(), call)
    }

    /// Sends a call without a socket, to the server under another name or address.
    pub fn send_to(&self, authority: &str, call: &Call) -> Answer {
        Answer::parse(&self.desk.exchange(call.via(), &call.to_bytes(authority)))
    }

    /// Sends raw bytes without a socket, from [`PEER`]; all answers as they came.
    pub fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        self.desk.exchange(Via::Network(PEER), bytes)
    }

    /// Runs an operation of the service.
    pub fn operate<T: Send + 'static>(&self, op: impl FnOnce(&Idp) -> T + Send + 'static) -> T {
        self.desk.operate(op).unwrap()
    }

    /// The names of the house as they are now; they change in the setup.
    pub fn names(&self) -> Arc<House> {
        self.desk.house()
    }

    /// `host` or `host:port`, as in the `Host` header.
    pub fn authority(&self) -> String {
        self.issuer.trim_start_matches("https://").to_owned()
    }

    /// Where the TLS port is.
    pub fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address
    }

    /// Where the port without TLS is.
    pub fn plain_address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().plain.unwrap()
    }

    /// The certificate as a PEM file's bytes.
    pub fn certificate(&self) -> &[u8] {
        &self.running.as_ref().unwrap().certificate
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.data_dir.join("control").join("latchkey.sock")
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// A connection with TLS.
    pub fn connect(&self) -> TlsClient {
        TlsClient::connect(self.address(), self.certificate(), &self.authority())
    }

    /// Tells the server to stop, without waiting.
    pub fn begin_stop(&mut self) {
        self.running.as_mut().unwrap().stopper.take();
    }

    /// Stops the server and waits for its end.
    pub fn stop(&mut self) {
        if let Some(running) = &mut self.running {
            running.stopper.take();
            if let Some(thread) = running.thread.take() {
                thread.join().unwrap();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

#[derive(Clone, Copy)]
enum Sockets {
    None,
    NoneButCard,
    Tls,
    TlsAndControl,
}

/// A configuration with a data directory of its own.
fn config(text: &str) -> Config {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let mut config = Config::parse(text).unwrap();
    config.data_dir = std::env::temp_dir().join(format!("latchkey-test-{}-{number}", std::process::id()));
    config
}
