//! The whole of HTTP without a socket: any bytes get well-formed answers or none, and the server goes on.
#![no_main]

#[path = "../shared/desk.rs"]
mod desk;

use std::sync::LazyLock;

use appliance::serve::Desk;
use libfuzzer_sys::fuzz_target;

static DESK: LazyLock<Desk> = LazyLock::new(desk::desk);

fuzz_target!(|bytes: &[u8]| {
    let answers = DESK.exchange(desk::SOMEWHERE, bytes);
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1.1 "));
    assert!(!answers.starts_with(b"HTTP/1.1 500"));
});
