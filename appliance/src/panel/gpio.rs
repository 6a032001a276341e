//! LED and button on the kernel's GPIO character device. Lines are found by name: chips and numbers differ between boards and
//! kernels. Both are asked for in the second version of the kernel's interface: Debian's kernels have no other any more, and
//! linux-embedded-hal speaks only the first (decisions/0011). The LED is an `embedded-hal` pin all the same.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use embedded_hal::digital::{Error, ErrorKind, ErrorType, OutputPin};
use gpiocdev::line::{Bias, EdgeDetection, Value};
use gpiocdev::{FoundLine, Request, find_named_line};

use crate::config;

/// A contact that moves within this time bounces; the kernel waits for it.
const DEBOUNCE: Duration = Duration::from_millis(30);
/// Between two looks for a line that is not there yet.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A line is there and cannot be used.
#[derive(Debug)]
pub(super) enum GpioError {
    Led(String, gpiocdev::Error),
    Button(String, gpiocdev::Error),
}

impl fmt::Display for GpioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = "does another program use it, and may this user?";
        match self {
            Self::Led(name, error) => write!(f, "the LED's line {name} cannot be used ({hint}): {error}"),
            Self::Button(name, error) => write!(f, "the button's line {name} cannot be used ({hint}): {error}"),
        }
    }
}

/// The line of that name, if this machine has one.
fn find(name: &str) -> Option<FoundLine> {
    if name.is_empty() { None } else { find_named_line(name) }
}

/// Waits until the lines of the panel are there, as long as the configuration says.
pub(super) fn lines_come(config: &config::Panel) {
    let names = [config.led.as_str(), config.button.as_str()];
    let missing = || names.iter().any(|name| !name.is_empty() && find_named_line(name).is_none());
    let until = Instant::now() + Duration::from_secs(config.lines_within.into());
    while Instant::now() < until && missing() {
        thread::sleep(LOOK_EVERY);
    }
}

/// The LED's line as a pin.
#[derive(Debug)]
pub(super) struct LedPin(Request);

/// The kernel did not switch the line.
#[derive(Debug)]
pub(super) struct NotSwitched(#[expect(dead_code, reason = "for the journal")] gpiocdev::Error);

impl Error for NotSwitched {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for LedPin {
    type Error = NotSwitched;
}

impl OutputPin for LedPin {
    fn set_low(&mut self) -> Result<(), NotSwitched> {
        self.0.set_lone_value(Value::Inactive).map(drop).map_err(NotSwitched)
    }

    fn set_high(&mut self) -> Result<(), NotSwitched> {
        self.0.set_lone_value(Value::Active).map(drop).map_err(NotSwitched)
    }
}

/// The LED's pin, dark; `None` on a machine without that line.
///
/// # Errors
/// When the line is there and cannot be used.
pub(super) fn led(config: &config::Panel) -> Result<Option<LedPin>, GpioError> {
    let Some(line) = find(&config.led) else { return Ok(None) };
    let dark = if config.led_active_low { Value::Active } else { Value::Inactive };
    let opened = Request::builder().with_consumer("latchkey-led").with_found_line(&line).as_output(dark).request();
    opened.map(|request| Some(LedPin(request))).map_err(|error| GpioError::Led(config.led.clone(), error))
}

/// The button's line with its edges, active while the button is held; `None` on a machine without that line.
///
/// # Errors
/// When the line is there and cannot be used.
pub(super) fn button(config: &config::Panel) -> Result<Option<Request>, GpioError> {
    let Some(line) = find(&config.button) else { return Ok(None) };
    let mut request = Request::builder();
    request.with_consumer("latchkey-button").with_found_line(&line).as_input();
    if config.button_active_low {
        request.as_active_low().with_bias(Bias::PullUp);
    } else {
        request.with_bias(Bias::PullDown);
    }
    let opened = request.with_edge_detection(EdgeDetection::BothEdges).with_debounce_period(DEBOUNCE).request();
    opened.map(Some).map_err(|error| GpioError::Button(config.button.clone(), error))
}
