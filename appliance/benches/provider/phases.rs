//! What is measured, in this order.

use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::app::{App, Endpoints, discovery};
use crate::client::Call;
use crate::driver::{DRIVERS, Driver};
use crate::house::{GROUPS, House, name};
use crate::http::Connection;
use crate::load::{Load, drive, now, unix_time};
use crate::person::{Guest, PASSWORD, Tab};
use crate::report::{Report, Value};
use crate::server::{Server, wait};
use crate::stats::welch_t;
use crate::trace::Trace;

const MIB: u64 = 1024 * 1024;
/// Persons who sign in with a password; each has ten recovery codes.
const GUESTS: usize = 6;
/// Sign-ins whose writes are counted. Few enough that nobody has so many sessions that the oldest must go.
const SIGN_INS: usize = 40;
/// The same of everything else. Enough that at least one checkpoint is among them: there is one in some 300 grants.
const TURNS: usize = 400;
/// Device grants that are measured, of each driver.
const DEVICE_GRANTS: usize = 48;

pub fn all(binary: &Path, folder: &Path, quick: bool, report: &mut Report) {
    report.title("The binary");
    let size = std::fs::metadata(binary).expect("the binary").len();
    report.at_most("stripped binary", Value::Bytes(size), Value::Bytes(12_000_000));

    let port = free_port();
    let (server, _) = Server::start(binary, folder, port);
    let mut house = House::found(server.control());
    house.grow(10);
    let app = house.app(Endpoints::discover(&mut server.connect()));
    let mut drivers = Driver::several(&server, &mut house);
    let mut guests = guests(&server, &mut house);
    drop(server);
    let server = start_and_memory(binary, folder, port, report);
    drivers.iter_mut().for_each(|driver| driver.reconnect(&server));

    let mut scene = Scene { server: &server, app: &app, drivers: &mut drivers, report };
    scene.costs();
    scene.disk();
    scene.passwords(&mut guests);
    scene.crowd(&guests);
    scene.timing();
    scene.sizes(&mut House::again(server.control(), 10), quick);
}

/// What the phases work on.
struct Scene<'a> {
    server: &'a Server,
    app: &'a App,
    drivers: &'a mut [Driver],
    report: &'a mut Report,
}

fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).and_then(|probe| probe.local_addr());
    probe.expect("a free port").port()
}

fn start_and_memory(binary: &Path, folder: &Path, port: u16, report: &mut Report) -> Server {
    report.title(&format!("Start and memory (10 persons, {GROUPS} groups)"));
    let mut starts: Vec<Duration> = (0..5).map(|_| Server::start(binary, folder, port).1).collect();
    starts.sort_unstable();
    report.at_most(
        "start to first answer over TLS (median of 5)",
        Value::Time(starts[2]),
        Value::Time(Duration::from_millis(150)),
    );
    let (server, _) = Server::start(binary, folder, port);
    wait(Duration::from_secs(2));
    report.at_most("idle memory (PSS)", Value::Bytes(server.memory()), Value::Bytes(10 * MIB));
    server
}

impl Scene<'_> {
    /// Processor time and rate of each request, over connections that stay open.
    fn costs(&mut self) {
        self.report.title("Processor time of the server, on keep-alive TLS");
        let (server, app) = (self.server, self.app);
        let discovery = drive(server, self.drivers, 3000, |driver| drop(driver.app.ask(&discovery(), 200)));
        self.cost("discovery", &discovery, 30);
        drive(server, self.drivers, 1, Driver::sign_in);
        let authorize = drive(server, self.drivers, 500, |driver| driver.authorize(app));
        self.cost("authorize, consent given", &authorize, 200);
        let exchange = codes_first(server, app, self.drivers, 300, |driver| driver.exchange(app));
        self.cost("code -> tokens", &exchange, 300);
        let refresh = drive(server, self.drivers, 300, |driver| driver.refresh(app));
        self.cost("refresh", &refresh, 300);
        let userinfo = drive(server, self.drivers, 1000, |driver| driver.userinfo(app));
        self.cost("userinfo", &userinfo, 100);
        let introspection = drive(server, self.drivers, 1000, |driver| driver.introspect(app));
        self.cost("introspection", &introspection, 100);
        let push = drive(server, self.drivers, 500, |driver| app.push(&mut driver.app));
        self.cost("pushed request", &push, 200);
        let itself = drive(server, self.drivers, 300, |driver| app.for_itself(&mut driver.app));
        self.cost("client credentials", &itself, 300);
        self.drivers.iter_mut().for_each(|driver| driver.lay_in(app, 300));
        let revocation = drive(server, self.drivers, 300, |driver| driver.revoke(app));
        self.cost("revocation", &revocation, 300);
        let bound = codes_first(server, app, self.drivers, 300, |driver| driver.exchange_bound(app));
        self.cost("bound by DPoP", &bound, 400);
        let exchange = drive(server, self.drivers, 300, |driver| app.for_robot(&mut driver.app));
        self.cost("token exchange", &exchange, 300);
        self.drivers.iter_mut().for_each(|driver| driver.bring_devices(server, DEVICE_GRANTS));
        let device = drive(server, self.drivers, DEVICE_GRANTS, |driver| driver.let_device_in(app));
        self.report.shown("device grant, four requests: each", Value::Time(device.cpu_each()));
        self.rate("device grant, four requests", &device);
    }

    fn cost(&mut self, what: &str, load: &Load, bound: u64) {
        let bound = Value::Time(Duration::from_micros(bound));
        self.report.at_most(&format!("{what}: each"), Value::Time(load.cpu_each()), bound);
        self.rate(what, load);
    }

    fn rate(&self, what: &str, load: &Load) {
        self.report.shown(&format!("{what}: {DRIVERS} connections"), Value::PerSecond(load.per_second()));
    }

    /// What each request brings to the disk; the persons take turns, as in a house.
    fn disk(&mut self) {
        self.report.title("The disk, one request after the other");
        self.disk_of("sign-in", SIGN_INS, |driver, _| driver.sign_in());
        self.disk_of("code -> tokens", TURNS, |driver, app| {
            driver.authorize(app);
            driver.exchange(app);
        });
        self.disk_of("refresh", TURNS, Driver::refresh);
        self.disk_of("introspection", TURNS, Driver::introspect);
        self.disk_of("pushed request", TURNS, |driver, app| app.push(&mut driver.app));
        self.disk_of("client credentials", TURNS, |driver, app| app.for_itself(&mut driver.app));
        let (server, app) = (self.server, self.app);
        self.drivers.iter_mut().for_each(|driver| driver.lay_in(app, 2 * TURNS / DRIVERS));
        self.disk_of("revocation", TURNS, Driver::revoke);
        self.disk_of("bound by DPoP", TURNS, |driver, app| {
            driver.authorize(app);
            driver.exchange_bound(app);
        });
        self.disk_of("token exchange", TURNS, |driver, app| app.for_robot(&mut driver.app));
        self.drivers.iter_mut().for_each(|driver| driver.bring_devices(server, 2 * TURNS / DRIVERS));
        // The person's yes is a commit of its own, as a consent is.
        self.disk_of_commits("device grant and the yes before it", (TURNS, 2), Driver::let_device_in);
        self.drivers.iter_mut().for_each(|driver| driver.bring_devices(server, 2 * TURNS / DRIVERS));
        self.disk_of("device grant, the yes alone", TURNS, |driver, app| drop(driver.allow_device(app)));
        self.drivers.iter_mut().for_each(|driver| driver.bring_devices(server, 0));
    }

    fn disk_of(&mut self, what: &str, turns: usize, job: fn(&mut Driver, &App)) {
        self.disk_of_commits(what, (turns, 1), job);
    }

    fn disk_of_commits(&mut self, what: &str, (turns, commits): (usize, u32), job: fn(&mut Driver, &App)) {
        let (server, app) = (self.server, self.app);
        let mut everybody = [(0, &mut *self.drivers)];
        let each = |(turn, drivers): &mut (usize, &mut [Driver])| {
            *turn += 1;
            job(&mut drivers[*turn % DRIVERS], app);
        };
        let load = drive(server, &mut everybody, turns, each);
        let trace = Trace::begin(server);
        drive(server, &mut everybody, turns, each);
        let bound = Value::Bytes(u64::from(commits) * 16 * 1024);
        match trace.map(Trace::end) {
            Some(seen) => {
                let (written, syncs) = (seen.written / turns as u64, f64::from(seen.syncs) / turns as f64);
                self.report.at_most(
                    &format!("{what}: fsyncs, checkpoints included"),
                    Value::Number(syncs),
                    Value::Number(1.1 * f64::from(commits)),
                );
                self.report.at_most(&format!("{what}: written"), Value::Bytes(written), bound);
            }
            None => println!("  strace cannot look here: fsyncs were not counted"),
        }
        self.report.shown(&format!("{what}: that is in whole blocks"), Value::Bytes(load.written_each()));
    }

    /// Memory when much was done.
    fn passwords(&mut self, guests: &mut [Guest]) {
        self.report.title("Memory after work and under load");
        let server = self.server;
        sign_in_all(server, guests);
        for _ in 0..400 {
            self.drivers[0].authorize(self.app);
            self.drivers[0].exchange(self.app);
            self.drivers[0].refresh(self.app);
        }
        wait(Duration::from_secs(3));
        let after = Value::Bytes(server.memory());
        self.report.at_most("after 60 passwords and 800 token calls (PSS)", after, Value::Bytes(16 * MIB));
    }

    /// Memory while every connection is taken and passwords are hashed, one at a time as on a board below 2 GiB.
    fn crowd(&mut self, guests: &[Guest]) {
        let server = self.server;
        let others: Vec<Connection> = (0..256 - 2 * DRIVERS - 2).filter_map(|_| open(server)).collect();
        self.report.shown("connections open", Value::Count(others.len() + 2 * DRIVERS));
        let most = most_memory_during(server, || passwords_of_all(server, guests));
        self.report.at_most("all connections, hashing under way (PSS)", Value::Bytes(most), Value::Bytes(48 * MIB));
    }

    /// Whether the time of the answer tells who lives here.
    fn timing(&mut self) {
        self.report.title("Known and unknown names");
        let mut tab = Tab { connection: self.server.connect(), origin: self.server.origin() };
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for round in 0..120 {
            for (samples, name) in
                [(&mut known, name(DRIVERS + round % GUESTS)), (&mut unknown, format!("stranger{round}"))]
            {
                let began = now();
                tab.try_password(&name, "a password that is wrong");
                samples.push(began.elapsed());
            }
        }
        let t = Value::Number(welch_t(&mut known, &mut unknown).abs());
        self.report.at_most("time of a wrong password, known or not: Welch's |t|", t, Value::Number(4.5));
    }

    /// The same at other sizes of the house.
    fn sizes(&mut self, house: &mut House, quick: bool) {
        self.report.title(&format!("The same with more persons ({GROUPS} groups)"));
        let mut smallest: Option<[Duration; 4]> = None;
        let sizes: &[usize] = if quick { &[10, 1000] } else { &[10, 1000, 10_000] };
        for &persons in sizes {
            house.grow(persons);
            // Growing takes longer than a connection may be idle.
            self.drivers.iter_mut().for_each(|driver| driver.reconnect(self.server));
            let one = &mut self.drivers[..1];
            drive(self.server, one, 50, Driver::sign_in);
            let mut sign_in = drive(self.server, one, 400, Driver::sign_in);
            let mut token = codes_first(self.server, self.app, one, 400, |driver| driver.exchange(self.app));
            let figures = [sign_in.percentile(50), sign_in.percentile(99), token.percentile(50), token.percentile(99)];
            let base = *smallest.get_or_insert(figures);
            for (index, what) in ["sign-in p50", "sign-in p99", "token p50", "token p99"].iter().enumerate() {
                let bound = Value::Time(base[index].mul_f64(1.5));
                self.report.at_most(&format!("{persons} persons: {what}"), Value::Time(figures[index]), bound);
            }
            self.report.shown(&format!("{persons} persons: memory (PSS)"), Value::Bytes(self.server.memory()));
        }
    }
}

/// Codes are fetched first, and only then exchanged, so that each is measured alone.
fn codes_first(
    server: &Server,
    app: &App,
    drivers: &mut [Driver],
    times: usize,
    exchange: impl Fn(&mut Driver) + Sync,
) -> Load {
    let codes = drivers.iter_mut().map(|driver| {
        let mut code = || app.code(&mut driver.tab.connection, &driver.person.cookie);
        (0..times).map(|_| code()).collect::<Vec<_>>()
    });
    let codes: Vec<Vec<String>> = codes.collect();
    let mut workers: Vec<_> = drivers.iter_mut().zip(codes).collect();
    drive(server, &mut workers, times, |(driver, codes)| {
        driver.code = codes.pop().expect("a code");
        exchange(driver);
    })
}

fn most_memory_during(server: &Server, job: impl FnOnce() + Send) -> u64 {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let ending = Ending(&over);
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(server.memory());
                wait(Duration::from_millis(5));
            }
            most
        });
        job();
        drop(ending);
        watch.join().expect("the watch")
    })
}

/// Says that something is over, also when it failed: the one who watches would go on for ever.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn open(server: &Server) -> Option<Connection> {
    let mut connection = server.connect();
    connection.send(&Call::get("/health")).is_ok().then_some(connection)
}

fn guests(server: &Server, house: &mut House) -> Vec<Guest> {
    let mut tab = Tab { connection: server.connect(), origin: server.origin() };
    let names = (DRIVERS..DRIVERS + GUESTS).map(name);
    names.map(|name| Guest::join(&mut tab, &name, &house.invite(&name), unix_time())).collect()
}

/// Ten times each, two at a time: 60 whole sign-ins, and every recovery code is used up.
fn sign_in_all(server: &Server, guests: &mut [Guest]) {
    thread::scope(|scope| {
        for half in guests.chunks_mut(GUESTS / 2) {
            scope.spawn(|| {
                let mut tab = Tab { connection: server.connect(), origin: server.origin() };
                for _ in 0..60 / GUESTS {
                    half.iter_mut().for_each(|guest| guest.sign_in(&mut tab));
                }
            });
        }
    });
}

/// The first step only, several times each and two at a time.
fn passwords_of_all(server: &Server, guests: &[Guest]) {
    thread::scope(|scope| {
        for half in guests.chunks(GUESTS / 2) {
            scope.spawn(|| {
                let mut tab = Tab { connection: server.connect(), origin: server.origin() };
                for _ in 0..5 {
                    half.iter().for_each(|guest| drop(tab.try_password(&guest.name, PASSWORD)));
                }
            });
        }
    });
}
