//! RFC 6749 section 6, RFC 9700 section 4.14.2: each use replaces the token, and an old one ends the family.

use std::sync::Arc;

use domain::grant::refresh_token::{RefreshOffer, RefreshRefusal};
use domain::id::FamilyNumber;
use domain::scope::Scopes;
use domain::token::{OpaqueToken, TokenKind};
use serde_json::json;

use super::{Attempt, Grant, Material, TokenRefusal, TokenRequest};
use crate::known::KnownApp;
use crate::operation::{Abort, Refuses};

/// `grant_type=refresh_token`.
pub(super) struct RefreshToken;

impl Grant for RefreshToken {
    fn name(&self) -> &'static str {
        "refresh_token"
    }

    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>> {
        let Attempt { idp, ctx, op, request, key: held, .. } = attempt;
        let client = &app.client;
        let text = request.refresh_token.as_ref().ok_or(TokenRefusal::InvalidRequest("refresh_token is missing"))?;
        let unknown = TokenRefusal::Refresh(RefreshRefusal::Unknown);
        let key = idp.oauth.access_key()?;
        let offered = OpaqueToken::decode(TokenKind::Refresh, text.expose())
            .filter(|token| key.made_refresh_token(token))
            .ok_or(unknown.clone())?;
        let family = op.token_family(offered.account, FamilyNumber(offered.row))?.ok_or(unknown)?;
        let account = family.granted.account;
        let wanted = wanted(request, &family.granted.scopes)?;
        let next = key.new_refresh_token(account, family.number, idp.entropy());
        let offer = RefreshOffer { client: client.id, digest: offered.digest(), key: *held };
        let number = family.number;
        let mut family = match family.rotate(&offer, next.digest(), client.settings.lifetimes, ctx.now) {
            Ok(family) => family,
            Err(why) if why.ends_family() => {
                op.delete_token_family(account, number)?;
                let refusal = TokenRefusal::Refresh(why);
                op.record_consequence("token.refresh", client.name.as_str(), json!({ "why": refusal.to_string() }))?;
                return Err(refusal.commit());
            }
            Err(why) => return Err(TokenRefusal::Refresh(why).into()),
        };
        let admitted = match idp.known.admit(op, &app, account, (family.granted.authentication.strength, ctx.now))? {
            Ok(admitted) => admitted,
            Err(why) => {
                op.delete_token_family(account, number)?;
                op.record_consequence("token.refresh", client.name.as_str(), json!({ "why": why.to_string() }))?;
                return Err(TokenRefusal::NotAdmitted(why).commit());
            }
        };
        // A scope whose group the person left is not renewed.
        family.granted.scopes = admitted.grantable(&family.granted.scopes);
        op.update_token_family(&family)?;
        // Less than the family has is for this answer only (RFC 6749 section 6).
        let narrowed = wanted.map(|wanted| family.granted.scopes.within(&wanted));
        let narrowed = narrowed.filter(|scopes| *scopes != family.granted.scopes);
        if narrowed.as_ref().is_some_and(Scopes::is_empty) {
            return Err(TokenRefusal::InvalidScope.into());
        }
        // A family is good under every name of the house, so that an app stays signed in when it is told the new issuer.
        let issuer = idp.reached_at(ctx).issuer();
        let scopes = narrowed.as_ref().unwrap_or(&family.granted.scopes);
        Ok(Material {
            claims: admitted.claims_asked(scopes, &family.granted.claims, &issuer),
            issuer,
            narrowed,
            subject: admitted.account().subject,
            refresh_token: Some(next.encode(TokenKind::Refresh)),
            nonce: None,
            family,
            app,
        })
    }
}

/// What the app asks for now; never more than was granted.
fn wanted(request: &TokenRequest, granted: &Scopes) -> Result<Option<Scopes>, TokenRefusal> {
    let Some(raw) = &request.scope else { return Ok(None) };
    let wanted: Scopes = raw.parse().map_err(|_| TokenRefusal::InvalidScope)?;
    if granted.covers(&wanted) {
        Ok(Some(wanted).filter(|wanted| !wanted.is_empty()))
    } else {
        Err(TokenRefusal::InvalidScope)
    }
}
