//! From the address under which a box without a name was reached to its name. What the browser holds does not go along, so a
//! ticket does: it is good once.

use std::sync::Arc;

use super::{see, step, turned_away};
use crate::endpoint::trust::view::{Reach, plain_origin};
use crate::endpoint::web::view::part::Chrome;
use crate::endpoint::web::view::setup::OnToTheName;
use crate::endpoint::web::visit::{Answer, show};
use crate::endpoint::{presence, reach};
use crate::http::{App, Request, Response};

pub(super) async fn ask(app: Arc<App>, request: Request) -> Answer {
    let seen = see(&app, &request).await?;
    let authority = app.certificates.authority(seen.house.host.as_str());
    let page = OnToTheName {
        chrome: Chrome::nobody(&app.house()),
        reach: Reach::of(&app, false),
        steps: authority.as_ref().map(|_| format!("{}/trust", plain_origin(&app).unwrap_or_default())),
        fingerprint: authority.map(|authority| authority.facts.fingerprint),
    };
    let page = show(&app, 200, &page).form_target(&seen.house.issuer());
    Ok(reach::allow(page, &seen.house, None))
}

pub(super) async fn go(app: Arc<App>, request: Request) -> Answer {
    let ticket = step(&app, &request, |idp, context, held| idp.claim_ticket(context, held)).await?;
    let ticket = ticket.map_err(|refusal| turned_away(&app, refusal.into()))?;
    let address = format!("{}/setup/continue?ticket={}", app.house().issuer(), ticket.expose());
    Ok(Response::redirect303(&address))
}

/// Under the name: the claim is this browser's from now on.
pub(super) async fn arrive(app: Arc<App>, request: Request) -> Answer {
    let ticket = request.query.one("ticket").ok().flatten().unwrap_or_default().to_owned();
    let taken = step(&app, &request, move |idp, context, _| idp.redeem_claim_ticket(context, &ticket)).await?;
    match taken {
        Ok(held) => Ok(presence::hold(Response::redirect303("/setup/next"), &held)),
        Err(refusal) => Err(turned_away(&app, refusal.into())),
    }
}
