//! Tells apps that a session has ended (OpenID Connect Back-Channel Logout 1.0 section 2.5): one app after the other, never the same
//! one twice at a time, and one that does not answer is left alone for longer each time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::clock::Moment;
use domain::id::ClientId;
use domain::logout::{LogoutDelivery, MAX_DELIVERIES, pause};
use domain::time::Uptime;
use futures_lite::FutureExt;
use service::{Delivered, LogoutCall, OpError, Refusal};
use smol::channel::{self, Receiver, Sender};
use url::Url;

use crate::bridge::Busy;
use crate::http::{App, Method, Outbound, OutboundLimits, Question, within};
use crate::system;

/// What an app may take to answer, and how much it may say: nothing of it is looked at but the status.
const LIMITS: OutboundLimits = OutboundLimits { bytes: 16 * 1024, time: Duration::from_secs(10) };
/// Most tries before what came of them is written down, so that a lost power cord makes few of them happen again.
const AT_A_TIME: usize = 32;
/// When nothing can be done now: the clock is not trusted, or there is too much to do.
const LATER: Duration = Duration::from_secs(30);

/// Rung when there is something to tell.
pub(crate) struct Bell(Sender<()>, Receiver<()>);

impl Default for Bell {
    fn default() -> Self {
        let (sender, receiver) = channel::bounded(1);
        Self(sender, receiver)
    }
}

impl Bell {
    /// What it is rung by. Ringing it twice before somebody listens is ringing it once.
    pub(crate) fn rope(&self) -> impl Fn() + Send + Sync + 'static {
        let sender = self.0.clone();
        move || {
            let _rings_already = sender.try_send(());
        }
    }
}

/// Apps that did not answer.
#[derive(Default)]
struct Resting(BTreeMap<ClientId, Rest>);

struct Rest {
    failures: u32,
    until: Uptime,
}

impl Resting {
    fn rests(&self, client: ClientId, now: Uptime) -> bool {
        self.0.get(&client).is_some_and(|rest| now < rest.until)
    }

    fn failed(&mut self, client: ClientId, now: Uptime) {
        let rest = self.0.entry(client).or_insert(Rest { failures: 0, until: now });
        rest.failures = rest.failures.saturating_add(1);
        rest.until = now + pause(rest.failures);
    }

    /// How long until the next of them is to be asked again.
    fn next(&self, now: Uptime) -> Option<Duration> {
        self.0.values().map(|rest| rest.until.since(now)).min()
    }
}

/// Why the operations did not do their part.
enum NotNow {
    Busy,
    Failed(OpError<Refusal>),
}

impl From<Busy> for NotNow {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<OpError<Refusal>> for NotNow {
    fn from(error: OpError<Refusal>) -> Self {
        Self::Failed(error)
    }
}

/// Tells them for as long as the server runs. What was not told before it started comes first.
pub(crate) async fn tell(app: Arc<App>) {
    let mut resting = Resting::default();
    loop {
        let wait = match round(&app, &mut resting).await {
            Ok(wait) => wait,
            Err(NotNow::Busy) => Some(LATER),
            Err(NotNow::Failed(error)) => {
                tracing::error!(?error, "apps could not be told that a session has ended");
                Some(LATER)
            }
        };
        let rung = async {
            let _bell_hangs_in_the_app = app.logouts.1.recv().await;
        };
        match wait {
            Some(wait) => {
                let late = async {
                    system::after(wait).await;
                };
                rung.or(late).await;
            }
            None => rung.await,
        }
    }
}

/// Tells whoever can be told now; when to go on, if not only at the next ring.
async fn round(app: &App, resting: &mut Resting) -> Result<Option<Duration>, NotNow> {
    let moment = app.clock.moment();
    let waiting = app.bridge.run(move |idp| idp.logout_deliveries(moment, MAX_DELIVERIES)).await??;
    resting.0.retain(|client, _| waiting.iter().any(|delivery| delivery.client == *client));
    if waiting.is_empty() {
        return Ok(None);
    }
    if !moment.trust.is_good() {
        return Ok(Some(LATER));
    }
    // Made for this round: what a system trusts takes room.
    let mut outbound = None;
    let mut tries = Vec::new();
    for delivery in waiting {
        let at = app.clock.moment();
        if resting.rests(delivery.client, at.uptime) {
            continue;
        }
        let outcome = attempt(app, &mut outbound, &delivery, at).await?;
        match &outcome {
            Delivered::Told | Delivered::NotWanted => {
                resting.0.remove(&delivery.client);
            }
            Delivered::Failed(why) => {
                tracing::warn!(client = %delivery.client, why, "an app could not be told that a session has ended");
                resting.failed(delivery.client, app.clock.moment().uptime);
            }
        }
        tries.push((delivery, outcome));
        if tries.len() == AT_A_TIME {
            settle(app, tries).await?;
            return Ok(Some(Duration::ZERO));
        }
    }
    if !tries.is_empty() {
        settle(app, tries).await?;
    }
    Ok(resting.next(app.clock.moment().uptime))
}

async fn settle(app: &App, tries: Vec<(LogoutDelivery, Delivered)>) -> Result<(), NotNow> {
    let moment = app.clock.moment();
    Ok(app.bridge.run(move |idp| idp.settle_logouts(moment, &tries)).await??)
}

async fn attempt(
    app: &App,
    outbound: &mut Option<Outbound>,
    delivery: &LogoutDelivery,
    moment: Moment,
) -> Result<Delivered, NotNow> {
    let asked = delivery.clone();
    let call = match app.bridge.run(move |idp| idp.logout_call(moment, &asked)).await? {
        Ok(Some(call)) => call,
        Ok(None) => return Ok(Delivered::NotWanted),
        // One that cannot be made must not keep the others waiting.
        Err(OpError::Refused(why)) => return Ok(Delivered::Failed(why.to_string())),
        Err(OpError::Fault(why)) => return Ok(Delivered::Failed(why.to_string())),
    };
    let way = match outbound {
        Some(way) => Ok(way),
        None => app.way_to_apps(LIMITS).map(|way| outbound.insert(way)),
    };
    Ok(match way {
        // To find the name and to connect have limits of their own; an app that plays with all of them waits no longer either.
        Ok(way) => within(LIMITS.time, send(way, &call))
            .await
            .unwrap_or_else(|_| Delivered::Failed("no answer in time".to_owned())),
        Err(error) => Delivered::Failed(error.to_string()),
    })
}

/// Section 2.5: a POST with one field. 200 is a yes (section 2.8); some frameworks can only say 204.
async fn send(outbound: &Outbound, call: &LogoutCall) -> Delivered {
    const FORM: &str = "application/x-www-form-urlencoded";
    let Ok(url) = Url::parse(call.uri.as_str()) else {
        return Delivered::Failed("the address cannot be read".to_owned());
    };
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &call.token).finish();
    let question =
        Question { method: Method::Post, url: &url, authorization: None, body: Some((FORM, body.into_bytes())) };
    match outbound.ask(question).await {
        Ok(reply) if reply.is_good() => Delivered::Told,
        Ok(reply) => Delivered::Failed(format!("it answered {}", reply.status)),
        Err(error) => Delivered::Failed(error.to_string()),
    }
}
