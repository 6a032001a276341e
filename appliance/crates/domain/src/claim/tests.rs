//! What the combination of claims promises.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::account::AccountKind;
use crate::id::{AccountId, Subject};
use crate::strength::Strength;
use crate::time::Timestamp;

fn account() -> Account {
    let attributes = json!({
        "display_name": "Anna Example", "given_name": "Anna", "mail": ["anna@example.org", "a@example.org"], "locale": "de"
    });
    Account {
        id: AccountId(1),
        subject: Subject::from_bytes([7; 16]),
        kind: AccountKind::Person,
        name: "anna".parse().unwrap(),
        attributes: serde_json::from_value(attributes).unwrap(),
        valid_from: None,
        valid_until: None,
        locked: false,
        created_at: Timestamp::from_unix(1),
        updated_at: Timestamp::from_unix(2),
    }
}

fn group(id: i64, name: &str) -> Group {
    Group {
        id: GroupId(id),
        name: name.parse().unwrap(),
        description: String::new(),
        builtin: None,
        strength: Strength::Any,
        created_at: Timestamp::from_unix(1),
        updated_at: Timestamp::from_unix(1),
    }
}

fn rule(name: &str, combine: Combine, values: &[(i64, Value)]) -> ClaimRule {
    ClaimRule {
        name: name.parse().unwrap(),
        combine,
        placement: Placement::Both,
        attribute: None,
        values: values.iter().map(|(id, value)| GroupValue { group: GroupId(*id), value: value.clone() }).collect(),
    }
}

fn released(scopes: &str, rules: &[ClaimRule]) -> Vec<Released> {
    let account = account();
    let groups = [group(1, "family"), group(2, "parents")];
    let person = Person { account: &account, groups: &groups, picture: Some("https://id.example.org/p") };
    release(person, &scopes.parse().unwrap(), rules)
}

fn value(released: &[Released], name: &str) -> Option<Value> {
    released.iter().find(|one| one.name == name).map(|one| one.value.clone())
}

#[test]
fn the_standard_claims_follow_their_scopes() {
    let all = released("openid profile email groups", &[]);
    for (name, expected) in [
        ("preferred_username", json!("anna")),
        ("name", json!("Anna Example")),
        ("given_name", json!("Anna")),
        ("locale", json!("de")),
        ("picture", json!("https://id.example.org/p")),
        ("updated_at", json!(2)),
        ("email", json!("anna@example.org")),
        ("email_verified", json!(true)),
        ("groups", json!(["family", "parents"])),
    ] {
        assert_eq!(value(&all, name), Some(expected), "{name}");
    }
    assert!(all.iter().all(|one| standard_names().any(|name| name == one.name)), "each is announced");
    assert_eq!(value(&all, "family_name"), None, "what is not set is not sent");
    assert!(released("openid", &[]).is_empty(), "openid alone tells nothing but who");
}

#[test]
fn a_claim_asked_for_by_name_comes_without_its_scope_and_alone() {
    let account = account();
    let person = Person { account: &account, groups: &[], picture: None };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let rules = [ClaimRule { placement: Placement::Userinfo, ..rule("tier", Combine::First, &[(1, json!(1))]) }];
    let asked = RequestedClaims {
        id_token: names(&["email", "tier", "acr", "nonsense"]),
        userinfo: names(&["given_name", "tier"]),
        acr: None,
    };
    let asked = asked.known(&rules);
    assert_eq!(asked.id_token, ["email", "tier"]);
    assert_eq!(asked.scopes(), "email profile".parse().unwrap());
    let made = release_asked(person, &"openid".parse().unwrap(), &asked, &rules);
    let places: Vec<_> = made.iter().map(|one| (one.name.as_str(), one.placement)).collect();
    assert_eq!(places, [("email", Placement::IdToken), ("given_name", Placement::Userinfo)]);
    let groups = [group(1, "family")];
    let made = release_asked(Person { groups: &groups, ..person }, &"email".parse().unwrap(), &asked, &rules);
    let place = |name: &str| made.iter().find(|one| one.name == name).map(|one| one.placement);
    assert_eq!(place("email"), Some(Placement::Both), "the scope brings it everywhere");
    assert_eq!(place("tier"), Some(Placement::Both), "the app found it in userinfo, and wants it in the token too");
    assert_eq!(place("email_verified"), Some(Placement::Both));
}

#[test]
fn every_standard_claim_has_the_scope_that_brings_it() {
    for name in standard_names() {
        let scope = scope_of(name).unwrap_or_else(|| panic!("{name}"));
        for other in ["profile", "email", "groups"] {
            let brought = value(&released(other, &[]), name).is_some();
            assert!(!brought || other == scope, "{name} comes with {other} and not with {scope}");
        }
    }
    assert_eq!(scope_of("phone_number"), None);
}

#[test]
fn only_groups_of_the_person_give_values() {
    let rules = [rule("role", Combine::First, &[(9, json!("admin")), (2, json!("editor")), (1, json!("viewer"))])];
    let all = released("openid", &rules);
    assert_eq!(value(&all, "role"), Some(json!("editor")));
    assert_eq!(
        all[0].provenance,
        Provenance::Rule { combine: Combine::First, sources: vec![Source::Group("parents".parse().unwrap())] }
    );
}

#[test]
fn a_rule_without_any_value_makes_no_claim() {
    assert!(released("openid", &[rule("role", Combine::Union, &[(9, json!("admin"))])]).is_empty());
}

#[test]
fn an_attribute_comes_before_the_groups() {
    let mut made = rule("nick", Combine::First, &[(1, json!("from the group"))]);
    made.attribute = Some("given_name".to_owned());
    assert_eq!(value(&released("openid", &[made]), "nick"), Some(json!("Anna")));
    let mut made = rule("login", Combine::First, &[]);
    made.attribute = Some("username".to_owned());
    assert_eq!(value(&released("openid", &[made]), "login"), Some(json!("anna")));
}

#[test]
fn a_rule_replaces_a_standard_claim_of_the_same_name() {
    let all = released("openid groups", &[rule("groups", Combine::Union, &[(1, json!(["users"]))])]);
    assert_eq!(value(&all, "groups"), Some(json!(["users"])));
    assert_eq!(all.len(), 1);
}

#[test]
fn a_rule_without_a_source_only_moves_a_standard_claim() {
    let mut made = rule("groups", Combine::First, &[]);
    made.placement = Placement::Userinfo;
    let all = released("openid groups", &[made]);
    assert_eq!(value(&all, "groups"), Some(json!(["family", "parents"])));
    assert_eq!(all[0].placement, Placement::Userinfo);
}

#[test]
fn values_are_combined_as_the_rule_says() {
    let values = |how, values: &[Value]| combine(how, values.to_vec());
    assert_eq!(values(Combine::Union, &[json!(["a", "b"]), json!("b"), json!(3)]), Some(json!(["a", "b", 3])));
    assert_eq!(
        values(Combine::Merge, &[json!({"a": 1, "o": {"x": 1}}), json!({"a": 2, "b": 3, "o": {"x": 9, "y": 2}})]),
        Some(json!({"a": 1, "b": 3, "o": {"x": 1, "y": 2}}))
    );
    assert_eq!(
        values(Combine::Join, &[json!("read"), json!(["write", "read"]), json!(1)]),
        Some(json!("read write 1"))
    );
    assert_eq!(values(Combine::First, &[json!(null), json!(1)]), Some(json!(null)), "null is a value too");
}

#[test]
fn the_names_of_the_protocol_are_taken() {
    for raw in ["sub", "iss", "aud", "exp", "nonce", "sid", "", "a\nb", &"x".repeat(129)] {
        assert!(raw.parse::<ClaimName>().is_err(), "{raw}");
    }
    for raw in ["groups", "https://example.org/claims/role", "urn:zitadel:role", "Rolle für Oma", "x y"] {
        assert!(raw.parse::<ClaimName>().is_ok(), "{raw}");
    }
}

#[test]
fn a_value_that_the_rule_cannot_combine_is_refused() {
    assert_eq!(rule("x", Combine::Merge, &[]).check_value(&json!([1])), Err(ClaimError::NotAnObject));
    assert_eq!(rule("x", Combine::Join, &[]).check_value(&json!({"a": 1})), Err(ClaimError::NotAText));
    assert_eq!(rule("x", Combine::First, &[]).check_value(&json!("x".repeat(5000))), Err(ClaimError::TooLarge));
    let deep = (0..9).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(rule("x", Combine::First, &[]).check_value(&deep), Err(ClaimError::TooDeep));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5i64..5).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn leaves(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![value.clone()],
    }
}

proptest! {
    #[test]
    fn a_union_holds_every_value_once_and_nothing_else(values in prop::collection::vec(any_json(), 1..5)) {
        let union = combine(Combine::Union, values.clone()).unwrap();
        let list = union.as_array().unwrap();
        for (index, item) in list.iter().enumerate() {
            prop_assert!(!list[..index].contains(item));
        }
        let all: Vec<_> = values.iter().flat_map(leaves).collect();
        prop_assert!(all.iter().all(|item| list.contains(item)));
        prop_assert!(list.iter().all(|item| all.contains(item)));
        prop_assert_eq!(combine(Combine::Union, vec![union.clone(), union.clone()]), Some(union));
    }

    #[test]
    fn merging_keeps_what_came_first_and_loses_no_key(values in prop::collection::vec(
        prop::collection::btree_map("[a-d]", any_json(), 0..4), 1..5))
    {
        let objects: Vec<Value> = values.iter().map(|map| Value::Object(map.clone().into_iter().collect())).collect();
        let whole = combine(Combine::Merge, objects.clone()).unwrap();
        let whole = whole.as_object().unwrap();
        for map in &values {
            prop_assert!(map.keys().all(|key| whole.contains_key(key)));
        }
        for (key, value) in &values[0] {
            if !value.is_object() {
                prop_assert_eq!(&whole[key], value);
            }
        }
        let twice = combine(Combine::Merge, vec![Value::Object(whole.clone()), objects[0].clone()]);
        prop_assert_eq!(twice, Some(Value::Object(whole.clone())));
    }

    #[test]
    fn joining_repeats_no_word(values in prop::collection::vec("[a-c]{1,2}".prop_map(Value::from), 1..8)) {
        let joined = combine(Combine::Join, values.clone()).unwrap();
        let mut words: Vec<_> = joined.as_str().unwrap().split(' ').collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        prop_assert_eq!(words.len(), count);
        prop_assert!(values.iter().all(|value| words.contains(&value.as_str().unwrap())));
    }

    #[test]
    fn the_first_is_one_of_them(values in prop::collection::vec(any_json(), 0..5)) {
        prop_assert_eq!(combine(Combine::First, values.clone()), values.first().cloned());
    }
}
