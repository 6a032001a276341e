//! The certificate of the house.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Effect, Time};

/// The certificate that is shown, and how it is looked after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The name that it is for.
    pub host: String,
    /// Where it comes from.
    pub kind: CertificateKind,
    /// Whether it has to be looked at.
    pub health: CertificateHealth,
    /// Who made it, in the words that a phone shows.
    pub issuer: String,
    /// From when on it is good.
    pub not_before: Time,
    /// Until when.
    pub not_after: Time,
    /// The SHA-256 of the certificate.
    pub fingerprint: String,
    /// The house's own authority, which phones are told to trust.
    pub authority: Option<CertificateAuthority>,
    /// When it is to be made anew; absent where somebody else does that.
    pub next_renewal: Option<Time>,
    /// What went wrong last, unless it went well since.
    pub last_failure: Option<CertificateFailure>,
    /// What else should be looked at.
    pub warnings: Vec<CertificateAdvice>,
    /// What an owner chose, without its secrets.
    pub choice: Value,
    /// Whether the configuration names the files, so that nothing can be chosen.
    pub configured: bool,
    /// A new one that is on its way, or the end of the last try.
    pub trial: Option<CertificateTrial>,
    /// Other names that are served with certificates of their own.
    pub others: Vec<OtherCertificate>,
}

/// Where a certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKind {
    /// The house's own authority.
    OwnCa,
    /// A public authority.
    Acme,
    /// Files that somebody brought.
    Files,
    /// It signs itself: nobody trusts it.
    SelfMade,
}

impl CertificateKind {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OwnCa => "the house's own authority",
            Self::Acme => "a public authority (ACME)",
            Self::Files => "files",
            Self::SelfMade => "self-made, browsers warn of it",
        }
    }
}

/// How a certificate is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateHealth {
    /// Nothing is to be done.
    Good,
    /// Its end is near.
    EndsSoon,
    /// What was chosen, or its renewal, failed.
    Failing,
    /// Its time is over.
    Ended,
}

impl CertificateHealth {
    /// Whether somebody has to look.
    pub const fn is_good(self) -> bool {
        match self {
            Self::Good => true,
            Self::EndsSoon | Self::Failing | Self::Ended => false,
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::EndsSoon => "ends soon",
            Self::Failing => "needs a look",
            Self::Ended => "has ended",
        }
    }
}

/// The house's own authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateAuthority {
    /// What a phone shows in its list.
    pub name: String,
    /// Until when it is good.
    pub not_after: Time,
    /// The SHA-256 of its certificate.
    pub fingerprint: String,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFailure {
    /// When.
    pub at: Time,
    /// What.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// What should be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateAdvice {
    /// What.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// A certificate in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCertificate {
    /// The name.
    pub host: String,
    /// Where it comes from.
    pub kind: CertificateKind,
    /// Until when it is good.
    pub not_after: Time,
    /// Whether it has to be looked at.
    pub health: CertificateHealth,
}

/// An order at a public authority, which takes a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateTrial {
    /// When it began.
    pub since: Time,
    /// Whether it still runs.
    pub running: bool,
    /// Why it failed, if it did.
    pub failure: Option<CertificateAdvice>,
}

/// Have the certificate made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewCertificate {
    /// And the house's own authority with it: every phone has to be told again.
    #[serde(default)]
    pub new_ca: bool,
}

/// What a change of the certificate did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateChanged {
    /// What was done.
    pub change: Effect,
    /// Whether a public authority is being asked; the `trial` of the certificate tells how it ends.
    pub running: bool,
}
