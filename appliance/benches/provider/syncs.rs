//! How often the server asks the kernel to bring data to the disk, seen with strace.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::server::{Server, wait};

/// strace on the server, for as long as it is held.
pub struct Syncs {
    tracer: Child,
}

impl Syncs {
    /// `None` where strace is missing or may not look.
    pub fn watch(server: &Server) -> Option<Self> {
        let mut tracer = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-e", "signal=none", "-o"])
            .arg(Self::log(server))
            .args(["-p", &server.pid().to_string()])
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        for _ in 0..2000 {
            if server.is_traced() {
                return Some(Self { tracer });
            }
            if tracer.try_wait().ok()?.is_some() {
                return None;
            }
            wait(std::time::Duration::from_millis(1));
        }
        let _ = tracer.kill();
        None
    }

    /// How many there were.
    pub fn count(mut self, server: &Server) -> u32 {
        let _ = Command::new("kill").args(["-INT", &self.tracer.id().to_string()]).status();
        let _ = self.tracer.wait();
        let log = File::open(Self::log(server)).expect("strace's log");
        let calls = BufReader::new(log).lines().map_while(Result::ok).filter(|line| !line.contains("resumed>"));
        calls.map(|_| 1).sum()
    }

    fn log(server: &Server) -> std::path::PathBuf {
        server.folder.join("strace.log")
    }
}
