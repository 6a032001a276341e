//! `/register` (RFC 7591 section 3) and the address of each app that registered itself (RFC 7592 section 2).

use std::sync::Arc;

use domain::client::{ClientKeys, ClientSettings};
use domain::document_uri::DocumentUri;
use domain::pairwise::Sector;
use serde_json::{Map, Value, json};
use service::{
    Context, DocumentsToFetch, FetchedDocuments, Idp, MAX_PICTURE_BYTES, OpError, Registered, RegistrationRefusal,
};

use super::client::{PATIENCE, fetch};
use super::error::{bearer_missing, registration_refused};
use crate::endpoint::session;
use crate::http::{App, Request, Response, within};

/// A list of as many addresses as a family of apps has.
const MAX_SECTOR: usize = 64 * 1024;
/// Longer than any metadata that is taken.
pub(super) const MAX_METADATA: usize = 16 * 1024;

type Refused = OpError<RegistrationRefusal>;

pub(super) async fn register(app: Arc<App>, request: Request) -> Response {
    let said = match metadata(&request) {
        Ok(said) => said,
        Err(refusal) => return registration_refused(&refusal),
    };
    let (said, fetched) = match documents(&app, &request, (None, said)).await {
        Ok(ready) => ready,
        Err(answer) => return answer,
    };
    let op = move |idp: &Idp, ctx: &Context, token: &str| idp.register_client(ctx, token, &said, &fetched);
    answer(&app, &request, op, |made| Response::json(201, &render(&made))).await
}

pub(super) async fn show(app: Arc<App>, request: Request) -> Response {
    let name = request.params.get("client_id").to_owned();
    let op = move |idp: &Idp, ctx: &Context, token: &str| idp.registered_client(ctx, &name, token);
    answer(&app, &request, op, |known| Response::json(200, &render(&known))).await
}

pub(super) async fn replace(app: Arc<App>, request: Request) -> Response {
    let said = match metadata(&request) {
        Ok(said) => said,
        Err(refusal) => return registration_refused(&refusal),
    };
    let name = request.params.get("client_id").to_owned();
    let (said, fetched) = match documents(&app, &request, (Some(name.clone()), said)).await {
        Ok(ready) => ready,
        Err(answer) => return answer,
    };
    let op =
        move |idp: &Idp, ctx: &Context, token: &str| idp.replace_registration(ctx, (&name, token), &said, &fetched);
    answer(&app, &request, op, |known| Response::json(200, &render(&known))).await
}

pub(super) async fn remove(app: Arc<App>, request: Request) -> Response {
    let name = request.params.get("client_id").to_owned();
    let op = move |idp: &Idp, ctx: &Context, token: &str| idp.unregister_client(ctx, &name, token);
    answer(&app, &request, op, |()| Response::empty(204)).await
}

fn metadata(request: &Request) -> Result<Map<String, Value>, RegistrationRefusal> {
    request.json().map_err(|bad| RegistrationRefusal::InvalidMetadata(bad.message))
}

/// What the metadata names, fetched for whoever holds the token of the app of that name, or one for a new app; and the metadata.
async fn documents(
    app: &App,
    request: &Request,
    (name, said): (Option<String>, Map<String, Value>),
) -> Result<(Map<String, Value>, FetchedDocuments), Response> {
    let op = move |idp: &Idp, ctx: &Context, token: &str| {
        let wanted = idp.documents_to_fetch(ctx, (name.as_deref(), token), &said)?;
        Ok((said, wanted))
    };
    let (said, wanted) = run(app, request, op).await?;
    let mut fetched = FetchedDocuments::default();
    let DocumentsToFetch { sector, logo } = wanted;
    if sector.is_none() && logo.is_none() {
        return Ok((said, fetched));
    }
    let Ok(_turn) = within(PATIENCE, app.fetching.registration.lock()).await else { return Err(Response::busy()) };
    let get = async |uri: &DocumentUri, most| {
        let told =
            |why: &String| tracing::info!(%uri, why, "what an app that registers itself names cannot be fetched");
        fetch(app, uri, most).await.inspect_err(told).ok()
    };
    if let Some(uri) = sector {
        fetched.sector = get(&uri, MAX_SECTOR).await;
    }
    if let Some(uri) = logo {
        fetched.logo = get(&uri, MAX_PICTURE_BYTES).await;
    }
    Ok((said, fetched))
}

/// Runs an operation for whoever holds the token.
async fn answer<T: Send + 'static>(
    app: &App,
    request: &Request,
    op: impl FnOnce(&Idp, &Context, &str) -> Result<T, Refused> + Send + 'static,
    render: impl FnOnce(T) -> Response,
) -> Response {
    run(app, request, op).await.map_or_else(|refused| refused, render)
}

async fn run<T: Send + 'static>(
    app: &App,
    request: &Request,
    op: impl FnOnce(&Idp, &Context, &str) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Response> {
    let Some(token) = request.bearer().map(str::to_owned) else { return Err(bearer_missing()) };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    match app.bridge.run(move |idp| op(idp, &ctx, &token)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(OpError::Refused(refusal))) => Err(registration_refused(&refusal)),
        Ok(Err(OpError::Fault(fault))) => Err(super::error::fault(app, &fault)),
        Err(busy) => Err(busy.into()),
    }
}

/// Everything that is registered (RFC 7591 section 3.2.1, RFC 7592 section 3).
fn render(known: &Registered) -> Value {
    let (client, settings) = (&known.client, &known.client.settings);
    let mut json = json!({
        "client_id": client.name.as_str(),
        "client_id_issued_at": client.created_at.unix(),
        "registration_access_token": known.token.expose(),
        "registration_client_uri": known.uri,
        "client_name": client.display_name.as_str(),
        "redirect_uris": settings.redirect_uris,
        "post_logout_redirect_uris": settings.post_logout_redirect_uris,
        "token_endpoint_auth_method": known.registration.authentication.as_str(),
        "grant_types": known.grant_types(),
        "response_types": if known.registration.uses_codes { vec!["code"] } else { Vec::new() },
        "subject_type": settings.subject,
        "id_token_signed_response_alg": settings.algorithm,
        "require_pushed_authorization_requests": settings.par_required,
        "dpop_bound_access_tokens": settings.dpop_required,
    });
    let optional = [
        ("sector_identifier_uri", sector_document(settings)),
        ("logo_uri", settings.logo_uri.as_ref().map(ToString::to_string)),
        ("policy_uri", settings.policy_uri.as_ref().map(ToString::to_string)),
        ("tos_uri", settings.terms_uri.as_ref().map(ToString::to_string)),
        ("backchannel_logout_uri", settings.backchannel_logout_uri.as_ref().map(ToString::to_string)),
        ("userinfo_signed_response_alg", settings.userinfo.map(|algorithm| algorithm.to_string())),
        ("client_secret", known.secret.as_ref().map(|secret| secret.expose().clone())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            json[name] = value.into();
        }
    }
    match &settings.keys {
        Some(ClientKeys::Jwks(set)) => json["jwks"] = set.clone().into(),
        Some(ClientKeys::JwksUri(uri)) => json["jwks_uri"] = uri.as_str().into(),
        None => {}
    }
    if known.secret.is_some() {
        json["client_secret_expires_at"] = 0.into();
    }
    json
}

/// The one that the app named; a host that an admin named is none.
fn sector_document(settings: &ClientSettings) -> Option<String> {
    match &settings.sector {
        Some(Sector::Document(uri)) => Some(uri.to_string()),
        Some(Sector::Host(_)) | None => None,
    }
}
