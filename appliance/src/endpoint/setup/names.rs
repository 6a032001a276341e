//! What the house is called, and the host name that its passkeys will be bound to.

use std::sync::Arc;

use domain::host::Host;
use domain::name::Label;
use service::{Naming, SetupView};

use super::{objection, step, turned_away};
use crate::endpoint::web::view::part::{Chrome, News, Notice};
use crate::endpoint::web::view::setup::Names;
use crate::endpoint::web::visit::{Answer, Fields, show};
use crate::http::{App, Request, Response};

pub(super) async fn ask(app: Arc<App>, request: Request) -> Answer {
    let seen = see(&app, &request).await?;
    let host = if seen.named { seen.house.host.to_string() } else { String::new() };
    Ok(show_form(&app, 200, None, (seen.house.name.clone(), host)))
}

async fn see(app: &App, request: &Request) -> Result<SetupView, Response> {
    let seen = step(app, request, |idp, context, held| idp.see_setup(context, held)).await?;
    seen.map_err(|error| turned_away(app, error))
}

pub(super) async fn save(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (house, host) = (fields.get("house")?.to_owned(), fields.get("host")?.trim().to_lowercase());
    let parsed = || -> Result<Naming, String> {
        let name: Label = house.parse().map_err(|why| format!("the name of your home: {why}"))?;
        let host: Host = host.parse().map_err(|why: domain::host::HostError| why.to_string())?;
        Ok(Naming { house: Some(name), host: Some(host) })
    };
    let naming = match parsed() {
        Ok(naming) => naming,
        Err(why) => {
            see(&app, &request).await?;
            return Ok(show_form(&app, 422, Some(Notice::of(News::Refused { why })), (house, host)));
        }
    };
    match step(&app, &request, move |idp, context, held| idp.name_in_setup(context, held, &naming)).await? {
        Ok(_) => Ok(Response::redirect303("/setup/next")),
        Err(error) => {
            let notice = objection(&app, error)?;
            Ok(show_form(&app, 422, Some(notice), (house, host)))
        }
    }
}

fn show_form(app: &App, status: u16, notice: Option<Notice>, (house, host): (String, String)) -> Response {
    show(app, status, &Names { chrome: Chrome::nobody(&app.house()), notice, house, host })
}
