//! What the system's own resolver says of a name. The question goes where every program of this machine asks, to nobody else.
//!
//! The resolver blocks for as long as it likes, so it gets a thread of its own and nobody waits for it longer than a few
//! seconds; two questions at a time are enough.

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use domain::reach::Lookup;
use futures_lite::FutureExt;
use smol::channel;
use smol::lock::Semaphore;

use crate::system;

/// How long anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(6);
/// Most questions at a time, those included that nobody waits for any more.
const AT_A_TIME: usize = 2;
/// What the C library's resolver needs.
const STACK: usize = 256 << 10;
/// Most addresses that are looked at.
const MOST: usize = 16;

/// Asks the resolver.
pub(crate) struct Lookups {
    turn: Arc<Semaphore>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(AT_A_TIME)) }
    }
}

impl Lookups {
    /// The addresses of a name.
    pub(crate) async fn addresses(&self, name: &str) -> Lookup {
        let Some(turn) = self.turn.try_acquire_arc() else { return Lookup::NoAnswer };
        let (answer, answered) = channel::bounded(1);
        let name = name.to_owned();
        let asked = thread::Builder::new().name("lookup".to_owned()).stack_size(STACK).spawn(move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            // Whoever asked may be gone.
            let _ = answer.try_send(found.map(|found| found.map(|to| to.ip()).take(MOST).collect()));
            drop(turn);
        });
        if let Err(error) = asked {
            tracing::warn!(%error, "cannot look up a name");
            return Lookup::NoAnswer;
        }
        let found = async { answered.recv().await.ok() };
        let late = async {
            system::after(PATIENCE).await;
            None
        };
        match found.or(late).await {
            Some(Ok(found)) => Lookup::Found(found),
            // The C library does not say whether the name is unknown or nobody knows.
            Some(Err(_)) => Lookup::Found(Vec::new()),
            None => Lookup::NoAnswer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_this_machine_is_found_and_past_the_bound_nobody_waits() {
        let lookups = Lookups::default();
        let Lookup::Found(found) = smol::block_on(lookups.addresses("localhost")) else { panic!("nobody answered") };
        assert!(found.iter().all(std::net::IpAddr::is_loopback) && !found.is_empty(), "{found:?}");
        let _both = (lookups.turn.try_acquire_arc(), lookups.turn.try_acquire_arc());
        assert_eq!(smol::block_on(lookups.addresses("localhost")), Lookup::NoAnswer);
    }
}
