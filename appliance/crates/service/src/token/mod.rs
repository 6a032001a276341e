//! The token endpoint (RFC 6749 section 3.2): who the client is, which grant it brings, and what it gets for it.
//!
//! To add a grant: a file beside this one and a row in `GRANTS`.

mod authorization_code;
mod client;
mod client_credentials;
mod device_code;
mod exchange;
mod fetched_keys;
mod introspection;
mod issue;
mod jwt_access_token;
mod presented;
mod refresh_token;
mod request;
mod revocation;

pub use client::ClientCredentials;
pub(crate) use device_code::NAME as DEVICE_CODE;
pub(crate) use fetched_keys::FetchedKeys;
pub use fetched_keys::{KeyQuestion, KeysToFetch};
pub use issue::TokenAnswer;
pub(crate) use issue::{Material, id_token_claims};
pub(crate) use presented::in_time;
pub use request::{DeviceAuthorizationRequest, TokenQuery, TokenRequest};

use std::fmt;
use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::api_token::ApiToken;
use domain::grant::authorization_code::CodeRefusal;
use domain::grant::device_code::DeviceRefusal;
use domain::grant::refresh_token::RefreshRefusal;
use domain::permission::{Denied, Need};
use domain::proof::assertion::AssertionRefusal;
use domain::proof::dpop::{Expected, ProofRefusal};
use domain::secret::Digest;

use crate::attempts::{Caller, Guess};
use crate::doctor::Asked;
use crate::dpop::Nonce;
use crate::known::KnownApp;
use crate::operation::{Abort, Refuses, Writing};
use crate::{Context, Fault, Idp, OpError, path};
use authorization_code::AuthorizationCode;
use client_credentials::ClientCredentialsGrant;
use device_code::DeviceCode;
use exchange::TokenExchange;
use refresh_token::RefreshToken;

/// All grants; discovery names the same.
pub(crate) const GRANTS: &[&dyn Grant] =
    &[&AuthorizationCode, &RefreshToken, &DeviceCode, &ClientCredentialsGrant, &TokenExchange];

/// How clients prove themselves (RFC 8414 section 2); discovery names the same.
pub(crate) const CLIENT_AUTHENTICATION: [&str; 4] =
    ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];

/// To tidy up reads all families of the account, so it is done once in this many exchanges.
const TRIM_EVERY: i64 = 128;

/// One way to get tokens.
pub(crate) trait Grant: Sync {
    /// `grant_type`.
    fn name(&self) -> &'static str;

    /// What the access token is called in the answer (RFC 8693 section 2.2.1).
    fn issued_token_type(&self) -> Option<&'static str> {
        None
    }

    /// Takes what the client brought and says what tokens are made of.
    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>>;
}

/// A token request of a client that proved itself, in its transaction.
pub(crate) struct Attempt<'a> {
    pub(crate) idp: &'a Idp,
    pub(crate) ctx: &'a Context,
    pub(crate) op: &'a Writing<'a>,
    pub(crate) request: &'a TokenRequest,
    /// The thumbprint of the key that the client holds; a new family is bound to it (RFC 9449 section 5).
    pub(crate) key: Option<Digest>,
    /// The API token by which a service account, and not the app, proved itself.
    pub(crate) caller: Option<ApiToken>,
}

impl Idp {
    /// Answers a token request. One transaction; the signature is made after it.
    pub fn token(&self, ctx: &Context, request: &TokenRequest) -> Result<TokenAnswer, OpError<TokenRefusal>> {
        let Some(grant) = GRANTS.iter().find(|grant| grant.name() == request.grant_type) else {
            return self.bounded(ctx, &request.asked(), Err(OpError::Refused(TokenRefusal::UnsupportedGrant)));
        };
        let address = format!("{}{}", self.reached_at(ctx).issuer(), path::TOKEN);
        let expected = Expected { method: "POST", address: &address, access_token: None };
        let proven = match &request.proof {
            Some(text) => {
                let proven = self.check_proof(ctx, text, &expected, Nonce::Demanded);
                Some(self.bounded(ctx, &request.asked(), proven.map_err(|error| error.map(TokenRefusal::Proof)))?)
            }
            None => None,
        };
        let key = proven.map(|proven| proven.thumbprint);
        let redeemed = self.write(ctx, Need::Nothing, |op| {
            let (app, caller) = self.asking(ctx, op, request)?;
            if app.client.settings.dpop_required && key.is_none() {
                return Err(TokenRefusal::Proof(ProofRefusal::Missing).into());
            }
            let material = grant.redeem(&Attempt { idp: self, ctx, op, request, key, caller }, app)?;
            if material.family.bound_to != key {
                return Err(Fault::unexpected("a grant did not bind its tokens").into());
            }
            // Only now: whoever holds neither code nor token cannot fill the memory of proofs.
            if let Some(proven) = &proven {
                self.note_proof(ctx, proven).map_err(|error| Abort::Undo(error.map(TokenRefusal::Proof)))?;
            }
            Ok(material)
        });
        let material = self.bounded(ctx, &request.asked(), redeemed)?;
        let answer = self.issue(material, ctx.moment())?;
        Ok(TokenAnswer { issued_token_type: grant.issued_token_type(), ..answer })
    }

    /// Tells the doctor what was refused, counts what was wrong, and says no more of it to whoever was wrong too often. What is right is not held up: others may be at
    /// the same address.
    pub(crate) fn bounded<T>(
        &self,
        ctx: &Context,
        asked: &Asked<'_>,
        outcome: Result<T, OpError<TokenRefusal>>,
    ) -> Result<T, OpError<TokenRefusal>> {
        let Err(OpError::Refused(refusal)) = &outcome else { return outcome };
        let Some(guess) = refusal.guess() else {
            self.complain_of_client(ctx, asked, refusal);
            return outcome;
        };
        let caller = Caller::new(ctx.origin.address, asked.client.client_id());
        if let Err(seconds) = self.attempts.admit(&caller, ctx.uptime) {
            return Err(OpError::Refused(TokenRefusal::TooManyGuesses { seconds }));
        }
        self.complain_of_client(ctx, asked, refusal);
        self.attempts.count(&caller, guess, ctx.uptime);
        outcome
    }
}

/// Why there are no tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// Something is missing, repeated or malformed.
    InvalidRequest(&'static str),
    /// The client is unknown or did not prove itself.
    InvalidClient {
        /// Whether it tried by HTTP Basic.
        basic: bool,
    },
    /// What the client signed to say who it is does not say so.
    InvalidAssertion(AssertionRefusal),
    /// The proof of a key is missing or not good.
    Proof(ProofRefusal),
    /// The client may not use this grant; why, and what to do.
    Unauthorized(&'static str),
    /// A grant that there is not.
    UnsupportedGrant,
    /// More than was granted.
    InvalidScope,
    /// The code is not good.
    Code(CodeRefusal),
    /// The refresh token is not good.
    Refresh(RefreshRefusal),
    /// The device gets no tokens, or not yet.
    Device(DeviceRefusal),
    /// The app may not sign people in on a device.
    NoDevices,
    /// The person may not use the app any more.
    NotAdmitted(NotAdmitted),
    /// A public client asked what only one that proves itself is told.
    PublicClient,
    /// What a service account brought is no API token that is good.
    SubjectToken,
    /// A target that is not the app that the request names.
    InvalidTarget(&'static str),
    /// The token to be ended was issued to another client.
    OtherClient,
    /// A token of a kind that is not ended here.
    UnsupportedTokenType,
    /// Too many wrong secrets, codes or tokens came from there.
    TooManyGuesses {
        /// After how many seconds another one is looked at.
        seconds: u64,
    },
    /// Cannot happen: the operation needs nothing.
    Denied(Denied),
}

impl TokenRefusal {
    /// Whether this may have been a guess, and at what. What an app gets wrong by itself is none.
    fn guess(&self) -> Option<Guess> {
        match self {
            Self::InvalidClient { .. } | Self::InvalidAssertion(_) => Some(Guess::Secret),
            Self::Code(
                CodeRefusal::Unknown | CodeRefusal::Replayed | CodeRefusal::OtherClient | CodeRefusal::WrongVerifier,
            )
            | Self::Refresh(
                RefreshRefusal::Unknown | RefreshRefusal::Reused | RefreshRefusal::Leaked | RefreshRefusal::OtherKey,
            )
            | Self::Device(DeviceRefusal::Unknown | DeviceRefusal::OtherClient)
            | Self::SubjectToken
            | Self::OtherClient => Some(Guess::Token),
            Self::Code(
                CodeRefusal::Expired
                | CodeRefusal::OtherIssuer
                | CodeRefusal::OtherRedirectUri
                | CodeRefusal::MissingVerifier
                | CodeRefusal::UnexpectedVerifier
                | CodeRefusal::OtherKey
                | CodeRefusal::Trial,
            )
            | Self::Device(
                DeviceRefusal::Pending
                | DeviceRefusal::SlowDown
                | DeviceRefusal::Denied
                | DeviceRefusal::Expired
                | DeviceRefusal::Spent
                | DeviceRefusal::OtherIssuer,
            )
            | Self::NoDevices
            | Self::Proof(_)
            | Self::Unauthorized(_)
            | Self::Refresh(RefreshRefusal::Expired)
            | Self::InvalidRequest(_)
            | Self::UnsupportedGrant
            | Self::InvalidScope
            | Self::InvalidTarget(_)
            | Self::NotAdmitted(_)
            | Self::PublicClient
            | Self::UnsupportedTokenType
            | Self::TooManyGuesses { .. }
            | Self::Denied(_) => None,
        }
    }
}

impl Refuses for TokenRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest(why) => f.write_str(why),
            Self::InvalidClient { .. } => f.write_str("no such client, or the wrong secret"),
            Self::InvalidAssertion(why) => why.fmt(f),
            Self::Proof(why) => why.fmt(f),
            Self::Unauthorized(why) | Self::InvalidTarget(why) => f.write_str(why),
            Self::SubjectToken => f.write_str(
                "subject_token is no API token of a service account, or is over or revoked; an admin makes one with: \
                 latchkey service-account token create ACCOUNT",
            ),
            Self::UnsupportedGrant => {
                f.write_str("grant_type is one of")?;
                GRANTS.iter().try_for_each(|grant| write!(f, " {}", grant.name()))
            }
            Self::InvalidScope => f.write_str("scope goes beyond what was granted"),
            Self::Code(why) => f.write_str(match why {
                CodeRefusal::Unknown => "the code is unknown or was forgotten",
                CodeRefusal::Replayed => "the code was used before; what it made is revoked",
                CodeRefusal::Expired => "the code is too old; it is good for 60 seconds",
                CodeRefusal::OtherClient => "the code was made for another client",
                CodeRefusal::OtherIssuer => "the code was made by the issuer under another name of this house",
                CodeRefusal::OtherRedirectUri => "redirect_uri is not the one of the authorization request",
                CodeRefusal::MissingVerifier => "code_verifier is missing",
                CodeRefusal::UnexpectedVerifier => "code_verifier was given, but the request had no code_challenge",
                CodeRefusal::WrongVerifier => "code_verifier does not answer the code_challenge",
                CodeRefusal::OtherKey => "the code was asked for with another key; send a DPoP proof by that key (dpop_jkt)",
                CodeRefusal::Trial => "the code belongs to a trial of an admin's; it becomes no token",
            }),
            Self::Refresh(why) => f.write_str(match why {
                RefreshRefusal::Unknown => "the refresh token is unknown or was revoked",
                RefreshRefusal::Expired => "the refresh token is too old; sign in again",
                RefreshRefusal::Reused => "the refresh token was used before; all of its kind are revoked",
                RefreshRefusal::OtherKey => "the refresh token is bound to a key; send a DPoP proof by that key",
                RefreshRefusal::Leaked => "the refresh token belongs to another client; all of its kind are revoked",
            }),
            Self::Device(why) => f.write_str(match why {
                DeviceRefusal::Unknown => "the device code is unknown or was forgotten",
                DeviceRefusal::Pending => "the person has not answered yet",
                DeviceRefusal::SlowDown => "the person has not answered yet; wait 5 seconds longer between two questions",
                DeviceRefusal::Denied => "the person said no",
                DeviceRefusal::Expired => "nobody answered in time; ask for a new code",
                DeviceRefusal::Spent => "the device code was used before",
                DeviceRefusal::OtherClient => "the device code was made for another client; it is void now",
                DeviceRefusal::OtherIssuer => "the device code was made by the issuer under another name of this house",
            }),
            Self::NoDevices => {
                f.write_str("this app may not sign people in on a device; an admin allows it with: latchkey app set NAME --device true")
            }
            Self::NotAdmitted(why) => why.fmt(f),
            Self::PublicClient => {
                f.write_str("a public client has no secret, and only a client that proves itself is told")
            }
            Self::OtherClient => f.write_str("the token was issued to another client"),
            Self::UnsupportedTokenType => f.write_str("only access tokens and refresh tokens are revoked here"),
            Self::TooManyGuesses { seconds } => {
                write!(f, "too many wrong secrets, codes or tokens came from there; try again in {seconds} seconds")
            }
            Self::Denied(_) => f.write_str("not allowed"),
        }
    }
}

#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod pairwise_tests;
#[cfg(test)]
mod tests;
