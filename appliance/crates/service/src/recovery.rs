//! A recovery code in place of everything that was lost. It proves little, a paper may lie about, so all it opens is a short
//! link to make a new passkey; who holds an office needs somebody at the box as well, who opens a recovery window.
//!
//! Somebody unknown, somebody without codes, a wrong code, one that has to wait and an account that is closed look the same
//! and cost the same work.

use std::fmt;

use domain::account::{Account, AccountKind};
use domain::clock::Moment;
use domain::credential::recovery::{RecoveryCodes, Worth};
use domain::credential::{Credential, CredentialKind, StoredCredential};
use domain::id::{AccountId, CredentialNumber};
use domain::invite::{BY_CODE, BY_CODE_LIFETIME, BY_PRESENCE, InvitePurpose};
use domain::lockout::Lockout;
use domain::name::Username;
use domain::permission::{Denied, Need};
use domain::sign_in::{self, Factor};
use serde_json::json;
use store::Reader;

use crate::invite::NewLink;
use crate::operation::{Abort, Refuses, Writing};
use crate::sign_in::demanded;
use crate::{Context, Fault, Idp, NewInvite, OpError, Refusal};

/// The account of nobody: rows are numbered from one.
const NOBODY: AccountId = AccountId(0);

/// Why a recovery code opened nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryRefusal {
    /// Who asks may not.
    Denied(Denied),
    /// Unknown, wrong, used, waiting or closed: it is not said which.
    NotAccepted,
    /// The code is right and still good, but its person looks after the house: that takes another admin, or somebody at the box.
    HoldsOffice,
}

impl fmt::Display for RecoveryRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied(_) => "sign in first",
            Self::NotAccepted => "the name and the code do not belong together, or the code was used before",
            Self::HoldsOffice => {
                "who looks after the house also needs somebody at the box: hold its button for three seconds and try again at once; or ask another admin, or use the console: latchkey person recover NAME"
            }
        })
    }
}

impl Refuses for RecoveryRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// How a person would get back in after losing things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// What a recovery code is good for.
    pub worth: Worth,
    /// Whether there is a way in that needs no passkey: a password with its second step, or a code that is worth something.
    pub without_passkeys: bool,
}

/// A recovery code as somebody typed it.
#[derive(Clone, Copy, Debug)]
pub struct RecoveryAttempt<'a> {
    /// Whose it is said to be.
    pub name: &'a str,
    /// The code.
    pub code: &'a str,
    /// What the browser is recognised by, for a recovery window.
    pub held: &'a str,
}

/// The link that a code opened, and whether it took somebody at the box.
struct Opened {
    invite: NewInvite,
    by_presence: bool,
}

impl Idp {
    /// Spends one recovery code and makes a link of ten minutes for a new passkey: one commit.
    pub fn recover_with_code(
        &self,
        ctx: &Context,
        attempt: &RecoveryAttempt<'_>,
    ) -> Result<NewInvite, OpError<RecoveryRefusal>> {
        let link = self.write(ctx, Need::Nothing, |op| self.spend_recovery_code(op, attempt))?;
        if link.by_presence {
            self.close_window();
        }
        Ok(link.invite)
    }

    /// How the person who is signed in would get back in.
    pub fn way_back(&self, ctx: &Context) -> Result<WayBack, OpError<Refusal>> {
        let me = ctx.actor.account().ok_or(Refusal::Denied(Denied::NotSignedIn))?;
        self.read(ctx, Need::SeeSelf(me), |op| {
            let account = op.account(me)?.ok_or(Refusal::Denied(Denied::NotSignedIn))?;
            let worth = self.worth(op, &account, ctx.moment())?;
            let rest = self.enrolled(op, me, ctx.moment())?.without(Factor::Passkey);
            let code_alone = worth == Worth::Alone && rest.has(Factor::RecoveryCode);
            let without_passkeys = code_alone || sign_in::reachable(rest, demanded(op, &account)?);
            Ok(WayBack { worth, without_passkeys })
        })
    }

    /// What a recovery code is good for in the hands of this person.
    pub(crate) fn worth(&self, op: &Reader<'_>, account: &Account, moment: Moment) -> Result<Worth, store::Fault> {
        let office = op.roles(account.id, account.kind)?.any_office();
        Ok(Worth::of(office, self.enrolled(op, account.id, moment)?, demanded(op, account)?))
    }

    fn spend_recovery_code(
        &self,
        op: &Writing<'_>,
        attempt: &RecoveryAttempt<'_>,
    ) -> Result<Opened, Abort<RecoveryRefusal>> {
        let person = find(op, attempt.name)?;
        // A name that nobody has may be a code in the wrong field: it is not written down.
        let known = person.as_ref().map(|account| account.name.to_string()).unwrap_or_default();
        let refuse = |why: &str, refusal: RecoveryRefusal| -> Result<Opened, Abort<RecoveryRefusal>> {
            op.record_refusal("recovery_code.use", &known, json!({"why": why}))?;
            Err(refusal.commit())
        };
        let (stored, mut codes) = codes_of(op, person.as_ref())?;
        let right = codes.spend(attempt.code);
        if stored.lockout.blocked(op.ctx.now).is_some() {
            return refuse("code blocked", RecoveryRefusal::NotAccepted);
        }
        let Some(account) = person.filter(|_| right) else {
            op.update_credential(&StoredCredential { lockout: stored.lockout.failed(op.ctx.now), ..stored })?;
            return refuse("recovery", RecoveryRefusal::NotAccepted);
        };
        if account.usable(op.ctx.now).is_err() {
            return refuse("account", RecoveryRefusal::NotAccepted);
        }
        let by_presence = op.roles(account.id, account.kind)?.any_office();
        if by_presence && !self.use_recovery_window(op.ctx, attempt.held) {
            return refuse("office", RecoveryRefusal::HoldsOffice);
        }
        let left = codes.left();
        op.update_credential(&StoredCredential {
            credential: Credential::Recovery(codes),
            lockout: Lockout::cleared(),
            last_used_at: Some(op.ctx.now),
            ..stored
        })?;
        op.record_by(
            &account.name,
            "recovery_code.use",
            account.name.as_str(),
            json!({"left": left, "at_the_box": by_presence}),
        )?;
        let expires_at = op.ctx.now + BY_CODE_LIFETIME;
        let created_by = if by_presence { BY_PRESENCE } else { BY_CODE }.to_owned();
        let link = NewLink { purpose: InvitePurpose::Recover, created_by, expires_at };
        Ok(Opened { invite: self.put_invite(op, &account, link)?, by_presence })
    }
}

fn find(op: &Reader<'_>, name: &str) -> Result<Option<Account>, store::Fault> {
    let Ok(name) = name.trim().parse::<Username>() else { return Ok(None) };
    Ok(op.account_by_name(&name)?.filter(|account| account.kind == AccountKind::Person))
}

/// The person's codes, or nobody's, which are never right and whose row is not there to be written.
fn codes_of(op: &Writing<'_>, person: Option<&Account>) -> Result<(StoredCredential, RecoveryCodes), Fault> {
    let id = person.map_or(NOBODY, |account| account.id);
    let held = op.credentials(id)?.into_iter().find_map(|stored| match &stored.credential {
        Credential::Recovery(codes) => {
            let codes = codes.clone();
            Some((stored, codes))
        }
        Credential::Passkey(_) | Credential::Password(_) | Credential::Totp(_) => None,
    });
    if let Some(held) = held {
        return Ok(held);
    }
    let codes = RecoveryCodes::nobodys();
    let stored = StoredCredential {
        account: id,
        number: CredentialNumber(0),
        label: CredentialKind::Recovery.as_str().parse().map_err(Fault::unexpected)?,
        credential: Credential::Recovery(codes.clone()),
        lockout: Lockout::default(),
        created_at: op.ctx.now,
        last_used_at: None,
    };
    Ok((stored, codes))
}

#[cfg(test)]
mod tests;
