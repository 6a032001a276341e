//! `/authorize`: to the sign-in, to the question, or back to the app.

use std::sync::Arc;

use form_urlencoded::Serializer;
use service::{Authorization, AuthorizationRequest, Context, Idp, path};

use crate::endpoint::web::visit::{Answer, Lane, anybody};
use crate::endpoint::web::{app_confused, ask_consent, send_answer, to_the_door};
use crate::http::{App, Request, Response};

/// Longer than any request that the service takes.
const MAX_QUERY: usize = 6 * 1024;

pub(super) async fn get(app: Arc<App>, request: Request) -> Response {
    authorize(app, request).await.unwrap_or_else(|refused| refused)
}

async fn authorize(app: Arc<App>, request: Request) -> Answer {
    let wanted = AuthorizationRequest::from_pairs(request.query.iter());
    let op = move |idp: &Idp, ctx: &Context| idp.authorize(ctx, &wanted);
    match anybody(&app, &request, Lane::General, op).await? {
        Ok(Authorization::Answer(answer)) => Ok(send_answer(&app, &request, &answer)),
        Ok(Authorization::SignIn(needed)) => Ok(to_the_door(&needed)),
        Ok(Authorization::Consent(needed)) => Ok(ask_consent(&app, &request, needed).await),
        Err(error) => Err(app_confused(&app, &request, error)),
    }
}

/// OpenID Connect Core section 3.1.2.1 wants POST as well.
pub(super) async fn post(_: Arc<App>, request: Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(bad) => return bad.into(),
    };
    let query = Serializer::new(String::new()).extend_pairs(form.iter()).finish();
    if query.len() > MAX_QUERY {
        return Response::text(400, "The request is too long.");
    }
    Response::redirect303(&format!("{}?{query}", path::AUTHORIZATION))
}
