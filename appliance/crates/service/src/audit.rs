//! Reading the audit log.

use domain::event::{Event, EventFilter, MAX_TEXT};
use domain::id::EventNumber;
use domain::permission::Need;

use crate::page::{Page, limit};
use crate::{Context, Idp, OpError, Refusal};

impl Idp {
    /// Lists audit events, newest first: those before `before` (the `next` of the page before), 50 when `wanted` is absent,
    /// 200 at the most.
    pub fn list_events(
        &self,
        ctx: &Context,
        filter: &EventFilter,
        before: Option<EventNumber>,
        wanted: Option<u32>,
    ) -> Result<Page<Event, EventNumber>, OpError<Refusal>> {
        self.read(ctx, Need::ReadAudit, |op| {
            for (what, text) in [("actor", &filter.actor), ("action", &filter.action), ("target", &filter.target)] {
                if text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT) {
                    let why = format!("use at most {MAX_TEXT} characters");
                    return Err(Refusal::Invalid { what: what.to_owned(), why }.into());
                }
            }
            let found = op.events(filter, before, limit(wanted).saturating_add(1))?;
            Ok(Page::cut(found, wanted, |event| event.number))
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::account::AccountKind::Person;
    use domain::amend::Amendment;
    use domain::event::Outcome;
    use domain::permission::Denied;
    use domain::time::Span;

    use super::*;
    use crate::house::{House, NOW, console, fresh, refusal, user};
    use crate::moment::steady;

    fn list(house: &House, filter: &EventFilter) -> Vec<String> {
        let page = house.idp.list_events(&console(), filter, None, None).unwrap();
        page.items.into_iter().map(|event| format!("{} {}", event.action, event.target)).collect()
    }

    #[test]
    fn the_log_says_who_did_what_on_whom_from_where_and_when() {
        let house = House::new();
        let anna = house.person("anna", &["owners"]);
        let mut ctx = fresh(&anna);
        ctx.origin.address = Some("192.0.2.7".parse().unwrap());
        house.idp.create_account(&ctx, Person, &user("ben"), &Amendment::default()).unwrap();
        let last = house.events().pop().unwrap();
        assert_eq!(
            (&*last.actor, &*last.action, &*last.target, &*last.origin, last.at, last.outcome),
            ("anna", "person.create", "ben", "192.0.2.7", NOW, Outcome::Success)
        );
    }

    #[test]
    fn the_newest_comes_first_and_pages_miss_nothing() {
        let house = House::new();
        for name in ["a", "b", "c", "d", "e"] {
            house.person(name, &[]);
        }
        let persons = EventFilter { action: Some("person".into()), ..EventFilter::default() };
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = house.idp.list_events(&console(), &persons, before, Some(2)).unwrap();
            seen.extend(page.items.into_iter().map(|event| event.target));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["e", "d", "c", "b", "a"]);
    }

    #[test]
    fn filters_are_all_to_be_met() {
        let house = House::new();
        house.person("anna", &["owners"]);
        house.group("persons", &[]);
        house.service("robot", &[]);
        let action = |action: &str| EventFilter { action: Some(action.into()), ..EventFilter::default() };
        assert_eq!(list(&house, &action("person")), ["person.create anna"]);
        assert_eq!(list(&house, &action("group")), ["group.create persons", "group.add owners"]);
        assert_eq!(list(&house, &action("group.add")), ["group.add owners"]);
        assert!(list(&house, &action("perso")).is_empty());
        let target = EventFilter { target: Some("persons".into()), ..action("group") };
        assert_eq!(list(&house, &target), ["group.create persons"]);
        let actor = EventFilter { actor: Some("anna".into()), ..EventFilter::default() };
        assert!(list(&house, &actor).is_empty());
        let later = EventFilter { since: Some(NOW + Span::seconds(1)), ..EventFilter::default() };
        assert!(list(&house, &later).is_empty());
        let earlier = EventFilter { until: Some(NOW), ..EventFilter::default() };
        assert!(list(&house, &earlier).is_empty());
        let refused = EventFilter { outcome: Some(Outcome::Refused), ..EventFilter::default() };
        assert!(list(&house, &refused).is_empty());
        let long = EventFilter { actor: Some("x".repeat(257)), ..EventFilter::default() };
        assert!(matches!(refusal(house.idp.list_events(&console(), &long, None, None)), Refusal::Invalid { .. }));
    }

    #[test]
    fn reaching_for_more_than_ones_office_is_in_the_log() {
        let house = House::new();
        let ben = house.person("ben", &[]);
        let refused = house.idp.create_account(&fresh(&ben), Person, &user("eve"), &Amendment::default());
        assert_eq!(refusal(refused), Refusal::Denied(Denied::NotAllowed));
        assert_eq!(house.last_event(), "access.denied manage_person refused");
        assert_eq!(house.events().pop().unwrap().actor, "ben");
        // A stranger writes nothing, however often they try.
        let before = house.events().len();
        let stranger = Context::anonymous(steady(NOW), crate::Origin::default());
        let refused = house.idp.create_account(&stranger, Person, &user("eve"), &Amendment::default());
        assert_eq!(refusal(refused), Refusal::Denied(Denied::NotSignedIn));
        assert_eq!(house.events().len(), before);
    }

    #[test]
    fn only_owners_and_auditors_read_the_log() {
        let house = House::new();
        for (office, may) in [("owners", true), ("auditors", true), ("people_admins", false), ("app_admins", false)] {
            let actor = fresh(&house.person(&format!("{office}.one"), &[office]));
            let read = house.idp.list_events(&actor, &EventFilter::default(), None, None);
            assert_eq!(read.is_ok(), may, "{office}");
        }
        let ben = fresh(&house.person("ben", &[]));
        let read = house.idp.list_events(&ben, &EventFilter::default(), None, None);
        assert_eq!(refusal(read), Refusal::Denied(Denied::NotAllowed));
    }

    #[test]
    fn who_tries_to_take_the_last_owner_away_is_in_the_log() {
        let house = House::new();
        house.person("anna", &["owners"]);
        let lock = Amendment { locked: Some(true), ..Amendment::default() };
        refusal(house.idp.set_account(&console(), Person, &user("anna"), &lock));
        assert_eq!(house.last_event(), "change.refused  refused");
        let last = house.events().pop().unwrap();
        assert!(last.detail["why"].as_str().unwrap().contains("owner"), "{:?}", last.detail);
    }

    #[test]
    fn who_bends_the_groups_is_in_the_log_and_who_mistypes_is_not() {
        let house = House::new();
        house.group("parents", &[]);
        let mut before = house.events().len();
        let nested = |name: &str| crate::Member::Group(crate::house::group(name));
        refusal(house.idp.add_member(&console(), &crate::house::group("parents"), &nested("nobody-here")));
        assert_eq!(house.events().len(), before);
        refusal(house.idp.add_member(&console(), &crate::house::group("parents"), &nested("parents")));
        before += 1;
        assert_eq!(house.events().len(), before);
        assert!(house.last_event().starts_with("change.refused "), "{}", house.last_event());
    }
}
