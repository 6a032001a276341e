//! Orders at a public authority: when one is due, what is kept of it, and how an owner follows one that was asked for.

use std::sync::Arc;

use domain::certificate::{AcmeChoice, CertificateChoice, Validity};
use domain::clock::Moment;
use domain::entropy::{self, Entropy};
use domain::host::{Host, HostError};
use domain::time::{Span, Timestamp, Uptime};
use futures_lite::FutureExt;
use service::{Change, Context, Idp, OpError, Refusal};
use zeroize::Zeroizing;

use super::acme::{self, AcmeDeps, AcmeError, Issued, OutboundLimits, Pace, Providers};
use super::entry::{Entry, Kind, Source, acme_path};
use super::keep::LOOK;
use super::ledger::{Failed, Ledger};
use super::own_ca::pem;
use super::status::advice;
use super::trouble::Trouble;
use super::{Certificates, files, lock};
use crate::api::CertificateTrial;
use crate::http::App;
use crate::system;

/// A certificate that is younger is not ordered again by hand: authorities count.
const YOUNG: Span = Span::days(1);
/// How long after a start the authority is first asked when it would like to see its certificate: not in every one of many starts.
const FIRST_QUESTION: Span = Span::hours(1);
/// How often it is asked, unless it says otherwise (RFC 9773 section 4.3).
const QUESTION: Span = Span::hours(6);
const LONGEST_QUESTION: Span = Span::days(1);

/// What an owner asked for.
#[derive(Debug)]
pub(super) struct Asked {
    ctx: Context,
    /// A new choice, which is kept once it has worked.
    choice: Option<AcmeChoice>,
}

/// One order.
#[derive(Debug)]
struct Order {
    host: String,
    choice: AcmeChoice,
    /// The chain that it takes the place of.
    replaces: Option<String>,
    asked: Option<Asked>,
}

/// Orders what is due until it is dropped. An order that is broken off then counts as failed.
pub(super) async fn keep_ordering(app: Arc<App>) {
    let certificates = Arc::clone(&app.certificates);
    loop {
        let rung = async {
            let _ = certificates.orders.1.recv().await;
        };
        let late = async {
            system::after(LOOK).await;
        };
        rung.or(late).await;
        while let Some(order) = certificates.next_order(app.clock.moment()) {
            run(&app, order).await;
        }
        ask_when(&app).await;
    }
}

async fn run(app: &Arc<App>, order: Order) {
    let (certificates, at, random) = (Arc::clone(&app.certificates), app.clock.moment(), random(&*app.entropy));
    let mut ledger = Ledger::open(&certificates.folder, &order.host);
    ledger.begin(at.now, random);
    // What is on its way is written down before anybody is asked: a box that starts anew every minute asks no more often.
    let written = if order.is_trial() { Ok(()) } else { ledger.save(&certificates.folder, &order.host) };
    let result = match written {
        Ok(()) => obtain(app, &order, at).await,
        Err(trouble) => Err((trouble, None)),
    };
    let end = End { ledger, result, at: app.clock.moment(), random };
    if app.bridge.run(move |idp| certificates.finish(idp, &order, end)).await.is_err() {
        tracing::warn!("too much at once to keep the end of an order");
    }
}

/// How an order ended.
struct End {
    ledger: Ledger,
    result: Ended,
    at: Moment,
    random: u64,
}

type Ended = Result<Issued, (Trouble, Option<Span>)>;

async fn obtain(app: &App, order: &Order, at: Moment) -> Ended {
    let unexpected = |error: &dyn std::fmt::Display| (Trouble::new(error.to_string(), ""), None);
    let providers = Providers::real().map_err(|error| unexpected(&error))?;
    let host: Host = order.host.parse().map_err(|error: HostError| unexpected(&error))?;
    let issued = acme::obtain(&order.choice, &host, &deps(app, &providers, at), order.replaces.as_deref()).await;
    issued.map_err(|error: AcmeError| (Trouble::new(error.to_string(), ""), error.retry_after))
}

fn deps<'a>(app: &'a App, providers: &'a Providers, moment: Moment) -> AcmeDeps<'a> {
    let (pace, limits) = (Pace::default(), OutboundLimits::default());
    AcmeDeps { data_dir: &app.config.data_dir, entropy: &*app.entropy, moment, providers, pace, limits }
}

/// Asks the authority when it would like to see its certificates, if it is time to ask.
async fn ask_when(app: &App) {
    let at = app.clock.moment();
    let Some((host, choice, chain)) = app.certificates.next_question(at) else { return };
    let Ok(providers) = Providers::real() else { return };
    match acme::renewal_window(&choice, &chain, &deps(app, &providers, at)).await {
        Ok(Some(renewal)) => {
            let random = random(&*app.entropy);
            app.certificates.reconsider(&host, renewal, at.uptime, random);
        }
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "the authority does not say when to renew"),
    }
}

fn random(entropy: &dyn Entropy) -> u64 {
    u64::from_le_bytes(entropy::bytes(entropy))
}

impl Certificates {
    /// Has a public authority asked, for an owner who watches.
    pub(super) fn ask(&self, ctx: &Context, choice: Option<AcmeChoice>) -> Result<(), Trouble> {
        if !ctx.trust.is_good() {
            let what = "the clock of this box is not trusted yet, and certificates depend on the time";
            return Err(Trouble::new(what, "wait for the time, or set it (latchkey time)"));
        }
        let mut trial = lock(&self.trial);
        if trial.as_ref().is_some_and(|trial| trial.running) {
            return Err(Trouble::new("a public authority is being asked already", "latchkey cert status"));
        }
        *trial = Some(CertificateTrial { since: ctx.now.into(), running: true, failure: None });
        *lock(&self.asked) = Some(Asked { ctx: ctx.clone(), choice });
        // When it is full, somebody has rung already.
        let _ = self.orders.0.try_send(());
        Ok(())
    }

    /// Whether the first name shows a certificate of a public authority that is good and not an old one.
    pub(super) fn is_young(&self, now: Timestamp) -> bool {
        let entries = lock(&self.entries);
        let young = |entry: &Entry| {
            let began = entry.held.as_ref().map(|held| held.facts.validity.not_before);
            entry.kind == Kind::Acme && entry.failure.is_none() && began.is_some_and(|began| now.since(began) < YOUNG)
        };
        entries.first().is_some_and(young)
    }

    fn next_order(&self, at: Moment) -> Option<Order> {
        let asked = lock(&self.asked).take();
        let entries = lock(&self.entries);
        if let Some(asked) = asked {
            let entry = entries.first();
            let present = entry.and_then(|entry| match &entry.source {
                Source::Acme(choice) => Some((**choice).clone()),
                Source::SelfMade | Source::OwnCa | Source::Files(_) => None,
            });
            return match (entry, asked.choice.clone().or(present)) {
                (Some(entry), Some(choice)) => Some(order(entry, choice, Some(asked))),
                (Some(_) | None, _) => {
                    self.end_trial(Some(Trouble::new("the choice of certificate has changed meanwhile", "")));
                    None
                }
            };
        }
        if !at.trust.is_good() {
            return None;
        }
        entries.iter().find_map(|entry| match &entry.source {
            Source::Acme(choice) if entry.ledger.is_due(present(entry), at.now) => {
                Some(order(entry, (**choice).clone(), None))
            }
            Source::Acme(_) | Source::SelfMade | Source::OwnCa | Source::Files(_) => None,
        })
    }

    /// Keeps what came of an order, and shows it. A trial that failed leaves everything as it was.
    fn finish(&self, idp: &Idp, order: &Order, end: End) {
        let End { mut ledger, result, at, random } = end;
        let failed = match result {
            Ok(issued) => {
                ledger.succeed(validity(&issued), issued.window, random);
                self.keep_issued(idp, order, &issued).err()
            }
            Err((trouble, retry_after)) => {
                ledger.fail(Failed { at: at.now, trouble: trouble.clone() }, retry_after, random);
                Some(trouble)
            }
        };
        if failed.is_none() || !order.is_trial() {
            if let Err(trouble) = ledger.save(&self.folder, &order.host) {
                tracing::warn!(%trouble, "the end of an order is not kept");
            }
            match self.plan(idp, at) {
                Ok(plan) => self.change(&plan, at, |name| name == order.host),
                Err(error) => tracing::error!(?error, "the choice of certificate cannot be read"),
            }
        }
        if order.asked.is_some() {
            self.end_trial(failed);
        }
    }

    fn keep_issued(&self, idp: &Idp, order: &Order, issued: &Issued) -> Result<(), Trouble> {
        let text = Zeroizing::new(format!("{}\n{}", issued.chain_pem.trim_end(), issued.key_pem.expose()));
        files::write_private(&acme_path(&self.folder, &order.host), &text)?;
        if let Some(Asked { ctx, choice: Some(choice) }) = &order.asked {
            let choice = CertificateChoice::Acme(choice.clone());
            idp.choose_certificate(ctx, &choice).map(drop).map_err(of_operation)?;
        }
        Ok(())
    }

    fn end_trial(&self, failure: Option<Trouble>) {
        if let Some(trial) = lock(&self.trial).as_mut() {
            trial.running = false;
            trial.failure = failure.map(advice);
        }
    }

    /// The next certificate about which its authority is to be asked.
    fn next_question(&self, at: Moment) -> Option<(String, AcmeChoice, String)> {
        let mut entries = lock(&self.entries);
        entries.iter_mut().find_map(|entry| {
            let Source::Acme(choice) = &entry.source else { return None };
            let due = *entry.question.get_or_insert(at.uptime + FIRST_QUESTION);
            if at.uptime < due || !at.trust.is_good() || entry.kind != Kind::Acme {
                return None;
            }
            entry.question = Some(at.uptime + QUESTION);
            Some((entry.host.clone(), (**choice).clone(), chain(entry)?))
        })
    }

    fn reconsider(&self, host: &str, renewal: acme::Renewal, now: Uptime, random: u64) {
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.iter_mut().find(|entry| entry.host == host) else { return };
        let wait = renewal.ask_again.unwrap_or(QUESTION).clamp(FIRST_QUESTION, LONGEST_QUESTION);
        entry.question = Some(now + wait);
        let Some(validity) = present(entry) else { return };
        if entry.ledger.reconsider(validity, renewal.window, random)
            && let Err(trouble) = entry.ledger.save(&self.folder, host)
        {
            tracing::warn!(%trouble, "when to renew is not kept");
        }
    }
}

impl Order {
    /// Whether it tries a choice that is not in force.
    fn is_trial(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.choice.is_some())
    }
}

fn validity(issued: &Issued) -> Validity {
    Validity { not_before: issued.validity.not_before, not_after: issued.validity.not_after }
}

fn order(entry: &Entry, choice: AcmeChoice, asked: Option<Asked>) -> Order {
    let replaces = chain(entry).filter(|_| matches!(&entry.source, Source::Acme(present) if **present == choice));
    Order { host: entry.host.clone(), choice, replaces, asked }
}

/// What is shown, if a public authority gave it.
fn present(entry: &Entry) -> Option<Validity> {
    entry.held.as_ref().filter(|_| entry.kind == Kind::Acme).map(|held| held.facts.validity)
}

fn chain(entry: &Entry) -> Option<String> {
    let held = entry.held.as_ref().filter(|_| entry.kind == Kind::Acme)?;
    Some(held.key.cert.iter().map(pem).collect())
}

fn of_operation(error: OpError<Refusal>) -> Trouble {
    match error {
        OpError::Refused(refusal) => Trouble::new(refusal.to_string(), ""),
        OpError::Fault(fault) => {
            tracing::error!(%fault, "the choice of certificate is not kept");
            Trouble::new("the choice cannot be kept", "look at the server's log: journalctl -u latchkey")
        }
    }
}

/// Whether a choice is in force already and works, so that nothing is to be done.
pub(super) fn stands(certificates: &Certificates, before: &CertificateChoice, choice: &AcmeChoice) -> Option<Change> {
    let same = matches!(before, CertificateChoice::Acme(before) if before == choice);
    let entries = lock(&certificates.entries);
    let works = entries.first().is_some_and(|entry| entry.kind == Kind::Acme && entry.failure.is_none());
    (same && works).then_some(Change::Unchanged)
}
