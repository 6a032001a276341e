//! `make bench`: the release binary, driven from outside as browsers and apps would, and what it costs, beside its bound.
//!
//! The server runs as a process of its own on a fresh data folder; figures come from the kernel (/proc, strace).

#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::expect_used, clippy::panic, reason = "a bench that cannot go on ends")]
#![expect(unreachable_pub, reason = "a program of one crate")]

mod app;
#[path = "../../tests/support/authenticator.rs"]
#[expect(clippy::unwrap_used, reason = "shared with the tests")]
mod authenticator;
#[path = "../../tests/harness/client.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests")]
mod client;
#[path = "../../tests/support/client_key.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with the tests")]
mod client_key;
mod driver;
mod house;
mod http;
mod load;
mod person;
mod phases;
mod proof;
mod report;
mod server;
mod stats;
mod trace;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;

use report::Report;

/// Where calls come from; the client of the tests wants to know.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() -> ExitCode {
    let binary =
        PathBuf::from(std::env::var_os("LATCHKEY").expect("LATCHKEY=path of the release binary (make bench sets it)"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
    let quick = std::env::args().any(|argument| argument == "--quick");
    let mut report = Report::default();
    phases::all(&binary, &folder, quick, &mut report);
    let _ = std::fs::remove_dir_all(&folder);
    if report.close() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
