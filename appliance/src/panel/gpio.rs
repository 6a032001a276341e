//! LED and button on the kernel's GPIO character device. Lines are found by name: chips and numbers differ between boards and
//! kernels. Both are asked for in the second version of the kernel's interface: Debian's kernels have no other any more, and
//! linux-embedded-hal speaks only the first (decisions/0011). The LED is an `embedded-hal` pin all the same.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::Duration;

use domain::time::Span;
use embedded_hal::digital::{Error, ErrorKind, ErrorType, OutputPin};
use gpiocdev::line::{Bias, EdgeDetection, Value};
use gpiocdev::{FoundLine, Request, find_named_line};
use rustix::event::{self, Timespec};
use rustix::fs::inotify;
use rustix::io::Errno;

use crate::config;
use crate::system::Clock;

/// A contact that moves within this time bounces; the kernel waits for it.
const DEBOUNCE: Duration = Duration::from_millis(30);

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

/// Waits until the lines of the panel are there and may be used, as long as the configuration says.
pub(super) fn lines_come(config: &config::Panel, clock: &dyn Clock) {
    let names = [config.led.as_str(), config.button.as_str()];
    let missing = || names.iter().any(|name| !name.is_empty() && find_named_line(name).is_none());
    let until = clock.uptime() + Span::seconds(config.lines_within.into());
    // Looked at before the first question, so that nothing comes unnoticed in between.
    let news = match Devices::watch() {
        Ok(news) => news,
        Err(error) => return tracing::warn!(%error, "new devices cannot be waited for"),
    };
    while missing() && clock.uptime() < until {
        if let Err(error) = news.wait(until.since(clock.uptime())) {
            return tracing::warn!(%error, "new devices cannot be waited for");
        }
    }
}

/// What comes and changes in `/dev`.
struct Devices(OwnedFd);

impl Devices {
    fn watch() -> io::Result<Self> {
        let news = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&news, "/dev", inotify::WatchFlags::CREATE | inotify::WatchFlags::ATTRIB)?;
        Ok(Self(news))
    }

    /// Until something did, or the time is over.
    fn wait(&self, longest: Duration) -> io::Result<()> {
        // Whole seconds, and one more: what is too early would only be asked for again.
        let longest = Timespec {
            tv_sec: i64::try_from(longest.as_secs()).map_or(i64::MAX, |seconds| seconds.saturating_add(1)),
            tv_nsec: 0,
        };
        match event::poll(&mut [event::PollFd::new(&self.0, event::PollFlags::IN)], Some(&longest)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // What they say does not matter: the lines are looked for by name.
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut room);
        loop {
            match events.next() {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
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
