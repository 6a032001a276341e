//! The userinfo endpoint (OpenID Connect Core section 5.3). Nothing is written.

use std::fmt;

use domain::admission::NotAdmitted;
use domain::claim::Released;
use domain::client::Algorithm;
use domain::permission::{Denied, Need};
use serde_json::{Map, Value};

use crate::keys::JwtKind;
use crate::operation::Refuses;
use crate::token::in_time;
use crate::{Context, Idp, OpError};

/// What userinfo answers (OpenID Connect Core section 5.3.2).
#[derive(Clone, Debug, PartialEq)]
pub enum Userinfo {
    /// The claims.
    Plain(Map<String, Value>),
    /// A JWT of them, for an app that wants it so.
    Signed(String),
}

/// The claims, and what they are signed with.
struct Told {
    claims: Map<String, Value>,
    signed: Option<Algorithm>,
}

/// Why an access token opens nothing (RFC 6750 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerRefusal {
    /// Not ours, over, or revoked.
    InvalidToken,
    /// The person may not use the app any more.
    NotAdmitted(NotAdmitted),
    /// `openid` was not granted.
    InsufficientScope,
    /// Cannot happen: the operation needs nothing.
    Denied(Denied),
}

impl Refuses for BearerRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl fmt::Display for BearerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidToken => f.write_str("the access token is unknown, over or revoked"),
            Self::NotAdmitted(why) => why.fmt(f),
            Self::InsufficientScope => f.write_str("the scope openid was not granted"),
            Self::Denied(_) => f.write_str("not allowed"),
        }
    }
}

impl Idp {
    /// What the holder of the access token may know. Signed, if at all, after the transaction.
    pub fn userinfo(&self, ctx: &Context, access_token: &str) -> Result<Userinfo, OpError<BearerRefusal>> {
        let Told { claims, signed } = self.told(ctx, access_token)?;
        match signed {
            None => Ok(Userinfo::Plain(claims)),
            Some(algorithm) => Ok(Userinfo::Signed(self.sign(algorithm, JwtKind::Plain, &claims, ctx.moment())?)),
        }
    }

    fn told(&self, ctx: &Context, access_token: &str) -> Result<Told, OpError<BearerRefusal>> {
        ctx.timely()?;
        let invalid = || OpError::Refused(BearerRefusal::InvalidToken);
        let token =
            self.access_token(ctx, access_token)?.filter(|token| in_time(token, ctx.now)).ok_or_else(invalid)?;
        self.read(ctx, Need::Nothing, |op| {
            let family = op.token_family(token.account, token.family)?.filter(|family| family.alive(ctx.now));
            let mut granted = family.ok_or_else(invalid)?.granted;
            if let Some(narrowed) = &token.narrowed {
                granted.scopes = granted.scopes.within(narrowed);
            }
            if !granted.scopes.has("openid") {
                return Err(OpError::Refused(BearerRefusal::InsufficientScope));
            }
            let app = self.known.app(op, granted.client)?.ok_or_else(invalid)?;
            let admitted = self
                .known
                .admit(op, &app, granted.account, (granted.authentication.strength, ctx.now))?
                .map_err(|why| OpError::Refused(BearerRefusal::NotAdmitted(why)))?;
            let issuer = self.reached_at(ctx).issuer();
            let sub = self.subject_at(&app.client, admitted.account().subject)?;
            let mut claims = document(sub, &admitted.claims(&granted.scopes, &issuer));
            let signed = app.client.settings.userinfo;
            if signed.is_some() {
                claims.insert("iss".to_owned(), issuer.into());
                claims.insert("aud".to_owned(), app.client.name.as_str().into());
            }
            Ok(Told { claims, signed })
        })
    }
}

/// The answer for these claims.
pub(crate) fn document(sub: String, claims: &[Released]) -> Map<String, Value> {
    let mut info: Map<String, Value> = claims
        .iter()
        .filter(|released| released.placement.in_userinfo())
        .map(|released| (released.name.clone(), released.value.clone()))
        .collect();
    info.insert("sub".to_owned(), sub.into());
    info
}
