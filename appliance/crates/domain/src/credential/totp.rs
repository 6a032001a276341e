//! The secret of an authenticator app (RFC 6238) and the last step that was accepted (section 5.2: a code works once).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Seconds of one step.
pub const STEP: u64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;

/// A step that was taken this many before its time was taken by a clock that was wrong: ten minutes.
const AHEAD: u64 = 20;

/// A confirmed secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpSecret {
    /// 160 bits, as RFC 4226 section 4 recommends.
    #[serde(with = "super::password::base64_bytes")]
    pub secret: Vec<u8>,
    /// The newest step whose code was taken; that one and older ones are refused.
    pub last_step: u64,
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret([secret])")
    }
}

impl TotpSecret {
    /// Takes the step of a right code, unless it or a newer one was taken before. One that is far ahead was taken by a clock
    /// that was wrong, and would shut the person out until then.
    pub fn accept(&mut self, step: u64) -> bool {
        let new = step > self.last_step || self.last_step - step > AHEAD;
        if new {
            self.last_step = step;
        }
        new
    }
}

/// Whether it looks like a code of an authenticator app rather than a recovery code; blanks are for reading only.
pub fn digits_of(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    (code.len() == DIGITS && code.bytes().all(|b| b.is_ascii_digit())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_taken_once_and_never_backwards() {
        let mut totp = TotpSecret { secret: vec![0; 20], last_step: 10 };
        assert!(!totp.accept(10));
        assert!(totp.accept(11));
        assert!(!totp.accept(11));
        assert!(!totp.accept(10));
    }

    #[test]
    fn a_clock_that_was_a_year_ahead_shuts_nobody_out() {
        let mut totp = TotpSecret { secret: vec![0; 20], last_step: 1_000_000 };
        assert!(!totp.accept(999_980));
        assert!(totp.accept(10));
        assert!(!totp.accept(10));
    }

    #[test]
    fn a_code_may_be_typed_with_blanks_but_with_nothing_else() {
        assert_eq!(digits_of(" 123 456 ").as_deref(), Some("123456"));
        for raw in ["", "12345", "1234567", "+12345", "12345a", "١٢٣٤٥٦"] {
            assert_eq!(digits_of(raw), None, "{raw}");
        }
    }
}
