//! What somebody can prove who they are with. Storage, lists, strength and `amr` all follow from the one enum here.

pub mod passkey;
pub mod password;
pub mod recovery;
pub mod totp;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::id::{AccountId, CredentialNumber};
use crate::lockout::Lockout;
use crate::name::Label;
use crate::sign_in::Factor;
use crate::time::Timestamp;

pub use passkey::Passkey;
pub use password::PasswordHash;
pub use recovery::RecoveryCodes;
pub use totp::TotpSecret;

/// Most passkeys of one person.
pub const MAX_PASSKEYS: usize = 20;

/// A credential by its kind.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A passkey (WebAuthn).
    Passkey(Passkey),
    /// A password, hashed.
    Password(PasswordHash),
    /// The secret of an authenticator app (RFC 6238).
    Totp(TotpSecret),
    /// The recovery codes that are left, as digests.
    Recovery(RecoveryCodes),
}

/// The kind alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A passkey.
    Passkey,
    /// A password.
    Password,
    /// An authenticator app.
    Totp,
    /// Recovery codes.
    Recovery,
}

impl CredentialKind {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }

    /// What it proves.
    pub const fn factor(self) -> Factor {
        match self {
            Self::Passkey => Factor::Passkey,
            Self::Password => Factor::Password,
            Self::Totp => Factor::Totp,
            Self::Recovery => Factor::RecoveryCode,
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CredentialKind {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "passkey" => Ok(Self::Passkey),
            "password" => Ok(Self::Password),
            "totp" => Ok(Self::Totp),
            "recovery" => Ok(Self::Recovery),
            _ => Err("the kind of a credential is one of passkey, password, totp, recovery"),
        }
    }
}

impl Credential {
    /// Its kind.
    pub const fn kind(&self) -> CredentialKind {
        match self {
            Self::Passkey(_) => CredentialKind::Passkey,
            Self::Password(_) => CredentialKind::Password,
            Self::Totp(_) => CredentialKind::Totp,
            Self::Recovery(_) => CredentialKind::Recovery,
        }
    }

    /// Whether it can still prove something: a passkey that may have been copied, or spent codes, cannot.
    pub fn usable(&self) -> bool {
        match self {
            Self::Passkey(passkey) => !passkey.suspect,
            Self::Recovery(codes) => codes.left() > 0,
            Self::Password(_) | Self::Totp(_) => true,
        }
    }

    /// What the store finds it by without knowing whose it is.
    pub fn lookup(&self) -> Option<&[u8]> {
        match self {
            Self::Passkey(passkey) => Some(&passkey.credential_id),
            Self::Password(_) | Self::Totp(_) | Self::Recovery(_) => None,
        }
    }

    /// The kind's own JSON, for the store.
    pub fn to_data(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Passkey(data) => serde_json::to_string(data),
            Self::Password(data) => serde_json::to_string(data),
            Self::Totp(data) => serde_json::to_string(data),
            Self::Recovery(data) => serde_json::to_string(data),
        }
    }

    /// Reads what `to_data` wrote.
    pub fn from_data(kind: CredentialKind, data: &str) -> Result<Self, serde_json::Error> {
        match kind {
            CredentialKind::Passkey => serde_json::from_str(data).map(Self::Passkey),
            CredentialKind::Password => serde_json::from_str(data).map(Self::Password),
            CredentialKind::Totp => serde_json::from_str(data).map(Self::Totp),
            CredentialKind::Recovery => serde_json::from_str(data).map(Self::Recovery),
        }
    }
}

/// A credential as stored.
#[derive(Clone, Debug)]
pub struct StoredCredential {
    /// Whose.
    pub account: AccountId,
    /// Its number within the account.
    pub number: CredentialNumber,
    /// What the person calls it.
    pub label: Label,
    /// The credential itself.
    pub credential: Credential,
    /// Wrong guesses so far.
    pub lockout: Lockout,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last proved something.
    pub last_used_at: Option<Timestamp>,
}

impl StoredCredential {
    /// What the person may see of it; never a secret.
    pub fn view(&self) -> CredentialView {
        let (suspect, synced, left) = match &self.credential {
            Credential::Passkey(passkey) => (passkey.suspect, passkey.synced(), None),
            Credential::Recovery(codes) => (false, false, Some(codes.left())),
            Credential::Password(_) | Credential::Totp(_) => (false, false, None),
        };
        CredentialView {
            number: self.number,
            kind: self.credential.kind(),
            label: self.label.clone(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            blocked_until: self.lockout.blocked_until,
            suspect,
            synced,
            left,
        }
    }
}

/// A credential as its owner and the admins see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialView {
    /// Its number within the account.
    pub number: CredentialNumber,
    /// Its kind.
    pub kind: CredentialKind,
    /// What the person calls it.
    pub label: Label,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last proved something.
    pub last_used_at: Option<Timestamp>,
    /// Until when guesses are refused.
    pub blocked_until: Option<Timestamp>,
    /// A passkey that may have been copied and is refused until somebody acts.
    pub suspect: bool,
    /// A passkey that its maker keeps in a cloud.
    pub synced: bool,
    /// How many recovery codes are left.
    pub left: Option<usize>,
}

/// Reads a boolean inside a JSON value.
pub(crate) fn flag(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::password::HashCost;
    use super::*;

    fn samples() -> Vec<Credential> {
        let hash = PasswordHash { cost: HashCost::CURRENT, salt: vec![1; 16], hash: vec![2; 32] };
        let passkey = Passkey {
            credential_id: vec![0xff, 0],
            key: json!({"cred": {"backup_eligible": true}}),
            suspect: true,
            rp_id: None,
        };
        let (codes, _) = RecoveryCodes::generate(&crate::testing::SeededEntropy::new(1));
        vec![
            Credential::Passkey(passkey),
            Credential::Password(hash),
            Credential::Totp(TotpSecret { secret: vec![3; 20], last_step: 7 }),
            Credential::Recovery(codes),
        ]
    }

    #[test]
    fn every_kind_reads_back_as_written() {
        for credential in samples() {
            let kind = credential.kind();
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let data = credential.to_data().unwrap();
            let read = Credential::from_data(kind, &data).unwrap();
            assert_eq!(read.to_data().unwrap(), data);
        }
    }

    #[test]
    fn no_kind_shows_its_secret_in_debug_output() {
        for credential in samples().iter().skip(1) {
            let shown = format!("{credential:?}");
            assert!(!shown.contains("[2, 2") && !shown.contains("[3, 3"), "{shown}");
        }
    }

    #[test]
    fn damaged_data_is_an_error() {
        for kind in [CredentialKind::Passkey, CredentialKind::Password, CredentialKind::Totp, CredentialKind::Recovery]
        {
            for data in ["", "{", "null", "[]", "{\"salt\": \"!\"}"] {
                assert!(Credential::from_data(kind, data).is_err(), "{kind} {data}");
            }
        }
    }

    #[test]
    fn a_suspect_passkey_and_spent_codes_prove_nothing() {
        let suspect = &samples()[0];
        assert!(!suspect.usable());
        assert!(!Credential::Recovery(RecoveryCodes::default()).usable());
    }
}
