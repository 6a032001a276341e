use domain::account::AccountKind::Person;
use domain::amend::Amendment;
use domain::permission::Denied;
use proptest::prelude::*;

use super::*;
use crate::house::{House, NOW, console, fresh, group, refusal, user};
use crate::moment::steady;

const NOT_ALLOWED: Refusal = Refusal::Denied(Denied::NotAllowed);

fn account(name: &str) -> Member {
    Member::Account(user(name))
}

fn nested(name: &str) -> Member {
    Member::Group(group(name))
}

fn strength(strength: Strength) -> GroupAmendment {
    GroupAmendment { strength: Some(strength), ..GroupAmendment::default() }
}

fn members(house: &House, name: &str, reach: Reach) -> Vec<String> {
    let page = house.idp.list_members(&console(), &group(name), reach, &PageQuery::default()).unwrap();
    page.items.into_iter().map(|account| account.name.to_string()).collect()
}

#[test]
fn adding_and_removing_twice_is_unchanged_and_leaves_no_event() {
    let house = House::new();
    house.person("anna", &[]);
    house.group("kids", &[]);
    house.group("family", &[]);
    for member in [account("anna"), nested("kids")] {
        let add = || house.idp.add_member(&console(), &group("family"), &member);
        assert_eq!(add().unwrap(), Change::Changed);
        assert_eq!(house.last_event(), "group.add family success");
        house.leaves_no_trace(add);
        let remove = || house.idp.remove_member(&console(), &group("family"), &member);
        assert_eq!(remove().unwrap(), Change::Changed);
        assert_eq!(house.last_event(), "group.remove family success");
        house.leaves_no_trace(remove);
    }
}

#[test]
fn setting_a_group_to_what_it_is_changes_nothing() {
    let house = House::new();
    house.group("family", &[]);
    let change = GroupAmendment { description: Some(" All of us ".into()), ..strength(Strength::Passkey) };
    let set = || house.idp.set_group(&console(), &group("family"), &change);
    assert_eq!(set().unwrap(), Change::Changed);
    house.leaves_no_trace(set);
    house.leaves_no_trace(|| house.idp.delete_group(&console(), &group("strangers")));
}

#[test]
fn a_member_of_a_member_is_a_member() {
    let house = House::new();
    house.group("kids", &[]);
    house.group("family", &["kids"]);
    house.group("house", &["family"]);
    house.person("anna", &["family"]);
    house.person("mia", &["kids"]);
    assert_eq!(members(&house, "house", Reach::Effective), ["anna", "mia"]);
    assert!(members(&house, "house", Reach::Direct).is_empty());
    assert_eq!(members(&house, "family", Reach::Direct), ["anna"]);
    let mia = house.idp.show_account(&console(), Person, &user("mia")).unwrap();
    assert_eq!(mia.effective_groups, ["everyone", "family", "house", "kids"].map(group));
    assert_eq!(mia.direct_groups, [group("kids")]);
}

#[test]
fn a_cycle_is_refused_and_its_path_is_named() {
    let house = House::new();
    house.group("kids", &[]);
    house.group("family", &["kids"]);
    house.group("house", &["family"]);
    let refused = house.idp.add_member(&console(), &group("kids"), &nested("house"));
    assert_eq!(refusal(refused), Refusal::Cycle(["kids", "house", "family", "kids"].map(group).to_vec()));
    let refused = house.idp.add_member(&console(), &group("kids"), &nested("kids"));
    assert_eq!(refusal(refused), Refusal::Cycle(["kids", "kids"].map(group).to_vec()));
}

#[test]
fn everyone_holds_every_person_and_nobody_is_added() {
    let house = House::new();
    house.person("anna", &[]);
    house.service("robot", &[]);
    assert_eq!(members(&house, "everyone", Reach::Effective), ["anna"]);
    house.leaves_no_trace(|| house.idp.add_member(&console(), &group("everyone"), &account("anna")));
    let refused = house.idp.add_member(&console(), &group("everyone"), &account("robot"));
    assert_eq!(refusal(refused), Refusal::Builtin(group("everyone")));
    house.group("guests", &[]);
    let refused = house.idp.add_member(&console(), &group("everyone"), &nested("guests"));
    assert_eq!(refusal(refused), Refusal::Builtin(group("everyone")));
}

#[test]
fn a_group_that_holds_everyone_holds_every_person_and_its_own() {
    let house = House::new();
    house.group("all", &["everyone"]);
    house.person("anna", &[]);
    house.service("robot", &["all"]);
    assert_eq!(members(&house, "all", Reach::Effective), ["anna", "robot"]);
    let anna = house.idp.show_account(&console(), Person, &user("anna")).unwrap();
    assert_eq!(anna.effective_groups, ["all", "everyone"].map(group));
}

#[test]
fn everyone_never_gets_an_office() {
    let house = House::new();
    house.group("all", &["everyone"]);
    for child in ["everyone", "all"] {
        let refused = house.idp.add_member(&console(), &group("owners"), &nested(child));
        assert!(matches!(refusal(refused), Refusal::Conflict(_)), "{child}");
    }
    house.group("bosses", &[]);
    house.idp.add_member(&console(), &group("owners"), &nested("bosses")).unwrap();
    let refused = house.idp.add_member(&console(), &group("bosses"), &nested("all"));
    assert!(matches!(refusal(refused), Refusal::Conflict(_)));
}

#[test]
fn everyone_cannot_slip_under_an_office_in_two_steps() {
    let house = House::new();
    house.group("bosses", &[]);
    house.group("inner", &[]);
    house.idp.add_member(&console(), &group("owners"), &nested("bosses")).unwrap();
    house.idp.add_member(&console(), &group("bosses"), &nested("inner")).unwrap();
    let refused = house.idp.add_member(&console(), &group("inner"), &nested("everyone"));
    assert!(matches!(refusal(refused), Refusal::Conflict(_)));
}

#[test]
fn the_groups_of_the_house_are_neither_renamed_nor_removed() {
    let house = House::new();
    for builtin in Builtin::ALL {
        let name = group(builtin.name());
        assert_eq!(refusal(house.idp.delete_group(&console(), &name)), Refusal::Builtin(name.clone()));
        let rename = GroupAmendment { name: Some(group("other")), ..GroupAmendment::default() };
        assert_eq!(refusal(house.idp.set_group(&console(), &name, &rename)), Refusal::Builtin(name.clone()));
        let again = house.idp.create_group(&console(), &name, &GroupAmendment::default());
        assert_eq!(refusal(again), Refusal::Exists { kind: "group", name: name.to_string() });
    }
}

#[test]
fn the_last_owner_stays_an_owner() {
    let house = House::new();
    house.group("parents", &[]);
    house.idp.add_member(&console(), &group("owners"), &nested("parents")).unwrap();
    house.person("anna", &["parents"]);
    let refused = house.idp.remove_member(&console(), &group("parents"), &account("anna"));
    assert_eq!(refusal(refused), Refusal::LastOwner);
    let refused = house.idp.remove_member(&console(), &group("owners"), &nested("parents"));
    assert_eq!(refusal(refused), Refusal::LastOwner);
    assert_eq!(refusal(house.idp.delete_group(&console(), &group("parents"))), Refusal::LastOwner);
    house.person("ben", &["owners"]);
    assert_eq!(house.idp.delete_group(&console(), &group("parents")).unwrap(), Change::Removed);
}

#[test]
fn a_people_admin_gives_no_office() {
    let house = House::new();
    let pia = house.person("pia", &["people_admins"]);
    let admin = fresh(&pia);
    house.group("helpers", &[]);
    house.idp.add_member(&console(), &group("app_admins"), &nested("helpers")).unwrap();
    house.group("family", &[]);
    house.person("ben", &[]);
    for office in ["owners", "people_admins", "app_admins", "auditors", "helpers"] {
        assert_eq!(refusal(house.idp.add_member(&admin, &group(office), &account("ben"))), NOT_ALLOWED, "{office}");
        assert_eq!(refusal(house.idp.add_member(&admin, &group(office), &nested("family"))), NOT_ALLOWED, "{office}");
        assert_eq!(refusal(house.idp.set_group(&admin, &group(office), &strength(Strength::Any))), NOT_ALLOWED);
    }
    assert_eq!(house.last_event(), "group.set helpers refused");
    assert_eq!(house.idp.add_member(&admin, &group("family"), &account("ben")).unwrap(), Change::Changed);
}

#[test]
fn a_people_admin_cannot_shut_an_owner_out_by_demanding_more() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.person("anna", &["owners"]);
    house.group("family", &[]);
    house.group("strict", &[]);
    house.idp.add_member(&console(), &group("family"), &account("anna")).unwrap();
    let set = |name: &str| house.idp.set_group(&admin, &group(name), &strength(Strength::Passkey));
    assert_eq!(refusal(set("family")), NOT_ALLOWED);
    assert_eq!(refusal(set("everyone")), NOT_ALLOWED);
    assert_eq!(set("strict").unwrap(), Change::Changed);
    assert_eq!(refusal(house.idp.add_member(&admin, &group("strict"), &nested("family"))), NOT_ALLOWED);
    assert_eq!(refusal(house.idp.add_member(&admin, &group("strict"), &nested("everyone"))), NOT_ALLOWED);
    assert_eq!(refusal(house.idp.add_member(&admin, &group("strict"), &account("anna"))), NOT_ALLOWED);
}

#[test]
fn a_people_admin_cannot_ask_less_of_an_owner_by_taking_groups_apart() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.person("anna", &["owners"]);
    house.group("parents", &[]);
    house.idp.add_member(&console(), &group("parents"), &account("anna")).unwrap();
    house.group("kids", &[]);
    house.group("family", &["parents", "kids"]);
    house.group("strict", &["family"]);
    house.idp.set_group(&console(), &group("strict"), &strength(Strength::Mfa)).unwrap();
    assert_eq!(refusal(house.idp.remove_member(&admin, &group("strict"), &nested("family"))), NOT_ALLOWED);
    assert_eq!(refusal(house.idp.remove_member(&admin, &group("family"), &nested("parents"))), NOT_ALLOWED);
    assert_eq!(house.last_event(), "group.remove family refused");
    for name in ["strict", "family", "parents"] {
        assert_eq!(refusal(house.idp.delete_group(&admin, &group(name))), NOT_ALLOWED, "{name}");
    }
    assert_eq!(house.last_event(), "group.delete parents refused");
    assert_eq!(house.idp.remove_member(&admin, &group("family"), &nested("kids")).unwrap(), Change::Changed);
    assert_eq!(house.idp.delete_group(&admin, &group("kids")).unwrap(), Change::Removed);
    assert_eq!(house.idp.delete_group(&console(), &group("strict")).unwrap(), Change::Removed);
    // What demands nothing and opens no app is theirs to take apart.
    assert_eq!(house.idp.delete_group(&admin, &group("family")).unwrap(), Change::Removed);
}

#[test]
fn a_people_admin_cannot_shut_an_owner_out_of_an_app_by_taking_groups_apart() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.group("parents", &[]);
    house.person("anna", &["owners", "parents"]);
    house.group("family", &["parents"]);
    let photos = "photos".parse().unwrap();
    house.idp.create_app(&console(), &photos, crate::AppKind::Public, &crate::AppAmendment::default()).unwrap();
    house.idp.allow_group(&console(), &photos, &group("family")).unwrap();
    assert_eq!(refusal(house.idp.remove_member(&admin, &group("family"), &nested("parents"))), NOT_ALLOWED);
    assert_eq!(refusal(house.idp.delete_group(&admin, &group("parents"))), NOT_ALLOWED);
    assert_eq!(refusal(house.idp.delete_group(&admin, &group("family"))), NOT_ALLOWED);
}

/// An API token of that service account, made by that actor.
fn token(house: &House, by: &Context, name: &str) -> String {
    let made = house.idp.create_api_token(by, &user(name), &"cron".parse().unwrap(), None).unwrap();
    made.token.expose().clone()
}

fn link(house: &House, by: &Context, name: &str) -> String {
    house.idp.create_invite(by, &user(name), None, None).unwrap().token.expose().clone()
}

/// Whether the token and the link are good.
fn good(house: &House, token: &str, link: &str) -> (bool, bool) {
    let stranger = Context::anonymous(steady(NOW), crate::Origin::default());
    (house.idp.authenticate_api_token(token, steady(NOW)).is_ok(), house.idp.see_invite(&stranger, link).is_ok())
}

#[test]
fn an_office_voids_the_tokens_and_links_made_before_it() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.group("family", &[]);
    house.group("helpers", &[]);
    house.idp.add_member(&console(), &group("auditors"), &nested("helpers")).unwrap();
    for office in ["owners", "helpers"] {
        let (robot, ben) = (format!("{office}.robot"), format!("{office}.ben"));
        house.service(&robot, &[]);
        house.person(&ben, &[]);
        let (token, link) = (token(&house, &admin, &robot), link(&house, &admin, &ben));
        let give = |name: &str| {
            for who in [&robot, &ben] {
                house.idp.add_member(&console(), &group(name), &account(who)).unwrap();
            }
        };
        give("family");
        assert_eq!(good(&house, &token, &link), (true, true));
        give(office);
        assert_eq!(good(&house, &token, &link), (false, false), "{office}");
        // The first owner of a house claims it, which is an event of its own.
        let mut events = house.events();
        events.retain(|event| event.action != "house.claim");
        let [.., first, second] = events.as_slice() else { panic!("two were added") };
        assert_eq!((&first.detail["voided_api_tokens"], &first.detail["voided_invites"]), (&json!(1), &json!(0)));
        assert_eq!((&second.detail["voided_api_tokens"], &second.detail["voided_invites"]), (&json!(0), &json!(1)));
    }
}

#[test]
fn an_office_given_to_a_group_voids_the_tokens_and_links_of_all_within() {
    let house = House::new();
    let admin = fresh(&house.person("pia", &["people_admins"]));
    house.group("inner", &[]);
    house.group("outer", &["inner"]);
    house.group("helpers", &[]);
    house.idp.add_member(&console(), &group("app_admins"), &nested("helpers")).unwrap();
    house.service("robot", &["inner"]);
    house.service("outside", &[]);
    house.person("ben", &["inner"]);
    let (token_before, link) = (token(&house, &admin, "robot"), link(&house, &admin, "ben"));
    let other = token(&house, &admin, "outside");
    house.idp.add_member(&console(), &group("helpers"), &nested("outer")).unwrap();
    assert_eq!(good(&house, &token_before, &link), (false, false));
    assert_eq!(good(&house, &other, &link), (true, false), "who got no office keeps the token");
    let detail = house.events().pop().unwrap().detail;
    assert_eq!(detail, json!({ "group": "outer", "voided_api_tokens": 1, "voided_invites": 1 }));
    // Adding again is unchanged and voids nothing that was made since.
    let after = token(&house, &console(), "robot");
    house.leaves_no_trace(|| house.idp.add_member(&console(), &group("helpers"), &nested("outer")));
    assert!(good(&house, &after, &link).0);
}

#[test]
fn an_auditor_or_app_admin_changes_no_group() {
    let house = House::new();
    house.group("family", &[]);
    for office in ["auditors", "app_admins"] {
        let actor = fresh(&house.person(&format!("{office}.one"), &[office]));
        assert!(house.idp.show_group(&actor, &group("family")).is_ok());
        assert!(house.idp.list_groups(&actor, &PageQuery::default()).is_ok());
        let made = house.idp.create_group(&actor, &group("mine"), &GroupAmendment::default());
        assert_eq!(refusal(made), NOT_ALLOWED);
        assert_eq!(refusal(house.idp.delete_group(&actor, &group("family"))), NOT_ALLOWED);
        assert_eq!(refusal(house.idp.delete_group(&actor, &group("none"))), NOT_ALLOWED);
    }
}

#[test]
fn a_removed_group_takes_no_member_with_it() {
    let house = House::new();
    house.group("kids", &[]);
    house.group("family", &["kids"]);
    house.person("anna", &["family"]);
    house.idp.delete_group(&console(), &group("family")).unwrap();
    let anna = house.idp.show_account(&console(), Person, &user("anna")).unwrap();
    assert!(anna.direct_groups.is_empty());
    assert!(house.idp.show_group(&console(), &group("kids")).unwrap().parents.is_empty());
}

#[test]
fn a_group_demands_what_the_groups_above_it_demand() {
    let house = House::new();
    house.group("kids", &[]);
    house.group("family", &["kids"]);
    house.idp.set_group(&console(), &group("family"), &strength(Strength::Passkey)).unwrap();
    let kids = house.idp.show_group(&console(), &group("kids")).unwrap();
    assert_eq!((kids.group.strength, kids.effective_strength), (Strength::Any, Strength::Passkey));
    assert_eq!(kids.parents, [group("family")]);
}

#[test]
fn what_is_not_there_is_named() {
    let house = House::new();
    house.group("family", &[]);
    let refused = house.idp.add_member(&console(), &group("family"), &account("eve"));
    assert_eq!(refusal(refused), Refusal::NotFound { kind: "account", name: "eve".into() });
    let refused = house.idp.add_member(&console(), &group("family"), &nested("eves"));
    assert_eq!(refusal(refused), Refusal::NotFound { kind: "group", name: "eves".into() });
    let bad = GroupAmendment { description: Some("a\nb".into()), ..GroupAmendment::default() };
    assert!(matches!(refusal(house.idp.set_group(&console(), &group("family"), &bad)), Refusal::Invalid { .. }));
}

#[test]
fn an_account_is_added_to_a_bounded_number_of_groups() {
    let house = House::new();
    house.idp.create_account(&console(), Person, &user("anna"), &Amendment::default()).unwrap();
    for n in 0..=MAX_GROUPS_OF_ACCOUNT {
        let name = group(&format!("g{n}"));
        house.idp.create_group(&console(), &name, &GroupAmendment::default()).unwrap();
        let added = house.idp.add_member(&console(), &name, &account("anna"));
        if n < MAX_GROUPS_OF_ACCOUNT {
            assert!(added.is_ok());
        } else {
            assert!(matches!(refusal(added), Refusal::TooMany { limit: MAX_GROUPS_OF_ACCOUNT, .. }));
        }
    }
}

/// The naive model of membership: follow every edge for as long as something new turns up.
fn closure(start: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut seen = vec![start];
    while let Some((parent, _)) = edges.iter().find(|(parent, child)| seen.contains(child) && !seen.contains(parent)) {
        seen.push(*parent);
    }
    seen.sort_unstable();
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn membership_is_what_the_edges_say_and_never_a_cycle(
        wanted in prop::collection::vec((0usize..8, 0usize..8), 0..24),
        home in 0usize..8,
    ) {
        let house = House::new();
        for n in 0..8 {
            house.group(&format!("g{n}"), &[]);
        }
        house.person("anna", &[&format!("g{home}")]);
        let mut edges = Vec::new();
        for (parent, child) in wanted {
            let add = house.idp.add_member(&console(), &group(&format!("g{parent}")), &nested(&format!("g{child}")));
            if closure(parent, &edges).contains(&child) {
                prop_assert!(matches!(refusal(add), Refusal::Cycle(_)));
            } else {
                prop_assert!(add.is_ok());
                edges.push((parent, child));
            }
        }
        let expected: Vec<GroupName> = closure(home, &edges).into_iter().map(|n| group(&format!("g{n}"))).collect();
        let mut shown = house.idp.show_account(&console(), Person, &user("anna")).unwrap().effective_groups;
        shown.retain(|name| name.as_str() != "everyone");
        prop_assert_eq!(shown, expected.clone());
        for n in 0..8 {
            let name = format!("g{n}");
            let inside = members(&house, &name, Reach::Effective).contains(&"anna".to_owned());
            prop_assert_eq!(inside, expected.contains(&group(&name)));
        }
    }
}
