//! `/registration-tokens`: tokens by which apps register themselves.

use domain::id::RegistrationTokenNumber;
use domain::name::GroupName;
use domain::time::Span;
use service::{Context, Idp, RegistrationTokenView};

use crate::api::{NewRegistrationToken, RegistrationToken, RegistrationTokenSecret};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, param, parse, whole};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/registration-tokens", admin!(list)),
    Route::post(Kind::Admin, "/api/v1/registration-tokens", admin!(create)),
    Route::delete(Kind::Admin, "/api/v1/registration-tokens/:number", admin!(revoke)),
];

fn list(idp: &Idp, ctx: &Context, _: &Request) -> Result<Reply, Stop> {
    let item = |token: RegistrationTokenView| RegistrationToken {
        number: token.number.0,
        allow: token.group.into(),
        uses_left: token.uses_left,
        created_at: token.created_at.into(),
        expires_at: token.expires_at.into(),
    };
    whole(idp.list_registration_tokens(ctx)?.into_iter().map(item).collect())
}

fn create(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let NewRegistrationToken { allow, uses, expires_in } = request.json()?;
    let group: GroupName = parse("allow", &allow)?;
    let made = idp.create_registration_token(ctx, &group, uses, expires_in.map(Span::seconds))?;
    Reply::json(&RegistrationTokenSecret {
        number: made.number.0,
        token: made.token.expose().clone(),
        expires_at: made.expires_at.into(),
        registration_endpoint: format!("{}/register", idp.issuer()),
    })
}

fn revoke(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let number: RegistrationTokenNumber = param(request, "number")?;
    changed(idp.revoke_registration_token(ctx, number)?)
}
