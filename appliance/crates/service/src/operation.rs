//! The frame of every operation: authorize, one transaction, one ending. Before the clock is trusted it lets in nobody but the
//! console and the server itself, so no operation can issue or check what depends on the time by leaving a line out.

use std::cell::Cell;
use std::ops::Deref;

use domain::event::{Event, MAX_TEXT, Outcome};
use domain::id::EventNumber;
use domain::name::Username;
use domain::permission::{Actor, Denied, Need, Permit, Roles, decide};
use serde_json::{Value, json};
use store::{Ending, Reader, Writer};

use crate::refusals::RefusalLog;
use crate::{Context, Fault, Idp, OpError};

/// How an operation fails: with a refusal that undoes what was written, or one that keeps it.
#[derive(Debug)]
pub(crate) enum Abort<R> {
    /// Nothing stays.
    Undo(OpError<R>),
    /// What was written stays: a lockout counter, a replayed code.
    Keep(R),
}

impl<R> Abort<R> {
    /// A plain no.
    pub(crate) fn refuse(refusal: R) -> Self {
        Self::Undo(OpError::Refused(refusal))
    }

    /// The same where nothing was written.
    pub(crate) fn into_error(self) -> OpError<R> {
        match self {
            Self::Undo(error) => error,
            Self::Keep(refusal) => OpError::Refused(refusal),
        }
    }

    /// The same with the refusal in other words.
    pub(crate) fn map<S>(self, f: impl FnOnce(R) -> S) -> Abort<S> {
        match self {
            Self::Undo(error) => Abort::Undo(error.map(f)),
            Self::Keep(refusal) => Abort::Keep(f(refusal)),
        }
    }
}

impl<R> From<store::Fault> for Abort<R> {
    fn from(fault: store::Fault) -> Self {
        Self::Undo(fault.into())
    }
}

impl<R> From<Fault> for Abort<R> {
    fn from(fault: Fault) -> Self {
        Self::Undo(OpError::Fault(fault))
    }
}

impl<R> From<R> for Abort<R>
where
    R: Refuses,
{
    fn from(refusal: R) -> Self {
        Self::refuse(refusal)
    }
}

/// A refusal of an operation.
pub(crate) trait Refuses: Sized {
    /// The refusal of somebody who may not.
    fn denied(denied: Denied) -> Self;

    /// What the audit log says about this no to a change, if anything: typing errors are not worth a line.
    fn noteworthy(&self) -> Option<String> {
        None
    }

    /// A no that must persist what was written before it.
    fn commit(self) -> Abort<Self> {
        Abort::Keep(self)
    }
}

impl Refuses for crate::Refusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }

    /// Who tries to take the last owner away, or to bend the groups that give offices, has made no typing error.
    fn noteworthy(&self) -> Option<String> {
        match self {
            Self::LastOwner | Self::Builtin(_) | Self::Cycle(_) => {
                Some(self.to_string().chars().take(MAX_TEXT).collect())
            }
            Self::Denied(_)
            | Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::Invalid { .. }
            | Self::TooMany { .. }
            | Self::Conflict(_) => None,
        }
    }
}

/// An operation that reads.
pub(crate) struct Reading<'a> {
    reader: &'a Reader<'a>,
}

impl<'a> Deref for Reading<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Reader<'a> {
        self.reader
    }
}

/// An operation that writes.
pub(crate) struct Writing<'a> {
    writer: &'a Writer<'a>,
    /// The circumstances of the call.
    pub(crate) ctx: &'a Context,
    /// The roles of the actor, for what the permit left open.
    roles: Roles,
    refusals: &'a RefusalLog,
    /// Whether an app is to be told that a session has ended.
    logouts: Cell<bool>,
}

impl<'a> Deref for Writing<'a> {
    type Target = Writer<'a>;

    fn deref(&self) -> &Writer<'a> {
        self.writer
    }
}

impl Writing<'_> {
    /// Asks for more than the operation's frame did, once the target is known.
    pub(crate) fn authorize<R: Refuses>(&self, need: Need) -> Result<Permit, R> {
        decide(&self.ctx.actor, self.roles, need).map_err(R::denied)
    }

    /// Once this is committed, somebody has to tell apps that a session has ended.
    pub(crate) fn logouts_wait(&self) {
        self.logouts.set(true);
    }

    /// The end of an operation whose actor may not. It is written down when somebody who is known reached for more than
    /// their office; not for those who only have to sign in again, and not for strangers, who could fill the log.
    fn turn_away<R: Refuses>(&self, denied: Denied, need: Need) -> Result<Abort<R>, store::Fault> {
        let known = self.ctx.actor.account().is_some();
        if denied != Denied::NotAllowed || !known {
            return Ok(Abort::refuse(R::denied(denied)));
        }
        self.record_refusal("access.denied", need.as_str(), Value::Null)?;
        Ok(R::denied(denied).commit())
    }

    /// Writes an audit event of something that was done.
    pub(crate) fn record(&self, action: &str, target: &str, detail: Value) -> Result<(), store::Fault> {
        self.event(action, target, Outcome::Success, detail)
    }

    /// Writes an audit event of something that was refused; the refusal has to be a `.commit()`. There is an
    /// allowance: see [`crate::refusals`].
    pub(crate) fn record_refusal(&self, action: &str, target: &str, mut detail: Value) -> Result<(), store::Fault> {
        let Some(unrecorded) = self.refusals.admit(&self.ctx.actor, self.ctx.uptime) else { return Ok(()) };
        if unrecorded > 0 {
            if detail.is_null() {
                detail = json!({});
            }
            if let Value::Object(detail) = &mut detail {
                detail.insert("unrecorded_before".to_owned(), unrecorded.into());
            }
        }
        self.event(action, target, Outcome::Refused, detail)
    }

    /// Writes an audit event of a refusal that has changed something: a passkey under suspicion, tokens that ended. No
    /// flood of other refusals may hide it, and none can be made of it: each takes away what it is about.
    pub(crate) fn record_consequence(&self, action: &str, target: &str, detail: Value) -> Result<(), store::Fault> {
        self.event(action, target, Outcome::Refused, detail)
    }

    /// Who acts, as the audit log writes it.
    pub(crate) fn actor_name(&self) -> Result<String, store::Fault> {
        Ok(match &self.ctx.actor {
            Actor::Console => "console".to_owned(),
            Actor::System => "system".to_owned(),
            Actor::Anonymous => String::new(),
            Actor::Person { account, .. } | Actor::Service { account, .. } => {
                self.account(*account)?.map(|account| account.name.to_string()).unwrap_or_default()
            }
        })
    }

    /// Writes an audit event of somebody who is known otherwise than as the actor: by a code.
    pub(crate) fn record_by(
        &self,
        person: &Username,
        action: &str,
        target: &str,
        detail: Value,
    ) -> Result<(), store::Fault> {
        self.append(person.to_string(), action, target, (Outcome::Success, detail))
    }

    fn event(&self, action: &str, target: &str, outcome: Outcome, detail: Value) -> Result<(), store::Fault> {
        self.append(self.actor_name()?, action, target, (outcome, detail))
    }

    fn append(
        &self,
        actor: String,
        action: &str,
        target: &str,
        (outcome, detail): (Outcome, Value),
    ) -> Result<(), store::Fault> {
        self.insert_event(&Event {
            number: EventNumber(0),
            at: self.ctx.now,
            actor,
            action: action.to_owned(),
            target: target.chars().take(MAX_TEXT).collect(),
            origin: self.ctx.origin_text(),
            outcome,
            detail,
        })
    }
}

impl Idp {
    /// Reads in one consistent state, if the actor has what is needed.
    pub(crate) fn read<T, R: Refuses>(
        &self,
        ctx: &Context,
        need: Need,
        work: impl FnOnce(&Reading<'_>) -> Result<T, OpError<R>>,
    ) -> Result<T, OpError<R>> {
        ctx.timely_for_actor()?;
        self.read_at_any_time(ctx, need, work)
    }

    /// The same for what is true whatever the time is.
    pub(crate) fn read_at_any_time<T, R: Refuses>(
        &self,
        ctx: &Context,
        need: Need,
        work: impl FnOnce(&Reading<'_>) -> Result<T, OpError<R>>,
    ) -> Result<T, OpError<R>> {
        self.store.read(|reader| {
            let roles = roles_of(reader, ctx, need)?;
            decide(&ctx.actor, roles, need).map_err(|denied| OpError::Refused(R::denied(denied)))?;
            work(&Reading { reader })
        })
    }

    /// Writes in one transaction, if the actor has what is needed.
    pub(crate) fn write<T, R: Refuses>(
        &self,
        ctx: &Context,
        need: Need,
        work: impl FnOnce(&Writing<'_>) -> Result<T, Abort<R>>,
    ) -> Result<T, OpError<R>> {
        ctx.timely_for_actor()?;
        let mut logouts = false;
        let ended = self.store.write(|writer| {
            let attempt = || {
                let roles = roles_of(writer, ctx, need)?;
                let op = Writing { writer, ctx, roles, refusals: &self.refusals, logouts: Cell::new(false) };
                if need != Need::Nothing && !still_in(writer, ctx)? {
                    return Err(Abort::refuse(R::denied(Denied::NotSignedIn)));
                }
                if let Err(denied) = decide(&ctx.actor, roles, need) {
                    return Err(op.turn_away(denied, need)?);
                }
                let done = work(&op);
                logouts = op.logouts.get();
                done
            };
            match attempt() {
                Ok(value) => Ending::Commit(Ok(value)),
                Err(Abort::Keep(refusal)) => Ending::Commit(Err(OpError::Refused(refusal))),
                Err(Abort::Undo(error)) => Ending::Rollback(Err(error)),
            }
        });
        let ended = ended.map_err(|fault| OpError::Fault(fault.into()))?;
        if logouts {
            self.logouts.ring();
        }
        if let Err(OpError::Refused(refusal)) = &ended
            && let Some(why) = refusal.noteworthy()
        {
            self.note_refusal(ctx, &why)?;
        }
        ended
    }

    /// What a refused change had written is undone; that it was tried stays.
    fn note_refusal(&self, ctx: &Context, why: &str) -> Result<(), Fault> {
        let noted = self.store.write(|writer| {
            let op = Writing { writer, ctx, refusals: &self.refusals, roles: Roles::NONE, logouts: Cell::new(false) };
            match op.record_refusal("change.refused", "", json!({"why": why})) {
                Ok(()) => Ending::Commit(Ok(())),
                Err(fault) => Ending::Rollback(Err(fault)),
            }
        });
        Ok(noted??)
    }
}

/// Whether the session or the token that the actor was known by is still there: it may have been revoked since, and whoever
/// ends it must not see it do one thing more. An operation that needs nothing proves its caller by other means.
fn still_in(reader: &Reader<'_>, ctx: &Context) -> Result<bool, store::Fault> {
    let (id, present) = match ctx.actor {
        Actor::Anonymous | Actor::Console | Actor::System => return Ok(true),
        Actor::Person { account, session, .. } => {
            (account, reader.session(account, session)?.is_some_and(|session| session.alive(ctx.now)))
        }
        Actor::Service { account, token } => {
            (account, reader.api_token(account, token)?.is_some_and(|token| ctx.now < token.expires_at))
        }
    };
    Ok(present && reader.account(id)?.is_some_and(|account| account.usable(ctx.now).is_ok()))
}

/// Roles cost a query; what is open to all or to oneself does not ask for them.
fn roles_of(reader: &Reader<'_>, ctx: &Context, need: Need) -> Result<Roles, store::Fault> {
    match need {
        Need::Nothing | Need::System | Need::SeeSelf(_) | Need::ActForSelf(_) | Need::ChangeSelf(_) => Ok(Roles::NONE),
        Need::ReadDirectory
        | Need::ReadAudit
        | Need::ManagePerson(_)
        | Need::ManageGroup(_)
        | Need::ManageApps
        | Need::Own => {
            let Some(id) = ctx.actor.account() else { return Ok(Roles::NONE) };
            match reader.account(id)? {
                Some(account) if account.usable(ctx.now).is_ok() => reader.roles(id, account.kind),
                Some(_) | None => Ok(Roles::NONE),
            }
        }
    }
}
