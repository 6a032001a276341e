//! What clients sign to prove something: who they are (RFC 7523), and that they hold a key (RFC 9449). The signature is looked at
//! elsewhere; here is decided what a signed text is good for. Both are good once.

pub mod assertion;
pub mod dpop;

use serde_json::{Map, Value};

use crate::secret::Digest;
use crate::time::{Span, Timestamp};

/// How far the clock of a client may be from ours.
pub const SKEW: Span = Span::minutes(1);

/// Most bytes of `jti`.
const MAX_JTI: usize = 256;

/// What must not come a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// Stands for it.
    pub name: Digest,
    /// From when on it would be refused in any case.
    pub until: Timestamp,
}

/// A moment as RFC 7519 section 2 writes it: seconds, perhaps with a fraction.
fn moment(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return Some(Timestamp::from_unix(seconds));
    }
    // Past 2^53 there are no such fractions, and nothing that far away is taken for a moment.
    let seconds = value.as_f64().filter(|seconds| seconds.abs() < 9.0e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to go, and the range was looked at")]
    Some(Timestamp::from_unix(seconds.floor() as i64))
}

/// `jti`, in one name with what else it is unique within.
fn once(claims: &Map<String, Value>, within: &[&[u8]], until: Timestamp) -> Option<Once> {
    let jti = claims.get("jti")?.as_str().filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI)?;
    let mut bytes = Vec::new();
    for part in within {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    bytes.extend_from_slice(jti.as_bytes());
    Some(Once { name: Digest::of(&bytes), until })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_may_have_a_fraction_and_must_be_a_number() {
        assert_eq!(moment(&json!(7)), Some(Timestamp::from_unix(7)));
        assert_eq!(moment(&json!(7.9)), Some(Timestamp::from_unix(7)));
        for wrong in [json!("7"), json!(null), json!(1e300), json!(u64::MAX), json!([7])] {
            assert_eq!(moment(&wrong), None, "{wrong}");
        }
    }
}
