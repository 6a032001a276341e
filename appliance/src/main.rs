//! `latchkey`: the server and its command line in one binary.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use appliance::cli::{self, Terminal};
use appliance::system::{SystemClock, SystemEntropy};

fn main() -> ExitCode {
    let entropy = match SystemEntropy::open() {
        Ok(entropy) => entropy,
        // Without chance there is no key, no token and no fault number: nothing here can be done.
        Err(_) => return ExitCode::FAILURE,
    };
    let screen = io::stdout().is_terminal();
    let mut terminal = Terminal {
        out: &mut io::stdout(),
        err: &mut io::stderr(),
        input: &mut io::BufReader::new(io::stdin()),
        interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
        screen,
        width: terminal_size::terminal_size().map(|(width, _)| width.0),
        now: SystemClock.now(),
        entropy: &entropy,
    };
    ExitCode::from(cli::run(std::env::args_os(), &mut terminal))
}
