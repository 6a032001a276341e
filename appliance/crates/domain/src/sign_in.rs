//! Which factors were proven, how strong that is, and what is still missing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::credential::Credential;
use crate::strength::Strength;

/// A class of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// A passkey with user verification: possession and, on the device, knowledge or inherence.
    Passkey,
    /// A password: knowledge.
    Password,
    /// A code of an authenticator app: possession.
    Totp,
    /// A recovery code: possession of a paper.
    RecoveryCode,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Passkey, Self::Password, Self::Totp, Self::RecoveryCode];

    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Password => "password",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery",
        }
    }

    /// The authentication methods (RFC 8176 section 2). A passkey may be kept in hardware or not, so neither `hwk` nor
    /// `swk` is claimed.
    const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Passkey => &["pop", "user"],
            Self::Password => &["pwd"],
            Self::Totp | Self::RecoveryCode => &["otp"],
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Passkey => 1,
            Self::Password => 2,
            Self::Totp => 4,
            Self::RecoveryCode => 8,
        }
    }
}

/// A set of factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Factors(u8);

impl Factors {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and that one.
    #[must_use]
    pub const fn with(self, factor: Factor) -> Self {
        Self(self.0 | factor.bit())
    }

    /// These but not that one.
    #[must_use]
    pub const fn without(self, factor: Factor) -> Self {
        Self(self.0 & !factor.bit())
    }

    /// Whether that one is among them.
    pub const fn has(self, factor: Factor) -> bool {
        self.0 & factor.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What they can prove together.
    pub const fn strength(self) -> Strength {
        if self.has(Factor::Passkey) {
            Strength::Passkey
        } else if self.has(Factor::Password) && self.has_second() {
            Strength::Mfa
        } else {
            Strength::Any
        }
    }

    /// The `amr` claim (RFC 8176).
    pub fn amr(self) -> Vec<&'static str> {
        let mut methods: Vec<&'static str> = Vec::new();
        for method in Factor::ALL.into_iter().filter(|factor| self.has(*factor)).flat_map(Factor::methods) {
            if !methods.contains(method) {
                methods.push(method);
            }
        }
        if self.strength() >= Strength::Mfa {
            methods.push("mfa");
        }
        methods
    }

    const fn has_second(self) -> bool {
        self.has(Factor::Totp) || self.has(Factor::RecoveryCode)
    }
}

impl FromIterator<Factor> for Factors {
    fn from_iter<I: IntoIterator<Item = Factor>>(factors: I) -> Self {
        factors.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for factor in Factor::ALL.into_iter().filter(|factor| self.has(*factor)) {
            if !first {
                f.write_str(" ")?;
            }
            f.write_str(factor.as_str())?;
            first = false;
        }
        Ok(())
    }
}

impl FromStr for Factors {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        raw.split_whitespace()
            .map(|word| Factor::ALL.into_iter().find(|factor| factor.as_str() == word))
            .collect::<Option<Self>>()
            .ok_or("a factor is one of passkey, password, totp, recovery")
    }
}

impl TryFrom<String> for Factors {
    type Error = &'static str;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl From<Factors> for String {
    fn from(factors: Factors) -> Self {
        factors.to_string()
    }
}

/// What a sign-in needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it reached this strength.
    Done(Strength),
    /// One of these.
    Second(Factors),
    /// The person has nothing that would reach the demanded strength together with what was proven.
    OutOfReach,
}

/// Decides what comes next for a person who has proven something, has these factors, and must reach that strength.
///
/// Somebody who has set up an authenticator app is asked for it even where the house does not demand it.
pub fn next(proven: Factors, enrolled: Factors, demanded: Strength) -> Next {
    let reached = proven.strength();
    let asked_for = if enrolled.has(Factor::Totp) { demanded.max(Strength::Mfa) } else { demanded };
    let first = proven.has(Factor::Passkey) || proven.has(Factor::Password);
    if first && (reached >= asked_for || reached == Strength::Passkey) {
        return Next::Done(reached);
    }
    let second: Factors =
        [Factor::Totp, Factor::RecoveryCode].into_iter().filter(|factor| enrolled.has(*factor)).collect();
    if proven.has(Factor::Password) && demanded <= Strength::Mfa && !second.is_empty() {
        return Next::Second(second);
    }
    Next::OutOfReach
}

/// What the person could prove with these credentials.
pub fn enrolled<'c>(credentials: impl IntoIterator<Item = &'c Credential>) -> Factors {
    credentials
        .into_iter()
        .filter(|credential| credential.usable())
        .map(|credential| credential.kind().factor())
        .collect()
}

/// Whether these factors open the door where that strength is demanded.
pub fn reachable(enrolled: Factors, demanded: Strength) -> bool {
    let first = enrolled.has(Factor::Passkey) || enrolled.has(Factor::Password);
    first && enrolled.strength() >= demanded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(factors: &[Factor]) -> Factors {
        factors.iter().copied().collect()
    }

    #[test]
    fn a_bare_password_is_never_enough_where_two_factors_are_demanded() {
        let password = of(&[Factor::Password]);
        assert_eq!(next(password, password, Strength::Mfa), Next::OutOfReach);
        assert_eq!(next(password, password.with(Factor::Totp), Strength::Mfa), Next::Second(of(&[Factor::Totp])));
    }

    #[test]
    fn a_bare_password_is_enough_where_nothing_more_is_demanded() {
        let password = of(&[Factor::Password]);
        assert_eq!(next(password, password, Strength::Any), Next::Done(Strength::Any));
    }

    #[test]
    fn who_has_an_authenticator_app_is_asked_for_it_everywhere() {
        let password = of(&[Factor::Password]);
        assert_eq!(next(password, password.with(Factor::Totp), Strength::Any), Next::Second(of(&[Factor::Totp])));
    }

    #[test]
    fn password_and_code_do_not_reach_a_passkey() {
        let both = of(&[Factor::Password, Factor::Totp]);
        assert_eq!(next(both, both, Strength::Passkey), Next::OutOfReach);
        assert_eq!(next(of(&[Factor::Password]), both.with(Factor::Passkey), Strength::Passkey), Next::OutOfReach);
    }

    #[test]
    fn a_passkey_is_enough_for_everything() {
        let passkey = of(&[Factor::Passkey]);
        for demanded in [Strength::Any, Strength::Mfa, Strength::Passkey] {
            assert_eq!(next(passkey, of(&Factor::ALL), demanded), Next::Done(Strength::Passkey));
        }
    }

    #[test]
    fn a_code_alone_opens_nothing() {
        for code in [Factor::Totp, Factor::RecoveryCode] {
            assert!(!reachable(of(&[code]), Strength::Any));
        }
        assert!(!reachable(of(&[Factor::Totp, Factor::RecoveryCode]), Strength::Mfa));
    }

    #[test]
    fn the_methods_are_those_of_rfc_8176() {
        assert_eq!(of(&[Factor::Password]).amr(), ["pwd"]);
        assert_eq!(of(&[Factor::Password, Factor::Totp]).amr(), ["pwd", "otp", "mfa"]);
        assert_eq!(of(&[Factor::Password, Factor::RecoveryCode]).amr(), ["pwd", "otp", "mfa"]);
        assert_eq!(of(&[Factor::Passkey]).amr(), ["pop", "user", "mfa"]);
    }

    proptest! {
        #[test]
        fn nobody_is_let_in_below_what_is_demanded(proven in 0u8..16, enrolled in 0u8..16, level in 0usize..3) {
            let demanded = [Strength::Any, Strength::Mfa, Strength::Passkey][level];
            if let Next::Done(reached) = next(Factors(proven), Factors(enrolled), demanded) {
                prop_assert!(reached >= demanded);
                prop_assert!(proven & 3 != 0, "a code alone is no sign-in");
            }
        }

        #[test]
        fn factors_read_back_as_written(bits in 0u8..16) {
            let factors = Factors(bits);
            prop_assert_eq!(factors.to_string().parse::<Factors>(), Ok(factors));
        }
    }
}
