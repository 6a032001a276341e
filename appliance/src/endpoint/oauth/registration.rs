//! `/register` (RFC 7591 section 3) and the address of each app that registered itself (RFC 7592 section 2).

use std::sync::Arc;

use serde_json::{Map, Value, json};
use service::{Context, Idp, OpError, Registered, RegistrationRefusal};

use super::error::{bearer_missing, registration_refused};
use crate::endpoint::session;
use crate::http::{App, Request, Response};

/// Longer than any metadata that is taken.
pub(super) const MAX_METADATA: usize = 16 * 1024;

type Refused = OpError<RegistrationRefusal>;

pub(super) async fn register(app: Arc<App>, request: Request) -> Response {
    let said = match metadata(&request) {
        Ok(said) => said,
        Err(refusal) => return registration_refused(&refusal),
    };
    let op = move |idp: &Idp, ctx: &Context, token: &str| idp.register_client(ctx, token, &said);
    answer(&app, &request, op, |made| Response::json(201, &render(made))).await
}

pub(super) async fn show(app: Arc<App>, request: Request) -> Response {
    let name = request.params.get("client_id").to_owned();
    let op = move |idp: &Idp, ctx: &Context, token: &str| idp.registered_client(ctx, &name, token);
    answer(&app, &request, op, |known| Response::json(200, &render(known))).await
}

pub(super) async fn replace(app: Arc<App>, request: Request) -> Response {
    let said = match metadata(&request) {
        Ok(said) => said,
        Err(refusal) => return registration_refused(&refusal),
    };
    let name = request.params.get("client_id").to_owned();
    let op = move |idp: &Idp, ctx: &Context, token: &str| idp.replace_registration(ctx, &name, token, &said);
    answer(&app, &request, op, |known| Response::json(200, &render(known))).await
}

pub(super) async fn remove(app: Arc<App>, request: Request) -> Response {
    let name = request.params.get("client_id").to_owned();
    let op = move |idp: &Idp, ctx: &Context, token: &str| idp.unregister_client(ctx, &name, token);
    answer(&app, &request, op, |()| Response::empty(204)).await
}

fn metadata(request: &Request) -> Result<Map<String, Value>, RegistrationRefusal> {
    request.json().map_err(|bad| RegistrationRefusal::InvalidMetadata(bad.message))
}

/// Runs an operation for whoever holds the token.
async fn answer<T: Send + 'static>(
    app: &App,
    request: &Request,
    op: impl FnOnce(&Idp, &Context, &str) -> Result<T, Refused> + Send + 'static,
    render: impl FnOnce(&T) -> Response,
) -> Response {
    let Some(token) = request.bearer().map(str::to_owned) else { return bearer_missing() };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    match app.bridge.run(move |idp| op(idp, &ctx, &token)).await {
        Ok(Ok(done)) => render(&done),
        Ok(Err(OpError::Refused(refusal))) => registration_refused(&refusal),
        Ok(Err(OpError::Fault(fault))) => super::error::fault(app, &fault),
        Err(busy) => busy.into(),
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
    if known.secret.is_some() {
        json["client_secret_expires_at"] = 0.into();
    }
    json
}
