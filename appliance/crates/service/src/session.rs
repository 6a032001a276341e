//! Sessions: what the cookie stands for.

use domain::account::Account;
use domain::clock::Moment;
use domain::entropy;
use domain::id::{AccountId, SessionNumber};
use domain::permission::{Actor, Need};
use domain::secret::Secret;
use domain::session::{ABSOLUTE, IDLE, MAX_SESSIONS, Session, SessionView};
use domain::sign_in::Factors;
use domain::strength::Strength;
use domain::time::Timestamp;
use domain::token::{OpaqueToken, TokenKind};
use serde_json::{Value, json};

use crate::operation::{Abort, Refuses, Writing};
use crate::sign_in::SignInRefusal;
use crate::{Change, Context, Idp, OpError, Origin, Refusal, Whose};

/// Most characters of a device's name.
const MAX_DEVICE: usize = 64;

/// A session that was just opened or renewed.
#[derive(Debug)]
pub struct NewSession {
    /// The value of the cookie. This is the only moment at which it can be read.
    pub cookie: Secret<String>,
    /// When the cookie ends at the latest.
    pub expires_at: Timestamp,
    /// Who is in.
    pub signed_in: SignedIn,
}

/// Who is behind a cookie, and how that was proven.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person.
    pub account: Account,
    /// The session's number.
    pub session: SessionNumber,
    /// How strongly it was proven.
    pub strength: Strength,
    /// With what (`amr` follows from it).
    pub factors: Factors,
    /// When it was proven (`auth_time`).
    pub authenticated_at: Timestamp,
    /// Whether that was within the last ten minutes.
    pub fresh: bool,
    /// The circumstances for the operations that the person calls now.
    pub context: Context,
}

impl SignedIn {
    fn new(account: Account, session: &Session, origin: Origin, moment: Moment) -> Self {
        let fresh = session.fresh(moment.now);
        let actor = Actor::Person { account: account.id, session: session.number, fresh };
        Self {
            account,
            session: session.number,
            strength: session.strength,
            factors: session.factors,
            authenticated_at: session.authenticated_at,
            fresh,
            context: Context::new(actor, moment, origin),
        }
    }
}

impl Idp {
    /// Who is behind this cookie; `None` for anything that is not, or no longer, a session of somebody who may sign in.
    ///
    /// Reads only, but for writing once an hour that the session is in use.
    pub fn authenticate_session(
        &self,
        cookie: &str,
        origin: Origin,
        moment: Moment,
    ) -> Result<Option<SignedIn>, OpError<Refusal>> {
        let now = moment.now;
        let Some(token) = OpaqueToken::decode(TokenKind::Session, cookie) else { return Ok(None) };
        let ctx = Context::anonymous(moment, origin);
        let digest = token.digest_at(self.reached_at(&ctx).host());
        let found = self.read::<_, Refusal>(&ctx, Need::Nothing, |op| {
            let Some(session) = op.session(token.account, SessionNumber(token.row))? else { return Ok(None) };
            if session.digest != digest || !session.alive(now) {
                return Ok(None);
            }
            let account = op.account(session.account)?.filter(|account| account.usable(now).is_ok());
            Ok(account.map(|account| (account, session)))
        })?;
        let Some((account, session)) = found else { return Ok(None) };
        if session.wants_seen(now) {
            self.write::<_, Refusal>(&ctx, Need::Nothing, |op| {
                Ok(op.session_seen(session.account, session.number, now)?)
            })?;
        }
        Ok(Some(SignedIn::new(account, &session, ctx.origin, moment)))
    }

    /// The person's sessions that still count, the one that was used last first.
    pub fn list_sessions(&self, ctx: &Context, whose: &Whose) -> Result<Vec<SessionView>, OpError<Refusal>> {
        self.read(ctx, whose.need_to_see(ctx), |op| {
            let account = whose.load(ctx, op)?;
            let sessions = op.sessions(account.id)?;
            Ok(sessions.iter().filter(|session| session.alive(ctx.now)).map(Session::view).collect())
        })
    }

    /// Ends one session and the apps' tokens that grew from it.
    pub fn revoke_session(
        &self,
        ctx: &Context,
        whose: &Whose,
        number: SessionNumber,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, ending_need(ctx, whose), |op| {
            let account = load_to_end(op, ctx, whose)?;
            if !end_session(op, account.id, number)? {
                return Ok(Change::Unchanged);
            }
            op.record("session.revoke", account.name.as_str(), json!({}))?;
            Ok(Change::Removed)
        })
    }

    /// Ends all sessions of the person but the one to keep, and what apps hold of the person but what grew from that one;
    /// tells how many sessions there were.
    pub fn revoke_sessions(
        &self,
        ctx: &Context,
        whose: &Whose,
        keep: Option<SessionNumber>,
    ) -> Result<usize, OpError<Refusal>> {
        self.write(ctx, ending_need(ctx, whose), |op| {
            let account = load_to_end(op, ctx, whose)?;
            let ended = end_sessions(op, account.id, keep)?;
            if ended.sessions > 0 || ended.tokens > 0 {
                let detail = json!({"sessions": ended.sessions, "tokens": ended.tokens});
                op.record("session.revoke", account.name.as_str(), detail)?;
            }
            Ok(ended.sessions)
        })
    }

    /// Ends the session that the caller is in.
    pub fn sign_out(&self, ctx: &Context) -> Result<Change, OpError<Refusal>> {
        self.leave(ctx, json!({}))
    }

    /// The same with what the audit log shall say of it.
    pub(crate) fn leave<R: Refuses>(&self, ctx: &Context, detail: Value) -> Result<Change, OpError<R>> {
        let Actor::Person { account, session, .. } = ctx.actor else { return Ok(Change::Unchanged) };
        // Nothing is needed: whoever's session has ended is out already, and that is no error.
        self.write(ctx, Need::Nothing, |op| {
            if !end_session(op, account, session)? {
                return Ok(Change::Unchanged);
            }
            let name = op.account(account)?.map(|account| account.name.to_string()).unwrap_or_default();
            op.record("session.end", &name, detail)?;
            Ok(Change::Removed)
        })
    }

    /// Forgets sessions and links that are over. To be called now and then by the server itself.
    pub fn purge_sign_ins(&self, moment: Moment) -> Result<usize, OpError<Refusal>> {
        let (ctx, now) = (Context::system(moment), moment.now);
        // A clock that is wrong must not end what is good.
        ctx.timely()?;
        self.write(&ctx, Need::System, |op| Ok(op.purge_sessions(now, now - IDLE)? + op.purge_invites(now)?))
    }

    /// A new session, or, for a person who is signed in, the same one with a new proof and a new cookie.
    pub(crate) fn grant_session(
        &self,
        op: &Writing<'_>,
        account: &Account,
        factors: Factors,
    ) -> Result<NewSession, Abort<SignInRefusal>> {
        let ctx = op.ctx;
        let current = match ctx.actor {
            Actor::Person { session, .. } => op.session(account.id, session)?.filter(|session| session.alive(ctx.now)),
            Actor::Anonymous | Actor::Console | Actor::Service { .. } | Actor::System => None,
        };
        let renewed = current.is_some();
        let number = match &current {
            Some(session) => session.number,
            None => SessionNumber(entropy::number(self.entropy())),
        };
        let token = OpaqueToken::random(account.id, number.0, self.entropy());
        let session = Session {
            account: account.id,
            number,
            // A cookie belongs to one host. Whoever gets hold of a name that the house gave up gets nothing with the cookies
            // that browsers still send there.
            digest: token.digest_at(self.reached_at(ctx).host()),
            strength: factors.strength(),
            factors,
            device: ctx.origin.device.chars().take(MAX_DEVICE).collect(),
            address: ctx.origin.address.map(|address| address.to_string()).unwrap_or_default(),
            created_at: current.as_ref().map_or(ctx.now, |session| session.created_at),
            authenticated_at: ctx.now,
            last_seen_at: ctx.now,
            expires_at: current.as_ref().map_or(ctx.now + ABSOLUTE, |session| session.expires_at),
        };
        if renewed {
            op.update_session(&session)?;
        } else {
            make_room(op, account.id)?;
            op.insert_session(&session)?;
        }
        let action = if renewed { "session.renew" } else { "session.create" };
        let detail = json!({"factors": factors.to_string(), "device": session.device});
        op.record(action, account.name.as_str(), detail)?;
        Ok(NewSession {
            cookie: token.encode(TokenKind::Session),
            expires_at: session.expires_at,
            signed_in: SignedIn::new(account.clone(), &session, ctx.origin.clone(), ctx.moment()),
        })
    }
}

/// Ending one's own sessions asks for no fresh proof: whoever fears a thief must not have to wait.
fn ending_need(ctx: &Context, whose: &Whose) -> Need {
    match whose {
        Whose::Mine => Need::ActForSelf(ctx.actor.account().unwrap_or(AccountId(0))),
        Whose::Of(_) => Need::ReadDirectory,
    }
}

fn load_to_end(op: &Writing<'_>, ctx: &Context, whose: &Whose) -> Result<Account, Abort<Refusal>> {
    match whose {
        Whose::Mine => whose.load(ctx, op).map_err(Abort::Undo),
        Whose::Of(_) => whose.load_to_change(ctx, op, "session.revoke"),
    }
}

/// Ends one session, by whatever way: the apps that it led into are told (see [`crate::logout`]). Whether there was one.
pub(crate) fn end_session(op: &Writing<'_>, account: AccountId, number: SessionNumber) -> Result<bool, store::Fault> {
    let ended = op.end_session(account, number, op.ctx.now)?;
    if ended.to_tell > 0 {
        op.logouts_wait();
    }
    Ok(ended.found)
}

/// What ended together.
pub(crate) struct Ended {
    pub(crate) sessions: usize,
    /// Families of tokens, also those whose session ended by itself long before.
    pub(crate) tokens: usize,
}

/// Ends every session of the account but the one to keep, and what apps hold but for that one.
pub(crate) fn end_sessions(
    op: &Writing<'_>,
    account: AccountId,
    keep: Option<SessionNumber>,
) -> Result<Ended, store::Fault> {
    let tokens = match keep {
        Some(session) => op.delete_token_families_beside(account, session)?,
        None => op.delete_token_families_of(account)?,
    };
    let mut sessions = 0;
    for session in op.sessions(account)?.iter().filter(|session| Some(session.number) != keep) {
        end_session(op, account, session.number)?;
        sessions += 1;
    }
    Ok(Ended { sessions, tokens })
}

/// The session that was not used for longest goes.
fn make_room(op: &Writing<'_>, account: AccountId) -> Result<(), store::Fault> {
    let sessions = op.sessions(account)?;
    if sessions.len() >= MAX_SESSIONS {
        for session in &sessions[MAX_SESSIONS - 1..] {
            end_session(op, account, session.number)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
