//! The server's own work beside answering: it looks after the clock and tidies up.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Uptime;
use service::{Context, Idp};

use crate::http::App;
use crate::system;

/// How often the server tidies up after itself, and saves the time.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How often it looks at the clock.
const LOOK: Duration = Duration::from_secs(60);
/// The same while nobody can sign in.
const LOOK_SOON: Duration = Duration::from_secs(2);

/// Runs for as long as the server does.
pub(crate) async fn tend(app: Arc<App>) {
    if !app.clock.trust().is_good() {
        let clock = app.clock.basis().describe();
        tracing::warn!(clock, "nobody can sign in before the clock is set; see: latchkey time");
    }
    let (mut tidied, mut saved) = (None, None);
    loop {
        let moment = app.clock.moment();
        let due = |since: &mut Option<Uptime>| {
            let due = since.is_none_or(|since| moment.uptime >= since + EVERY);
            if due {
                *since = Some(moment.uptime);
            }
            due
        };
        write_down(&app).await;
        // With a clock that is wrong, what is good would be thrown away. What was over when the server started is, too.
        if moment.trust.is_good() && due(&mut tidied) {
            tidy(&app).await;
        }
        if due(&mut saved) {
            save(&app).await;
        }
        system::after(if moment.trust.is_good() { LOOK } else { LOOK_SOON }).await;
    }
}

/// Saves the time for the next start.
pub(crate) async fn save(app: &App) {
    let clock = Arc::clone(&app.clock);
    if let Err(busy) = app.bridge.run(move |_| clock.save()).await {
        tracing::warn!(?busy, "the time was not saved");
    }
}

/// Writes what happened to the clock into the audit log.
async fn write_down(app: &App) {
    for notice in app.clock.notices() {
        let ctx = Context::system(app.clock.moment());
        let noted = app.bridge.run(move |idp| idp.note_clock(&ctx, notice)).await;
        if !matches!(noted, Ok(Ok(()))) {
            tracing::error!(?noted, "what happened to the clock could not be written down");
        }
    }
}

/// Forgets what is over and replaces old keys. What failed is logged, and tried again the next time.
async fn tidy(app: &App) {
    let moment = app.clock.moment();
    let work = move |idp: &Idp| {
        idp.tend_names(moment)?;
        idp.purge_sign_ins(moment)?;
        idp.tend_tokens(moment)
    };
    let tidied = app.bridge.run(work).await;
    match tidied {
        Ok(Ok(_)) => {}
        Ok(Err(why)) => tracing::error!(?why, "could not tidy up"),
        Err(busy) => tracing::warn!(?busy, "could not tidy up"),
    }
}
