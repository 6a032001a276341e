//! Many requests, and what they cost.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::server::Server;
use crate::stats::percentile;

pub struct Load {
    pub requests: usize,
    pub took: Duration,
    /// Processor time of the server.
    pub cpu: Duration,
    pub written: u64,
    latencies: Vec<Duration>,
}

/// Each worker does its job `times` times, all workers at the same time.
pub fn drive<W: Send>(server: &Server, workers: &mut [W], times: usize, job: impl Fn(&mut W) + Sync) -> Load {
    let before = server.reading();
    let began = now();
    let latencies: Vec<Duration> = thread::scope(|scope| {
        let job = &job;
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                scope.spawn(move || {
                    let mut latencies = Vec::with_capacity(times);
                    for _ in 0..times {
                        let began = now();
                        job(worker);
                        latencies.push(began.elapsed());
                    }
                    latencies
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let took = began.elapsed();
    let after = server.reading();
    Load {
        requests: latencies.len(),
        took,
        cpu: after.cpu.saturating_sub(before.cpu),
        written: after.written.saturating_sub(before.written),
        latencies,
    }
}

impl Load {
    pub fn cpu_each(&self) -> Duration {
        self.cpu / u32::try_from(self.requests).unwrap_or(u32::MAX)
    }

    pub fn written_each(&self) -> u64 {
        self.written / self.requests as u64
    }

    pub fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.requests).unwrap_or(u32::MAX)) / self.took.as_secs_f64()
    }

    pub fn percentile(&mut self, percent: usize) -> Duration {
        percentile(&mut self.latencies, percent)
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
pub fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "an authenticator app shows digits of the real time")]
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
