use domain::account::AccountKind::{Person, Service};
use domain::permission::Denied;
use domain::time::Span;
use serde_json::json;

use super::*;
use crate::house::{House, NOW, console, fresh, refusal, set, stale, user};
use crate::moment::steady;

const NOT_ALLOWED: Refusal = Refusal::Denied(Denied::NotAllowed);

fn lock() -> Amendment {
    Amendment { locked: Some(true), ..Amendment::default() }
}

#[test]
fn a_person_is_made_with_what_was_given() {
    let house = House::new();
    let given = set("mail", json!(["anna@example.org"]));
    assert_eq!(house.idp.create_account(&console(), Person, &user("anna"), &given).unwrap(), Change::Created);
    let shown = house.idp.show_account(&console(), Person, &user("ANNA")).unwrap();
    assert_eq!(shown.account.attributes["mail"], json!(["anna@example.org"]));
    assert_eq!(shown.effective_groups, vec!["everyone".parse().unwrap()]);
    assert_eq!(house.last_event(), "person.create anna success");
}

#[test]
fn persons_and_programs_share_one_pool_of_names() {
    let house = House::new();
    house.service("backup", &[]);
    let taken = house.idp.create_account(&console(), Person, &user("backup"), &Amendment::default());
    assert_eq!(refusal(taken), Refusal::Exists { kind: "service account", name: "backup".into() });
}

#[test]
fn a_refused_change_leaves_nothing_behind() {
    let house = House::new();
    let before = house.events().len();
    let bad = set("locale", "nowhere at all");
    let refused = house.idp.create_account(&console(), Person, &user("anna"), &bad);
    assert!(matches!(refusal(refused), Refusal::Invalid { what, .. } if what == "locale"));
    let missing = house.idp.show_account(&console(), Person, &user("anna"));
    assert_eq!(refusal(missing), Refusal::NotFound { kind: "person", name: "anna".into() });
    assert_eq!(house.events().len(), before);
}

#[test]
fn setting_the_same_again_is_unchanged_and_leaves_no_event() {
    let house = House::new();
    house.person("anna", &[]);
    let change = Amendment { valid_until: Some(Some(NOW + Span::days(9))), ..set("display_name", "Anna") };
    let again = || house.idp.set_account(&console(), Person, &user("anna"), &change);
    assert_eq!(again().unwrap(), Change::Changed);
    house.leaves_no_trace(again);
}

#[test]
fn removing_what_is_not_there_is_unchanged() {
    let house = House::new();
    house.service("backup", &[]);
    house.leaves_no_trace(|| house.idp.delete_account(&console(), Person, &user("anna")));
    house.leaves_no_trace(|| house.idp.delete_account(&console(), Person, &user("backup")));
    assert_eq!(house.idp.delete_account(&console(), Service, &user("backup")).unwrap(), Change::Removed);
    assert_eq!(house.last_event(), "service_account.delete backup success");
}

#[test]
fn a_renamed_person_keeps_their_sub_and_a_taken_name_is_refused() {
    let house = House::new();
    let before = house.person("anna", &[]);
    house.person("ben", &[]);
    let rename = |to: &str| {
        let change = Amendment { name: Some(user(to)), ..Amendment::default() };
        house.idp.set_account(&console(), Person, &user("anna"), &change)
    };
    assert_eq!(refusal(rename("ben")), Refusal::Exists { kind: "person", name: "ben".into() });
    assert_eq!(rename("anne").unwrap(), Change::Changed);
    let after = house.idp.show_account(&console(), Person, &user("anne")).unwrap().account;
    assert_eq!(after.subject, before.subject);
}

#[test]
fn a_new_account_never_gets_the_number_of_a_deleted_one() {
    let house = House::new();
    let first = house.person("anna", &[]);
    house.idp.delete_account(&console(), Person, &user("anna")).unwrap();
    let second = house.person("anna", &[]);
    assert!(first.id != second.id && first.subject != second.subject);
}

#[test]
fn the_last_owner_cannot_be_locked_limited_or_deleted() {
    let house = House::new();
    house.person("anna", &["owners"]);
    // Neither a program nor a locked person can open the door for the others.
    house.service("robot", &["owners"]);
    house.person("ben", &["owners"]);
    house.idp.set_account(&console(), Person, &user("ben"), &lock()).unwrap();
    let set = |change: &Amendment| house.idp.set_account(&console(), Person, &user("anna"), change);
    assert_eq!(refusal(set(&lock())), Refusal::LastOwner);
    let ends = Amendment { valid_until: Some(Some(NOW + Span::days(1))), ..Amendment::default() };
    assert_eq!(refusal(set(&ends)), Refusal::LastOwner);
    let later = Amendment { valid_from: Some(Some(NOW + Span::days(1))), ..Amendment::default() };
    assert_eq!(refusal(set(&later)), Refusal::LastOwner);
    assert_eq!(refusal(house.idp.delete_account(&console(), Person, &user("anna"))), Refusal::LastOwner);
    let open = Amendment { locked: Some(false), ..Amendment::default() };
    house.idp.set_account(&console(), Person, &user("ben"), &open).unwrap();
    assert_eq!(set(&lock()).unwrap(), Change::Changed);
}

#[test]
fn a_people_admin_changes_a_person_but_no_office_holder() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.person("anna", &["owners"]);
    house.person("aron", &["auditors"]);
    house.service("robot", &["app_admins"]);
    house.person("ben", &[]);
    assert_eq!(house.idp.set_account(&admin, Person, &user("ben"), &lock()).unwrap(), Change::Changed);
    for (kind, name) in [(Person, "anna"), (Person, "aron"), (Service, "robot"), (Person, "pia")] {
        assert_eq!(refusal(house.idp.set_account(&admin, kind, &user(name), &lock())), NOT_ALLOWED, "{name}");
        assert_eq!(refusal(house.idp.delete_account(&admin, kind, &user(name))), NOT_ALLOWED, "{name}");
    }
    assert_eq!(house.last_event(), "person.delete pia refused");
}

#[test]
fn an_office_through_another_group_protects_as_well() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.group("parents", &[]);
    house
        .idp
        .add_member(&console(), &"owners".parse().unwrap(), &crate::Member::Group("parents".parse().unwrap()))
        .unwrap();
    house.person("anna", &["parents"]);
    assert_eq!(refusal(house.idp.set_account(&admin, Person, &user("anna"), &lock())), NOT_ALLOWED);
}

#[test]
fn whoever_holds_no_office_neither_lists_nor_makes_persons() {
    let house = House::new();
    let ben = fresh(&house.person("ben", &[]));
    assert_eq!(refusal(house.idp.list_accounts(&ben, Person, &PageQuery::default())), NOT_ALLOWED);
    assert_eq!(refusal(house.idp.show_account(&ben, Person, &user("ben"))), NOT_ALLOWED);
    assert_eq!(refusal(house.idp.create_account(&ben, Person, &user("eve"), &Amendment::default())), NOT_ALLOWED);
    for office in ["auditors", "app_admins"] {
        let reader = fresh(&house.person(&format!("{office}.one"), &[office]));
        assert!(house.idp.list_accounts(&reader, Person, &PageQuery::default()).is_ok());
        let refused = house.idp.create_account(&reader, Person, &user("eve"), &Amendment::default());
        assert_eq!(refusal(refused), NOT_ALLOWED);
    }
}

#[test]
fn an_old_sign_in_changes_nothing() {
    let house = House::new();
    let anna = house.person("anna", &["owners"]);
    let refused = house.idp.create_account(&stale(&anna), Person, &user("eve"), &Amendment::default());
    assert_eq!(refusal(refused), Refusal::Denied(Denied::NotFresh));
    let refused = house.idp.set_own_attributes(&stale(&anna), &set("locale", "en").attributes);
    assert_eq!(refusal(refused), Refusal::Denied(Denied::NotFresh));
}

#[test]
fn a_locked_owner_has_no_office() {
    let house = House::new();
    let anna = house.person("anna", &["owners"]);
    house.person("ben", &["owners"]);
    house.idp.set_account(&console(), Person, &user("anna"), &lock()).unwrap();
    let refused = house.idp.list_accounts(&fresh(&anna), Person, &PageQuery::default());
    assert_eq!(refusal(refused), NOT_ALLOWED);
}

#[test]
fn a_person_changes_their_own_name_but_not_their_address() {
    let house = House::new();
    let ben = fresh(&house.person("ben", &[]));
    let own = |change: &Amendment| house.idp.set_own_attributes(&ben, &change.attributes);
    assert_eq!(own(&set("display_name", "Ben")).unwrap(), Change::Changed);
    house.leaves_no_trace(|| own(&set("display_name", "Ben")));
    let refused = own(&set("mail", "anna@example.org"));
    assert!(matches!(refusal(refused), Refusal::Invalid { what, .. } if what == "mail"));
    assert_eq!(house.idp.own_account(&ben).unwrap().account.display_name(), "Ben");
}

#[test]
fn a_mail_address_belongs_to_one_account_in_whatever_case() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.person("anna", &["owners"]);
    let mails = |list: &[&str]| set("mail", json!(list));
    house.idp.set_account(&console(), Person, &user("anna"), &mails(&["anna@example.org", "a@example.org"])).unwrap();
    let taken = || Refusal::Exists { kind: "mail address", name: "a@example.org".into() };
    for kind in [Person, Service] {
        let made = house.idp.create_account(&admin, kind, &user("eve"), &mails(&["A@Example.org"]));
        assert_eq!(refusal(made), taken(), "{kind:?}");
        house.idp.create_account(&admin, kind, &user("eve"), &mails(&["eve@example.org"])).unwrap();
        let moved = mails(&["eve@example.org", "A@Example.org"]);
        assert_eq!(refusal(house.idp.set_account(&admin, kind, &user("eve"), &moved)), taken(), "{kind:?}");
        house.idp.delete_account(&admin, kind, &user("eve")).unwrap();
    }
    // Their own may change its case and its place.
    let turned = mails(&["A@example.org", "anna@example.org"]);
    assert_eq!(house.idp.set_account(&console(), Person, &user("anna"), &turned).unwrap(), Change::Changed);
}

#[test]
fn a_mail_address_that_is_given_up_can_be_another_accounts() {
    let house = House::new();
    let mails = |list: &[&str]| set("mail", json!(list));
    let give = |name: &str, list: &[&str]| house.idp.set_account(&console(), Person, &user(name), &mails(list));
    house.person("anna", &[]);
    house.person("ben", &[]);
    give("anna", &["us@example.org", "anna@example.org"]).unwrap();
    assert!(matches!(refusal(give("ben", &["us@example.org"])), Refusal::Exists { .. }));
    give("anna", &["anna@example.org"]).unwrap();
    assert_eq!(give("ben", &["us@example.org"]).unwrap(), Change::Changed);
    assert!(matches!(refusal(give("anna", &["us@example.org"])), Refusal::Exists { .. }));
    house.idp.delete_account(&console(), Person, &user("ben")).unwrap();
    assert_eq!(give("anna", &["us@example.org"]).unwrap(), Change::Changed);
}

#[test]
fn nobody_has_no_account_of_their_own() {
    let house = House::new();
    let nobody = Context::anonymous(steady(NOW), crate::Origin::default());
    assert_eq!(refusal(house.idp.own_account(&nobody)), Refusal::Denied(Denied::NotSignedIn));
    assert_eq!(refusal(house.idp.own_account(&console())), Refusal::Denied(Denied::NotSignedIn));
}

#[test]
fn a_list_comes_in_pages_that_miss_nobody() {
    let house = House::new();
    for n in 0..7 {
        house.person(&format!("p{n}"), &[]);
    }
    house.service("p9", &[]);
    house.person("q", &[]);
    let mut query = PageQuery { prefix: "P".into(), limit: Some(3), ..PageQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = house.idp.list_accounts(&console(), Person, &query).unwrap();
        seen.extend(page.items.into_iter().map(|account| account.name.to_string()));
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ["p0", "p1", "p2", "p3", "p4", "p5", "p6"]);
}

#[test]
fn a_search_for_anything_at_all_is_harmless() {
    let house = House::new();
    for prefix in ["%", "'; DROP TABLE account; --", "é", "\0", "~"] {
        let query = PageQuery { prefix: prefix.into(), ..PageQuery::default() };
        assert!(house.idp.list_accounts(&console(), Person, &query).unwrap().items.is_empty(), "{prefix}");
    }
    let long = PageQuery { prefix: "x".repeat(33), ..PageQuery::default() };
    assert!(matches!(refusal(house.idp.list_accounts(&console(), Person, &long)), Refusal::Invalid { .. }));
}
