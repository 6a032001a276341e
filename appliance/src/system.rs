//! The only real clock, the only source of random bytes and the only timers. Everything else takes them as arguments.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use domain::clock::keeper::{Notice, TooEarly};
use domain::clock::{Basis, Moment, Trust};
use domain::entropy::Entropy;
use domain::time::{Timestamp, Uptime};
use ring::rand::{SecureRandom, SystemRandom};

/// Which clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WallSet {
    /// The machine's.
    OfTheMachine,
    /// The server's own; the machine does not let the server set its clock.
    OfTheServer,
}

/// What time it is. The real one is the timekeeper of `crate::clock`; tests hold one that they set.
pub trait Clock: Send + Sync {
    /// The wall clock, for everything that is written down or shown.
    fn now(&self) -> Timestamp;

    /// The clock that never jumps, for deadlines of what is held in memory.
    fn uptime(&self) -> Uptime;

    /// How far the wall clock can be trusted.
    fn trust(&self) -> Trust;

    /// Why.
    fn basis(&self) -> Basis;

    /// Sets it, as an admin says; that counts until the machine is started again.
    ///
    /// # Errors
    /// When that was before this program was built.
    fn set(&self, now: Timestamp) -> Result<WallSet, TooEarly>;

    /// What happened to it and is not written down yet.
    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }

    /// Saves the time for the next start, where that is any use.
    fn save(&self) {}

    /// All of them at once.
    fn moment(&self) -> Moment {
        Moment { now: self.now(), uptime: self.uptime(), trust: self.trust() }
    }
}

/// The clocks of this machine, as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The wall clock. Whether it is right is another question.
    #[expect(clippy::disallowed_methods, reason = "this is where the wall clock enters")]
    pub fn now(self) -> Timestamp {
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    /// The clock that never jumps. It counts on while a laptop sleeps, so that the wall clock does not seem to have jumped.
    pub(crate) fn uptime(self) -> Uptime {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
        Uptime::from_millis(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
    }

    /// Sets the wall clock; whether the kernel let us (CAP_SYS_TIME).
    pub(crate) fn set(self, now: Timestamp) -> bool {
        let time = rustix::time::Timespec { tv_sec: now.unix(), tv_nsec: 0 };
        rustix::time::clock_settime(rustix::time::ClockId::Realtime, time).is_ok()
    }
}

/// The random bytes of this machine's kernel.
#[derive(Debug)]
pub struct SystemEntropy {
    random: SystemRandom,
}

impl SystemEntropy {
    /// Opens the kernel's generator and tries it once, so that a machine without one does not start.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    #[expect(clippy::disallowed_methods, reason = "this is where randomness enters")]
    pub fn open() -> Result<Self, NoEntropy> {
        let random = SystemRandom::new();
        random.fill(&mut [0; 16]).map_err(|_| NoEntropy)?;
        Ok(Self { random })
    }
}

/// The kernel gave no random bytes.
#[derive(Debug)]
pub struct NoEntropy;

impl std::fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the kernel gives no random bytes")
    }
}

impl std::error::Error for NoEntropy {}

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the kernel stops giving random bytes: a predictable key would be worse than a failed request.
    #[expect(clippy::panic, reason = "there is no safe way to go on without random bytes")]
    fn fill(&self, buffer: &mut [u8]) {
        if self.random.fill(buffer).is_err() {
            panic!("{NoEntropy}");
        }
    }
}

/// A moment on the clock that never jumps, for deadlines and durations.
#[expect(clippy::disallowed_methods, reason = "this is where the monotonic clock enters")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// The clock that the kernel stamps its GPIO events with, in nanoseconds.
pub(crate) fn monotonic_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec.unsigned_abs().saturating_mul(1_000_000_000).saturating_add(time.tv_nsec.unsigned_abs())
}

/// Ends after that long.
#[expect(clippy::disallowed_methods, reason = "this is where timers are made")]
pub fn after(delay: Duration) -> async_io::Timer {
    async_io::Timer::after(delay)
}

/// A timer that is not set yet.
pub(crate) fn unset_timer() -> async_io::Timer {
    async_io::Timer::never()
}

/// Under which addresses the machine is reached from its network: those that it would send from. Nothing is sent to learn them.
pub(crate) fn addresses() -> Vec<IpAddr> {
    let from = |here: (IpAddr, u16), there: (IpAddr, u16)| {
        let socket = UdpSocket::bind(here).ok()?;
        socket.connect(there).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let (v4, v6) = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into());
    // Addresses for documentation (RFC 5737, RFC 3849): routed like any other place in the world.
    let far_v4 = Ipv4Addr::new(192, 0, 2, 1).into();
    let far_v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into();
    let found = [from((v4, 0), (far_v4, 9)), from((v6, 0), (far_v6, 9))];
    found.into_iter().flatten().filter(|address| !address.is_loopback() && !address.is_unspecified()).collect()
}

/// How much memory the machine has, in bytes; `None` where the kernel does not say.
pub(crate) fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
