//! Proofs that whoever asks holds a key (RFC 9449): at the token endpoint they bind tokens to it, at a protected resource they
//! show that a token is in the right hands.
//!
//! A nonce of ours is demanded with every proof at the token endpoint, so that none can be made in advance (section 8). At a
//! resource `ath` does as much; a nonce that comes there all the same has to be good.

use domain::jwk::Jwk;
use domain::proof::dpop::{self, Expected, ProofRefusal, Proven};
use serde_json::Value;

use crate::proof::{Noted, Signed};
use crate::{Context, Fault, Idp, OpError};

/// Whether a nonce has to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nonce {
    Demanded,
    Optional,
}

impl Idp {
    /// The nonce for the next proof: `DPoP-Nonce`.
    pub fn proof_nonce(&self, ctx: &Context) -> Result<String, Fault> {
        Ok(self.oauth.access_key()?.proof_nonce(ctx.now))
    }

    /// Whether the proof is good for this request. That it comes for the first time is left to [`Idp::note_proof`], once it is
    /// known whose it is.
    pub(crate) fn check_proof(
        &self,
        ctx: &Context,
        text: &str,
        expected: &Expected<'_>,
        nonce: Nonce,
    ) -> Result<Proven, OpError<ProofRefusal>> {
        ctx.timely()?;
        let refuse = OpError::Refused;
        let (signed, key) = read(text).ok_or(refuse(ProofRefusal::Malformed))?;
        let claims = signed.verified(&key).ok_or(refuse(ProofRefusal::WrongSignature))?;
        let proven = dpop::check(&claims, key.thumbprint(), expected, ctx.now).map_err(refuse)?;
        let good = match (claims.get("nonce"), nonce) {
            (Some(Value::String(text)), _) => self.oauth.access_key()?.is_proof_nonce(text, ctx.now),
            (Some(_), _) | (None, Nonce::Demanded) => false,
            (None, Nonce::Optional) => true,
        };
        if !good {
            return Err(refuse(ProofRefusal::Nonce));
        }
        if self.oauth.proofs.knows(&proven.once.name) {
            return Err(refuse(ProofRefusal::Replayed));
        }
        Ok(proven)
    }

    /// Takes the proof, once, for that app.
    pub(crate) fn note_proof(&self, ctx: &Context, proven: &Proven) -> Result<(), OpError<ProofRefusal>> {
        match self.oauth.proofs.note(*proven.thumbprint.as_bytes(), proven.once, ctx.now) {
            Noted::New => Ok(()),
            Noted::Again => Err(OpError::Refused(ProofRefusal::Replayed)),
            Noted::Full => Err(OpError::Fault(Fault::Busy)),
        }
    }
}

/// RFC 9449 section 4.2: the type, and the public key in the header.
fn read(text: &str) -> Option<(Signed<'_>, Jwk)> {
    let signed = Signed::read(text)?;
    signed.header("typ").and_then(Value::as_str).filter(|kind| kind.eq_ignore_ascii_case(dpop::TYPE))?;
    let key = Jwk::read(signed.header("jwk")?).ok()?;
    Some((signed, key))
}
