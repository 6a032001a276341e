//! Dynamic client registration (RFC 7591, RFC 7592). Off unless an admin makes a token for it: nobody registers an app without
//! one, and the token says who may use the apps that come by it.

mod client;
mod metadata;

pub use client::{DocumentsToFetch, FetchedDocuments, Registered, RegistrationRefusal};

use domain::entropy;
use domain::id::{AccountId, RegistrationTokenNumber};
use domain::name::GroupName;
use domain::permission::Need;
use domain::registration::{MAX_TOKENS, MAX_USES, RegistrationToken, end};
use domain::secret::Secret;
use domain::time::{Span, Timestamp};
use domain::token::{OpaqueToken, TokenKind};
use serde_json::json;

use crate::group::named as group_named;
use crate::{Change, Context, Idp, OpError, Refusal};

/// The tokens of registration belong to no account.
const NO_ACCOUNT: AccountId = AccountId(0);

/// A token that was just made.
#[derive(Debug)]
pub struct NewRegistrationToken {
    /// Its number, by which it is revoked.
    pub number: RegistrationTokenNumber,
    /// The token itself. This is the only moment at which it can be read.
    pub token: Secret<String>,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

/// A token in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationTokenView {
    /// Its number.
    pub number: RegistrationTokenNumber,
    /// Whose members may use the apps.
    pub group: GroupName,
    /// How many more apps it registers.
    pub uses_left: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

impl Idp {
    /// Makes a token that registers so many apps for that group; it lives a day when nothing is said, 90 days at the most.
    pub fn create_registration_token(
        &self,
        ctx: &Context,
        group: &GroupName,
        uses: u32,
        lifetime: Option<Span>,
    ) -> Result<NewRegistrationToken, OpError<Refusal>> {
        ctx.timely()?;
        self.write(ctx, Need::ManageApps, |op| {
            let invalid = |what: &str, why: String| Refusal::Invalid { what: what.to_owned(), why };
            if uses == 0 || uses > MAX_USES {
                return Err(invalid("uses", format!("a token registers 1 to {MAX_USES} apps")).into());
            }
            let expires_at = end(ctx.now, lifetime).map_err(|why| invalid("lifetime", why.to_owned()))?;
            let group_id = group_named(op, group)?.id;
            op.delete_expired_registration_tokens(ctx.now)?;
            if op.registration_tokens()?.len() >= MAX_TOKENS {
                return Err(Refusal::TooMany { what: "registration tokens", limit: MAX_TOKENS }.into());
            }
            let number = RegistrationTokenNumber(entropy::number(self.entropy()));
            let token = OpaqueToken::random(NO_ACCOUNT, number.0, self.entropy());
            op.put_registration_token(&RegistrationToken {
                number,
                digest: token.digest(),
                group: group_id,
                uses_left: uses,
                created_at: ctx.now,
                expires_at,
            })?;
            let detail = json!({ "number": number, "uses": uses, "expires_at": expires_at });
            op.record("registration_token.create", group.as_str(), detail)?;
            Ok(NewRegistrationToken { number, token: token.encode(TokenKind::Registration), expires_at })
        })
    }

    /// Lists the tokens that are good, the oldest first.
    pub fn list_registration_tokens(&self, ctx: &Context) -> Result<Vec<RegistrationTokenView>, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let mut views = Vec::new();
            for token in op.registration_tokens()?.into_iter().filter(|token| token.good(ctx.now)) {
                let Some(group) = op.group(token.group)? else { continue };
                views.push(RegistrationTokenView {
                    number: token.number,
                    group: group.name,
                    uses_left: token.uses_left,
                    created_at: token.created_at,
                    expires_at: token.expires_at,
                });
            }
            Ok(views)
        })
    }

    /// Revokes a token at once; the apps that came by it stay.
    pub fn revoke_registration_token(
        &self,
        ctx: &Context,
        number: RegistrationTokenNumber,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageApps, |op| {
            if !op.delete_registration_token(number)? {
                return Ok(Change::Unchanged);
            }
            op.record("registration_token.revoke", "", json!({ "number": number }))?;
            Ok(Change::Removed)
        })
    }
}

#[cfg(test)]
mod tests;
