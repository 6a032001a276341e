//! The panel of a computer without GPIO: keys of the terminal act as the button, and the LED is a line of text.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::{BufRead, Read, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use domain::indicator::{Indicator, Level};
use embedded_hal::digital::{ErrorType, OutputPin};

use super::led::Led;
use super::reset::Reset;
use super::runner::Runner;
use super::{INPUTS, Input, PanelError, attend, night, start_link};
use crate::clock::Timekeeper;
use crate::config::{ClockMode, Night};
use crate::system::Clock;

/// What a person types is shorter.
const LONGEST_LINE: u64 = 64;
/// The longest hold that somebody may ask for, in seconds.
const LONGEST_HOLD: u64 = 120;
const TAP: Duration = Duration::from_millis(300);
const HOLD: Duration = Duration::from_secs(5);

const HELP: &str =
    "Enter taps the button, h and Enter holds it for 5 seconds, a number holds it for so many; q ends.\n";

/// Runs it until the input ends or somebody types q. On a screen the LED is drawn; elsewhere each state is a line.
///
/// # Errors
/// When the machine has no more threads, or nobody reads what is shown.
pub(crate) fn run(
    socket: PathBuf,
    input: &mut (dyn BufRead + Send),
    out: &mut dyn Write,
    screen: bool,
) -> Result<(), PanelError> {
    let (inputs, come) = sync_channel(INPUTS);
    let jobs = start_link(socket, &inputs)?;
    let clock = Timekeeper::real(ClockMode::Auto, None);
    out.write_all(HELP.as_bytes()).and_then(|()| out.flush()).map_err(PanelError::Output)?;
    let face = Rc::new(RefCell::new(Face { out, screen, level: Level::Off, state: None, failed: None }));
    let led = Led::new(Some(Drawn(Rc::clone(&face))), false);
    let mut runner = Runner::new(led, night::Watch::new(Night::Never), jobs, Reset::by(None), (false, clock.uptime()));
    thread::scope(|scope| {
        scope.spawn(move || read_keys(input, &inputs));
        attend(&mut runner, &come, &clock, |state| face.borrow_mut().tell(state))
    })?;
    face.borrow_mut().end()
}

/// Reads lines until there are no more, or one that says so.
fn read_keys(mut input: &mut (dyn BufRead + Send), inputs: &SyncSender<Input>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = Read::by_ref(&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let key = match read {
            Ok(0) | Err(_) => Key::End,
            Ok(_) => key(&line),
        };
        let input = match key {
            Key::Hold(length) => Input::Hold(length),
            Key::Unknown => continue,
            Key::End => Input::Stop,
        };
        let over = matches!(input, Input::Stop);
        if inputs.send(input).is_err() || over {
            return;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Key {
    Hold(Duration),
    Unknown,
    End,
}

fn key(line: &[u8]) -> Key {
    match std::str::from_utf8(line).map(str::trim) {
        Ok("") => Key::Hold(TAP),
        Ok("h") => Key::Hold(HOLD),
        Ok("q") => Key::End,
        Ok(text) => match text.parse::<u64>() {
            Ok(seconds @ 1..=LONGEST_HOLD) => Key::Hold(Duration::from_secs(seconds)),
            Ok(_) | Err(_) => Key::Unknown,
        },
        Err(_) => Key::Unknown,
    }
}

/// What is drawn of the LED.
struct Face<'a> {
    out: &'a mut dyn Write,
    screen: bool,
    level: Level,
    state: Option<Indicator>,
    failed: Option<std::io::Error>,
}

impl Face<'_> {
    fn tell(&mut self, state: Indicator) {
        self.state = Some(state);
        if self.screen {
            self.draw();
        } else {
            let line = format!("{}: {}\n", state.name(), state.text());
            self.write(&line);
        }
    }

    /// The same line again and again.
    fn draw(&mut self) {
        let Some(state) = self.state.filter(|_| self.screen) else { return };
        let light = match self.level {
            Level::On => "(*)",
            Level::Off => "( )",
        };
        self.write(&format!("\r\u{1b}[K{light} {}", state.text()));
    }

    fn write(&mut self, text: &str) {
        if let Err(error) = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            self.failed = Some(error);
        }
    }

    fn end(&mut self) -> Result<(), PanelError> {
        if self.screen {
            self.write("\n");
        }
        self.failed.take().map_or(Ok(()), |error| Err(PanelError::Output(error)))
    }
}

/// The LED on the screen, as a pin.
struct Drawn<'a>(Rc<RefCell<Face<'a>>>);

impl ErrorType for Drawn<'_> {
    type Error = Infallible;
}

impl Drawn<'_> {
    fn show(&self, level: Level) {
        let mut face = self.0.borrow_mut();
        face.level = level;
        face.draw();
    }
}

impl OutputPin for Drawn<'_> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.show(Level::Off);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.show(Level::On);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_presses() {
        assert_eq!(key(b"\n"), Key::Hold(TAP));
        assert_eq!(key(b"h\n"), Key::Hold(HOLD));
        assert_eq!(key(b"12\n"), Key::Hold(Duration::from_secs(12)));
        assert_eq!(key(b" q \n"), Key::End);
        for bad in [&b"0\n"[..], b"121\n", b"-1\n", b"x\n", b"\xff\n", b"99999999999999999999\n"] {
            assert_eq!(key(bad), Key::Unknown);
        }
    }

    #[test]
    fn input_that_ends_ends_the_panel_and_a_long_line_is_no_press() {
        let (inputs, come) = sync_channel(8);
        let typed = format!("{}\n\n", "x".repeat(200));
        read_keys(&mut std::io::Cursor::new(typed.into_bytes()), &inputs);
        drop(inputs);
        let came: Vec<Input> = come.into_iter().collect();
        assert!(matches!(came.as_slice(), [Input::Hold(TAP), Input::Stop]), "{came:?}");
    }
}
