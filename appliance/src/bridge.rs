//! The only crossing from async sockets to the blocking operations: a few threads, short queues, nothing unbounded.
//!
//! Password hashes have threads of their own: Argon2 takes 19 MiB and tens of milliseconds, and must neither run
//! more often at a time than there is memory for, nor hold up anybody else's request.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::{io, thread};

use service::Idp;
use smol::channel::{self, Receiver, Sender};

use crate::system;

/// Threads for operations. One writes at a time anyway; the others read.
const WORKERS: usize = 3;
/// Operations that may wait: as many as there may be connections.
const QUEUE: usize = 256;
/// Password hashes that may wait; at 50 to 300 ms each, the last one waits a few seconds.
const HASH_QUEUE: usize = 16;
/// From this much memory on, two passwords are hashed at a time.
const TWO_PERMITS_FROM: u64 = 1900 * 1024 * 1024;
/// Only touched pages cost memory. Half of what the tests run with unoptimised, where frames are several times larger.
const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 1 << 20 };

/// Runs operations for the endpoints.
pub(crate) type Bridge = Pools<Idp>;

/// Too many operations wait already: answer 503 with `Retry-After` ([`crate::http::Response::busy`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

impl From<Busy> for crate::http::Response {
    fn from(_: Busy) -> Self {
        Self::busy()
    }
}

/// Worker threads around one shared value.
pub(crate) struct Pools<S> {
    general: Sender<Job<S>>,
    hashing: Sender<Job<S>>,
    threads: Vec<JoinHandle<()>>,
}

type Job<S> = Box<dyn FnOnce(&S) + Send>;

impl<S: Send + Sync + 'static> Pools<S> {
    /// Starts the threads. They end when the last handle on the pools is gone. `hashes` is how many passwords are hashed
    /// at a time; what the machine's memory allows unless said otherwise.
    ///
    /// # Errors
    /// When the machine has no more threads.
    pub(crate) fn start(shared: S, hashes: Option<usize>) -> io::Result<Self> {
        let shared = Arc::new(shared);
        let permits = hashes.unwrap_or_else(usual_permits);
        let mut threads = Vec::new();
        let general = pool("worker", WORKERS, QUEUE, (&shared, &mut threads))?;
        let hashing = pool("hash", permits, HASH_QUEUE, (&shared, &mut threads))?;
        Ok(Self { general, hashing, threads })
    }

    /// Runs an operation on a worker thread. A panic in it goes on in the caller.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already.
    pub(crate) async fn run<T: Send + 'static>(&self, op: impl FnOnce(&S) -> T + Send + 'static) -> Result<T, Busy> {
        submit(&self.general, op).await
    }

    /// Runs an operation that hashes a password.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already.
    pub(crate) async fn run_hashing<T: Send + 'static>(
        &self,
        op: impl FnOnce(&S) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        submit(&self.hashing, op).await
    }
}

/// What is under way is finished, and the shared value is gone (the store is closed in order) when this returns.
impl<S> Drop for Pools<S> {
    fn drop(&mut self) {
        self.general.close();
        self.hashing.close();
        for thread in self.threads.drain(..) {
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

fn pool<S: Send + Sync + 'static>(
    name: &str,
    count: usize,
    queue: usize,
    (shared, threads): (&Arc<S>, &mut Vec<JoinHandle<()>>),
) -> io::Result<Sender<Job<S>>> {
    let (sender, receiver) = channel::bounded::<Job<S>>(queue);
    for _ in 0..count {
        let (shared, receiver) = (Arc::clone(shared), receiver.clone());
        let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK);
        threads.push(thread.spawn(move || work::<S>(&shared, &receiver))?);
    }
    Ok(sender)
}

fn work<S: 'static>(shared: &S, jobs: &Receiver<Job<S>>) {
    while let Ok(job) = jobs.recv_blocking() {
        job(shared);
    }
}

async fn submit<S: 'static, T: Send + 'static>(
    pool: &Sender<Job<S>>,
    op: impl FnOnce(&S) -> T + Send + 'static,
) -> Result<T, Busy> {
    let (answer, answered) = channel::bounded(1);
    let job: Job<S> = Box::new(move |shared| {
        if answer.is_closed() {
            return; // Nobody waits any more, and nothing has been done yet.
        }
        let result = panic::catch_unwind(AssertUnwindSafe(|| op(shared)));
        // The request may have gone away meanwhile; what was done stays done.
        let _ = answer.try_send(result);
    });
    pool.try_send(job).map_err(|_| Busy)?;
    match answered.recv().await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panicked)) => panic::resume_unwind(panicked),
        Err(_) => Err(Busy),
    }
}

fn usual_permits() -> usize {
    match system::memory() {
        Some(bytes) if bytes >= TWO_PERMITS_FROM => 2,
        Some(_) | None => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_lite::{FutureExt, future};

    use super::*;

    #[test]
    fn an_operation_runs_elsewhere_and_its_answer_comes_back() {
        let pools = Pools::start(41, None).unwrap();
        let here = thread::current().id();
        let (answer, there) = smol::block_on(pools.run(|n| (n + 1, thread::current().id()))).unwrap();
        assert_eq!(answer, 42);
        assert_ne!(here, there);
    }

    #[test]
    fn a_panicking_operation_leaves_the_thread_alive() {
        let pools = Pools::start((), Some(2)).unwrap();
        for _ in 0..10 {
            let run = AssertUnwindSafe(pools.run(|()| panic!("on purpose")));
            assert!(smol::block_on(run.catch_unwind()).is_err());
        }
        assert_eq!(smol::block_on(pools.run(|()| 7)), Ok(7));
    }

    #[test]
    fn past_the_queue_of_hashes_the_answer_is_busy_at_once() {
        let (open, gate) = channel::bounded::<()>(1);
        let pools = Arc::new(Pools::start((), Some(2)).unwrap());
        let mut waiting = Vec::new();
        for _ in 0..HASH_QUEUE + 3 {
            let gate = gate.clone();
            let mut run = Box::pin({
                let pools = Arc::clone(&pools);
                async move { pools.run_hashing(move |()| gate.recv_blocking().is_ok()).await }
            });
            waiting.push((smol::block_on(future::poll_once(&mut run)), run));
        }
        let busy = waiting.iter().filter(|(first, _)| *first == Some(Err(Busy))).count();
        assert!(busy >= 1, "nobody was told to come back");
        assert_eq!(smol::block_on(pools.run(|()| 1)), Ok(1), "other operations go on");
        drop(open);
    }

    #[test]
    fn a_request_that_went_away_is_not_worked_on() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let (open, gate) = channel::bounded::<()>(1);
        let pools = Pools::start((), Some(2)).unwrap();
        let mut blockers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let gate = gate.clone();
                Box::pin(pools.run(move |()| gate.recv_blocking().is_ok()))
            })
            .collect();
        for blocker in &mut blockers {
            assert!(smol::block_on(future::poll_once(blocker)).is_none());
        }
        let mut gone = Box::pin(pools.run(|()| DONE.fetch_add(1, Ordering::SeqCst)));
        assert!(smol::block_on(future::poll_once(&mut gone)).is_none());
        drop(gone);
        drop(open);
        smol::block_on(pools.run(|()| ())).unwrap();
        for blocker in blockers {
            smol::block_on(blocker).unwrap();
        }
        assert_eq!(DONE.load(Ordering::SeqCst), 0);
    }
}
