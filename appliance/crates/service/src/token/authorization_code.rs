//! RFC 6749 section 4.1.3, RFC 7636 section 4.5. A second offer of a code ends what the first one made (RFC 9700 section 2.1.1).

use domain::client::Client;
use domain::entropy;
use domain::grant::authorization_code::{CodeOffer, CodeRefusal};
use domain::grant::pkce::CodeVerifier;
use domain::grant::refresh_token::TokenFamily;
use domain::id::FamilyNumber;
use domain::token::{OpaqueToken, TokenKind};
use serde_json::json;

use super::{Attempt, Grant, Material, TokenRefusal};
use crate::admission;
use crate::codes::Taken;
use crate::operation::{Abort, Refuses};

/// To tidy up reads all families of the person, so it is done once in this many exchanges.
const TRIM_EVERY: i64 = 32;

/// `grant_type=authorization_code`.
pub(super) struct AuthorizationCode;

impl Grant for AuthorizationCode {
    fn name(&self) -> &'static str {
        "authorization_code"
    }

    fn redeem(&self, attempt: &Attempt<'_>, client: Client) -> Result<Material, Abort<TokenRefusal>> {
        let Attempt { idp, ctx, op, request } = attempt;
        let code = request.code.as_ref().ok_or(TokenRefusal::InvalidRequest("code is missing"))?;
        let verifier = match &request.code_verifier {
            None => None,
            Some(raw) => Some(
                CodeVerifier::parse(raw.expose())
                    .ok_or(TokenRefusal::InvalidRequest("code_verifier is 43 to 128 unreserved characters"))?,
            ),
        };
        let number = FamilyNumber(entropy::number(idp.entropy()));
        // Within the transaction, so that a replay at the same moment comes after the family was written and finds it.
        let code = match idp.oauth.codes.take(code.expose(), number, ctx.now) {
            Taken::Nothing => return Err(TokenRefusal::Code(CodeRefusal::Unknown).into()),
            Taken::Spent { account, family } => {
                let ended = op.delete_token_family(account, family)?;
                op.record_refusal(
                    "token.issue",
                    client.name.as_str(),
                    json!({ "why": "code replayed", "revoked": ended }),
                )?;
                return Err(TokenRefusal::Code(CodeRefusal::Replayed).commit());
            }
            Taken::Code(code) => code,
        };
        let offer = CodeOffer { client: client.id, redirect_uri: request.redirect_uri.as_deref(), verifier };
        let redeemed = match code.redeem(&offer, ctx.now) {
            Ok(redeemed) => redeemed,
            Err(why) => {
                let refusal = TokenRefusal::Code(why);
                op.record_refusal("token.issue", client.name.as_str(), json!({ "why": refusal.to_string() }))?;
                return Err(refusal.commit());
            }
        };
        let granted = redeemed.granted;
        // Who signed out meanwhile has taken the code back.
        if let Some(session) = granted.authentication.session
            && op.session(granted.account, session)?.is_none()
        {
            return Err(TokenRefusal::Code(CodeRefusal::Unknown).into());
        }
        let admitted = admission::admit(op, &client, granted.account, granted.authentication.strength, ctx.now)?
            .map_err(TokenRefusal::NotAdmitted)?;
        let token =
            granted.scopes.has("offline_access").then(|| OpaqueToken::random(granted.account, number.0, idp.entropy()));
        let refresh = token.as_ref().map(OpaqueToken::digest);
        let family = TokenFamily::begin(number, granted, refresh, client.settings.lifetimes, ctx.now);
        op.insert_token_family(&family)?;
        if number.0 % TRIM_EVERY == 0 {
            op.trim_token_families(family.granted.account, ctx.now)?;
        }
        let detail = json!({ "scopes": family.granted.scopes, "strength": family.granted.authentication.strength });
        op.record_by(&admitted.account.name, "app.sign_in", client.name.as_str(), detail)?;
        Ok(Material {
            claims: admitted.claims(op, &client, &family.granted.scopes, &idp.settings.issuer)?,
            subject: admitted.account.subject,
            refresh_token: token.map(|token| token.encode(TokenKind::Refresh)),
            nonce: redeemed.nonce,
            family,
            client,
        })
    }
}
