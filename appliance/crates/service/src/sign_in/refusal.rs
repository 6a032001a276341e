//! Why a sign-in was refused, in words that tell a stranger nothing.

use std::fmt;

use domain::account::Unusable;
use domain::permission::Denied;
use domain::strength::Strength;
use domain::time::Timestamp;

use crate::OpError;
use crate::operation::Refuses;

/// Why a sign-in was refused. Only `NotAccepted`, `Expired` and `Invalid` are ever said to somebody who has proven nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInRefusal {
    /// Who asks may not.
    Denied(Denied),
    /// Unknown, wrong or blocked for a while: it is not said which.
    NotAccepted,
    /// The ceremony or the half-done sign-in is over; start again.
    Expired,
    /// What the browser sent cannot be read.
    Invalid,
    /// The code is wrong or was used before.
    CodeNotAccepted,
    /// Too many wrong codes.
    CodeBlocked {
        /// No code is taken before this moment.
        until: Timestamp,
    },
    /// The account cannot be used now.
    Account(Unusable),
    /// What was proven is less than the house demands of this person.
    TooWeak {
        /// What is demanded.
        demanded: Strength,
    },
    /// The passkey may have been copied and is refused until the person or an admin acts.
    Suspect,
    /// A fresh proof was asked of the person who is signed in, and somebody else gave it.
    SomebodyElse,
}

impl fmt::Display for SignInRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied(_) => "sign in first",
            Self::NotAccepted => {
                "That did not work. Check what you typed, or use a passkey. After several wrong tries passwords are refused for a while; passkeys are not."
            }
            Self::Expired => "This took too long or was used before. Start again.",
            Self::Invalid => "The browser's answer could not be read. Reload the page and try again.",
            Self::CodeNotAccepted => "This code is wrong or was used before. Wait for the next one, or use a recovery code.",
            Self::CodeBlocked { .. } => "Too many wrong codes. Wait a while, or sign in with a passkey.",
            Self::Account(Unusable::Locked) => "This account is locked. Ask an admin of the house.",
            Self::Account(Unusable::NotYet(_)) => "This account cannot be used yet. Ask an admin of the house.",
            Self::Account(Unusable::Expired(_)) => "This account has expired. Ask an admin of the house.",
            Self::TooWeak { demanded: Strength::Passkey } => {
                "Your account needs a passkey here. Sign in with one; if you have none, ask an admin for a link."
            }
            Self::TooWeak { demanded: Strength::Any | Strength::Mfa } => {
                "A password alone is not enough here, and no authenticator app is set up. Sign in with a passkey; if you have none, ask an admin for a link."
            }
            Self::Suspect => {
                "This passkey may have been copied, so it is refused. Sign in another way and remove it, or ask an admin."
            }
            Self::SomebodyElse => "This belongs to somebody else. Prove who you are with your own passkey or password.",
        })
    }
}

impl Refuses for SignInRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<SignInRefusal> for OpError<SignInRefusal> {
    fn from(refusal: SignInRefusal) -> Self {
        Self::Refused(refusal)
    }
}
