//! Introspection (RFC 7662): what an app is told about a token. Nothing is written.
//!
//! An app is told about tokens that were issued to it, and nobody about any other: no app of the house needs more, and whoever
//! finds a token somewhere learns nothing of it here (section 4). Every other token is answered alike, whatever the reason
//! (section 2.2). A public client proves nothing, so it is told nothing (section 2.1).

use std::sync::Arc;

use domain::claim::{Provenance, Released};
use domain::client::Client;
use domain::grant::refresh_token::TokenFamily;
use domain::permission::Need;
use domain::scope::Scopes;
use domain::time::Timestamp;
use serde_json::{Map, Value};
use store::Reader;

use super::jwt_access_token::{audience, confirmation};
use super::presented::{Presented, in_time};
use super::{TokenQuery, TokenRefusal};
use crate::doctor::{Asked, Step};
use crate::known::KnownApp;
use crate::operation::Abort;
use crate::{Context, Idp, OpError};

/// What the answer itself says; no rule for claims may.
const PROTOCOL: [&str; 5] = ["active", "scope", "client_id", "username", "token_type"];

impl Idp {
    /// What there is to say about the token: `active`, and the rest where it is.
    ///
    /// # Errors
    /// A client that does not prove itself, and accidents. A token that is not good is no error.
    pub fn introspect(&self, ctx: &Context, query: &TokenQuery) -> Result<Map<String, Value>, OpError<TokenRefusal>> {
        let told = self.read(ctx, Need::Nothing, |op| {
            let app = self.authenticate(ctx, op, &query.client).map_err(Abort::into_error)?;
            if app.client.is_public() {
                return Err(OpError::Refused(TokenRefusal::PublicClient));
            }
            self.described(op, ctx, &app, query.token.expose())
        });
        // A token that is not ours is no guess: resource servers pass on whatever strangers send them, and must not be
        // turned away for it. Nobody finds a token by trying either.
        let told = self.bounded(ctx, &Asked::by(&query.client, Step::Introspection), told)?;
        Ok(told.unwrap_or_else(|| Map::from_iter([("active".to_owned(), false.into())])))
    }

    fn described(
        &self,
        reader: &Reader<'_>,
        ctx: &Context,
        app: &Arc<KnownApp>,
        text: &str,
    ) -> Result<Option<Map<String, Value>>, OpError<TokenRefusal>> {
        let Some(token) = self.presented(ctx, text)? else { return Ok(None) };
        let family = token.family(reader)?.filter(|family| family.alive(ctx.now));
        let Some(family) = family.filter(|family| family.granted.client == app.client.id) else { return Ok(None) };
        let Some(term) = Term::of(&token, &family, &app.client, ctx.now) else { return Ok(None) };
        let authentication = family.granted.authentication;
        let admitted = self.known.admit(reader, app, family.granted.account, (authentication.strength, ctx.now))?;
        let Ok(admitted) = admitted else { return Ok(None) };
        // What a group brings ends with it.
        let scopes = admitted.grantable(&term.scopes);

        let issuer = self.reached_at(ctx).issuer();
        let mut said = custom_claims(admitted.claims(&scopes, &issuer));
        let mut say = |name: &str, value: Value| said.insert(name.to_owned(), value);
        say("active", true.into());
        say("scope", scopes.to_string().into());
        say("client_id", app.client.name.as_str().into());
        say("username", admitted.account().name.as_str().into());
        if term.access {
            say("token_type", if family.bound_to.is_some() { "DPoP" } else { "Bearer" }.into());
        }
        say("iat", term.issued_at.unix().into());
        say("exp", term.expires_at.unix().into());
        say("sub", self.subject_at(&app.client, admitted.account().subject)?.into());
        say("aud", audience(&app.client, &issuer));
        say("iss", issuer.into());
        say("auth_time", authentication.at.unix().into());
        say("acr", authentication.strength.as_str().into());
        if let Some(thumbprint) = &family.bound_to {
            say("cnf", confirmation(thumbprint));
        }
        Ok(Some(said))
    }
}

/// From when to when a token is good, and for what.
struct Term {
    access: bool,
    issued_at: Timestamp,
    expires_at: Timestamp,
    scopes: Scopes,
}

impl Term {
    /// `None` for a token that is not good now.
    fn of(token: &Presented, family: &TokenFamily, client: &Client, now: Timestamp) -> Option<Self> {
        let granted = &family.granted.scopes;
        match token {
            Presented::Access(token) => in_time(token, now).then(|| Self {
                access: true,
                issued_at: token.issued_at,
                expires_at: token.expires_at,
                scopes: token.narrowed.as_ref().map_or_else(|| granted.clone(), |narrowed| granted.within(narrowed)),
            }),
            Presented::Refresh(token) => {
                let end = family.created_at + client.settings.lifetimes.refresh_absolute();
                let current = family.refresh == Some(token.digest()) && now < end;
                current.then(|| Self {
                    access: false,
                    issued_at: family.previous.as_ref().map_or(family.created_at, |(_, replaced_at)| *replaced_at),
                    expires_at: family.expires_at.min(end),
                    scopes: granted.clone(),
                })
            }
        }
    }
}

/// What the app's own rules say in userinfo.
fn custom_claims(claims: Vec<Released>) -> Map<String, Value> {
    claims
        .into_iter()
        .filter(|one| matches!(one.provenance, Provenance::Rule { .. }) && one.placement.in_userinfo())
        .filter(|one| !PROTOCOL.contains(&one.name.as_str()))
        .map(|one| (one.name, one.value))
        .collect()
}

#[cfg(test)]
mod tests;
