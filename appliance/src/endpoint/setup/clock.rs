//! What time it is, for a box that does not know: whoever claims it says so.

use std::sync::Arc;

use domain::clock::LATEST;
use domain::clock::keeper::TooEarly;
use domain::time::Timestamp;

use super::hold;
use crate::endpoint::web::view::part::{Chrome, News, Notice};
use crate::endpoint::web::view::setup::Clock;
use crate::endpoint::web::visit::{Answer, Fields, show};
use crate::http::{App, Request, Response};

pub(super) async fn ask(app: Arc<App>, request: Request) -> Answer {
    hold(&app, &request).await?;
    Ok(show_form(&app, 200, None))
}

pub(super) async fn save(app: Arc<App>, request: Request) -> Answer {
    hold(&app, &request).await?;
    if request.trust.is_good() {
        // A time server was quicker; what it says is not changed by a page.
        return Ok(Response::redirect303("/setup/next"));
    }
    let fields = Fields::read(&request)?;
    let set = match fields.get("now")?.parse::<i64>() {
        Ok(seconds) if Timestamp::from_unix(seconds) > LATEST => {
            Err("this device says a time after the year 2100; set its clock first".to_owned())
        }
        Ok(seconds) => app.clock.set(Timestamp::from_unix(seconds)).map_err(|TooEarly { .. }| {
            "this device says a time before this box was made; set its clock first".to_owned()
        }),
        Err(_) => Err("this device did not say what time it is".to_owned()),
    };
    match set {
        Ok(_) => Ok(Response::redirect303("/setup/next")),
        Err(why) => Ok(show_form(&app, 422, Some(Notice::of(News::Refused { why })))),
    }
}

fn show_form(app: &App, status: u16, notice: Option<Notice>) -> Response {
    show(app, status, &Clock { chrome: Chrome::nobody(&app.house()), notice })
}
