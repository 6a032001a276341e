//! The second step: a code of an authenticator app or a recovery code. Its wrong guesses are counted like any other's.

use domain::account::Account;
use domain::credential::totp::{self, TotpSecret};
use domain::credential::{Credential, CredentialKind, PasswordHash, StoredCredential};
use domain::id::{AccountId, CredentialNumber};
use domain::lockout::Lockout;
use domain::permission::Need;
use domain::sign_in::{Factor, Factors};
use domain::time::Timestamp;
use serde_json::json;
use totp_rs::{Algorithm, Builder, Secret as TotpKey, Totp};

use super::{SignInRefusal, refuse};
use crate::operation::{Abort, Refuses, Writing};
use crate::session::NewSession;
use crate::{Context, Fault, Idp, OpError};

/// A password that was right.
pub(crate) struct Proof {
    pub(super) credential: CredentialNumber,
    /// What it was verified against.
    pub(super) verified: PasswordHash,
    /// The same password at today's cost, where the stored one was cheaper.
    pub(super) rehashed: Option<PasswordHash>,
}

/// A sign-in whose password was right.
pub(crate) struct Attempt {
    pub(super) account: AccountId,
    pub(super) password: Proof,
}

impl Idp {
    /// Finishes a sign-in with six digits of the authenticator app, or with a recovery code; it sees which. One commit.
    ///
    /// After a wrong code the same attempt may be used again until its five minutes are over.
    pub fn finish_sign_in_with_code(
        &self,
        ctx: &Context,
        attempt: &str,
        code: &str,
    ) -> Result<NewSession, OpError<SignInRefusal>> {
        let Some(held) = self.sign_ins.attempts.take(attempt, ctx.uptime) else {
            return Err(self.turn_away(ctx, "", ("attempt is over", SignInRefusal::Expired)));
        };
        let finished = self.write(ctx, Need::Nothing, |op| self.second_step(op, &held.value, code));
        if matches!(finished, Err(OpError::Refused(SignInRefusal::CodeNotAccepted) | OpError::Fault(_))) {
            self.sign_ins.attempts.put_back(attempt, held);
        }
        finished
    }

    fn second_step(&self, op: &Writing<'_>, attempt: &Attempt, code: &str) -> Result<NewSession, Abort<SignInRefusal>> {
        let account = self.admit(op, attempt.account)?;
        let credentials = op.credentials(account.id)?;
        let Some(password) = credentials.iter().find(|stored| attempt.password.still_holds(stored)).cloned() else {
            return Err(refuse(op, account.name.as_str(), ("password changed", SignInRefusal::Expired))?);
        };
        let kind = if totp::digits_of(code).is_some() { CredentialKind::Totp } else { CredentialKind::Recovery };
        let Some(stored) = credentials.into_iter().find(|stored| stored.credential.kind() == kind) else {
            op.record_refusal("session.create", account.name.as_str(), json!({"why": kind.as_str()}))?;
            return Err(SignInRefusal::CodeNotAccepted.commit());
        };
        let factor = take_code(op, &account, stored, code)?;
        attempt.password.settle(op, password)?;
        self.conclude(op, &account, Factors::NONE.with(Factor::Password).with(factor))
    }
}

/// Judges the code and writes what follows from it, right or wrong.
fn take_code(
    op: &Writing<'_>,
    account: &Account,
    stored: StoredCredential,
    code: &str,
) -> Result<Factor, Abort<SignInRefusal>> {
    let kind = stored.credential.kind();
    if let Some(until) = stored.lockout.blocked(op.ctx.now) {
        op.record_refusal("session.create", account.name.as_str(), json!({"why": "code blocked"}))?;
        return Err(SignInRefusal::CodeBlocked { until }.commit());
    }
    let mut credential = stored.credential.clone();
    let right = match &mut credential {
        Credential::Totp(secret) => step_of(secret, code, op.ctx.now)?.is_some_and(|step| secret.accept(step)),
        Credential::Recovery(codes) => codes.spend(code),
        Credential::Passkey(_) | Credential::Password(_) => false,
    };
    if !right {
        op.record_refusal("session.create", account.name.as_str(), json!({"why": kind.as_str()}))?;
        op.update_credential(&StoredCredential { lockout: stored.lockout.failed(op.ctx.now), ..stored })?;
        return Err(SignInRefusal::CodeNotAccepted.commit());
    }
    let lockout = Lockout::cleared();
    op.update_credential(&StoredCredential { credential, lockout, last_used_at: Some(op.ctx.now), ..stored })?;
    Ok(kind.factor())
}

/// The step whose code this is: the present one or a neighbour, for clocks that are a little off.
pub(crate) fn step_of(secret: &TotpSecret, code: &str, now: Timestamp) -> Result<Option<u64>, Fault> {
    let Some(code) = totp::digits_of(code) else { return Ok(None) };
    let Ok(now) = u64::try_from(now.unix()) else { return Ok(None) };
    Ok(generator(secret)?.check(&code, now))
}

fn generator(secret: &TotpSecret) -> Result<Totp, Fault> {
    let key: [u8; 20] = secret
        .secret
        .as_slice()
        .try_into()
        .map_err(|_| Fault::unexpected("an authenticator secret of another length"))?;
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(totp::STEP)
        .with_secret(TotpKey::new_stack(key))
        .build()
        .map_err(Fault::unexpected)
}

/// What the app shows at that moment.
#[cfg(test)]
pub(crate) fn code_at(secret: &TotpSecret, now: Timestamp) -> String {
    generator(secret).unwrap().generate(u64::try_from(now.unix()).unwrap()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let secret = TotpSecret { secret: b"12345678901234567890".to_vec(), last_step: 0 };
        for (at, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            let now = Timestamp::from_unix(at);
            assert_eq!(step_of(&secret, code, now).unwrap(), Some(u64::try_from(at).unwrap() / 30), "{at}");
        }
    }

    #[test]
    fn a_code_two_steps_away_is_refused() {
        let secret = TotpSecret { secret: b"12345678901234567890".to_vec(), last_step: 0 };
        assert!(step_of(&secret, "287082", Timestamp::from_unix(59 + 30)).unwrap().is_some());
        assert!(step_of(&secret, "287082", Timestamp::from_unix(59 + 61)).unwrap().is_none());
    }
}
