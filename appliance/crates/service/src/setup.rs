//! From a powered box to a house with an owner: its names, and who claimed it.

use domain::group::{Builtin, Group};
use domain::host::Host;
use domain::house::House;
use domain::name::Label;
use domain::permission::{Actor, Need};
use domain::time::Timestamp;
use serde_json::json;
use store::{Reader, Store};

use crate::operation::{Abort, Writing};
use crate::sign_in::webauthn::RelyingParty;
use crate::{Change, Context, Fault, Idp, Nameplate, OpError, Refusal, Settings};

/// What a house is called that nobody named.
const UNNAMED: &str = "Home";

/// The settings that this file keeps.
const CLAIMED_AT: &str = "claimed_at";
const HOST: &str = "host";
const HOUSE: &str = "house";

/// What the store and the configuration say together.
pub(crate) fn nameplate(store: &Store, given: &Settings) -> Result<Nameplate, Fault> {
    store.read(|reader| Ok(Nameplate::new(names(reader, given)?, claimed(reader)?)))
}

fn names(reader: &Reader<'_>, given: &Settings) -> Result<House, store::Fault> {
    let host = match &given.host {
        Some(host) => Some(host.clone()),
        None => reader.setting::<Host>(HOST)?,
    };
    let name = match &given.house {
        Some(name) => Some(name.clone()),
        None => reader.setting::<String>(HOUSE)?,
    };
    Ok(House {
        name: name.unwrap_or_else(|| UNNAMED.to_owned()),
        host: host.unwrap_or_else(Host::provisional),
        port: given.port,
    })
}

fn claimed(reader: &Reader<'_>) -> Result<bool, store::Fault> {
    Ok(reader.setting::<Timestamp>(CLAIMED_AT)?.is_some())
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
    fn put_names(&self, op: &Writing<'_>, naming: &Naming) -> Result<Change, Abort<Refusal>> {
        let before = names(op, &self.given)?;
        if let Some(name) = naming.house.as_ref().filter(|name| name.as_str() != before.name) {
            given_elsewhere(self.given.house.as_ref(), "house")?;
            op.put_setting(HOUSE, name, op.ctx.now)?;
        }
        if let Some(host) = naming.host.as_ref().filter(|host| **host != before.host) {
            given_elsewhere(self.given.host.as_ref(), "host")?;
            if claimed(op)? {
                let why = format!("passkeys are bound to {}; latchkey domain move changes it with care", before.host);
                return Err(Refusal::Conflict(why).into());
            }
            if host.is_provisional() {
                let why = format!("{host} is for setting up only, since every new box answers to it; choose another");
                return Err(Refusal::Invalid { what: "host".into(), why }.into());
            }
            op.put_setting(HOST, host, op.ctx.now)?;
        }
        let after = names(op, &self.given)?;
        if after == before {
            return Ok(Change::Unchanged);
        }
        RelyingParty::new(&after)?;
        op.record("house.name", after.host.as_str(), json!({"house": after.name}))?;
        Ok(Change::Changed)
    }

    /// Makes the names hold that were written down.
    fn look_at_names(&self) -> Result<(), Fault> {
        let house = self.store.read(|reader| names(reader, &self.given))?;
        if house != *self.house() {
            self.sign_ins.rename(RelyingParty::new(&house)?);
            self.nameplate.rename(house);
        }
        Ok(())
    }

    /// Whoever makes an owner at the console has the box in hand: it is claimed.
    pub(crate) fn claim_at_console(&self, op: &Writing<'_>, group: &Group) -> Result<(), store::Fault> {
        if group.builtin != Some(Builtin::Owners) || op.ctx.actor != Actor::Console || claimed(op)? {
            return Ok(());
        }
        op.put_setting(CLAIMED_AT, &op.ctx.now, op.ctx.now)?;
        op.record("house.claim", "", json!({"by": "console"}))
    }

    /// Looks again, after a commit that may have claimed the house.
    pub(crate) fn look_whether_claimed(&self) -> Result<(), Fault> {
        if !self.nameplate.claimed() && self.store.read(claimed)? {
            self.nameplate.claim();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
