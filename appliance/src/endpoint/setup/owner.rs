//! Who owns the house. From here the way goes on over a link, as it does for everybody else who moves in.

use std::sync::Arc;

use domain::name::Label;

use super::{objection, open_step, see, step};
use crate::endpoint::web::view::part::{Chrome, News, Notice};
use crate::endpoint::web::view::setup::Owner;
use crate::endpoint::web::visit::{Answer, Fields, show};
use crate::http::{App, Request, Response};

pub(super) async fn ask(app: Arc<App>, request: Request) -> Answer {
    let seen = see(&app, &request).await?;
    let step = open_step(&app, &request, &seen);
    if step != "/setup/owner" {
        return Ok(Response::redirect303(step));
    }
    Ok(show_form(&app, 200, None, seen.owner.unwrap_or_default()))
}

pub(super) async fn save(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let typed = fields.get("name")?.to_owned();
    let called = match typed.parse::<Label>() {
        Ok(called) => called,
        Err(why) => {
            let notice = Notice::of(News::Refused { why: why.to_string() });
            return Ok(show_form(&app, 422, Some(notice), typed));
        }
    };
    match step(&app, &request, move |idp, context, held| idp.name_owner(context, held, &called)).await? {
        Ok(link) => Ok(Response::redirect303(link.url.expose())),
        Err(error) => {
            let notice = objection(&app, error)?;
            Ok(show_form(&app, 422, Some(notice), typed))
        }
    }
}

fn show_form(app: &App, status: u16, notice: Option<Notice>, name: String) -> Response {
    let house = app.house();
    show(app, status, &Owner { chrome: Chrome::nobody(&house), notice, name, host: house.host.to_string() })
}
