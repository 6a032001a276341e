//! The token endpoint (RFC 6749 section 3.2): who the client is, which grant it brings, and what it gets for it.
//!
//! To add a grant: a file beside this one and a row in `GRANTS`.

mod authorization_code;
mod device_code;
mod issue;
mod refresh_token;
mod request;

pub use issue::TokenAnswer;
pub(crate) use issue::{Material, id_token_claims};
pub(crate) use request::ClientCredentials;
pub use request::{DeviceRequest, TokenRequest};

use std::fmt;
use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::grant::authorization_code::CodeRefusal;
use domain::grant::device_code::DeviceRefusal;
use domain::grant::refresh_token::RefreshRefusal;
use domain::permission::{Denied, Need};
use domain::secret::Digest;
use store::Reader;

use crate::known::KnownApp;
use crate::operation::{Abort, Refuses, Writing};
use crate::{Context, Idp, OpError};
use authorization_code::AuthorizationCode;
use device_code::DeviceCode;
use refresh_token::RefreshToken;

/// All grants; discovery names the same.
pub(crate) const GRANTS: &[&dyn Grant] = &[&AuthorizationCode, &RefreshToken, &DeviceCode];

/// How clients prove themselves (RFC 8414 section 2); discovery names the same.
pub(crate) const CLIENT_AUTHENTICATION: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

/// One way to get tokens.
pub(crate) trait Grant: Sync {
    /// `grant_type`.
    fn name(&self) -> &'static str;

    /// Takes what the client brought and says what tokens are made of.
    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>>;
}

/// A token request of a client that proved itself, in its transaction.
pub(crate) struct Attempt<'a> {
    pub(crate) idp: &'a Idp,
    pub(crate) ctx: &'a Context,
    pub(crate) op: &'a Writing<'a>,
    pub(crate) request: &'a TokenRequest,
}

impl Idp {
    /// Answers a token request. One transaction; the signature is made after it.
    pub fn token(&self, ctx: &Context, request: &TokenRequest) -> Result<TokenAnswer, OpError<TokenRefusal>> {
        let Some(grant) = GRANTS.iter().find(|grant| grant.name() == request.grant_type) else {
            return Err(OpError::Refused(TokenRefusal::UnsupportedGrant));
        };
        let mut asked = None;
        let redeemed = self.write(ctx, Need::Nothing, |op| {
            asked = self.named(op, &request.client)?;
            let app = self.authenticate(op, &request.client)?;
            grant.redeem(&Attempt { idp: self, ctx, op, request }, app)
        });
        if let (Some(app), Err(OpError::Refused(refusal))) = (&asked, &redeemed) {
            self.complain_of_token(&app.client, request, refusal, ctx.now);
        }
        let material = redeemed?;
        self.issue(material, ctx.moment())
    }

    /// The app that the client says it is, not proven.
    fn named(&self, reader: &Reader<'_>, client: &ClientCredentials) -> Result<Option<Arc<KnownApp>>, store::Fault> {
        match client.client_id.parse() {
            Ok(name) => self.known.app_by_name(reader, &name),
            Err(_) => Ok(None),
        }
    }

    /// RFC 6749 section 2.3. An unknown client and a wrong secret are answered alike.
    pub(crate) fn authenticate(
        &self,
        reader: &Reader<'_>,
        credentials: &ClientCredentials,
    ) -> Result<Arc<KnownApp>, Abort<TokenRefusal>> {
        let refusal = TokenRefusal::InvalidClient { basic: credentials.basic };
        let app = self.named(reader, credentials)?;
        let offered = credentials.secret.as_ref().map(|secret| Digest::of(secret.expose().as_bytes()));
        let Some(app) = app else { return Err(refusal.into()) };
        match (&app.client.secret, offered) {
            (None, None) => Ok(app),
            // Basic without a password is how some libraries say `none`.
            (None, Some(offered)) if credentials.basic && offered == Digest::of(b"") => Ok(app),
            (Some(stored), Some(offered)) if *stored == offered => Ok(app),
            (Some(_), Some(_) | None) | (None, Some(_)) => Err(refusal.into()),
        }
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
    /// Cannot happen: the operation needs nothing.
    Denied(Denied),
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
            Self::UnsupportedGrant => {
                let known: Vec<_> = GRANTS.iter().map(|grant| grant.name()).collect();
                write!(f, "grant_type is one of {}", known.join(", "))
            },
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
                CodeRefusal::Trial => "the code belongs to a trial of an admin's; it becomes no token",
            }),
            Self::Refresh(why) => f.write_str(match why {
                RefreshRefusal::Unknown => "the refresh token is unknown or was revoked",
                RefreshRefusal::Expired => "the refresh token is too old; sign in again",
                RefreshRefusal::Reused => "the refresh token was used before; all of its kind are revoked",
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
            Self::Denied(_) => f.write_str("not allowed"),
        }
    }
}

#[cfg(test)]
mod tests;
