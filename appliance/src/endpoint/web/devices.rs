//! `/account/devices`: where the person is signed in, and ending it.

use std::sync::Arc;

use domain::id::SessionNumber;
use domain::session::SessionView;
use domain::time::Timestamp;
use service::{Idp, SignedIn, Whose};

use super::view::account::{Devices, SessionRow, Tab};
use super::view::part::{Done, When};
use super::visit::{Answer, Lane, done, frame, inside, page, refused, said, show};
use crate::http::{App, Kind, Request, Response, Route};

const HOME: &str = "/account/devices";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, HOME, page!(list)),
    Route::post(Kind::Page, "/account/devices/:number/remove", page!(end)),
    Route::post(Kind::Page, "/account/devices-other/remove", page!(end_others)),
];

async fn list(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.list_sessions(&me.context, &Whose::Mine);
    let (me, sessions) = inside(&app, &request, Lane::General, op).await?;
    let mut sessions = sessions.map_err(|error| refused(&app, &request, error))?;
    sessions.sort_by_key(|session| (session.number != me.session, std::cmp::Reverse(session.last_seen_at)));
    let page = Devices {
        chrome: frame(&app, &me),
        notice: said(&request),
        tab: Tab::Devices,
        sessions: sessions.iter().map(|session| row(session, me.session, request.now)).collect(),
    };
    Ok(show(&app, 200, &page))
}

fn row(session: &SessionView, mine: SessionNumber, now: Timestamp) -> SessionRow {
    SessionRow {
        id: session.number.0.to_string(),
        device: session.device.clone(),
        hand_held: ["iPhone", "iPad", "Android"].iter().any(|word| session.device.ends_with(word)),
        place: session.address.clone(),
        since: When::new(session.created_at, now),
        seen: When::new(session.last_seen_at, now),
        this_one: session.number == mine,
    }
}

async fn end(app: Arc<App>, request: Request) -> Answer {
    let parsed = request.params.get("number").parse().map(SessionNumber);
    let number = parsed.map_err(|_| Response::text(404, "There is nothing at this address."))?;
    let op = move |idp: &Idp, me: &SignedIn| idp.revoke_session(&me.context, &Whose::Mine, number);
    inside(&app, &request, Lane::General, op).await?.1.map_err(|error| refused(&app, &request, error))?;
    Ok(done(HOME, Done::DeviceSignedOut))
}

async fn end_others(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.revoke_sessions(&me.context, &Whose::Mine, Some(me.session));
    inside(&app, &request, Lane::General, op).await?.1.map_err(|error| refused(&app, &request, error))?;
    Ok(done(HOME, Done::DevicesSignedOut))
}
