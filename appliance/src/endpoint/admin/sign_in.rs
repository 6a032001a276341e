//! What persons sign in with and where they are signed in: `/persons/:name/{invites,credentials,sessions}`.

use domain::credential::CredentialView;
use domain::id::{CredentialNumber, SessionNumber};
use domain::invite::InvitePurpose;
use domain::name::Username;
use domain::session::SessionView;
use domain::time::Span;
use service::{Context, Idp, Whose};

use crate::api::{CredentialItem, Invite, NewInvite, Revoked, Session};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, param, whole};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(Kind::Admin, "/api/v1/persons/:name/invites", admin!(invite)),
    Route::delete(Kind::Admin, "/api/v1/persons/:name/invites", admin!(uninvite)),
    Route::get(Kind::Admin, "/api/v1/persons/:name/credentials", admin!(credentials)),
    Route::delete(Kind::Admin, "/api/v1/persons/:name/credentials/:number", admin!(remove_credential)),
    Route::post(Kind::Admin, "/api/v1/persons/:name/credentials/:number/trust", admin!(trust)),
    Route::get(Kind::Admin, "/api/v1/persons/:name/sessions", admin!(sessions)),
    Route::delete(Kind::Admin, "/api/v1/persons/:name/sessions", admin!(revoke_all)),
    Route::delete(Kind::Admin, "/api/v1/persons/:name/sessions/:number", admin!(revoke)),
];

fn whose(request: &Request) -> Result<Whose, Stop> {
    Ok(Whose::Of(param(request, "name")?))
}

fn invite(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let person: Username = param(request, "name")?;
    let NewInvite { recover, expires_in } = request.json()?;
    let purpose = if recover { InvitePurpose::Recover } else { InvitePurpose::Join };
    let made = idp.create_invite(ctx, &person, Some(purpose), expires_in.map(Span::seconds))?;
    Reply::json(&Invite { url: made.url.expose().clone(), expires_at: made.expires_at.into() })
}

fn uninvite(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.revoke_invites(ctx, &param(request, "name")?)?)
}

fn credentials(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    whole(idp.list_credentials(ctx, &whose(request)?)?.into_iter().map(credential).collect())
}

/// A credential in the words of the API.
pub(super) fn credential(held: CredentialView) -> CredentialItem {
    CredentialItem {
        number: held.number.0,
        kind: held.kind.as_str().to_owned(),
        label: held.label.into(),
        created_at: held.created_at.into(),
        last_used_at: held.last_used_at.map(Into::into),
        blocked_until: held.blocked_until.map(Into::into),
        suspect: held.suspect,
        left: held.left,
    }
}

fn remove_credential(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let number: CredentialNumber = param(request, "number")?;
    changed(idp.remove_credential(ctx, &whose(request)?, number)?)
}

fn trust(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let number: CredentialNumber = param(request, "number")?;
    changed(idp.trust_passkey(ctx, &whose(request)?, number)?)
}

fn sessions(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    whole(idp.list_sessions(ctx, &whose(request)?)?.into_iter().map(session).collect())
}

fn session(view: SessionView) -> Session {
    Session {
        number: view.number.0,
        device: view.device,
        address: view.address,
        strength: view.strength.to_string(),
        created_at: view.created_at.into(),
        last_seen_at: view.last_seen_at.into(),
        expires_at: view.expires_at.into(),
    }
}

fn revoke(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let number: SessionNumber = param(request, "number")?;
    changed(idp.revoke_session(ctx, &whose(request)?, number)?)
}

fn revoke_all(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    Reply::json(&Revoked { revoked: idp.revoke_sessions(ctx, &whose(request)?, None)? })
}
