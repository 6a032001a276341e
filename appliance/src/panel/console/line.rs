//! Lines from bytes that may be anything: a person, line noise, a modem that was left plugged in, somebody's flood.

use std::time::Duration;

use domain::time::Uptime;

/// Nothing that the menu asks for is longer.
const LONGEST: usize = 40;
/// A sequence of a key that moves the cursor is shorter.
const LONGEST_ESCAPE: u8 = 8;

/// What came of a byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing to show.
    Nothing,
    /// This is to be shown.
    Echo(&'static str),
    /// This character is to be shown.
    Char(char),
    /// A line is complete.
    Line(String),
    /// A line was too long to mean anything.
    TooLong,
}

/// The line that is being typed.
#[derive(Debug, Default)]
pub(super) struct Typing {
    line: String,
    too_long: bool,
    /// The byte before was a carriage return: a line feed after it is the same key.
    returned: bool,
    /// Bytes of an escape sequence that came, plus one; 0 outside of one.
    escape: u8,
}

impl Typing {
    /// Whether nothing is typed.
    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty() && !self.too_long
    }

    /// Takes a byte. Only printable ASCII counts; the rest of the control characters and everything above is nothing.
    pub(super) fn take(&mut self, byte: u8) -> Typed {
        let returned = std::mem::take(&mut self.returned);
        if self.escape > 0 {
            self.escaped(byte);
            return Typed::Nothing;
        }
        match byte {
            b'\r' => {
                self.returned = true;
                self.end()
            }
            b'\n' if returned => Typed::Nothing,
            b'\n' => self.end(),
            0x08 | 0x7f => match self.line.pop() {
                Some(_) => Typed::Echo("\u{8} \u{8}"),
                None => Typed::Nothing,
            },
            // ^C and ^U.
            0x03 | 0x15 => {
                self.clear();
                Typed::Echo("\r\n")
            }
            0x1b => {
                self.escape = 1;
                Typed::Nothing
            }
            b' '..=b'~' if self.line.len() < LONGEST => {
                self.line.push(char::from(byte));
                Typed::Char(char::from(byte))
            }
            b' '..=b'~' => {
                self.too_long = true;
                Typed::Nothing
            }
            0x00..=0x1f | 0x80..=0xff => Typed::Nothing,
        }
    }

    fn end(&mut self) -> Typed {
        let too_long = self.too_long;
        let line = std::mem::take(&mut self.line);
        self.clear();
        if too_long { Typed::TooLong } else { Typed::Line(line) }
    }

    fn clear(&mut self) {
        self.line.clear();
        self.too_long = false;
    }

    /// ESC [ ... letter, or ESC and one more.
    fn escaped(&mut self, byte: u8) {
        let introducer = self.escape == 1 && matches!(byte, b'[' | b'O');
        let over = !introducer && (self.escape == 1 || matches!(byte, 0x40..=0x7e));
        self.escape = if over || self.escape >= LONGEST_ESCAPE { 0 } else { self.escape + 1 };
    }
}

/// What may be taken in one second: far more than a person types.
#[derive(Debug, Default)]
pub(super) struct Budget {
    second: u64,
    bytes: usize,
    lines: u32,
}

/// Bytes that are looked at in one second.
const BYTES: usize = 1024;
/// Lines that are acted on in one second.
const LINES: u32 = 16;

impl Budget {
    /// After so many bytes came: how long to take no more.
    pub(super) fn bytes(&mut self, count: usize, now: Uptime) -> Option<Duration> {
        self.turn(now);
        self.bytes = self.bytes.saturating_add(count);
        let rest = 1000 - now.as_millis() % 1000;
        (self.bytes >= BYTES).then(|| Duration::from_millis(rest))
    }

    /// Whether one more line may be acted on.
    pub(super) fn line(&mut self, now: Uptime) -> bool {
        self.turn(now);
        self.lines = self.lines.saturating_add(1);
        self.lines <= LINES
    }

    fn turn(&mut self, now: Uptime) {
        let second = now.as_millis() / 1000;
        if second != self.second {
            *self = Self { second, bytes: 0, lines: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The lines of these bytes.
    fn lines(bytes: &[u8]) -> Vec<Typed> {
        let mut typing = Typing::default();
        let typed = bytes.iter().map(|byte| typing.take(*byte));
        typed.filter(|typed| matches!(typed, Typed::Line(_) | Typed::TooLong)).collect()
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.to_owned())
    }

    #[test]
    fn return_line_feed_and_both_end_one_line() {
        assert_eq!(lines(b"1\r2\n3\r\n\r\n"), [line("1"), line("2"), line("3"), line("")]);
    }

    #[test]
    fn what_cannot_be_printed_is_nothing() {
        assert_eq!(lines(b"\x00\x011\xff\xfe\x07\x1b[A\x1b[1;5C\x1bOP\x1bx2\n"), [line("12")]);
    }

    #[test]
    fn a_backspace_takes_one_back_and_control_c_all() {
        assert_eq!(lines(b"12\x7f\x08\x083\n"), [line("3")]);
        assert_eq!(lines(b"yes\x03no\n"), [line("no")]);
    }

    #[test]
    fn a_line_that_is_too_long_means_nothing_and_the_next_one_counts() {
        let long = [&[b'x'; 5000][..], b"\n1\n"].concat();
        assert_eq!(lines(&long), [Typed::TooLong, line("1")]);
    }

    #[test]
    fn a_flood_is_taken_in_sips() {
        let mut budget = Budget::default();
        let at = Uptime::from_millis;
        assert_eq!(budget.bytes(1023, at(5_100)), None);
        assert_eq!(budget.bytes(1, at(5_200)), Some(Duration::from_millis(800)));
        assert_eq!(budget.bytes(1, at(6_000)), None);
        let acted = (0..1000).filter(|_| budget.line(at(6_500))).count();
        assert_eq!(acted, 16);
        assert!(budget.line(at(7_000)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_line_that_is_long_or_cannot_be_printed(bytes in vec(any::<u8>(), 0..400)) {
            let mut typing = Typing::default();
            for byte in bytes {
                if let Typed::Line(line) = typing.take(byte) {
                    prop_assert!(line.len() <= LONGEST && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                }
            }
        }
    }
}
