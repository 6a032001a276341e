//! `/persons`.

use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::name::{GroupName, Username};
use service::{AccountView, Change, Context, Idp, OpError, Refusal, Whose};

use crate::api::{AccountPatch, NewAccount, Person, PersonItem, Rename};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, page, page_query, param, parse, sign_in, state};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/persons", admin!(list)),
    Route::post(Kind::Admin, "/api/v1/persons", admin!(create)),
    Route::get(Kind::Admin, "/api/v1/persons/:name", admin!(show)),
    Route::patch(Kind::Admin, "/api/v1/persons/:name", admin!(set)),
    Route::delete(Kind::Admin, "/api/v1/persons/:name", admin!(delete)),
    Route::post(Kind::Admin, "/api/v1/persons/:name/rename", admin!(rename)),
];

fn list(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let found = idp.list_accounts(ctx, AccountKind::Person, &page_query(request)?)?;
    page(found, |account| item(&account, ctx))
}

/// An account as it stands in a list.
pub(super) fn item(account: &domain::account::Account, ctx: &Context) -> PersonItem {
    PersonItem {
        name: account.name.to_string(),
        display_name: account.display_name().to_owned(),
        state: state(account, ctx.now),
        created_at: account.created_at.into(),
    }
}

fn show(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let name: Username = param(request, "name")?;
    let AccountView { account, effective_groups, direct_groups: _, has_picture } =
        idp.show_account(ctx, AccountKind::Person, &name)?;
    let credentials = idp.list_credentials(ctx, &Whose::Of(name))?;
    Reply::json(&Person {
        name: account.name.to_string(),
        subject: account.subject.to_string(),
        display_name: account.display_name().to_owned(),
        state: state(&account, ctx.now),
        locked: account.locked,
        valid_from: account.valid_from.map(Into::into),
        valid_until: account.valid_until.map(Into::into),
        groups: effective_groups.iter().map(GroupName::to_string).collect(),
        credentials: credentials.into_iter().map(sign_in::credential).collect(),
        picture: has_picture,
        created_at: account.created_at.into(),
        updated_at: account.updated_at.into(),
        attributes: account.attributes,
    })
}

fn create(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    create_account(idp, ctx, AccountKind::Person, request.json()?)
}

fn set(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    set_account(idp, ctx, AccountKind::Person, request)
}

fn delete(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.delete_account(ctx, AccountKind::Person, &param(request, "name")?)?)
}

fn rename(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    rename_account(idp, ctx, AccountKind::Person, request)
}

/// Makes an account, or makes one that is there like it where that was asked for.
pub(super) fn create_account(idp: &Idp, ctx: &Context, kind: AccountKind, new: NewAccount) -> Result<Reply, Stop> {
    let name: Username = parse("name", &new.name)?;
    let amendment = amendment(new.set);
    match idp.create_account(ctx, kind, &name, &amendment) {
        Err(OpError::Refused(Refusal::Exists { kind: held, .. })) if new.or_update && held == noun(kind) => {
            changed(idp.set_account(ctx, kind, &name, &amendment)?)
        }
        Ok(change) => changed(change),
        Err(error) => Err(error.into()),
    }
}

/// What `Refusal` calls the kind.
const fn noun(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Person => "person",
        AccountKind::Service => "service account",
    }
}

pub(super) fn set_account(idp: &Idp, ctx: &Context, kind: AccountKind, request: &Request) -> Result<Reply, Stop> {
    let name: Username = param(request, "name")?;
    let patch: AccountPatch = request.json()?;
    changed(idp.set_account(ctx, kind, &name, &amendment(patch))?)
}

pub(super) fn rename_account(idp: &Idp, ctx: &Context, kind: AccountKind, request: &Request) -> Result<Reply, Stop> {
    let name: Username = param(request, "name")?;
    let Rename { name: wanted } = request.json()?;
    let amendment = Amendment { name: Some(parse("name", &wanted)?), ..Amendment::default() };
    let change: Change = idp.set_account(ctx, kind, &name, &amendment)?;
    changed(change)
}

fn amendment(patch: AccountPatch) -> Amendment {
    Amendment {
        name: None,
        attributes: patch.attributes,
        valid_from: patch.valid_from.map(|time| time.0).into_options(),
        valid_until: patch.valid_until.map(|time| time.0).into_options(),
        locked: patch.locked,
    }
}
