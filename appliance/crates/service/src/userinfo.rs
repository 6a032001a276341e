//! The userinfo endpoint (OpenID Connect Core section 5.3). Nothing is written.

use std::fmt;

use domain::admission::NotAdmitted;
use domain::claim::Released;
use domain::client::Lifetimes;
use domain::id::Subject;
use domain::permission::{Denied, Need};
use domain::proof::dpop::{Expected, ProofRefusal, Proven};
use domain::time::SET_BACK;
use serde_json::{Map, Value};

use crate::dpop::Nonce;
use crate::operation::Refuses;
use crate::{Context, Idp, OpError};

/// An access token as it came in.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// In the hands of whoever has it (RFC 6750).
    Bearer(&'a str),
    /// With a proof that its holder has the key that it is bound to (RFC 9449 section 7.1).
    Dpop {
        /// The token.
        token: &'a str,
        /// The `DPoP` header.
        proof: Option<&'a str>,
        /// The method of the request.
        method: &'static str,
    },
}

impl<'a> From<&'a str> for Presented<'a> {
    fn from(token: &'a str) -> Self {
        Self::Bearer(token)
    }
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
    /// It is bound to a key and came without a good proof.
    Proof(ProofRefusal),
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
            Self::Proof(why) => why.fmt(f),
            Self::InsufficientScope => f.write_str("the scope openid was not granted"),
            Self::Denied(_) => f.write_str("not allowed"),
        }
    }
}

impl Idp {
    /// What the holder of the access token may know.
    pub fn userinfo<'a>(
        &self,
        ctx: &Context,
        presented: impl Into<Presented<'a>>,
    ) -> Result<Map<String, Value>, OpError<BearerRefusal>> {
        ctx.timely()?;
        let invalid = || OpError::Refused(BearerRefusal::InvalidToken);
        let presented = presented.into();
        let (access_token, proven) = match presented {
            Presented::Bearer(token) => (token, None),
            Presented::Dpop { token, proof, method } => (token, Some(self.check_holder(ctx, token, (proof, method))?)),
        };
        let token = self.oauth.access_key()?.decode(access_token).ok_or_else(invalid)?;
        // One that lives longer than any was made by a clock that was wrong.
        let latest = ctx.now + Lifetimes::LONGEST_ACCESS + SET_BACK;
        if ctx.now >= token.expires_at || token.expires_at > latest {
            return Err(invalid());
        }
        self.read(ctx, Need::Nothing, |op| {
            let family = op.token_family(token.account, token.family)?.filter(|family| family.alive(ctx.now));
            let family = family.ok_or_else(invalid)?;
            // A token that is bound opens nothing without its key, and one that is not is no DPoP token.
            if family.bound_to != proven.map(|proven| proven.thumbprint) {
                return Err(invalid());
            }
            let mut granted = family.granted;
            if let Some(narrowed) = &token.narrowed {
                granted.scopes = granted.scopes.within(narrowed);
            }
            if !granted.scopes.has("openid") {
                return Err(OpError::Refused(BearerRefusal::InsufficientScope));
            }
            let app = self.known.app(op, granted.client)?.ok_or_else(invalid)?;
            match &proven {
                Some(proven) => {
                    self.note_proof(ctx, granted.client, proven).map_err(|error| error.map(BearerRefusal::Proof))?
                }
                None if app.client.settings.dpop_required => return Err(invalid()),
                None => {}
            }
            let admitted = self
                .known
                .admit(op, &app, granted.account, (granted.authentication.strength, ctx.now))?
                .map_err(|why| OpError::Refused(BearerRefusal::NotAdmitted(why)))?;
            let claims = admitted.claims_asked(&granted.scopes, &granted.claims, &self.reached_at(ctx).issuer());
            Ok(document(admitted.account().subject, &claims))
        })
    }
}

impl Idp {
    /// The proof that comes with a token (RFC 9449 section 7.1).
    fn check_holder(
        &self,
        ctx: &Context,
        token: &str,
        (proof, method): (Option<&str>, &str),
    ) -> Result<Proven, OpError<BearerRefusal>> {
        let address = format!("{}/userinfo", self.reached_at(ctx).issuer());
        let expected = Expected { method, address: &address, access_token: Some(token) };
        let proof = proof.ok_or(OpError::Refused(BearerRefusal::Proof(ProofRefusal::Missing)))?;
        self.check_proof(ctx, proof, &expected, Nonce::Optional).map_err(|error| error.map(BearerRefusal::Proof))
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
