//! What the server asks of the disk, seen with strace.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::server::{Server, wait};

/// strace on the server, for as long as it is held.
pub struct Trace {
    tracer: Child,
    log: PathBuf,
}

/// What was seen.
#[derive(Default)]
pub struct Seen {
    /// How often data had to reach the disk before the server went on.
    pub syncs: u32,
    /// Bytes written to files.
    pub written: u64,
}

impl Trace {
    /// `None` where strace is missing or may not look.
    pub fn begin(server: &Server) -> Option<Self> {
        let log = server.folder.join("strace.log");
        let mut tracer = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fsync,fdatasync,msync,pwrite64", "-e", "signal=none", "-s", "0", "-o"])
            .arg(&log)
            .args(["-p", &server.pid().to_string()])
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        for _ in 0..2000 {
            if server.is_traced() {
                return Some(Self { tracer, log });
            }
            if tracer.try_wait().ok()?.is_some() {
                return None;
            }
            wait(Duration::from_millis(1));
        }
        let _ = tracer.kill();
        None
    }

    pub fn end(mut self) -> Seen {
        let _ = Command::new("kill").args(["-INT", &self.tracer.id().to_string()]).status();
        let _ = self.tracer.wait();
        let log = BufReader::new(File::open(&self.log).expect("strace's log"));
        let mut seen = Seen::default();
        for line in log.lines().map_while(Result::ok) {
            let Some(result) = line.rsplit_once(" = ").and_then(|(_, result)| result.trim().parse::<u64>().ok()) else {
                continue; // the first half of a call that another thread interrupted
            };
            if line.contains("pwrite64") {
                seen.written += result;
            } else {
                seen.syncs += 1;
            }
        }
        seen
    }
}
