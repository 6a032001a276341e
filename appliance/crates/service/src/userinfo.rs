//! The userinfo endpoint (OpenID Connect Core section 5.3). Nothing is written.

use std::fmt;

use domain::admission::NotAdmitted;
use domain::claim::Released;
use domain::client::{Algorithm, Client};
use domain::grant::authorization_code::Granted;
use domain::permission::{Denied, Need};
use domain::proof::dpop::{Expected, ProofRefusal, Proven};
use serde_json::{Map, Value};

use crate::admission::Admitted;
use crate::dpop::Nonce;
use crate::keys::JwtKind;
use crate::operation::Refuses;
use crate::token::in_time;
use crate::{Context, Fault, Idp, OpError, path};

/// An access token as it came in.
#[derive(Clone, Copy, Debug)]
pub enum ShownToken<'a> {
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

impl<'a> From<&'a str> for ShownToken<'a> {
    fn from(token: &'a str) -> Self {
        Self::Bearer(token)
    }
}

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
    /// What the holder of the access token may know. Signed, if at all, after the transaction.
    pub fn userinfo<'a>(
        &self,
        ctx: &Context,
        presented: impl Into<ShownToken<'a>>,
    ) -> Result<Userinfo, OpError<BearerRefusal>> {
        let Told { claims, signed } = self.told(ctx, presented.into())?;
        match signed {
            None => Ok(Userinfo::Plain(claims)),
            Some(algorithm) => Ok(Userinfo::Signed(self.sign(algorithm, JwtKind::Plain, &claims, ctx.moment())?)),
        }
    }

    fn told(&self, ctx: &Context, presented: ShownToken<'_>) -> Result<Told, OpError<BearerRefusal>> {
        ctx.timely()?;
        let invalid = || OpError::Refused(BearerRefusal::InvalidToken);
        let (text, proven) = match presented {
            ShownToken::Bearer(token) => (token, None),
            ShownToken::Dpop { token, proof, method } => (token, Some(self.check_holder(ctx, token, (proof, method))?)),
        };
        let token = self.access_token(ctx, text)?.filter(|token| in_time(token, ctx.now)).ok_or_else(invalid)?;
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
                Some(proven) => self.note_proof(ctx, proven).map_err(|error| error.map(BearerRefusal::Proof))?,
                None if app.client.settings.dpop_required => return Err(invalid()),
                None => {}
            }
            let admitted = self
                .known
                .admit(op, &app, granted.account, (granted.authentication.strength, ctx.now))?
                .map_err(|why| OpError::Refused(BearerRefusal::NotAdmitted(why)))?;
            Ok(self.tell(ctx, &app.client, (&admitted, &granted))?)
        })
    }

    fn tell(&self, ctx: &Context, client: &Client, (admitted, granted): (&Admitted, &Granted)) -> Result<Told, Fault> {
        let issuer = self.reached_at(ctx).issuer();
        let sub = self.subject_at(client, admitted.account().subject)?;
        let mut claims = document(sub, &admitted.claims_asked(&granted.scopes, &granted.claims, &issuer));
        let signed = client.settings.userinfo;
        if signed.is_some() {
            claims.insert("iss".to_owned(), issuer.into());
            claims.insert("aud".to_owned(), client.name.as_str().into());
        }
        Ok(Told { claims, signed })
    }

    /// The proof that comes with a token (RFC 9449 section 7.1).
    fn check_holder(
        &self,
        ctx: &Context,
        token: &str,
        (proof, method): (Option<&str>, &str),
    ) -> Result<Proven, OpError<BearerRefusal>> {
        let address = format!("{}{}", self.reached_at(ctx).issuer(), path::USERINFO);
        let expected = Expected { method, address: &address, access_token: Some(token) };
        let proof = proof.ok_or(OpError::Refused(BearerRefusal::Proof(ProofRefusal::Missing)))?;
        self.check_proof(ctx, proof, &expected, Nonce::Optional).map_err(|error| error.map(BearerRefusal::Proof))
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
