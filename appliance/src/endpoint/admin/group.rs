//! `/groups`.

use domain::name::GroupName;
use domain::strength::Strength;
use service::{Context, GroupAmendment, GroupView, Idp, Member, OpError, PageQuery, Reach, Refusal};

use crate::api::{Group, GroupItem, GroupPatch, NewGroup, Rename};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, page, page_query, param, parse, person};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/groups", admin!(list)),
    Route::post(Kind::Admin, "/api/v1/groups", admin!(create)),
    Route::get(Kind::Admin, "/api/v1/groups/:name", admin!(show)),
    Route::patch(Kind::Admin, "/api/v1/groups/:name", admin!(set)),
    Route::delete(Kind::Admin, "/api/v1/groups/:name", admin!(delete)),
    Route::post(Kind::Admin, "/api/v1/groups/:name/rename", admin!(rename)),
    Route::get(Kind::Admin, "/api/v1/groups/:name/members", admin!(members)),
    Route::put(Kind::Admin, "/api/v1/groups/:name/accounts/:member", admin!(add_account)),
    Route::delete(Kind::Admin, "/api/v1/groups/:name/accounts/:member", admin!(remove_account)),
    Route::put(Kind::Admin, "/api/v1/groups/:name/groups/:member", admin!(add_group)),
    Route::delete(Kind::Admin, "/api/v1/groups/:name/groups/:member", admin!(remove_group)),
];

fn list(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    page(idp.list_groups(ctx, &page_query(request)?)?, |group| GroupItem {
        name: group.name.to_string(),
        description: group.description,
        builtin: group.builtin.is_some(),
        strength: group.strength.to_string(),
    })
}

fn show(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let name: GroupName = param(request, "name")?;
    let GroupView { group, parents, children, effective_strength } = idp.show_group(ctx, &name)?;
    let query = PageQuery { limit: Some(service::MAX_PAGE), ..PageQuery::default() };
    let direct = idp.list_members(ctx, &name, Reach::Direct, &query)?;
    Reply::json(&Group {
        name: group.name.to_string(),
        description: group.description,
        builtin: group.builtin.is_some(),
        strength: group.strength.to_string(),
        effective_strength: effective_strength.to_string(),
        accounts: direct.items.iter().map(|account| account.name.to_string()).collect(),
        more_accounts: direct.next.is_some(),
        groups: children.iter().map(GroupName::to_string).collect(),
        member_of: parents.iter().map(GroupName::to_string).collect(),
        created_at: group.created_at.into(),
        updated_at: group.updated_at.into(),
    })
}

/// Everybody in the group, or with `?reach=direct` only who was added to it.
fn members(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let reach = match super::query(request, "reach")? {
        None | Some("effective") => Reach::Effective,
        Some("direct") => Reach::Direct,
        Some(_) => return Err(super::parse_failed("reach", "is direct or effective")),
    };
    let found = idp.list_members(ctx, &param(request, "name")?, reach, &page_query(request)?)?;
    page(found, |account| person::item(&account, ctx))
}

fn create(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let NewGroup { name, set, or_update } = request.json()?;
    let name: GroupName = parse("name", &name)?;
    let amendment = amendment(set)?;
    match idp.create_group(ctx, &name, &amendment) {
        Err(OpError::Refused(Refusal::Exists { .. })) if or_update => changed(idp.set_group(ctx, &name, &amendment)?),
        Ok(change) => changed(change),
        Err(error) => Err(error.into()),
    }
}

fn set(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let patch: GroupPatch = request.json()?;
    changed(idp.set_group(ctx, &param(request, "name")?, &amendment(patch)?)?)
}

fn rename(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let Rename { name } = request.json()?;
    let amendment = GroupAmendment { name: Some(parse("name", &name)?), ..GroupAmendment::default() };
    changed(idp.set_group(ctx, &param(request, "name")?, &amendment)?)
}

fn delete(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.delete_group(ctx, &param(request, "name")?)?)
}

fn add_account(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.add_member(ctx, &param(request, "name")?, &Member::Account(param(request, "member")?))?)
}

fn remove_account(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.remove_member(ctx, &param(request, "name")?, &Member::Account(param(request, "member")?))?)
}

fn add_group(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.add_member(ctx, &param(request, "name")?, &Member::Group(param(request, "member")?))?)
}

fn remove_group(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.remove_member(ctx, &param(request, "name")?, &Member::Group(param(request, "member")?))?)
}

fn amendment(patch: GroupPatch) -> Result<GroupAmendment, Stop> {
    let strength = patch.strength.map(|raw| parse::<Strength>("strength", &raw)).transpose()?;
    Ok(GroupAmendment { name: None, description: patch.description, strength })
}
