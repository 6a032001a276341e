//! The check of a request head: whatever passes is one request, and its parts lie within it.
#![no_main]

#[path = "../../src/listen/head.rs"]
mod head;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(end) = head::end_of_head(bytes, 0) else { return };
    for from in [1, end / 2, end.saturating_sub(1)] {
        assert_eq!(head::end_of_head(bytes, from.min(end - 1)), Some(end));
    }
    let Ok(checked) = head::check(&bytes[..end]) else { return };
    assert!(bytes[..end].is_ascii());
    assert!(bytes[checked.target.clone()].starts_with(b"/"));
    if let Some(expect) = checked.expect {
        let mut rest = bytes[..end].to_vec();
        rest.drain(expect);
        let again = head::check(&rest).expect("the head without Expect is a head");
        assert_eq!(again.expect, None);
        assert_eq!(again.framing, checked.framing);
    }
});
