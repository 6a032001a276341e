//! `latchkey-setup.txt` on the boot partition: what a person reads who puts the card into a PC.

use std::sync::Arc;
use std::time::Duration;

use domain::host::Host;
use domain::house::House;
use domain::secret::Secret;
use service::{Context, Idp};

use super::{APPLIED, Began, Card, FILE, files};
use crate::http::App;
use crate::system;

/// The file.
const OUTCOME: &str = "latchkey-setup.txt";
/// How often a box without an owner looks whether something has changed: the code must go soon after it was used.
const LOOK: Duration = Duration::from_secs(5);
/// The same for a box with an owner.
const LOOK_CLAIMED: Duration = Duration::from_secs(10 * 60);

/// How the box is now.
pub(super) struct Now {
    pub(super) claimed: bool,
    pub(super) addresses: Vec<String>,
    pub(super) code: Option<Secret<String>>,
    /// Each name with the fingerprint of its certificate.
    pub(super) fingerprints: Vec<(String, String)>,
}

/// Keeps the file true until it is dropped.
pub(crate) async fn keep_outcome(app: Arc<App>, card: Card, began: Began) {
    let began = Arc::new(began);
    loop {
        let (at, card, began, plate) =
            (app.clock.moment(), card.clone(), Arc::clone(&began), Arc::clone(&app.nameplate));
        let looker = Arc::clone(&app);
        let written = app.bridge.run(move |idp| write(&card, &began, &now(idp, &looker, &Context::console(at)))).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "{OUTCOME} cannot be written");
        }
        system::after(if plate.claimed() { LOOK_CLAIMED } else { LOOK }).await;
    }
}

fn now(idp: &Idp, app: &App, ctx: &Context) -> Now {
    let (house, claimed) = (app.house(), app.nameplate.claimed());
    let mut addresses = vec![house.issuer()];
    if !claimed && !house.host.is_provisional() && app.config.host.is_none() {
        let host = Host::provisional();
        addresses.push(House { host, ..House::clone(&house) }.issuer());
    }
    // There is none once the house has an owner.
    let code = idp.presence_code(ctx).ok();
    Now { claimed, addresses, code, fingerprints: app.certificates.fingerprints() }
}

/// Writes the file if it says something else.
pub(super) fn write(card: &Card, began: &Began, now: &Now) -> std::io::Result<()> {
    let path = card.boot.join(OUTCOME);
    let text = text(began, now);
    match files::read(&path) {
        Ok(Some(there)) if there.expose() == text.expose().as_bytes() => Ok(()),
        Ok(_) | Err(_) => files::write(&path, text.expose(), 0o600),
    }
}

/// The words; each line ends as Windows wants it.
pub(super) fn text(began: &Began, now: &Now) -> Secret<String> {
    let mut lines = vec!["Latchkey: how the setup of this box went".to_owned(), String::new()];
    match (&began.problem, &began.applied) {
        (Some(why), _) => {
            lines.push(format!("There is a problem with {FILE}:"));
            lines.push(format!("  {why}"));
            if !now.claimed {
                lines.push(format!("Mend {FILE} on this card, put the card back into the box and start it again."));
            }
            lines.push(format!("{FILE} may hold passwords; delete it if you do not need it."));
        }
        (None, Some(record)) => {
            lines.push(format!("{FILE} was applied on {}. Its secrets were taken out of it,", record.day));
            lines.push(format!("and it is called {APPLIED} now. What it said:"));
            lines.extend(record.applied.iter().map(|line| format!("  - {line}")));
        }
        (None, None) => lines.push(format!("There was no {FILE} on this card.")),
    }
    lines.push(String::new());
    if now.claimed {
        lines.push("This box has an owner. Open it with a browser in the same network:".to_owned());
    } else {
        lines.push("Nobody owns this box yet. Open it with a browser in the same network:".to_owned());
    }
    lines.extend(now.addresses.iter().map(|address| format!("  {address}")));
    if let Some(code) = &now.code {
        lines.push(String::new());
        lines.push("and type this code, which is good once:".to_owned());
        lines.push(format!("  {}", code.expose()));
    }
    for (host, fingerprint) in &now.fingerprints {
        lines.push(String::new());
        lines.push(format!("The certificate of {host} has this SHA-256 fingerprint:"));
        lines.push(format!("  {fingerprint}"));
    }
    lines.push(String::new());
    Secret::new(lines.join("\r\n"))
}
