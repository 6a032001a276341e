//! Physical promises of the box, tested on an emulated Pi and on a real one. See README.md.

mod children;
mod deadline;
mod failure;
mod home;
mod led;
mod options;
mod promise;
mod promises;
mod random;
mod rig;
mod runner;
mod say;
mod web;

use std::process::ExitCode;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Outcome;
use crate::options::Options;

/// As a shell counts a program that was interrupted.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say::line(&format!("hw-tests: {error}"));
            ExitCode::from(2)
        }
    }
}

fn run() -> Outcome<bool> {
    let options = Options::parse(std::env::args().skip(1))?;
    if options.list {
        return runner::list().map(|()| true);
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            say::line(&format!("interrupted by signal {signal}; what was started is ended"));
            children::kill_all();
            remove_scratch();
            std::process::exit(INTERRUPTED);
        }
    });
    runner::run(&options)
}

/// Cards and keys of this run, which nobody drops when it is interrupted.
fn remove_scratch() {
    let ours = ["latchkey-hw", "latchkey-hw-home"].map(|name| format!("{name}-{}-", std::process::id()));
    let Ok(all) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in all.flatten() {
        let name = entry.file_name();
        if ours.iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            // What cannot be removed is no worse than before.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}
