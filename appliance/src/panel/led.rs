//! The LED: its pin is written when the level changes, and not else.

use domain::indicator::Level;
use embedded_hal::digital::{OutputPin, PinState};

/// An LED on a pin, or none.
pub(super) struct Led<P> {
    pin: Option<P>,
    active_low: bool,
    shown: Option<Level>,
    /// A pin that fails does so at every change; once is enough for the journal.
    complained: bool,
}

impl<P: OutputPin> Led<P> {
    pub(super) fn new(pin: Option<P>, active_low: bool) -> Self {
        Self { pin, active_low, shown: None, complained: false }
    }

    /// Lights or darkens it, unless it is so already.
    pub(super) fn show(&mut self, level: Level) {
        if self.shown == Some(level) {
            return;
        }
        let Some(pin) = &mut self.pin else { return };
        let high = (level == Level::On) != self.active_low;
        match pin.set_state(PinState::from(high)) {
            Ok(()) => self.shown = Some(level),
            Err(error) => {
                // Tried again at the next change.
                self.shown = None;
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::error!(?error, "the LED cannot be switched");
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod fake {
    use std::cell::RefCell;
    use std::rc::Rc;

    use embedded_hal::digital::{Error, ErrorKind, ErrorType, OutputPin};

    /// A pin that keeps what was written to it.
    #[derive(Clone, Default)]
    pub(crate) struct FakePin {
        pub(crate) written: Rc<RefCell<Vec<bool>>>,
        pub(crate) broken: bool,
    }

    #[derive(Debug)]
    pub(crate) struct Broken;

    impl Error for Broken {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    impl ErrorType for FakePin {
        type Error = Broken;
    }

    impl FakePin {
        fn set(&self, high: bool) -> Result<(), Broken> {
            if self.broken {
                return Err(Broken);
            }
            self.written.borrow_mut().push(high);
            Ok(())
        }
    }

    impl OutputPin for FakePin {
        fn set_low(&mut self) -> Result<(), Broken> {
            self.set(false)
        }

        fn set_high(&mut self) -> Result<(), Broken> {
            self.set(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakePin;
    use super::*;

    fn written(active_low: bool) -> Vec<bool> {
        let pin = FakePin::default();
        let mut led = Led::new(Some(pin.clone()), active_low);
        for level in [Level::On, Level::On, Level::Off, Level::Off, Level::On] {
            led.show(level);
        }
        pin.written.take()
    }

    #[test]
    fn the_pin_is_written_only_when_the_level_changes() {
        assert_eq!(written(false), [true, false, true]);
    }

    #[test]
    fn an_led_that_lights_low_is_written_the_other_way_round() {
        assert_eq!(written(true), [false, true, false]);
    }

    #[test]
    fn a_board_without_an_led_or_with_a_broken_one_works() {
        Led::<FakePin>::new(None, false).show(Level::On);
        Led::new(Some(FakePin { broken: true, ..FakePin::default() }), false).show(Level::On);
    }
}
