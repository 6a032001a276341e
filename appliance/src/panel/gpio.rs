//! LED and button on the kernel's GPIO character device. Lines are found by name: chips and numbers differ between boards and
//! kernels. The LED is an `embedded-hal` pin; the button needs edges with the kernel's debounce, which that crate has not.

use std::fmt;
use std::time::Duration;

use gpiocdev::line::{Bias, EdgeDetection};
use gpiocdev::{FoundLine, Request, find_named_line};
use linux_embedded_hal::CdevPin;
use linux_embedded_hal::gpio_cdev::{self, Chip, LineRequestFlags};

use crate::config;

/// A contact that moves within this time bounces; the kernel waits for it.
const DEBOUNCE: Duration = Duration::from_millis(30);

/// A line is there and cannot be used.
#[derive(Debug)]
pub(super) enum GpioError {
    Led(String, gpio_cdev::errors::Error),
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

/// The LED's pin, dark; `None` on a machine without that line.
///
/// # Errors
/// When the line is there and cannot be used.
pub(super) fn led(config: &config::Panel) -> Result<Option<CdevPin>, GpioError> {
    let Some(line) = find(&config.led) else { return Ok(None) };
    let open = || {
        let mut chip = Chip::new(&line.chip)?;
        let dark = u8::from(config.led_active_low);
        let handle = chip.get_line(line.info.offset)?.request(LineRequestFlags::OUTPUT, dark, "latchkey-led")?;
        CdevPin::new(handle)
    };
    open().map(Some).map_err(|error| GpioError::Led(config.led.clone(), error))
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
