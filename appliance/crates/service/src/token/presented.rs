//! Tokens that come back: which family they are of, and whether they are still good. Asked by userinfo, introspection and revocation.

use domain::client::Lifetimes;
use domain::grant::access_token::AccessToken;
use domain::grant::refresh_token::TokenFamily;
use domain::id::FamilyNumber;
use domain::time::{SET_BACK, Timestamp};
use domain::token::{OpaqueToken, TokenKind};
use store::Reader;

use super::jwt_access_token;
use crate::{Context, Fault, Idp};

/// A token that we made, at whatever time.
#[derive(Debug)]
pub(crate) enum Presented {
    /// An access token, opaque or a JWT.
    Access(AccessToken),
    /// A refresh token; its seal is right.
    Refresh(OpaqueToken),
}

impl Presented {
    /// The row that it names.
    pub(crate) fn family(&self, reader: &Reader<'_>) -> Result<Option<TokenFamily>, store::Fault> {
        match self {
            Self::Access(token) => reader.token_family(token.account, token.family),
            Self::Refresh(token) => reader.token_family(token.account, FamilyNumber(token.row)),
        }
    }
}

impl Idp {
    /// Reads a token of either kind; `None` for what we did not make. A text says itself of which kind it is, so a hint
    /// (RFC 7662 section 2.1, RFC 7009 section 2.1) has nothing to add.
    pub(crate) fn presented(&self, ctx: &Context, text: &str) -> Result<Option<Presented>, Fault> {
        if let Some(token) = self.access_token(ctx, text)? {
            return Ok(Some(Presented::Access(token)));
        }
        let key = self.oauth.access_key()?;
        let token = OpaqueToken::decode(TokenKind::Refresh, text).filter(|token| key.made_refresh_token(token));
        Ok(token.map(Presented::Refresh))
    }

    /// Reads an access token in whatever format.
    pub(crate) fn access_token(&self, ctx: &Context, text: &str) -> Result<Option<AccessToken>, Fault> {
        let key = self.oauth.access_key()?;
        if let Some(token) = key.decode(text) {
            return Ok(Some(token));
        }
        // What is signed for one issuer is good there, as RFC 9068 section 4 wants it.
        let issuer = self.reached_at(ctx).issuer();
        Ok(jwt_access_token::read((&self.oauth.keyring(), &key), text, &issuer, ctx.moment()))
    }
}

/// Whether its time has come and is not over. One that lives longer than any was made by a clock that was wrong.
pub(crate) fn in_time(token: &AccessToken, now: Timestamp) -> bool {
    now < token.expires_at && token.expires_at <= now + Lifetimes::LONGEST_ACCESS + SET_BACK
}
