//! RFC 8693: a service account exchanges its API token for an access token of an app that lets one of its groups in. Nobody else
//! exchanges anything: a person's token at one app opens no other.

use std::sync::Arc;

use super::client_credentials::call;
use super::request::Exchange;
use super::{Attempt, Grant, Material, TokenRefusal};
use crate::known::KnownApp;
use crate::operation::Abort;

/// The type of an API token, and of what it is exchanged for (RFC 8693 section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// `grant_type=urn:ietf:params:oauth:grant-type:token-exchange`.
pub(super) struct TokenExchange;

impl Grant for TokenExchange {
    fn name(&self) -> &'static str {
        "urn:ietf:params:oauth:grant-type:token-exchange"
    }

    fn issued_token_type(&self) -> Option<&'static str> {
        Some(ACCESS_TOKEN)
    }

    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>> {
        let Exchange { subject_token_type, requested_token_type, audience, by_resource, by_actor, .. } =
            &attempt.request.exchange;
        let invalid = TokenRefusal::InvalidRequest;
        if subject_token_type.as_deref() != Some(ACCESS_TOKEN) {
            let why = "subject_token_type is urn:ietf:params:oauth:token-type:access_token, which an API token is";
            return Err(invalid(why).into());
        }
        if requested_token_type.as_ref().is_some_and(|kind| kind != ACCESS_TOKEN) {
            return Err(invalid("only access tokens are issued; leave out requested_token_type").into());
        }
        if *by_actor {
            return Err(invalid("a service account acts for itself; leave out actor_token").into());
        }
        let elsewhere = audience.as_ref().is_some_and(|audience| audience != app.client.name.as_str());
        if elsewhere || *by_resource {
            let why =
                "the token is for the app that client_id names; leave out resource, and audience or let it be the same";
            return Err(TokenRefusal::InvalidTarget(why).into());
        }
        let caller = attempt.caller.as_ref().ok_or(invalid("subject_token is missing"))?;
        call(attempt, app, caller)
    }
}
