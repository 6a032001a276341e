//! Another host name for a house that people live in: what changes with it, and who has something to do.
//!
//! The former name is served until the day that the owner sets. An app that came by the old issuer gets codes and ID tokens of
//! the old issuer; a code is good at the issuer that made it only (RFC 9207), a refresh token at both. Passkeys of the old name
//! count for as long; cookies never cross over.

use domain::account::AccountKind;
use domain::clock::Moment;
use domain::credential::Credential;
use domain::host::Host;
use domain::house::House;
use domain::moving::{self, Former, Plan, Wish};
use domain::name::Username;
use domain::permission::{Denied, Need};
use domain::time::{Span, Timestamp};
use serde_json::json;
use store::Reader;

use crate::operation::Abort;
use crate::setup::{HOST, MOVES, names};
use crate::sign_in::webauthn::RelyingParties;
use crate::{Change, Context, Idp, OpError, Refusal};

/// Most people who are named as having something to do; beyond, they are counted.
pub const MAX_BEHIND: usize = 500;

/// How many people are looked at in one step.
const STEP: u32 = 100;

/// The names of the house, and who is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainView {
    /// The name that it has.
    pub host: Host,
    /// The issuer that it makes.
    pub issuer: String,
    /// The name that it had.
    pub former: Option<Former>,
    /// The issuer that one makes.
    pub former_issuer: Option<String>,
    /// Whether the house answers to it.
    pub served: bool,
    /// Who has passkeys, but none for the name that the house has; [`MAX_BEHIND`] at the most.
    pub behind: Vec<Resident>,
    /// How many there are.
    pub behind_in_all: usize,
}

/// Somebody who has to make a passkey for the new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Who.
    pub person: Username,
    /// What others call them.
    pub display_name: String,
    /// The moment after which none of their passkeys works; absent when that is so already.
    pub until: Option<Timestamp>,
}

impl Idp {
    /// The names of the house, and who has to make a new passkey.
    pub fn domain(&self, ctx: &Context) -> Result<DomainView, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let house = names(op, &self.given)?;
            let served = self.nameplate.former_address(ctx.moment()).is_some();
            let (mut behind, mut behind_in_all, mut after) = (Vec::new(), 0, String::new());
            loop {
                let people = op.accounts(AccountKind::Person, "", &after, STEP)?;
                let Some(last) = people.last() else { break };
                last.name.as_str().clone_into(&mut after);
                for account in &people {
                    let Some(until) = behind_until(op, &house, account.id, served)? else { continue };
                    behind_in_all += 1;
                    if behind.len() < MAX_BEHIND {
                        let display_name = account.display_name().to_owned();
                        behind.push(Resident { person: account.name.clone(), display_name, until: until.0 });
                    }
                }
            }
            Ok(DomainView {
                issuer: house.issuer(),
                former_issuer: house.former().map(|former| house.issuer_of(&former.host)),
                former: house.former().cloned(),
                host: house.host,
                served,
                behind,
                behind_in_all,
            })
        })
    }

    /// Until when the person who is signed in has to make a passkey for the name that the house has; `None` when there is one
    /// already, or none to replace.
    pub fn passkey_due(&self, ctx: &Context) -> Result<Option<Timestamp>, OpError<Refusal>> {
        let Some(former) = self.nameplate.former_address(ctx.moment()) else { return Ok(None) };
        let me = ctx.actor.account().ok_or(Refusal::Denied(Denied::NotSignedIn))?;
        self.read(
            ctx,
            Need::SeeSelf(me),
            |op| Ok(behind_until(op, former.house(), me, true)?.and_then(|until| until.0)),
        )
    }

    /// Gives the house another host name. For so long, counted from the move, it answers to the one before as well. The same
    /// name again changes that length only; a second move within the time is refused, but for the way back.
    pub fn move_domain(&self, ctx: &Context, host: &Host, lifetime: Span) -> Result<Change, OpError<Refusal>> {
        // The time for which the former name is served begins now.
        ctx.timely()?;
        let change = self.write(ctx, Need::Own, |op| {
            let house = names(op, &self.given)?;
            let wish = Wish { host, lifetime };
            let plan = moving::plan(&house.host, house.moves.as_ref(), wish, ctx.now)
                .map_err(|why| Refusal::Conflict(why.to_string()))?;
            if let Some(why) = host.objection() {
                return Err(Refusal::Invalid { what: "host".into(), why }.into());
            }
            let (moves, action) = match plan {
                Plan::Nothing => return Ok(Change::Unchanged),
                Plan::Move(moves) => (moves, "house.move"),
                Plan::Retime(moves) => (moves, "house.former_name.retime"),
            };
            let detail = json!({"former": moves.former.host, "until": moves.former.until});
            op.put_setting(HOST, host, ctx.now)?;
            op.put_setting(MOVES, &moves, ctx.now)?;
            op.record(action, host.as_str(), detail)?;
            RelyingParties::new(&House { host: host.clone(), moves: Some(moves), ..house })?;
            Ok::<_, Abort<Refusal>>(Change::Changed)
        })?;
        self.look_at_names()?;
        Ok(change)
    }

    /// The house answers to its former name no more, whatever day was set.
    pub fn end_former_domain(&self, ctx: &Context) -> Result<Change, OpError<Refusal>> {
        let change = self.end_former(ctx, Need::Own, |_| true)?;
        self.look_at_names()?;
        Ok(change)
    }

    /// The server's own work, once in a while: a former name whose day has come is over for good, whatever the clock says later.
    pub fn tend_names(&self, moment: Moment) -> Result<Change, OpError<Refusal>> {
        let due = |former: &Former| !former.over && !former.holds(moment.now);
        if !moment.trust.is_good() || !self.house().former().is_some_and(due) {
            return Ok(Change::Unchanged);
        }
        let change = self.end_former(&Context::system(moment), Need::System, due)?;
        self.look_at_names()?;
        Ok(change)
    }

    fn end_former(
        &self,
        ctx: &Context,
        need: Need,
        due: impl FnOnce(&Former) -> bool,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, need, |op| {
            let moves = names(op, &self.given)?.moves.filter(|moves| !moves.former.over && due(&moves.former));
            let Some(moves) = moves else { return Ok(Change::Unchanged) };
            op.put_setting(MOVES, &moves.clone().ended(), ctx.now)?;
            op.record("house.former_name.end", moves.former.host.as_str(), json!({"until": moves.former.until}))?;
            Ok::<_, Abort<Refusal>>(Change::Removed)
        })
    }
}

/// When the last passkey of somebody ends who has none for the name that the house has.
struct Until(Option<Timestamp>);

fn behind_until(
    op: &Reader<'_>,
    house: &House,
    account: domain::id::AccountId,
    served: bool,
) -> Result<Option<Until>, store::Fault> {
    let credentials = op.credentials(account)?;
    let passkeys = || {
        credentials.iter().filter_map(|stored| match &stored.credential {
            Credential::Passkey(passkey) => Some(house.rp_id(passkey)),
            Credential::Password(_) | Credential::Totp(_) | Credential::Recovery(_) => None,
        })
    };
    if passkeys().next().is_none() || passkeys().any(|rp_id| *rp_id == house.host) {
        return Ok(None);
    }
    let former = house.former().filter(|former| served && passkeys().any(|rp_id| *rp_id == former.host));
    Ok(Some(Until(former.map(|former| former.until))))
}

#[cfg(test)]
mod tests;
