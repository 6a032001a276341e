//! What a provisioning file asks of the household: its names, its certificate, who will own it. Only a box without an owner takes
//! one, and having applied it claims nothing: that still needs somebody at the box.

use domain::name::Username;
use domain::permission::Need;
use domain::provisioning::{Owner, Provisioning};
use serde_json::{Value, json};

use crate::certificate::put_choice;
use crate::operation::{Abort, Writing};
use crate::setup::{claimed, first_owner};
use crate::{Change, Context, Idp, Naming, OpError, Refusal};

/// What a file came to in the household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// Whether anything is different now.
    pub change: Change,
    /// What the first owner will sign in with.
    pub owner: Option<Username>,
}

impl Idp {
    /// Applies the part of a provisioning file that concerns the household, all of it or nothing. Doing it twice changes nothing.
    pub fn provision(&self, ctx: &Context, file: &Provisioning) -> Result<Provisioned, OpError<Refusal>> {
        let done = self.write(ctx, Need::System, |op| {
            if claimed(op)? {
                let why = "this box has an owner, who can change all of this; a file on the card no longer can";
                return Err(Refusal::Conflict(why.to_owned()).into());
            }
            let naming = Naming { house: file.house.clone(), host: file.host.clone() };
            let mut changes = vec![self.put_names(op, &naming)?];
            if let Some(choice) = &file.certificate {
                changes.push(put_choice(op, choice)?);
            }
            let mut owner = None;
            if let Some(wanted) = &file.owner {
                let (change, name) = self.put_owner(op, wanted)?;
                changes.push(change);
                owner = Some(name);
            }
            if changes.iter().all(|change| *change == Change::Unchanged) {
                return Ok(Provisioned { change: Change::Unchanged, owner });
            }
            let certificate = file.certificate.as_ref().map_or(Value::Null, |choice| choice.redacted());
            let detail = json!({"host": file.host, "house": file.house, "certificate": certificate, "owner": owner});
            op.record("house.provision", "", detail)?;
            Ok(Provisioned { change: Change::Changed, owner })
        })?;
        self.look_at_names()?;
        Ok(done)
    }

    /// Makes the person who shall claim the house, or gives them the name of a better file.
    fn put_owner(&self, op: &Writing<'_>, owner: &Owner) -> Result<(Change, Username), Abort<Refusal>> {
        match first_owner(op)? {
            Some(account) if account.display_name() == owner.name.as_str() => Ok((Change::Unchanged, account.name)),
            Some(_) => Ok((Change::Changed, self.put_first_owner(op, &owner.name)?.name)),
            None => Ok((Change::Created, self.put_first_owner(op, &owner.name)?.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::account::AccountKind;
    use domain::attribute::DISPLAY_NAME;

    use super::*;
    use crate::house::{House, NOW, console, refusal, user};
    use crate::moment::steady;
    use crate::testing::SeededEntropy;
    use crate::{Actor, Origin, Settings};
    use std::sync::Arc;

    const FILE: &str = "host = \"id.example.org\"\nhouse = \"Holm\"\n\
        [certificate]\nkind = \"acme\"\ndns = { kind = \"desec\", token = \"hush-hush\" }\n\
        [owner]\nname = \"J\u{f6}rg Bauer\"\n";

    fn house() -> House {
        let given = Settings { host: None, house: None, port: 443 };
        House { idp: Idp::in_memory(given, Arc::new(SeededEntropy::new(1)), steady(NOW)).unwrap() }
    }

    fn apply(house: &House, text: &str) -> Result<Provisioned, OpError<Refusal>> {
        house.idp.provision(&Context::system(steady(NOW)), &text.parse().unwrap())
    }

    #[test]
    fn a_file_names_the_house_and_its_owner_and_claims_nothing() {
        let house = house();
        let done = apply(&house, FILE).unwrap();
        assert_eq!((done.change, done.owner), (Change::Changed, Some(user("joerg"))));
        assert_eq!((house.idp.issuer().as_str(), house.idp.house().name.as_str()), ("https://id.example.org", "Holm"));
        let shown = house.idp.show_account(&console(), AccountKind::Person, &user("joerg")).unwrap();
        assert!(shown.direct_groups.contains(&"owners".parse().unwrap()));
        assert!(!house.idp.nameplate().claimed());
        assert_eq!(house.last_event(), "house.provision  success");
        assert!(!format!("{:?}", house.events()).contains("hush-hush"));
    }

    #[test]
    fn a_file_that_is_applied_twice_changes_nothing_the_second_time() {
        let house = house();
        apply(&house, FILE).unwrap();
        let before = house.events().len();
        assert_eq!(apply(&house, FILE).unwrap(), Provisioned { change: Change::Unchanged, owner: Some(user("joerg")) });
        assert_eq!(house.events().len(), before);
    }

    #[test]
    fn a_better_file_changes_the_name_of_the_same_person() {
        let house = house();
        apply(&house, "[owner]\nname = \"Jorg\"").unwrap();
        apply(&house, "[owner]\nname = \"J\u{f6}rg\"").unwrap();
        let shown = house.idp.show_account(&console(), AccountKind::Person, &user("joerg")).unwrap();
        assert_eq!(shown.account.attributes[DISPLAY_NAME], "J\u{f6}rg");
        assert!(house.idp.show_account(&console(), AccountKind::Person, &user("jorg")).is_err());
    }

    #[test]
    fn a_part_that_cannot_be_applied_undoes_the_others() {
        let given = Settings { host: Some("id.example.org".parse().unwrap()), house: None, port: 443 };
        let idp = Idp::in_memory(given, Arc::new(SeededEntropy::new(1)), steady(NOW)).unwrap();
        let house = House { idp };
        let refused = refusal(apply(&house, "host = \"other.example.org\"\nhouse = \"Holm\""));
        assert!(matches!(refused, Refusal::Conflict(_)));
        assert_eq!(house.idp.house().name, "Home");
    }

    #[test]
    fn a_box_with_an_owner_takes_no_file() {
        let house = house();
        let naming = Naming { host: Some("home.example.org".parse().unwrap()), house: None };
        house.idp.name_house(&console(), &naming).unwrap();
        house.newcomer("olga", &["owners"]);
        assert!(matches!(refusal(apply(&house, FILE)), Refusal::Conflict(_)));
        assert_eq!(house.idp.issuer(), "https://home.example.org");
    }

    #[test]
    fn nobody_but_the_server_itself_applies_a_file() {
        let house = house();
        let file = FILE.parse().unwrap();
        for ctx in [console(), Context::new(Actor::Anonymous, steady(NOW), Origin::default())] {
            assert!(matches!(refusal(house.idp.provision(&ctx, &file)), Refusal::Denied(_)));
        }
    }
}
