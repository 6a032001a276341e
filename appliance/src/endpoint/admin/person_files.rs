//! `/persons/:name/picture` and `/persons/:name/ssh-keys`.

use domain::account::AccountKind;
use domain::name::{Label, Username};
use domain::picture::Picture;
use service::{Context, Idp, MAX_PICTURE_BYTES, Whose};

use crate::api::{NewSshKey, Problem, ProblemCode, SshKey};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, param, parse, query, whole};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/persons/:name/picture", admin!(picture)),
    Route::put(Kind::Admin, "/api/v1/persons/:name/picture", admin!(set_picture)).body(MAX_PICTURE_BYTES),
    Route::delete(Kind::Admin, "/api/v1/persons/:name/picture", admin!(remove_picture)),
    Route::get(Kind::Admin, "/api/v1/persons/:name/ssh-keys", admin!(keys)),
    Route::post(Kind::Admin, "/api/v1/persons/:name/ssh-keys", admin!(add_key)),
    Route::delete(Kind::Admin, "/api/v1/persons/:name/ssh-keys", admin!(remove_key)),
];

fn whose(request: &Request) -> Result<Whose, Stop> {
    Ok(Whose::Of(param(request, "name")?))
}

fn picture(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let name: Username = param(request, "name")?;
    let person = idp.show_account(ctx, AccountKind::Person, &name)?.account;
    match idp.picture(ctx, person.subject)? {
        Some(picture) => Ok(image(picture)),
        None => {
            let problem = Problem::new(ProblemCode::NotFound, format!("{name} has no picture"));
            Err(problem.hint(format!("latchkey person picture set {name} FILE")).into())
        }
    }
}

/// A picture as it is kept: PNG or JPEG, made by us.
pub(super) fn image(picture: Picture) -> Reply {
    let media_type = if picture.media_type == "image/png" { "image/png" } else { "image/jpeg" };
    Reply::Bytes(media_type, picture.bytes)
}

fn set_picture(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.set_picture(ctx, &whose(request)?, &request.body)?)
}

fn remove_picture(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.remove_picture(ctx, &whose(request)?)?)
}

fn keys(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let keys = idp.list_ssh_keys(ctx, &whose(request)?)?;
    let item = |key: domain::ssh_key::SshKey| SshKey {
        fingerprint: key.fingerprint,
        label: key.label.into(),
        public_key: key.public_key,
        created_at: key.created_at.into(),
    };
    whole(keys.into_iter().map(item).collect())
}

fn add_key(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let NewSshKey { public_key, label } = request.json()?;
    let label: Option<Label> = label.map(|label| parse("label", &label)).transpose()?;
    changed(idp.add_ssh_key(ctx, &whose(request)?, &public_key, label.as_ref())?)
}

/// The fingerprint comes in the query: it may hold slashes.
fn remove_key(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let Some(fingerprint) = query(request, "fingerprint")? else {
        return Err(super::parse_failed("fingerprint", "is missing from the query"));
    };
    changed(idp.remove_ssh_key(ctx, &whose(request)?, fingerprint)?)
}
