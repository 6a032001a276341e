//! The loop that looks after the certificates, and what an owner may ask of it.

use std::sync::Arc;
use std::time::Duration;

use domain::certificate::CertificateChoice;
use domain::clock::Moment;
use domain::host::Host;
use futures_lite::future;
use service::{Change, Context, Idp, OpError, Refusal};

use super::order::{keep_ordering, stands};
use super::trouble::Trouble;
use super::{Certificates, Plan, lock};
use crate::api::CertificateTrial;
use crate::http::App;
use crate::system;

/// How often the certificates are looked at: files change at any time, and a clock may jump.
pub(super) const LOOK: Duration = Duration::from_secs(60);

/// Why a certificate is not changed.
pub(crate) enum NotChanged {
    /// Who asks may not, or the household cannot be changed.
    Op(OpError<Refusal>),
    /// It would not work.
    Trouble(Trouble),
}

impl From<OpError<Refusal>> for NotChanged {
    fn from(error: OpError<Refusal>) -> Self {
        Self::Op(error)
    }
}

impl From<Trouble> for NotChanged {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) change: Change,
    /// A public authority is being asked.
    pub(crate) running: bool,
}

/// Looks after the certificates until it is dropped. An order takes minutes; looking goes on meanwhile.
pub(crate) async fn keep(app: Arc<App>) {
    future::zip(keep_looking(Arc::clone(&app)), keep_ordering(app)).await;
}

async fn keep_looking(app: Arc<App>) {
    let certificates = Arc::clone(&app.certificates);
    loop {
        system::after(LOOK).await;
        let (looker, at) = (Arc::clone(&certificates), app.clock.moment());
        match app.bridge.run(move |idp| looker.look(idp, at)).await {
            // What was just chosen or has come due need not wait for the next minute.
            Ok(()) => drop(certificates.orders.0.try_send(())),
            Err(busy) => tracing::debug!(?busy, "too much at once to look at the certificates"),
        }
    }
}

impl Certificates {
    /// Follows what the household wants, at once: after the names of the house or the choice have changed. Blocks.
    pub(crate) fn look(&self, idp: &Idp, at: Moment) {
        match self.plan(idp, at) {
            Ok(plan) => self.follow(&plan, at),
            Err(error) => tracing::error!(?error, "the choice of certificate cannot be read"),
        }
    }

    /// Chooses where the certificate comes from: tried first, then kept, then shown. What does not work changes nothing.
    pub(crate) fn choose(&self, idp: &Idp, ctx: &Context, choice: CertificateChoice) -> Result<Done, NotChanged> {
        // Asks for the office before anything is tried.
        let before = idp.certificate_choice(ctx)?;
        if self.configured() {
            let what = "the configuration names the certificate's files, and nothing else counts";
            return Err(Trouble::new(what, "take [tls] out of the configuration and start the server again").into());
        }
        let mut plan = self.plan(idp, ctx.moment())?;
        if self.self_made_only(&plan) {
            let what = format!(
                "{} is a name that other boxes bear too: it has no certificate of its own",
                plan.hosts.join(", ")
            );
            return Err(Trouble::new(what, "name the house first").into());
        }
        if let CertificateChoice::Acme(choice) = &choice {
            if let Some(change) = stands(self, &before, choice) {
                return Ok(Done { change, running: false });
            }
            self.ask(ctx, Some(choice.clone()))?;
            return Ok(Done { change: Change::Unchanged, running: true });
        }
        plan.choice = choice;
        self.try_out(&plan, ctx.moment())?;
        let change = idp.choose_certificate(ctx, &plan.choice)?;
        self.follow(&plan, ctx.moment());
        Ok(Done { change, running: false })
    }

    /// Has the certificate made anew, and the house's own authority with it if wanted.
    pub(crate) fn make_anew(&self, idp: &Idp, ctx: &Context, new_authority: bool) -> Result<Done, NotChanged> {
        idp.note_certificate_renewal(ctx, new_authority)?;
        let plan = self.plan(idp, ctx.moment())?;
        let acme = matches!(plan.choice, CertificateChoice::Acme(_)) && !self.configured();
        if !new_authority && acme && !self.self_made_only(&plan) {
            if self.is_young(ctx.now) {
                return Ok(Done { change: Change::Unchanged, running: false });
            }
            self.ask(ctx, None)?;
            return Ok(Done { change: Change::Unchanged, running: true });
        }
        if !new_authority {
            self.renew(&plan, ctx.moment())?;
        } else if self.has_authority(&plan) {
            self.renew_authority(&plan, ctx.moment())?;
        } else {
            let what = "the house does not use an authority of its own";
            return Err(Trouble::new(what, "latchkey cert use own-ca").into());
        }
        Ok(Done { change: Change::Changed, running: false })
    }

    pub(super) fn trial(&self) -> Option<CertificateTrial> {
        lock(&self.trial).clone()
    }

    /// Which names are served now. Before the house has an owner, the setup pages are reached by the name that every new box
    /// has, and by address.
    pub(super) fn plan(&self, idp: &Idp, at: Moment) -> Result<Plan, OpError<Refusal>> {
        let choice = idp.certificate_choice(&Context::system(at))?;
        let house = self.nameplate.house();
        let own = house.host.as_str().to_owned();
        let open = !self.named && !self.nameplate.claimed();
        let mut hosts = vec![own];
        if open && !house.host.is_provisional() {
            hosts.push(Host::PROVISIONAL.to_owned());
        }
        let usual = hosts.last().cloned().unwrap_or_default();
        // While the house answers to the name that it had, that one goes on having a certificate.
        hosts.extend(self.nameplate.former_address(at).map(|former| former.host().as_str().to_owned()));
        let addresses = if open { system::addresses() } else { Vec::new() };
        Ok(Plan { hosts, usual, house: house.name.clone(), choice, addresses })
    }
}
