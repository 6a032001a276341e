//! From a powered box to a house with an owner: its names, and who claimed it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use domain::account::{Account, AccountKind};
use domain::certificate::CertificateChoice;
use domain::group::{Builtin, Group};
use domain::host::Host;
use domain::house::House;
use domain::id::{AccountId, Subject};
use domain::invite::InvitePurpose;
use domain::moving::Moves;
use domain::name::{Label, Username};
use domain::permission::{Actor, Denied, Need};
use domain::time::{Span, Timestamp};
use serde_json::json;
use store::{Reader, Store};

use crate::invite::NewLink;
use crate::operation::{Abort, Refuses, Writing};
use crate::sign_in::webauthn::RelyingParties;
use crate::{Change, Context, Fault, Idp, Nameplate, NewInvite, OpError, Refusal, Settings, certificate, presence};

/// What a house is called that nobody named.
const UNNAMED: &str = "Home";

/// The settings that this file keeps.
const CLAIMED_AT: &str = "claimed_at";
pub(crate) const HOST: &str = "host";
const HOUSE: &str = "house";
const FIRST_OWNER: &str = "first_owner";

/// Who made the link of the setup, as its `created_by`; no name has a blank.
pub(crate) const IN_SETUP: &str = "the setup";
/// How long the link lives that leads from the setup to the first passkey.
const LINK: Span = Span::hours(1);
/// What `moving.rs` keeps.
pub(crate) const MOVES: &str = "moves";

/// What the store and the configuration say together.
pub(crate) fn nameplate(store: &Store, given: &Settings) -> Result<Nameplate, Fault> {
    store.read(|reader| Ok(Nameplate::new(names(reader, given)?, claimed(reader)?)))
}

pub(crate) fn names(reader: &Reader<'_>, given: &Settings) -> Result<House, store::Fault> {
    let moves = reader.setting::<Moves>(MOVES)?;
    let host = match &given.host {
        // The configuration may still say a name that the house has left since.
        Some(host) if !moves.as_ref().is_some_and(|moves| moves.knows(host)) => Some(host.clone()),
        Some(_) | None => reader.setting::<Host>(HOST)?,
    };
    let name = match &given.house {
        Some(name) => Some(name.clone()),
        None => reader.setting::<String>(HOUSE)?,
    };
    Ok(House {
        name: name.unwrap_or_else(|| UNNAMED.to_owned()),
        host: host.unwrap_or_else(Host::provisional),
        port: given.port,
        moves,
    })
}

pub(crate) fn claimed(reader: &Reader<'_>) -> Result<bool, store::Fault> {
    Ok(reader.setting::<Timestamp>(CLAIMED_AT)?.is_some())
}

/// From this commit on there is an owner, and nothing of the claim stays.
fn put_claim(op: &Writing<'_>) -> Result<(), store::Fault> {
    op.put_setting(CLAIMED_AT, &op.ctx.now, op.ctx.now)?;
    void_owners_link(op)?;
    op.delete_setting(presence::CODE)?;
    op.delete_setting(FIRST_OWNER)?;
    Ok(())
}

/// Why a step of the setup was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupRefusal {
    /// Nobody is present, or this browser did not begin.
    NotBegun,
    /// Another browser began; in words, which.
    Taken(String),
    /// The code is wrong, or was used.
    WrongCode,
    /// Too many codes were tried in the last minute.
    TooManyTries,
    /// The box has an owner.
    Claimed,
    /// A name is missing or cannot be used; in words, why.
    Objection(String),
}

impl fmt::Display for SetupRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str("press the button of the box first, or type its code"),
            Self::Taken(by) => write!(f, "{by} began to set up this box; press the button again to begin here"),
            Self::WrongCode => f.write_str("this is not the code that the box shows now"),
            Self::TooManyTries => f.write_str("too many codes were tried; wait a minute"),
            Self::Claimed => f.write_str("this box has an owner already"),
            Self::Objection(why) => f.write_str(why),
        }
    }
}

impl Refuses for SetupRefusal {
    fn denied(_: Denied) -> Self {
        Self::NotBegun
    }
}

impl From<SetupRefusal> for OpError<SetupRefusal> {
    fn from(refusal: SetupRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Refusal> for SetupRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Objection(refusal.to_string())
    }
}

/// What the pages of the setup show.
#[derive(Clone, Debug)]
pub struct SetupView {
    /// The names as they are now.
    pub house: Arc<House>,
    /// Whether the host is the configuration's to say.
    pub host_is_given: bool,
    /// Whether the name of the house is the configuration's to say.
    pub house_is_given: bool,
    /// Whether both were chosen or given already.
    pub named: bool,
    /// Whether somebody said where the certificate shall come from.
    pub certificate_decided: bool,
    /// The owner that was named already, as others see them.
    pub owner: Option<String>,
}

/// The configuration has the last word on what it says.
fn given_elsewhere<T>(given: Option<&T>, what: &str) -> Result<(), Refusal> {
    match given {
        Some(_) => Err(Refusal::Conflict(format!("the configuration file says `{what}`; change it there"))),
        None => Ok(()),
    }
}

/// What the house shall be called; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// What people see as the name of the house.
    pub house: Option<Label>,
    /// The host name. It cannot change once there is an owner: passkeys are bound to it.
    pub host: Option<Host>,
}

impl Idp {
    /// Names the house: at the console, or by an owner.
    pub fn name_house(&self, ctx: &Context, naming: &Naming) -> Result<Change, OpError<Refusal>> {
        let change = self.write(ctx, Need::Own, |op| self.put_names(op, naming))?;
        self.look_at_names()?;
        Ok(change)
    }

    /// Writes the names down; [`Self::look_at_names`] makes them hold after the commit.
    pub(crate) fn put_names(&self, op: &Writing<'_>, naming: &Naming) -> Result<Change, Abort<Refusal>> {
        let before = names(op, &self.given)?;
        if let Some(name) = &naming.house
            && op.setting::<String>(HOUSE)?.as_deref() != Some(name.as_str())
        {
            if name.as_str() != before.name {
                given_elsewhere(self.given.house.as_ref(), "house")?;
            }
            op.put_setting(HOUSE, name, op.ctx.now)?;
        }
        if let Some(why) = naming.host.as_ref().and_then(Host::objection) {
            return Err(Refusal::Invalid { what: "host".into(), why }.into());
        }
        if let Some(host) = naming.host.as_ref().filter(|host| **host != before.host) {
            given_elsewhere(self.given.host.as_ref(), "host")?;
            if claimed(op)? {
                let why = format!("passkeys are bound to {}; latchkey domain move changes it with care", before.host);
                return Err(Refusal::Conflict(why).into());
            }
            op.put_setting(HOST, host, op.ctx.now)?;
        }
        let after = names(op, &self.given)?;
        if after == before {
            return Ok(Change::Unchanged);
        }
        RelyingParties::new(&after)?;
        op.record("house.name", after.host.as_str(), json!({"house": after.name}))?;
        Ok(Change::Changed)
    }

    /// Makes the names hold that were written down.
    pub(crate) fn look_at_names(&self) -> Result<(), Fault> {
        let house = self.store.read(|reader| names(reader, &self.given))?;
        if house != *self.house() {
            self.sign_ins.rename(RelyingParties::new(&house)?);
            self.nameplate.rename(house);
        }
        Ok(())
    }

    /// Whoever makes an owner at the console has the box in hand: it is claimed.
    pub(crate) fn claim_at_console(&self, op: &Writing<'_>, group: &Group) -> Result<(), store::Fault> {
        if group.builtin != Some(Builtin::Owners) || op.ctx.actor != Actor::Console || claimed(op)? {
            return Ok(());
        }
        if self.house().host.is_provisional() {
            // Passkeys need the name that the setup, or the console, is still to give.
            return Ok(());
        }
        put_claim(op)?;
        op.record("house.claim", "", json!({"by": "console"}))
    }

    /// Claims the box for whoever works at its console and wants no setup pages.
    pub fn claim_here(&self, ctx: &Context) -> Result<Change, OpError<Refusal>> {
        let change = self.write(ctx, Need::Own, |op| {
            if claimed(op)? {
                return Ok(Change::Unchanged);
            }
            if self.house().host.is_provisional() {
                let why = "this box has no name yet, and passkeys need one: latchkey domain move NAME gives it one, and so do the setup pages";
                return Err(Refusal::Conflict(why.into()).into());
            }
            put_claim(op)?;
            op.record("house.claim", "", json!({"by": "console"}))?;
            Ok::<_, Abort<Refusal>>(Change::Changed)
        })?;
        self.look_whether_claimed()?;
        Ok(change)
    }

    /// Looks again, after a commit that may have claimed the house.
    pub(crate) fn look_whether_claimed(&self) -> Result<(), Fault> {
        if !self.nameplate.claimed() && self.store.read(claimed)? {
            self.nameplate.claim();
            self.close_window();
        }
        Ok(())
    }
}

/// The steps of a claim. Each asks first whether the claim is this browser's.
impl Idp {
    /// What is decided already, so that a setup that broke off goes on where it was.
    pub fn see_setup(&self, ctx: &Context, held: Option<&str>) -> Result<SetupView, OpError<SetupRefusal>> {
        self.holds_claim(ctx, held)?;
        self.read(ctx, Need::Nothing, |op| {
            let owner = first_owner(op)?.map(|account| account.display_name().to_owned());
            let house = self.house();
            let (host_is_given, house_is_given) = (self.given.host.is_some(), self.given.house.is_some());
            let house_named = house_is_given || op.setting::<String>(HOUSE)?.is_some();
            let named = house_named && !house.host.is_provisional();
            let certificate_decided = op.setting::<CertificateChoice>(certificate::SETTING)?.is_some();
            Ok(SetupView { house, host_is_given, house_is_given, named, certificate_decided, owner })
        })
    }

    /// Names the house on the way.
    pub fn name_in_setup(
        &self,
        ctx: &Context,
        held: Option<&str>,
        naming: &Naming,
    ) -> Result<Change, OpError<SetupRefusal>> {
        self.holds_claim(ctx, held)?;
        let change = self.write(ctx, Need::Nothing, |op| {
            self.holds_claim(ctx, held)?;
            self.put_names(op, naming).map_err(|abort| abort.map(SetupRefusal::from))
        })?;
        self.look_at_names()?;
        Ok(change)
    }

    /// Makes the owner and the link that leads to their first passkey. Doing it again with another name renames that owner and
    /// voids the link made before: there is never a second half-made owner.
    pub fn name_owner(
        &self,
        ctx: &Context,
        held: Option<&str>,
        called: &Label,
    ) -> Result<NewInvite, OpError<SetupRefusal>> {
        self.holds_claim(ctx, held)?;
        self.write(ctx, Need::Nothing, |op| {
            // Asked again, since another browser may have got the claim meanwhile.
            self.holds_claim(ctx, held)?;
            if claimed(op)? {
                return Err(SetupRefusal::Claimed.into());
            }
            let owner = self.put_first_owner(op, called).map_err(|abort| abort.map(SetupRefusal::from))?;
            let (purpose, expires_at) = (InvitePurpose::Join, op.ctx.now + LINK);
            let link = NewLink { purpose, created_by: IN_SETUP.to_owned(), expires_at };
            Ok(self.put_invite(op, &owner, link)?)
        })
    }

    /// The person who will own the house, made or renamed, without a way in yet.
    pub(crate) fn put_first_owner(&self, op: &Writing<'_>, called: &Label) -> Result<Account, Abort<Refusal>> {
        let owners = Builtin::Owners.name().parse().map_err(Fault::unexpected)?;
        let Some(owners) = op.group_by_name(&owners)? else {
            return Err(Fault::unexpected("there is no group of owners").into());
        };
        let known = first_owner(op)?;
        let mut name = Username::suggest(called.as_str());
        if op.account_by_name(&name)?.is_some_and(|other| Some(other.id) != known.as_ref().map(|known| known.id)) {
            name = Username::suggest("owner");
        }
        let fresh = Account {
            id: AccountId(0),
            subject: Subject::random(self.entropy()),
            kind: AccountKind::Person,
            name: name.clone(),
            attributes: BTreeMap::new(),
            valid_from: None,
            valid_until: None,
            locked: false,
            created_at: op.ctx.now,
            updated_at: op.ctx.now,
        };
        let mut account = known.clone().unwrap_or(fresh);
        account.name = name.clone();
        account.attributes.insert("display_name".to_owned(), json!(called));
        account.updated_at = op.ctx.now;
        match known {
            Some(_) => op.update_account(&account)?,
            None => {
                op.insert_account(&account)?;
                let missing = || Abort::from(Fault::unexpected("the owner was not stored"));
                account = op.account_by_name(&name)?.ok_or_else(missing)?;
                op.insert_account_member(owners.id, account.id)?;
                op.put_setting(FIRST_OWNER, &account.id.0, op.ctx.now)?;
            }
        }
        op.record("house.owner", name.as_str(), json!({}))?;
        Ok(account)
    }

    /// The first passkey of the first owner claims the house: in the same commit.
    pub(crate) fn claim_by(&self, op: &Writing<'_>, account: &Account) -> Result<(), store::Fault> {
        if claimed(op)? || op.setting::<i64>(FIRST_OWNER)? != Some(account.id.0) {
            return Ok(());
        }
        put_claim(op)?;
        op.record_by(&account.name, "house.claim", account.name.as_str(), json!({"by": "presence"}))
    }
}

/// A link that another browser made on its way is not good for the next one.
pub(crate) fn void_owners_link(op: &Writing<'_>) -> Result<(), store::Fault> {
    if let Some(owner) = first_owner(op)? {
        op.delete_invites(owner.id)?;
    }
    Ok(())
}

/// The owner that was named but has no way in yet.
pub(crate) fn first_owner(reader: &Reader<'_>) -> Result<Option<Account>, store::Fault> {
    match reader.setting::<i64>(FIRST_OWNER)? {
        Some(id) => reader.account(AccountId(id)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::{House as TestHouse, NOW, console};
    use crate::moment::steady;
    use crate::testing::SeededEntropy;

    fn unnamed() -> Idp {
        let given = Settings { host: None, house: None, port: 443 };
        Idp::in_memory(given, Arc::new(SeededEntropy::new(1)), steady(NOW)).unwrap()
    }

    fn host(name: &str) -> Naming {
        Naming { host: Some(name.parse().unwrap()), ..Naming::default() }
    }

    #[test]
    fn a_box_that_nobody_named_is_found_under_the_provisional_name() {
        let idp = unnamed();
        assert_eq!(idp.issuer(), "https://latchkey.local");
        assert!(!idp.nameplate().claimed());
    }

    #[test]
    fn names_hold_at_once_and_naming_twice_changes_nothing() {
        let idp = unnamed();
        let naming = Naming { house: Some("Holm".parse().unwrap()), ..host("id.example.org") };
        assert_eq!(idp.name_house(&console(), &naming).unwrap(), Change::Changed);
        assert_eq!((idp.issuer().as_str(), idp.house().name.as_str()), ("https://id.example.org", "Holm"));
        assert_eq!(idp.name_house(&console(), &naming).unwrap(), Change::Unchanged);
    }

    #[test]
    fn the_provisional_name_is_for_nobody_to_keep() {
        let idp = unnamed();
        idp.name_house(&console(), &host("id.example.org")).unwrap();
        assert!(idp.name_house(&console(), &host("latchkey.local")).is_err());
        assert_eq!(idp.issuer(), "https://id.example.org");
    }

    #[test]
    fn what_the_configuration_says_is_changed_there() {
        let house = TestHouse::new();
        assert!(house.idp.name_house(&console(), &host("other.example.org")).is_err());
        let naming = Naming { house: Some("Other".parse().unwrap()), ..Naming::default() };
        assert!(house.idp.name_house(&console(), &naming).is_err());
    }

    #[test]
    fn an_owner_made_at_the_console_claims_the_house_and_fixes_its_name() {
        let idp = unnamed();
        idp.name_house(&console(), &host("id.example.org")).unwrap();
        let house = TestHouse { idp };
        house.newcomer("anna", &["people_admins"]);
        assert!(!house.idp.nameplate().claimed());
        house.newcomer("bert", &["owners"]);
        assert!(house.idp.nameplate().claimed());
        assert!(matches!(
            house.idp.name_house(&console(), &host("other.example.org")),
            Err(OpError::Refused(Refusal::Conflict(_)))
        ));
    }
}
