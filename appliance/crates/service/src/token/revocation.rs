//! Revocation (RFC 7009). Whichever token of a family is brought, the whole family ends: the access tokens of a refresh token have
//! to (section 2.1), and an access token leaves nothing behind that the app could not ask for anew.

use domain::permission::Need;
use domain::token::TokenKind;
use serde_json::json;

use super::presented::{Presented, in_time};
use super::{TokenQuery, TokenRefusal};
use crate::attempts::{Caller, Guess};
use crate::doctor::{Asked, Step};
use crate::operation::{Abort, Refuses};
use crate::{Context, Idp, OpError};

/// How authorization codes begin.
const CODE: &str = "lk_c_";

impl Idp {
    /// Ends the token and all of its family. One that is not good, or not ours, is as ended as it can be (section 2.2).
    ///
    /// # Errors
    /// A client that does not prove itself, a token of another client, one of another kind, and accidents.
    pub fn revoke(&self, ctx: &Context, query: &TokenQuery) -> Result<(), OpError<TokenRefusal>> {
        let ended = self.write(ctx, Need::Nothing, |op| {
            let app = self.authenticate(ctx, op, &query.client)?;
            let text = query.token.expose();
            let Some(token) = self.presented(ctx, text)? else {
                return if is_of_another_kind(text) {
                    Err(TokenRefusal::UnsupportedTokenType.into())
                } else {
                    Ok(Found::Nothing)
                };
            };
            // An old refresh token that its own client brings ends what became of it, as it does at the token endpoint.
            let over = match &token {
                Presented::Access(token) => !in_time(token, ctx.now),
                Presented::Refresh(_) => false,
            };
            let Some(family) = token.family(op)?.filter(|_| !over) else { return Ok(Found::Over) };
            if family.granted.client != app.client.id {
                let refusal = TokenRefusal::OtherClient;
                op.record_refusal("token.revoke", app.client.name.as_str(), json!({ "why": refusal.to_string() }))?;
                return Err(refusal.commit());
            }
            op.delete_token_family(family.granted.account, family.number)?;
            let person = op.account(family.granted.account)?.map(|account| account.name.to_string());
            op.record("token.revoke", app.client.name.as_str(), json!({ "person": person }))?;
            Ok::<_, Abort<TokenRefusal>>(Found::Ended)
        });
        match self.bounded(ctx, &Asked::by(&query.client, Step::Revocation), ended)? {
            Found::Nothing => {
                let caller = Caller::new(ctx.origin.address, query.client.client_id());
                self.attempts.count(&caller, Guess::Token, ctx.uptime);
            }
            Found::Over | Found::Ended => {}
        }
        Ok(())
    }
}

/// What the token led to.
enum Found {
    /// We never made it.
    Nothing,
    /// Its family had ended, or its time had.
    Over,
    /// Its family, which is ended.
    Ended,
}

/// Whether it is one of ours that other operations end, or another JWT: an ID token is not ended at all.
fn is_of_another_kind(text: &str) -> bool {
    let others = [TokenKind::Session, TokenKind::Api, TokenKind::Invite];
    let ours = others.into_iter().map(TokenKind::prefix).chain([CODE]).any(|prefix| text.starts_with(prefix));
    ours || jsonwebtoken::decode_header(text).is_ok()
}

#[cfg(test)]
mod tests;
