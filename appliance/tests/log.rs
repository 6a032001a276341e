//! What the log says of a request. A program of its own: who listens to the log is remembered for a whole process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

use std::io::Write;
use std::sync::{Arc, Mutex};

use harness::{Call, Server};

/// A log that the test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_request_is_one_line_of_the_log_without_secrets() {
    let (server, log) = (Server::start(), Log::default());
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(lines, || {
        // Another test may have come to a place that logs first, when nobody listened; that is remembered.
        tracing::callsite::rebuild_interest_cache();
        let call = Call::get("/static/robots.txt?code=hunter2").cookie("__Host-s", "hunter2").bearer("hunter2");
        assert_eq!(server.send(&call).status, 200);
        assert_eq!(server.send(&Call::post("/hunter2").form(&[("password", "hunter2")])).status, 404);
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    for part in ["method=\"GET\" route=\"/static/:name\" status=200 us=", "peer=192.0.2.7", "route=\"-\" status=404"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}
