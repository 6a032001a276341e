//! `/service-accounts` and their API tokens.

use domain::account::AccountKind;
use domain::id::ApiTokenNumber;
use domain::name::{GroupName, Label, Username};
use domain::time::Span;
use service::{AccountView, Context, Idp};

use crate::api::{ApiToken, ApiTokenSecret, NewApiToken, ServiceAccount};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, page, page_query, param, parse, person, state, whole};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/service-accounts", admin!(list)),
    Route::post(Kind::Admin, "/api/v1/service-accounts", admin!(create)),
    Route::get(Kind::Admin, "/api/v1/service-accounts/:name", admin!(show)),
    Route::patch(Kind::Admin, "/api/v1/service-accounts/:name", admin!(set)),
    Route::delete(Kind::Admin, "/api/v1/service-accounts/:name", admin!(delete)),
    Route::post(Kind::Admin, "/api/v1/service-accounts/:name/rename", admin!(rename)),
    Route::get(Kind::Admin, "/api/v1/service-accounts/:name/tokens", admin!(tokens)),
    Route::post(Kind::Admin, "/api/v1/service-accounts/:name/tokens", admin!(create_token)),
    Route::delete(Kind::Admin, "/api/v1/service-accounts/:name/tokens/:number", admin!(revoke_token)),
];

fn list(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let found = idp.list_accounts(ctx, AccountKind::Service, &page_query(request)?)?;
    page(found, |account| person::item(&account, ctx))
}

fn show(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let name: Username = param(request, "name")?;
    let AccountView { account, effective_groups, direct_groups: _, has_picture: _ } =
        idp.show_account(ctx, AccountKind::Service, &name)?;
    Reply::json(&ServiceAccount {
        name: account.name.to_string(),
        display_name: account.display_name().to_owned(),
        state: state(&account, ctx.now),
        groups: effective_groups.iter().map(GroupName::to_string).collect(),
        valid_from: account.valid_from.map(Into::into),
        valid_until: account.valid_until.map(Into::into),
        created_at: account.created_at.into(),
        attributes: account.attributes,
    })
}

fn create(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    person::create_account(idp, ctx, AccountKind::Service, request.json()?)
}

fn set(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    person::set_account(idp, ctx, AccountKind::Service, request)
}

fn delete(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.delete_account(ctx, AccountKind::Service, &param(request, "name")?)?)
}

fn rename(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    person::rename_account(idp, ctx, AccountKind::Service, request)
}

fn tokens(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let item = |token: domain::api_token::ApiToken| ApiToken {
        number: token.number.0,
        label: token.label.into(),
        created_at: token.created_at.into(),
        expires_at: token.expires_at.into(),
    };
    whole(idp.list_api_tokens(ctx, &param(request, "name")?)?.into_iter().map(item).collect())
}

fn create_token(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let NewApiToken { label, expires_in } = request.json()?;
    let label: Label = parse("label", &label)?;
    let made = idp.create_api_token(ctx, &param(request, "name")?, &label, expires_in.map(Span::seconds))?;
    Reply::json(&ApiTokenSecret {
        number: made.number.0,
        token: made.token.expose().clone(),
        expires_at: made.expires_at.into(),
    })
}

fn revoke_token(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let number: ApiTokenNumber = param(request, "number")?;
    changed(idp.revoke_api_token(ctx, &param(request, "name")?, number)?)
}
