//! Signing in: what is proven where, and what becomes of it.
//!
//! A sign-in by an anonymous caller opens a session. The same operations, called by a person who is signed in, renew that
//! person's session instead: that is the fresh authentication which changes ask for.
//!
//! To strangers an unknown name, a service account, a wrong password and a blocked one look the same and take the same time.

mod passkey;
mod password;
pub(crate) mod password_hash;
mod refusal;
mod second_factor;
pub(crate) mod webauthn;

use std::sync::{Arc, PoisonError, RwLock};

use domain::account::{Account, AccountKind};
use domain::clock::Moment;
use domain::credential::Credential;
use domain::house::House;
use domain::id::AccountId;
use domain::permission::{Actor, Need};
use domain::sign_in::{self, Factors, Next};
use domain::strength::Strength;
use domain::time::Span;
use serde_json::{Value, json};
use store::Reader;

pub use refusal::SignInRefusal;
#[cfg(test)]
pub(crate) use second_factor::code_at;
pub(crate) use second_factor::step_of;

use crate::operation::{Abort, Refuses, Writing};
use crate::pending::{Bounds, Pending};
use crate::session::NewSession;
use crate::{Context, Fault, Idp, OpError};

/// How long a ceremony or a half-done sign-in may take.
pub(crate) const PATIENCE: Span = Span::minutes(5);

/// What the browser is asked for in a passkey ceremony.
#[derive(Clone, Debug)]
pub struct PasskeyChallenge {
    /// To be handed back with the answer. Good once, for five minutes.
    pub ceremony: String,
    /// The JSON for `navigator.credentials.get` or `create`: `{"publicKey": {...}}`, binary values as base64url.
    pub options: Value,
}

/// How the first step with a password went.
#[derive(Debug)]
pub enum SignInOutcome {
    /// The person is in.
    SignedIn(Box<NewSession>),
    /// The password was right; one of these is needed as well, within five minutes.
    NeedsSecondFactor {
        /// To be handed back with the code.
        attempt: String,
        /// What the person has.
        factors: Factors,
    },
}

/// The state of sign-ins that are under way.
pub(crate) struct SignIns {
    webauthn: RwLock<Arc<webauthn::RelyingParties>>,
    pub(crate) ceremonies: Pending<webauthn::SignInState>,
    pub(crate) attempts: Pending<second_factor::Attempt>,
    pub(crate) registrations: Pending<webauthn::Registration>,
    pub(crate) totp: Pending<crate::credential::TotpEnrolment>,
}

impl SignIns {
    pub(crate) fn new(house: &House) -> Result<Self, Fault> {
        let bounds = Bounds { all: 512, per_peer: 64, life: PATIENCE };
        Ok(Self {
            webauthn: RwLock::new(Arc::new(webauthn::RelyingParties::new(house)?)),
            ceremonies: Pending::new(bounds),
            attempts: Pending::new(bounds),
            registrations: Pending::new(Bounds { all: 128, per_peer: 16, life: PATIENCE }),
            totp: Pending::new(Bounds { all: 128, per_peer: 16, life: Span::minutes(15) }),
        })
    }

    /// The verifiers for the names that hold now.
    pub(crate) fn webauthn(&self) -> Arc<webauthn::RelyingParties> {
        Arc::clone(&self.webauthn.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on passkeys are for these names.
    pub(crate) fn rename(&self, names: webauthn::RelyingParties) {
        *self.webauthn.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }
}

/// How strongly the house wants this account to sign in: the most that any of its groups demands.
pub(crate) fn demanded(reader: &Reader<'_>, account: &Account) -> Result<Strength, store::Fault> {
    let groups = reader.effective_groups(account.id, account.kind)?;
    Ok(groups.iter().map(|group| group.strength).max().unwrap_or_default())
}

impl Idp {
    /// What the account could prove now: a passkey counts while the house answers to its name.
    pub(crate) fn enrolled(
        &self,
        reader: &Reader<'_>,
        account: AccountId,
        moment: Moment,
    ) -> Result<Factors, store::Fault> {
        let hears = self.ear(moment);
        let credentials = reader.credentials(account)?;
        Ok(sign_in::enrolled(credentials.iter().map(|stored| &stored.credential).filter(|known| hears(known))))
    }

    /// Tells which credentials can be proven at all.
    pub(crate) fn ear(&self, moment: Moment) -> impl Fn(&Credential) -> bool {
        let (house, former) = (self.house(), self.nameplate.former_address(moment).is_some());
        move |credential| house.hears(credential, former)
    }

    /// A sign-in that ends before there is anything to write but that it was refused.
    pub(super) fn turn_away(
        &self,
        ctx: &Context,
        name: &str,
        (why, refusal): (&str, SignInRefusal),
    ) -> OpError<SignInRefusal> {
        let refused = self.write::<(), _>(ctx, Need::Nothing, |op| Err(refuse(op, name, (why, refusal))?));
        match refused {
            Err(error) => error,
            Ok(()) => SignInRefusal::NotAccepted.into(),
        }
    }

    /// The account behind a proof, if it may sign in. The caller has proven something, so it may be told why not.
    pub(super) fn admit(&self, op: &Writing<'_>, id: AccountId) -> Result<Account, Abort<SignInRefusal>> {
        let Some(account) = op.account(id)? else {
            return Err(refuse(op, "", ("account is gone", SignInRefusal::NotAccepted))?);
        };
        if account.kind != AccountKind::Person {
            return Err(refuse(op, account.name.as_str(), ("no person", SignInRefusal::NotAccepted))?);
        }
        if let Err(why) = account.usable(op.ctx.now) {
            op.record_refusal("session.create", account.name.as_str(), json!({"why": "account"}))?;
            return Err(SignInRefusal::Account(why).commit());
        }
        if let Actor::Person { account: signed_in, .. } = op.ctx.actor
            && signed_in != id
        {
            op.record_refusal("session.renew", account.name.as_str(), json!({"why": "somebody else"}))?;
            return Err(SignInRefusal::SomebodyElse.commit());
        }
        Ok(account)
    }

    /// The end of every sign-in: enough was proven, or the refusal says what is missing.
    pub(super) fn conclude(
        &self,
        op: &Writing<'_>,
        account: &Account,
        proven: Factors,
    ) -> Result<NewSession, Abort<SignInRefusal>> {
        let demanded = demanded(op, account)?;
        match sign_in::next(proven, self.enrolled(op, account.id, op.ctx.moment())?, demanded) {
            Next::Done(_) => self.grant_session(op, account, proven),
            Next::Second(_) | Next::OutOfReach => {
                op.record_refusal("session.create", account.name.as_str(), json!({"why": "too weak"}))?;
                Err(SignInRefusal::TooWeak { demanded }.commit())
            }
        }
    }
}

/// Writes down that a sign-in was refused, and refuses it.
pub(super) fn refuse(
    op: &Writing<'_>,
    name: &str,
    (why, refusal): (&str, SignInRefusal),
) -> Result<Abort<SignInRefusal>, store::Fault> {
    op.record_refusal("session.create", name, json!({"why": why}))?;
    Ok(refusal.commit())
}

#[cfg(test)]
mod tests;
