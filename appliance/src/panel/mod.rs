//! The front panel: a process of its own, and the only one that touches GPIO. It runs the pure machine of [`domain::panel`],
//! writes the LED, reads the button, and talks to the server over the control socket.
//!
//! Plain threads: one that waits for edges, one that waits for news of the server, one that tells the server what was pressed.
//! All of them send to the one that runs the machine, and it sleeps until the next of these or the next change of the LED.

mod button;
pub(crate) mod console;
mod gpio;
pub(crate) mod health;
mod keys;
mod led;
mod link;
mod night;
mod press;
mod reset;
mod runner;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use domain::indicator::{Active, FaultReason, Indicator};
use domain::panel::Event;
use domain::time::Uptime;
use embedded_hal::digital::OutputPin;

use crate::clock::Timekeeper;
use crate::config::Config;
use crate::http::ClientError;
use crate::system::Clock;
use crate::{config, log, signals};

use led::Led;
use link::Heard;
use reset::Reset;
use runner::Runner;

pub(crate) use keys::run as run_keys;
pub(crate) use press::press;

/// What may wait for the machine.
const INPUTS: usize = 64;

/// What the machine is told.
#[derive(Debug)]
enum Input {
    /// An edge of the button.
    Button { event: Event, at: Uptime },
    /// Somebody holds the key that acts as the button for that long.
    Hold(Duration),
    /// The server told how the box is.
    Heard(Heard),
    /// The server does not answer.
    Silent,
    /// A part of the panel does not work any more.
    Broken(String),
    /// The panel is to end.
    Stop,
}

/// Runs the panel of this board until SIGTERM or SIGINT.
///
/// # Errors
/// When a line that is there cannot be used, or the machine has no more threads.
pub(crate) fn run(config: &Path, socket: PathBuf) -> Result<(), PanelError> {
    let loaded = Config::load(config);
    log::start(loaded.as_ref().map_or_else(|_| config::LogLevel::default(), |config| config.log));
    let (panel, clock, trouble) = match loaded {
        Ok(config) => (config.panel, config.clock, None),
        Err(error) => {
            // The server does not start with it either: the LED is what can say so.
            tracing::error!(%error, "the usual lines are used");
            let fault = Indicator::Fault(FaultReason::Configuration);
            (config::Panel::default(), config::ClockMode::default(), Some(fault))
        }
    };
    let clock: Arc<dyn Clock> = Arc::new(Timekeeper::real(clock, None));
    let (inputs, come) = sync_channel(INPUTS);
    gpio::lines_come(&panel, &*clock);
    // Without the LED there is still the button.
    let pin = gpio::led(&panel).unwrap_or_else(|error| {
        tracing::error!(%error, "no LED");
        None
    });
    let line = gpio::button(&panel).map_err(|error| PanelError::Line(error.to_string()))?;
    say_what_is_missing(&panel, pin.is_some(), line.is_some());
    let held = line.as_ref().map_or(Ok(false), button::held);
    let held = held.map_err(|error| PanelError::Line(format!("the button cannot be read: {error}")))?;
    if let Some(line) = line {
        button::watch(line, Arc::clone(&clock), inputs.clone()).map_err(PanelError::Threads)?;
    }
    let jobs = start_link(socket, &inputs)?;
    signals::on_stop(move || drop(inputs.send(Input::Stop))).map_err(PanelError::Threads)?;
    let led = Led::new(pin, panel.led_active_low);
    let reset = Reset::by(panel.reset_request);
    let mut runner = Runner::new(led, night::Watch::new(panel.night), jobs, reset, (held, clock.uptime()));
    if let Some(fault) = trouble {
        runner.found(Active::NONE.with(fault));
    }
    attend(&mut runner, &come, &*clock, |_| {})
}

fn say_what_is_missing(panel: &config::Panel, led: bool, button: bool) {
    match (led, button) {
        (true, true) => tracing::info!(led = panel.led, button = panel.button, "panel"),
        (false, false) => tracing::info!("no panel: this machine has no lines {:?} and {:?}", panel.led, panel.button),
        (true, false) => tracing::info!("no button: this machine has no line {:?}", panel.button),
        (false, true) => tracing::info!("no LED: this machine has no line {:?}", panel.led),
    }
}

/// Starts the two threads that talk to the server.
fn start_link(socket: PathBuf, inputs: &SyncSender<Input>) -> Result<SyncSender<link::Job>, PanelError> {
    link::listen(socket.clone(), inputs.clone())?;
    link::tell(socket)
}

/// Does what comes, and sleeps until something does; ends when told to.
fn attend<P: OutputPin>(
    runner: &mut Runner<P>,
    come: &Receiver<Input>,
    clock: &dyn Clock,
    mut changed: impl FnMut(Indicator),
) -> Result<(), PanelError> {
    changed(runner.showing());
    loop {
        let input = match come.recv_timeout(runner.wait(clock.uptime())) {
            Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => {
                runner.dark();
                return Ok(());
            }
            Ok(Input::Broken(what)) => return Err(PanelError::Line(what)),
            Ok(input) => Some(input),
            Err(RecvTimeoutError::Timeout) => None,
        };
        if let Some(state) = runner.turn(input.as_ref(), &clock.moment()) {
            tracing::info!(state = state.name(), "{}", state.text());
            changed(state);
        }
    }
}

/// Why the panel does not run.
#[derive(Debug)]
pub(crate) enum PanelError {
    /// A line is there and cannot be used.
    Line(String),
    /// The machine has no more threads.
    Threads(io::Error),
    /// The server cannot be reached.
    Server(ClientError),
    /// The server said no, or something that is not understood.
    Refused(String),
    /// Nobody reads what is shown.
    Output(io::Error),
}

impl fmt::Display for PanelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(text) | Self::Refused(text) => f.write_str(text),
            Self::Threads(error) => write!(f, "cannot start a thread: {error}"),
            Self::Server(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl std::error::Error for PanelError {}

impl From<ClientError> for PanelError {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}
