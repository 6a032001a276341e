//! The chunk decoder: within its bound, and the same however the bytes are cut.
#![no_main]

#[path = "../../src/listen/chunked.rs"]
mod chunked;

use chunked::Chunks;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 64;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, bytes) = input;
    let (mut whole, mut body) = (Chunks::new(LIMIT), Vec::new());
    let taken = whole.decode(&bytes, &mut body);
    assert!(body.len() <= LIMIT);
    let (mut pieces, mut again) = (Chunks::new(LIMIT), Vec::new());
    let mut at = 0;
    for piece in bytes.chunks(usize::from(cut) + 1) {
        match pieces.decode(piece, &mut again) {
            Ok(n) => at += n,
            Err(error) => {
                assert_eq!(taken, Err(error));
                return;
            }
        }
    }
    assert_eq!(taken, Ok(at));
    assert_eq!((body, whole.done()), (again, pieces.done()));
});
