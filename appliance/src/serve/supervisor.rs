//! What systemd is told (sd_notify(3)): that the server serves, what it serves, that it ends, and, where the unit has `WatchdogSec=`, that
//! it is alive. Alive is who can still do what it is there for: the word is only sent after a trip over the bridge to a worker that could
//! have written to the database. A frozen executor, a bridge that nothing crosses or a writer that never lets go ends that, and systemd
//! starts the server again.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Uptime;
use futures_lite::FutureExt;
use sd_notify::NotifyState;
use service::Context;

use crate::http::App;
use crate::system;

/// Shorter limits than this would only keep a small board busy.
const SHORTEST: Duration = Duration::from_millis(400);

/// It serves.
pub(super) fn ready(what: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(what)]);
}

/// It ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// Says that the server is alive for as long as it is, if anybody wants to know.
pub(super) async fn keep_alive(app: Arc<App>) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else { return };
    let mut pulse = Pulse::new(limit, app.clock.uptime());
    loop {
        let answered = trip(&app, pulse.patience()).await;
        let turn = pulse.turn(answered, app.clock.uptime());
        if turn.feed {
            tell(&[NotifyState::Watchdog]);
        }
        if let Some(silence) = turn.complain {
            tracing::warn!(seconds = silence.as_secs(), "nothing was answered inside for a while");
        }
        system::after(turn.wait).await;
    }
}

/// Whether a worker answered in time that it had the writer. What the database said does not count: a full card is not mended by a restart.
async fn trip(app: &App, patience: Duration) -> bool {
    let ctx = Context::system(app.clock.moment());
    let there_and_back = async { app.bridge.run(move |idp| drop(idp.pulse(&ctx))).await.is_ok() };
    let late = async {
        system::after(patience).await;
        false
    };
    there_and_back.or(late).await
}

/// When the word is sent, and when it is looked again.
struct Pulse {
    limit: Duration,
    answered: Uptime,
}

#[derive(Debug, PartialEq, Eq)]
struct Turn {
    feed: bool,
    wait: Duration,
    /// For how long there was no answer, when that is worth a line.
    complain: Option<Duration>,
}

impl Pulse {
    fn new(limit: Duration, now: Uptime) -> Self {
        Self { limit: limit.max(SHORTEST), answered: now }
    }

    /// How long a trip may take: two fit between the last word and the limit. A trip that is given up has lost its place in the queue,
    /// so a busy board is given time.
    fn patience(&self) -> Duration {
        self.limit * 3 / 8
    }

    /// After a trip: twice in a limit when all is well, as systemd advises, and soon again when not.
    fn turn(&mut self, answered: bool, now: Uptime) -> Turn {
        if answered {
            self.answered = now;
            return Turn { feed: true, wait: self.limit / 2, complain: None };
        }
        let silence = now.since(self.answered);
        Turn { feed: false, wait: self.limit / 16, complain: (silence >= self.limit / 2).then_some(silence) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    #[test]
    fn who_answers_is_alive_for_half_the_limit() {
        let mut pulse = Pulse::new(LIMIT, at(0));
        for now in [0, 15, 30] {
            assert_eq!(pulse.turn(true, at(now)), Turn { feed: true, wait: LIMIT / 2, complain: None });
        }
    }

    #[test]
    fn who_does_not_answer_is_asked_again_soon_and_never_said_to_be_alive() {
        let mut pulse = Pulse::new(LIMIT, at(0));
        assert!(pulse.turn(true, at(0)).feed);
        // The next trip begins after half the limit; each takes its patience, then there is a pause.
        let (mut now, mut trips) = (15_000, 0);
        while now < 30_000 {
            now += u64::try_from(pulse.patience().as_millis()).unwrap();
            let turn = pulse.turn(false, Uptime::from_millis(now));
            assert!(!turn.feed && turn.complain.is_some());
            now += u64::try_from(turn.wait.as_millis()).unwrap();
            trips += 1;
        }
        assert!(trips >= 2, "one busy moment would be the end");
        assert!(pulse.turn(true, Uptime::from_millis(now)).feed, "a server that got over it");
    }

    #[test]
    fn a_tiny_limit_does_not_keep_the_board_busy() {
        assert!(Pulse::new(Duration::from_micros(1), at(0)).patience() >= Duration::from_millis(50));
    }

    #[test]
    fn a_trip_needs_a_worker_that_answers() {
        let app = crate::testing::app();
        assert!(smol::block_on(trip(&app, LIMIT)));
        let (release, gate) = smol::channel::bounded::<()>(1);
        let held: Vec<_> = (0..8)
            .map(|_| {
                let (app, gate) = (Arc::clone(&app), gate.clone());
                let mut job = Box::pin(async move { app.bridge.run(move |_| gate.recv_blocking().is_ok()).await });
                assert!(smol::block_on(futures_lite::future::poll_once(&mut job)).is_none());
                job
            })
            .collect();
        assert!(!smol::block_on(trip(&app, Duration::from_millis(1))), "nothing crosses the bridge");
        drop((release, held));
    }
}
