//! The first step with a password. The hash is computed outside of the transaction; what it found is judged inside,
//! where guesses that were made meanwhile count.

use domain::account::{Account, AccountKind};
use domain::credential::{Credential, PasswordHash, StoredCredential};
use domain::lockout::Lockout;
use domain::name::Username;
use domain::permission::Need;
use domain::secret::{Secret, random_key};
use domain::sign_in::{self, Factor, Factors, Next};
use serde_json::json;

use super::second_factor::{Attempt, Proof};
use super::{SignInOutcome, SignInRefusal, demanded, password_hash};
use crate::operation::{Refuses, Writing};
use crate::{Context, Fault, Idp, OpError};

/// The row that is written in place of a counter.
const NOBODY: &str = "nobody";

impl Idp {
    /// Proves a name and password. Computes a hash: to be run on a hashing thread.
    ///
    /// One commit when it is done or refused; none when a second factor is still to come.
    pub fn sign_in_with_password(
        &self,
        ctx: &Context,
        name: &str,
        password: &Secret<String>,
    ) -> Result<SignInOutcome, OpError<SignInRefusal>> {
        let Some(password) = password_hash::normalized(password.expose()) else {
            // Longer than any password: the same for every name, so no name is looked up.
            return Err(self.turn_away(ctx, "", ("over-long password", SignInRefusal::NotAccepted)));
        };
        let found = self.find_password(ctx, name)?;
        let hash = found
            .as_ref()
            .and_then(|(_, stored)| stored.as_ref())
            .map_or_else(password_hash::nobodys, |(_, h)| h.clone());
        let right = password_hash::verify(password.expose(), &hash)?;
        let Some((account, Some((number, _)))) = found else {
            let known = found.map(|(account, _)| account.name.to_string()).unwrap_or_default();
            return self.write(ctx, Need::Nothing, |op| {
                // A name that nobody has may be a password in the wrong field: it is not written down.
                op.record_refusal("session.create", &known, json!({"why": "password"}))?;
                self.count_for_nobody(op)?;
                Err(SignInRefusal::NotAccepted.commit())
            });
        };
        let mut proof = Proof { credential: number, verified: hash, rehashed: None };
        let next = if right { self.preview(ctx, &account, &proof)? } else { None };
        if next.is_some() && proof.verified.cost.weaker_than_current() {
            // Not before: while passwords wait, a right one must cost no more than a wrong one.
            proof.rehashed = Some(password_hash::make(password.expose(), self.entropy())?);
        }
        if let Some(Next::Second(factors)) = next {
            let half = Attempt { account: account.id, password: proof };
            let attempt = self.sign_ins.attempts.put(self.entropy(), ctx.origin.address, ctx.uptime, half)?;
            return Ok(SignInOutcome::NeedsSecondFactor { attempt, factors });
        }
        self.judge(ctx, &account, &proof, right)
    }

    /// What comes after a right password; `None` while it would be refused. Reads only: a half-done sign-in must not cost a
    /// write.
    fn preview(&self, ctx: &Context, account: &Account, proof: &Proof) -> Result<Option<Next>, OpError<SignInRefusal>> {
        self.read(ctx, Need::Nothing, |op| {
            let stored = op.credentials(account.id)?;
            let open = stored.iter().any(|s| proof.still_holds(s) && s.lockout.blocked(ctx.now).is_none());
            if !open || account.usable(ctx.now).is_err() {
                return Ok(None);
            }
            let proven = Factors::NONE.with(Factor::Password);
            Ok(Some(sign_in::next(proven, self.enrolled(op, account.id, ctx.moment())?, demanded(op, account)?)))
        })
    }

    fn judge(
        &self,
        ctx: &Context,
        account: &Account,
        proof: &Proof,
        right: bool,
    ) -> Result<SignInOutcome, OpError<SignInRefusal>> {
        let proven = Factors::NONE.with(Factor::Password);
        self.write(ctx, Need::Nothing, |op| {
            let name = account.name.as_str();
            let Some(stored) = op.credentials(account.id)?.into_iter().find(|s| proof.still_holds(s)) else {
                op.record_refusal("session.create", name, json!({"why": "password changed"}))?;
                self.count_for_nobody(op)?;
                return Err(SignInRefusal::NotAccepted.commit());
            };
            if stored.lockout.blocked(ctx.now).is_some() {
                op.record_refusal("session.create", name, json!({"why": "password blocked"}))?;
                self.count_for_nobody(op)?;
                return Err(SignInRefusal::NotAccepted.commit());
            }
            if !right {
                op.record_refusal("session.create", name, json!({"why": "password"}))?;
                op.update_credential(&StoredCredential { lockout: stored.lockout.failed(ctx.now), ..stored })?;
                return Err(SignInRefusal::NotAccepted.commit());
            }
            proof.settle(op, stored)?;
            let account = self.admit(op, account.id)?;
            Ok(SignInOutcome::SignedIn(Box::new(self.conclude(op, &account, proven)?)))
        })
    }

    /// Writes one row where there is no counter of wrong guesses to write: without it the time of a commit would tell which
    /// names exist. The row holds nothing that is read, only other bytes each time, as an equal row would not be written.
    fn count_for_nobody(&self, op: &Writing<'_>) -> Result<(), store::Fault> {
        op.put_symmetric_key(NOBODY, &random_key(self.entropy()), op.ctx.now)
    }

    /// The account of that name, and its password if it has one and may use it.
    #[expect(clippy::type_complexity, reason = "said once, for one caller")]
    fn find_password(
        &self,
        ctx: &Context,
        name: &str,
    ) -> Result<Option<(Account, Option<(domain::id::CredentialNumber, PasswordHash)>)>, OpError<SignInRefusal>> {
        let Ok(name) = name.trim().parse::<Username>() else { return Ok(None) };
        self.read(ctx, Need::Nothing, |op| {
            let Some(account) = op.account_by_name(&name)? else { return Ok(None) };
            if account.kind != AccountKind::Person {
                return Ok(Some((account, None)));
            }
            let password = op.credentials(account.id)?.into_iter().find_map(|stored| match stored.credential {
                Credential::Password(hash) => Some((stored.number, hash)),
                Credential::Passkey(_) | Credential::Totp(_) | Credential::Recovery(_) => None,
            });
            Ok(Some((account, password)))
        })
    }
}

impl Proof {
    /// Whether the row still holds the password that was verified.
    pub(super) fn still_holds(&self, stored: &StoredCredential) -> bool {
        stored.number == self.credential
            && matches!(&stored.credential, Credential::Password(hash) if *hash == self.verified)
    }

    /// Writes that the password was right: no more failures, used now, and hashed anew where that was due.
    pub(super) fn settle(&self, op: &Writing<'_>, stored: StoredCredential) -> Result<(), Fault> {
        let credential = match &self.rehashed {
            Some(hash) => Credential::Password(hash.clone()),
            None => stored.credential,
        };
        op.update_credential(&StoredCredential {
            credential,
            lockout: Lockout::cleared(),
            last_used_at: Some(op.ctx.now),
            ..stored
        })?;
        Ok(())
    }
}
