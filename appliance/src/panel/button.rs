//! The button: the kernel's edges as events of the panel, each at the moment that the kernel stamped it with.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use domain::panel::Event;
use domain::time::Uptime;
use gpiocdev::Request;
use gpiocdev::line::{EdgeEvent, EdgeKind, Value};

use super::Input;
use crate::system::{self, Clock};

const STACK: usize = 256 << 10;

/// Whether the button is held now.
///
/// # Errors
/// When the kernel does not say.
pub(super) fn held(line: &Request) -> Result<bool, gpiocdev::Error> {
    Ok(line.lone_value()? == Value::Active)
}

/// Starts the thread that waits for edges. It ends with the panel.
///
/// # Errors
/// When the machine has no more threads.
pub(super) fn watch(line: Request, clock: Arc<dyn Clock>, inputs: SyncSender<Input>) -> io::Result<()> {
    let work = move || {
        let mut count = Count(0);
        loop {
            let told = line.read_edge_event().and_then(|edge| {
                let event =
                    if count.follows(edge.line_seqno) { event(&edge) } else { Event::Lost { held: held(&line)? } };
                Ok((event, moment(clock.uptime(), system::monotonic_nanos(), edge.timestamp_ns)))
            });
            let input = match told {
                Ok((event, at)) => Input::Button { event, at },
                Err(error) => Input::Broken(format!("the button cannot be read: {error}")),
            };
            let over = matches!(input, Input::Broken(_));
            if inputs.send(input).is_err() || over {
                return;
            }
        }
    };
    thread::Builder::new().name("button".to_owned()).stack_size(STACK).spawn(work).map(drop)
}

fn event(edge: &EdgeEvent) -> Event {
    match edge.kind {
        EdgeKind::Rising => Event::Pressed,
        EdgeKind::Falling => Event::Released,
    }
}

/// The kernel stamps edges on a clock that stands while the machine sleeps; ours goes on. Their age is the same.
fn moment(now: Uptime, kernel_now: u64, stamp: u64) -> Uptime {
    let age = Duration::from_nanos(kernel_now.saturating_sub(stamp)).as_millis();
    Uptime::from_millis(now.as_millis().saturating_sub(u64::try_from(age).unwrap_or(u64::MAX)))
}

/// The kernel counts the edges of a line from 1 on, so one that it dropped is noticed.
struct Count(u32);

impl Count {
    fn follows(&mut self, number: u32) -> bool {
        let expected = self.0.wrapping_add(1);
        self.0 = number;
        number == expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_edge_is_noticed() {
        let mut count = Count(0);
        assert_eq!([1, 2, 4, 5].map(|number| count.follows(number)), [true, true, false, true]);
        let mut wraps = Count(u32::MAX);
        assert!(wraps.follows(0));
    }

    #[test]
    fn an_edge_is_as_old_on_our_clock_as_on_the_kernels() {
        let now = Uptime::from_millis(1_000_000);
        assert_eq!(moment(now, 90_000_000_000, 89_750_000_000), Uptime::from_millis(999_750));
        assert_eq!(moment(now, 5, 10), now, "a stamp of the future is now");
        assert_eq!(moment(Uptime::from_millis(3), 90_000_000_000, 0), Uptime::from_millis(0));
    }
}
