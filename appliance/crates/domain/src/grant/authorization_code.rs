//! Authorization codes (RFC 6749 section 4.1, RFC 7636, RFC 9700 section 2.1): single use, bound to the client, its redirect URI,
//! its challenge and the issuer that answered with it (RFC 9207). A code that was offered wrongly is spent as well: whoever holds it should not have it.

use crate::claim::RequestedClaims;
use crate::grant::pkce::{CodeChallenge, CodeVerifier};
use crate::host::Host;
use crate::id::{AccountId, ClientId, FamilyNumber, SessionNumber};
use crate::scope::Scopes;
use crate::secret::Digest;
use crate::sign_in::Factors;
use crate::strength::Strength;
use crate::time::{Span, Timestamp};

/// How long a code is good (RFC 6749 section 4.1.2 wants 10 minutes at the most).
pub const LIFETIME: Span = Span::seconds(60);

/// How, when and in which session the person proved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The session; absent after it was forgotten.
    pub session: Option<SessionNumber>,
    /// How strongly (`acr`).
    pub strength: Strength,
    /// With what (`amr`).
    pub factors: Factors,
    /// When (`auth_time`).
    pub at: Timestamp,
}

/// What a person granted to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Who.
    pub account: AccountId,
    /// To which app.
    pub client: ClientId,
    /// To do and know what.
    pub scopes: Scopes,
    /// Proven how.
    pub authentication: Authentication,
    /// Which claims the app asked for by name.
    pub claims: RequestedClaims,
}

impl Granted {
    /// What the ID token says about how strongly the person proved it: of the levels that the app asked for, the one that was
    /// reached (OpenID Connect Core section 5.5.1.1).
    pub fn acr(&self) -> Strength {
        self.claims.acr.unwrap_or(self.authentication.strength)
    }
}

/// A code in flight. It has no `redeem` twice: redeeming consumes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// What it stands for.
    pub granted: Granted,
    /// Where it was sent, as the app asked.
    pub redirect_uri: String,
    /// The name under which it was made: it is good at that issuer only.
    pub host: Host,
    /// What the app committed to.
    pub challenge: Option<CodeChallenge>,
    /// To be repeated in the ID token.
    pub nonce: Option<String>,
    /// The thumbprint of the key that its tokens must be bound to (`dpop_jkt`, RFC 9449 section 10).
    pub dpop_jkt: Option<Digest>,
    /// Whether an admin only tries the sign-in out: then it never becomes a token.
    pub trial: bool,
    /// When it was made.
    pub issued_at: Timestamp,
}

/// What comes with a code at the token endpoint.
#[derive(Clone, Copy, Debug)]
pub struct CodeOffer<'a> {
    /// The authenticated client.
    pub client: ClientId,
    /// The name under which it is offered.
    pub host: &'a Host,
    /// `redirect_uri`, if given.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`, if given.
    pub verifier: Option<CodeVerifier<'a>>,
}

/// Why a code was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefusal {
    /// There is none like it, or it was forgotten.
    Unknown,
    /// It was offered before; what grew from it is revoked.
    Replayed,
    /// Too late.
    Expired,
    /// It was made for another client.
    OtherClient,
    /// It was made by the issuer under another name of the house.
    OtherIssuer,
    /// It was sent to another URI.
    OtherRedirectUri,
    /// A challenge without a verifier, or the other way round (RFC 9700 section 2.1.1: no downgrade).
    MissingVerifier,
    /// A verifier for a code without a challenge.
    UnexpectedVerifier,
    /// The wrong verifier.
    WrongVerifier,
    /// It was asked for with another key (`dpop_jkt`, RFC 9449 section 10).
    OtherKey,
    /// It belongs to a trial of an admin's.
    Trial,
}

/// A code that was good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedeemedCode {
    /// What it stood for.
    pub granted: Granted,
    /// To be repeated in the ID token.
    pub nonce: Option<String>,
    /// The thumbprint of the key that its tokens must be bound to.
    pub dpop_jkt: Option<Digest>,
}

impl AuthorizationCode {
    /// From when on it is refused.
    pub fn expires_at(&self) -> Timestamp {
        self.issued_at + LIFETIME
    }

    /// Spends the code.
    pub fn redeem(self, offer: &CodeOffer<'_>, now: Timestamp) -> Result<RedeemedCode, CodeRefusal> {
        if now >= self.expires_at() || now < self.issued_at {
            return Err(CodeRefusal::Expired);
        }
        if offer.client != self.granted.client {
            return Err(CodeRefusal::OtherClient);
        }
        if *offer.host != self.host {
            return Err(CodeRefusal::OtherIssuer);
        }
        if offer.redirect_uri != Some(self.redirect_uri.as_str()) {
            return Err(CodeRefusal::OtherRedirectUri);
        }
        match (&self.challenge, &offer.verifier) {
            (None, None) => {}
            (Some(_), None) => return Err(CodeRefusal::MissingVerifier),
            (None, Some(_)) => return Err(CodeRefusal::UnexpectedVerifier),
            (Some(challenge), Some(verifier)) if challenge.answered_by(verifier) => {}
            (Some(_), Some(_)) => return Err(CodeRefusal::WrongVerifier),
        }
        if self.trial {
            return Err(CodeRefusal::Trial);
        }
        Ok(RedeemedCode { granted: self.granted, nonce: self.nonce, dpop_jkt: self.dpop_jkt })
    }
}

/// A code from issue until it is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// In flight.
    Issued(Box<AuthorizationCode>),
    /// Offered; remembered so that a second offer revokes what the first one made.
    Spent {
        /// Whose it was.
        account: AccountId,
        /// What grew from it.
        family: FamilyNumber,
        /// When it may be forgotten.
        until: Timestamp,
    },
}

impl CodeState {
    /// From when on nobody needs to know of it.
    pub fn until(&self) -> Timestamp {
        match self {
            Self::Issued(code) => code.expires_at(),
            Self::Spent { until, .. } => *until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_unix(1_800_000_000);
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    static HERE: std::sync::LazyLock<Host> = std::sync::LazyLock::new(Host::provisional);

    fn code() -> AuthorizationCode {
        AuthorizationCode {
            granted: Granted {
                account: AccountId(1),
                client: ClientId(2),
                scopes: "openid".parse().unwrap(),
                authentication: Authentication {
                    session: Some(SessionNumber(3)),
                    strength: Strength::Passkey,
                    factors: Factors::NONE,
                    at: T0,
                },
                claims: RequestedClaims::default(),
            },
            redirect_uri: "https://app.example.org/cb".to_owned(),
            host: Host::provisional(),
            challenge: CodeVerifier::parse(VERIFIER).map(|verifier| CodeChallenge::of(&verifier)),
            nonce: Some("n".to_owned()),
            dpop_jkt: None,
            trial: false,
            issued_at: T0,
        }
    }

    fn offer() -> CodeOffer<'static> {
        CodeOffer {
            client: ClientId(2),
            host: &HERE,
            redirect_uri: Some("https://app.example.org/cb"),
            verifier: CodeVerifier::parse(VERIFIER),
        }
    }

    #[test]
    fn a_good_offer_is_taken_for_a_minute() {
        assert_eq!(code().redeem(&offer(), T0 + Span::seconds(59)).unwrap().nonce.as_deref(), Some("n"));
        assert_eq!(code().redeem(&offer(), T0 + Span::seconds(60)), Err(CodeRefusal::Expired));
    }

    #[test]
    fn a_code_from_the_future_is_refused() {
        assert_eq!(code().redeem(&offer(), T0 - Span::seconds(1)), Err(CodeRefusal::Expired));
    }

    #[test]
    fn a_code_is_bound_to_client_address_and_verifier() {
        let wrong = |offer| code().redeem(&offer, T0).unwrap_err();
        assert_eq!(wrong(CodeOffer { client: ClientId(9), ..offer() }), CodeRefusal::OtherClient);
        let elsewhere = "id.example.org".parse().unwrap();
        assert_eq!(wrong(CodeOffer { host: &elsewhere, ..offer() }), CodeRefusal::OtherIssuer);
        assert_eq!(wrong(CodeOffer { redirect_uri: None, ..offer() }), CodeRefusal::OtherRedirectUri);
        assert_eq!(
            wrong(CodeOffer { redirect_uri: Some("https://app.example.org/cb/"), ..offer() }),
            CodeRefusal::OtherRedirectUri
        );
        assert_eq!(wrong(CodeOffer { verifier: None, ..offer() }), CodeRefusal::MissingVerifier);
        let other = "x".repeat(43);
        assert_eq!(wrong(CodeOffer { verifier: CodeVerifier::parse(&other), ..offer() }), CodeRefusal::WrongVerifier);
    }

    #[test]
    fn a_verifier_cannot_be_smuggled_in() {
        let plain = AuthorizationCode { challenge: None, ..code() };
        assert_eq!(plain.clone().redeem(&offer(), T0), Err(CodeRefusal::UnexpectedVerifier));
        assert!(plain.redeem(&CodeOffer { verifier: None, ..offer() }, T0).is_ok());
    }
}
