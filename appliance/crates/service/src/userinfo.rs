//! The userinfo endpoint (OpenID Connect Core section 5.3). Nothing is written.

use std::fmt;

use domain::admission::NotAdmitted;
use domain::claim::Released;
use domain::client::Lifetimes;
use domain::id::Subject;
use domain::permission::{Denied, Need};
use domain::time::SET_BACK;
use serde_json::{Map, Value};

use crate::operation::Refuses;
use crate::{Context, Idp, OpError};

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
    /// What the holder of the access token may know.
    pub fn userinfo(&self, ctx: &Context, access_token: &str) -> Result<Map<String, Value>, OpError<BearerRefusal>> {
        ctx.timely()?;
        let invalid = || OpError::Refused(BearerRefusal::InvalidToken);
        let token = self.oauth.access_key()?.decode(access_token).ok_or_else(invalid)?;
        // One that lives longer than any was made by a clock that was wrong.
        let latest = ctx.now + Lifetimes::LONGEST_ACCESS + SET_BACK;
        if ctx.now >= token.expires_at || token.expires_at > latest {
            return Err(invalid());
        }
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
            let claims = admitted.claims_asked(&granted.scopes, &granted.claims, &self.reached_at(ctx).issuer());
            Ok(document(admitted.account().subject, &claims))
        })
    }
}

/// The answer for these claims.
pub(crate) fn document(subject: Subject, claims: &[Released]) -> Map<String, Value> {
    let mut info: Map<String, Value> = claims
        .iter()
        .filter(|released| released.placement.in_userinfo())
        .map(|released| (released.name.clone(), released.value.clone()))
        .collect();
    info.insert("sub".to_owned(), subject.to_string().into());
    info
}
