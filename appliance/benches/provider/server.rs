//! The server under test: started, looked at from outside through /proc, stopped.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::client::Call;
use crate::http::{Connection, trust};
use crate::load::now;

pub struct Server {
    process: Child,
    pub port: u16,
    pub folder: PathBuf,
    tls: Option<Arc<ClientConfig>>,
}

/// What the kernel says about the server at one moment.
#[derive(Clone, Copy)]
pub struct Reading {
    /// Processor time of all threads.
    pub cpu: Duration,
    /// Bytes that it caused to be written to storage.
    pub written: u64,
}

impl Server {
    /// Starts the release binary on a data folder and waits for its first answer; says how long that took.
    pub fn start(binary: &Path, folder: &Path, port: u16) -> (Self, Duration) {
        fs::create_dir_all(folder).expect("the data folder");
        let config = folder.join("latchkey.toml");
        let text = format!(
            "host = \"localhost\"\nport = {port}\nlisten = [\"127.0.0.1:{port}\"]\ndata_dir = \"{}\"\nlog = \"error\"\n\
             [limits]\nconnections = 256\nper_peer = 256\nhashes = 1\n",
            folder.display()
        );
        fs::write(&config, text).expect("the configuration");
        let began = now();
        let process = Command::new(binary)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the server");
        let mut server = Self { process, port, folder: folder.to_owned(), tls: None };
        let took = server.first_answer(began);
        (server, took)
    }

    fn first_answer(&mut self, began: std::time::Instant) -> Duration {
        let certificate = self.folder.join("tls/self-made-localhost.crt");
        while began.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.process.try_wait().expect("a child") {
                panic!("the server ended at once: {status}");
            }
            if certificate.exists() {
                let tls = self.tls.take().unwrap_or_else(|| trust(&certificate));
                let answer = Connection::tls(&tls, self.port).and_then(|mut c| c.send(&Call::get("/health")));
                self.tls = Some(tls);
                if answer.is_ok_and(|answer| answer.status == 200) {
                    return began.elapsed();
                }
            }
            wait(Duration::from_micros(500));
        }
        panic!("no answer within 20 s");
    }

    pub fn connect(&self) -> Connection {
        self.connect_from(Ipv4Addr::LOCALHOST)
    }

    pub fn connect_from(&self, from: Ipv4Addr) -> Connection {
        let tls = self.tls.as_ref().expect("an answer came before");
        Connection::tls_from(from, tls, self.port).expect("a connection")
    }

    pub fn control(&self) -> Connection {
        Connection::control(&self.folder.join("control/latchkey.sock")).expect("the control socket")
    }

    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Proportional set size, in bytes.
    pub fn memory(&self) -> u64 {
        field(&self.proc("smaps_rollup"), "Pss:") * 1024
    }

    pub fn reading(&self) -> Reading {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("its threads");
        let nanoseconds = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
        let nanoseconds = nanoseconds.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum();
        Reading { cpu: Duration::from_nanos(nanoseconds), written: field(&self.proc("io"), "write_bytes:") }
    }

    /// Whether a debugger looks at every one of its threads.
    pub fn is_traced(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("its threads");
        let mut states = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
        states.all(|status| field(&status, "TracerPid:") != 0)
    }

    fn proc(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid())).expect("the server runs")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let _ = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench waits for a process and lets it come to rest")]
pub fn wait(time: Duration) {
    std::thread::sleep(time);
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the field");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
