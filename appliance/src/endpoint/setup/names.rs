//! What the house is called, and the host name that its passkeys will be bound to. What the configuration says is not asked.

use std::sync::Arc;

use domain::host::{Host, HostError};
use domain::name::{Label, NameError};
use service::{Context, Idp, Naming, SetupView};

use super::{objection, see, step};
use crate::endpoint::web::view::part::{Chrome, News, Notice};
use crate::endpoint::web::view::setup::Names;
use crate::endpoint::web::visit::{Answer, Fields, show};
use crate::http::{App, Request, Response};

pub(super) async fn ask(app: Arc<App>, request: Request) -> Answer {
    let seen = see(&app, &request).await?;
    let host = if seen.house.host.is_provisional() { String::new() } else { seen.house.host.to_string() };
    let typed = Typed { house: seen.house.name.clone(), host };
    Ok(show_form(&app, &seen, typed, None))
}

/// What stands in the form.
struct Typed {
    house: String,
    host: String,
}

pub(super) async fn save(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let typed = Typed { house: fields.get("house")?.to_owned(), host: fields.get("host")?.trim().to_lowercase() };
    let seen = see(&app, &request).await?;
    let naming = match typed.parse(&seen) {
        Ok(naming) => naming,
        Err(why) => return Ok(show_form(&app, &seen, typed, Some(Notice::of(News::Refused { why })))),
    };
    let (here, moment) = (Arc::clone(&app), request.moment());
    let op = move |idp: &Idp, context: &Context, held: Option<&str>| {
        let changed = idp.name_in_setup(context, held, &naming)?;
        here.certificates.look(idp, moment);
        Ok(changed)
    };
    match step(&app, &request, op).await? {
        Ok(_) => Ok(Response::redirect303("/setup/next")),
        Err(error) => {
            let notice = objection(&app, error)?;
            Ok(show_form(&app, &seen, typed, Some(notice)))
        }
    }
}

impl Typed {
    fn parse(&self, seen: &SetupView) -> Result<Naming, String> {
        let house = || self.house.parse::<Label>().map_err(|why: NameError| format!("the name of your home: {why}"));
        let host = || self.host.parse::<Host>().map_err(|why: HostError| why.to_string());
        Ok(Naming {
            house: (!seen.house_is_given).then(house).transpose()?,
            host: (!seen.host_is_given).then(host).transpose()?,
        })
    }
}

fn show_form(app: &App, seen: &SetupView, typed: Typed, notice: Option<Notice>) -> Response {
    let status = if notice.is_some() { 422 } else { 200 };
    let page = Names {
        chrome: Chrome::nobody(&app.house()),
        notice,
        house: (!seen.house_is_given).then_some(typed.house),
        host: (!seen.host_is_given).then_some(typed.host),
    };
    show(app, status, &page)
}
