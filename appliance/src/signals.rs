//! The signals that tell a process to end.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};

/// Does something at the first SIGTERM or SIGINT.
///
/// # Errors
/// When the machine has no more threads or pipes.
pub(crate) fn on_stop(then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let (mut ours, theirs) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGTERM, theirs.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGINT, theirs)?;
    let work = move || {
        let _ = ours.read(&mut [0]);
        then();
    };
    thread::Builder::new().name("signals".to_owned()).stack_size(64 << 10).spawn(work).map(drop)
}
