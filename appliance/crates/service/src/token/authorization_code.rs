//! RFC 6749 section 4.1.3, RFC 7636 section 4.5. A second offer of a code ends what the first one made (RFC 9700 section 2.1.1).

use domain::id::{AccountId, SessionNumber};
use domain::time::Timestamp;
use std::sync::Arc;
use store::Reader;

use domain::client::Client;
use domain::grant::authorization_code::{CodeOffer, CodeRefusal, RedeemedCode};
use domain::grant::pkce::CodeVerifier;
use domain::grant::refresh_token::TokenFamily;
use domain::id::FamilyNumber;
use domain::proof::dpop::binds;
use domain::token::{OpaqueToken, TokenKind};
use serde_json::json;

use super::{Attempt, Grant, Material, TRIM_EVERY, TokenRefusal};
use crate::codes::Taken;
use crate::known::KnownApp;
use crate::logout;
use crate::operation::{Abort, Refuses};

/// `grant_type=authorization_code`.
pub(super) struct AuthorizationCode;

impl Grant for AuthorizationCode {
    fn name(&self) -> &'static str {
        "authorization_code"
    }

    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>> {
        let number = attempt.idp.oauth.family_number(attempt.ctx.now);
        let redeemed = spend(attempt, &app.client, number)?;
        begin(attempt, app, number, redeemed)
    }
}

/// Takes the code, for good: whatever is wrong with the offer, it cannot be repeated.
fn spend(attempt: &Attempt<'_>, client: &Client, number: FamilyNumber) -> Result<RedeemedCode, Abort<TokenRefusal>> {
    let Attempt { idp, ctx, op, request, .. } = attempt;
    let code = request.code.as_ref().ok_or(TokenRefusal::InvalidRequest("code is missing"))?;
    let verifier = match &request.code_verifier {
        None => None,
        Some(raw) => Some(
            CodeVerifier::parse(raw.expose())
                .ok_or(TokenRefusal::InvalidRequest("code_verifier is 43 to 128 unreserved characters"))?,
        ),
    };
    // Within the transaction, so that a replay at the same moment comes after the family was written and finds it.
    let code = match idp.oauth.codes.take(code.expose(), number, ctx.now) {
        Taken::Nothing => return Err(TokenRefusal::Code(CodeRefusal::Unknown).into()),
        Taken::Spent { account, family } => {
            let refusal = TokenRefusal::Code(CodeRefusal::Replayed);
            if op.delete_token_family(account, family)? {
                op.record_consequence("token.issue", client.name.as_str(), json!({ "why": refusal.to_string() }))?;
                return Err(refusal.commit());
            }
            return refuse(attempt, client, CodeRefusal::Replayed);
        }
        Taken::Code(code) => code,
    };
    let at = idp.reached_at(ctx);
    let redirect_uri = request.redirect_uri.as_deref();
    let offer = CodeOffer { client: client.id, host: at.host(), redirect_uri, verifier };
    let redeemed = match code.redeem(&offer, ctx.now) {
        Ok(redeemed) => redeemed,
        Err(why) => return refuse(attempt, client, why),
    };
    if !binds(redeemed.dpop_jkt.as_ref(), attempt.key.as_ref()) {
        return refuse(attempt, client, CodeRefusal::OtherKey);
    }
    // Who signed out meanwhile has taken the code back.
    match redeemed.granted.authentication.session {
        Some(session) if !still_in(op, redeemed.granted.account, session, ctx.now)? => {
            Err(TokenRefusal::Code(CodeRefusal::Unknown).into())
        }
        Some(_) | None => Ok(redeemed),
    }
}

/// Whether the session goes on.
pub(super) fn still_in(
    op: &Reader<'_>,
    account: AccountId,
    session: SessionNumber,
    now: Timestamp,
) -> Result<bool, store::Fault> {
    Ok(op.session(account, session)?.is_some_and(|session| session.alive(now)))
}

fn refuse<T>(attempt: &Attempt<'_>, client: &Client, why: CodeRefusal) -> Result<T, Abort<TokenRefusal>> {
    let refusal = TokenRefusal::Code(why);
    attempt.op.record_refusal("token.issue", client.name.as_str(), json!({ "why": refusal.to_string() }))?;
    Err(refusal.commit())
}

/// Begins the family of tokens that the code was for.
pub(super) fn begin(
    attempt: &Attempt<'_>,
    app: Arc<KnownApp>,
    number: FamilyNumber,
    RedeemedCode { granted, nonce, .. }: RedeemedCode,
) -> Result<Material, Abort<TokenRefusal>> {
    let Attempt { idp, ctx, op, .. } = attempt;
    let (account, client) = (granted.account, &app.client);
    let admitted = match idp.known.admit(op, &app, account, (granted.authentication.strength, ctx.now))? {
        Ok(admitted) => admitted,
        Err(why) => {
            op.record_refusal("app.sign_in", client.name.as_str(), json!({ "why": why.to_string() }))?;
            return Err(TokenRefusal::NotAdmitted(why).commit());
        }
    };
    let token = match granted.scopes.has("offline_access") {
        true => Some(idp.oauth.access_key()?.new_refresh_token(account, number, idp.entropy())),
        false => None,
    };
    let refresh = token.as_ref().map(OpaqueToken::digest);
    let mut family = TokenFamily::begin(number, granted, refresh, client.settings.lifetimes, ctx.now);
    family.bound_to = attempt.key;
    op.insert_token_family(&family)?;
    logout::note_sign_in(op, &app, &family.granted, &idp.reached_at(ctx))?;
    if number.0 % TRIM_EVERY == 0 {
        op.trim_token_families(account, ctx.now)?;
    }
    let detail = json!({ "scopes": family.granted.scopes, "strength": family.granted.authentication.strength });
    op.record_by(&admitted.account().name, "app.sign_in", client.name.as_str(), detail)?;
    let issuer = idp.reached_at(ctx).issuer();
    Ok(Material {
        claims: admitted.claims_asked(&family.granted.scopes, &family.granted.claims, &issuer),
        issuer,
        subject: admitted.account().subject,
        refresh_token: token.map(|token| token.encode(TokenKind::Refresh)),
        nonce,
        narrowed: None,
        family,
        app,
    })
}
