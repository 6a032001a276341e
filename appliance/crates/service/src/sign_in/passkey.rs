//! Signing in with a passkey, with or without a typed name: the browser finds the key by itself, so that typing a name
//! reveals nothing about it.

use domain::credential::{Credential, Passkey, StoredCredential};
use domain::host::Host;
use domain::house::Address;
use domain::lockout::Lockout;
use domain::permission::Need;
use domain::sign_in::{Factor, Factors};
use serde_json::{Value, json};

use super::webauthn::{Claim, Rejected};
use super::{PasskeyChallenge, SignInRefusal, refuse};
use crate::operation::{Abort, Refuses, Writing};
use crate::session::NewSession;
use crate::{Context, Idp, OpError};

impl Idp {
    /// Asks the browser for any passkey of this house. Works for everybody alike, so it takes no name.
    pub fn start_passkey_sign_in(&self, ctx: &Context) -> Result<PasskeyChallenge, OpError<SignInRefusal>> {
        let at = self.reached_at(ctx);
        self.ask_for_sign_in(ctx, at.host(), &at)
    }

    /// The same for a passkey of the name that the house had, on the pages of the name that it has (WebAuthn Level 3 section
    /// 5.11). Not every browser asks for it there.
    pub fn start_former_passkey_sign_in(&self, ctx: &Context) -> Result<PasskeyChallenge, OpError<SignInRefusal>> {
        let former = self.nameplate.former_address(ctx.moment()).ok_or(SignInRefusal::Expired)?;
        self.ask_for_sign_in(ctx, former.host(), &self.reached_at(ctx))
    }

    fn ask_for_sign_in(
        &self,
        ctx: &Context,
        rp_id: &Host,
        at: &Address,
    ) -> Result<PasskeyChallenge, OpError<SignInRefusal>> {
        let verifiers = self.sign_ins.webauthn();
        let (options, state) = verifiers.of(rp_id).ok_or(SignInRefusal::Expired)?.start_sign_in(at)?;
        let ceremony = self.sign_ins.ceremonies.put(self.entropy(), ctx.origin.address, ctx.uptime, state)?;
        Ok(PasskeyChallenge { ceremony, options })
    }

    /// Verifies the browser's answer; one commit.
    pub fn finish_passkey_sign_in(
        &self,
        ctx: &Context,
        ceremony: &str,
        answer: &Value,
    ) -> Result<NewSession, OpError<SignInRefusal>> {
        let Some(state) = self.sign_ins.ceremonies.take(ceremony, ctx.uptime) else {
            return Err(self.turn_away(ctx, "", ("ceremony is over", SignInRefusal::Expired)));
        };
        let Some(claim) = Claim::read(answer) else {
            return Err(self.turn_away(ctx, "", ("unreadable passkey", SignInRefusal::Invalid)));
        };
        let state = state.value;
        let (verifiers, house) = (self.sign_ins.webauthn(), self.house());
        let served = self.nameplate.hosts(ctx.moment()).contains(&state.rp_id);
        let Some(verifier) = verifiers.of(&state.rp_id).filter(|_| served) else {
            return Err(self.turn_away(ctx, "", ("the name is over", SignInRefusal::Expired)));
        };
        let stored = self.read::<_, SignInRefusal>(ctx, Need::Nothing, |op| Ok(op.passkey(claim.credential_id())?))?;
        let Some((stored, passkey)) = stored.and_then(split) else {
            return self.write(ctx, Need::Nothing, |op| {
                op.record_refusal("session.create", "", json!({"why": "unknown passkey"}))?;
                Err(SignInRefusal::NotAccepted.commit())
            });
        };
        // A signature takes longer to verify than anything else here: not inside the transaction.
        let verified = match *house.rp_id(&passkey) == state.rp_id {
            true => verifier.finish_sign_in(&claim, state, &passkey)?,
            false => Err(Rejected::Wrong),
        };
        self.write(ctx, Need::Nothing, |op| {
            let current = op.passkey(claim.credential_id())?.and_then(split);
            let Some((current, now_stored)) = current.filter(|(_, current)| *current == passkey) else {
                // Used or removed at the same moment: what was verified is not what is stored.
                return Err(refuse(op, "", ("passkey changed", SignInRefusal::Expired))?);
            };
            let Some(account) = op.account(stored.account)? else {
                return Err(refuse(op, "", ("account is gone", SignInRefusal::NotAccepted))?);
            };
            let name = account.name.as_str();
            if claim.user_handle() != Some(*account.subject.as_bytes()) {
                op.record_refusal("session.create", name, json!({"why": "user handle"}))?;
                return Err(SignInRefusal::NotAccepted.commit());
            }
            match verified {
                Err(Rejected::Wrong) => {
                    op.record_refusal("session.create", name, json!({"why": "passkey", "label": current.label}))?;
                    Err(SignInRefusal::NotAccepted.commit())
                }
                Err(Rejected::Cloned) => suspect(op, name, current, now_stored),
                Ok(_) if now_stored.suspect => {
                    op.record_refusal("session.create", name, json!({"why": "suspect", "label": current.label}))?;
                    Err(SignInRefusal::Suspect.commit())
                }
                Ok(used) => {
                    let account = self.admit(op, account.id)?;
                    op.update_credential(&StoredCredential {
                        credential: Credential::Passkey(used),
                        last_used_at: Some(ctx.now),
                        lockout: Lockout::cleared(),
                        ..current
                    })?;
                    let proven = Factors::NONE.with(Factor::Passkey);
                    self.conclude(op, &account, proven)
                }
            }
        })
    }
}

fn split(stored: StoredCredential) -> Option<(StoredCredential, Passkey)> {
    match &stored.credential {
        Credential::Passkey(passkey) => {
            let passkey = passkey.clone();
            Some((stored, passkey))
        }
        Credential::Password(_) | Credential::Totp(_) | Credential::Recovery(_) => None,
    }
}

fn suspect(
    op: &Writing<'_>,
    name: &str,
    current: StoredCredential,
    passkey: Passkey,
) -> Result<NewSession, Abort<SignInRefusal>> {
    let detail = json!({"label": current.label});
    if passkey.suspect {
        op.record_refusal("passkey.suspect", name, detail)?;
    } else {
        op.record_consequence("passkey.suspect", name, detail)?;
    }
    op.update_credential(&StoredCredential {
        credential: Credential::Passkey(Passkey { suspect: true, ..passkey }),
        ..current
    })?;
    Err(SignInRefusal::Suspect.commit())
}
