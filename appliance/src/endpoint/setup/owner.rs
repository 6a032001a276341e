//! Who owns the house. From here the way goes on over a link, as it does for everybody else who moves in.

use std::sync::Arc;

use domain::name::Label;
use domain::ssh_key::ParsedKey;
use service::{Context, Idp};

use super::{objection, open_step, see, step};
use crate::endpoint::web::view::part::{Chrome, News, Notice};
use crate::endpoint::web::view::setup::Owner;
use crate::endpoint::web::visit::{Answer, Fields, show};
use crate::http::{App, Request, Response};
use crate::provisioning::admin_key;

pub(super) async fn ask(app: Arc<App>, request: Request) -> Answer {
    let seen = see(&app, &request).await?;
    let step = open_step(&app, &request, &seen);
    if step != "/setup/owner" {
        return Ok(Response::redirect303(step));
    }
    let typed = Typed { name: seen.owner.unwrap_or_default(), ssh_key: String::new() };
    Ok(show_form(&app, 200, None, typed))
}

pub(super) async fn save(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let ssh_key = if app.config.is_appliance() { fields.get("ssh_key")? } else { "" };
    let typed = Typed { name: fields.get("name")?.to_owned(), ssh_key: ssh_key.to_owned() };
    let (called, key) = match typed.parse() {
        Ok(parsed) => parsed,
        Err(why) => return Ok(show_form(&app, 422, Some(Notice::of(News::Refused { why })), typed)),
    };
    let data = app.config.is_appliance().then(|| app.config.data_dir.clone());
    let name_owner = move |idp: &Idp, context: &Context, held: Option<&str>| {
        let link = idp.name_owner(context, held, &called)?;
        // Behind the question whether the claim is this browser's.
        let kept = data.map_or(Ok(()), |data| admin_key::keep_for(&data, token_of(link.url.expose()), key.as_ref()));
        Ok((link, kept))
    };
    match step(&app, &request, name_owner).await? {
        Ok((link, Ok(()))) => Ok(Response::redirect303(link.url.expose())),
        Ok((_, Err(error))) => {
            tracing::error!(%error, "the SSH key of the admin");
            let why = "the box cannot write to its card; see the server's log".to_owned();
            Ok(show_form(&app, 422, Some(Notice::of(News::Refused { why })), typed))
        }
        Err(error) => {
            let notice = objection(&app, error)?;
            Ok(show_form(&app, 422, Some(notice), typed))
        }
    }
}

/// What stands in the fields.
struct Typed {
    name: String,
    ssh_key: String,
}

impl Typed {
    fn parse(&self) -> Result<(Label, Option<ParsedKey>), String> {
        let called = self.name.parse::<Label>().map_err(|why| why.to_string())?;
        let key = match self.ssh_key.trim() {
            "" => None,
            text => Some(text.parse::<ParsedKey>().map_err(|why| format!("the SSH key: {why}"))?),
        };
        Ok((called, key))
    }
}

/// The part of a link that only who was given it knows.
fn token_of(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

fn show_form(app: &App, status: u16, notice: Option<Notice>, Typed { name, ssh_key }: Typed) -> Response {
    let house = app.house();
    let ssh_key = app.config.is_appliance().then_some(ssh_key);
    show(app, status, &Owner { chrome: Chrome::nobody(&house), notice, name, host: house.host.to_string(), ssh_key })
}
