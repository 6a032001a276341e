use domain::account::AccountKind::Person;
use domain::claim::{Combine, Placement};
use domain::client::{Algorithm, ConsentMode};
use domain::permission::Denied;
use domain::redirect_uri::RedirectUri;
use domain::time::Span;

use super::*;
use crate::house::{House, console, fresh, group, refusal, stale, user};
use crate::moment::steady;

const NOT_ALLOWED: Refusal = Refusal::Denied(Denied::NotAllowed);

fn app(name: &str) -> ClientName {
    name.parse().unwrap()
}

fn uri(raw: &str) -> RedirectUri {
    raw.parse().unwrap()
}

fn make(house: &House, name: &str, kind: AppKind) -> NewApp {
    house.idp.create_app(&console(), &app(name), kind, &AppAmendment::default()).unwrap()
}

fn claim(values: Vec<(GroupName, serde_json::Value)>) -> ClaimRuleView {
    ClaimRuleView {
        name: "role".parse().unwrap(),
        combine: Combine::First,
        placement: Placement::Both,
        attribute: None,
        values,
    }
}

#[test]
fn a_confidential_app_gets_a_secret_once_and_only_its_digest_is_kept() {
    let house = House::new();
    let made = make(&house, "photos", AppKind::Confidential);
    let secret = made.secret.unwrap();
    let shown = house.idp.show_app(&console(), &app("photos")).unwrap();
    assert_eq!(shown.client.secret, Some(Digest::of(secret.expose().as_bytes())));
    assert!(shown.access.is_empty());
    assert_eq!(house.last_event(), "app.create photos success");
    assert!(!format!("{:?}", house.events()).contains(secret.expose().as_str()));
}

#[test]
fn a_public_app_has_no_secret_to_rotate() {
    let house = House::new();
    assert!(make(&house, "phone", AppKind::Public).secret.is_none());
    assert!(matches!(refusal(house.idp.rotate_app_secret(&console(), &app("phone"), None)), Refusal::Conflict(_)));
}

#[test]
fn a_rotated_secret_voids_the_old_one() {
    let house = House::new();
    let old = make(&house, "photos", AppKind::Confidential).secret.unwrap();
    let new = house.idp.rotate_app_secret(&console(), &app("photos"), None).unwrap();
    assert!(old != new);
    let kept = house.idp.show_app(&console(), &app("photos")).unwrap().client.secret;
    assert_eq!(kept, Some(Digest::of(new.expose().as_bytes())));
    assert_eq!(house.last_event(), "app.rotate_secret photos success");
}

#[test]
fn a_name_is_taken_once() {
    let house = House::new();
    make(&house, "photos", AppKind::Public);
    let again = house.idp.create_app(&console(), &app("Photos"), AppKind::Public, &AppAmendment::default());
    assert_eq!(refusal(again), Refusal::Exists { kind: "app", name: "photos".into() });
}

#[test]
fn setting_an_app_to_what_it_is_changes_nothing() {
    let house = House::new();
    make(&house, "photos", AppKind::Confidential);
    let change = AppAmendment {
        display_name: Some("Photos".parse().unwrap()),
        launch_url: Some(Some("https://photos.example.org/".parse().unwrap())),
        redirect_uris: Some(vec![uri("https://photos.example.org/cb"), uri("https://photos.example.org/cb")]),
        pkce_required: Some(false),
        consent: Some(ConsentMode::Skip),
        algorithm: Some(Algorithm::Rs256),
        access: Some(Span::minutes(5)),
        ..AppAmendment::default()
    };
    let set = || house.idp.set_app(&console(), &app("photos"), &change);
    assert_eq!(set().unwrap(), Change::Changed);
    house.leaves_no_trace(set);
    let shown = house.idp.show_app(&console(), &app("photos")).unwrap().client;
    assert_eq!(shown.settings.redirect_uris.len(), 1);
    assert_eq!(shown.settings.lifetimes.access(), Span::minutes(5));
}

#[test]
fn lifetimes_and_redirect_uris_keep_within_their_limits() {
    let house = House::new();
    make(&house, "photos", AppKind::Confidential);
    let set = |change: AppAmendment| refusal(house.idp.set_app(&console(), &app("photos"), &change));
    let long = AppAmendment { access: Some(Span::days(2)), ..AppAmendment::default() };
    assert!(matches!(set(long), Refusal::Invalid { what, .. } if what == "lifetimes"));
    let many = (0..17).map(|n| uri(&format!("https://a.example.org/{n}"))).collect();
    let many = AppAmendment { redirect_uris: Some(many), ..AppAmendment::default() };
    assert!(matches!(set(many), Refusal::TooMany { limit: 16, .. }));
}

#[test]
fn redirect_uris_come_and_go_one_by_one() {
    let house = House::new();
    make(&house, "photos", AppKind::Confidential);
    let callback = uri("https://photos.example.org/cb");
    let add = || house.idp.add_redirect_uri(&console(), &app("photos"), &callback);
    assert_eq!(add().unwrap(), Change::Changed);
    house.leaves_no_trace(add);
    let remove = || house.idp.remove_redirect_uri(&console(), &app("photos"), &callback);
    assert_eq!(remove().unwrap(), Change::Changed);
    house.leaves_no_trace(remove);
}

#[test]
fn people_see_the_apps_that_a_group_of_theirs_may_use_and_no_other() {
    let house = House::new();
    for name in ["photos", "music", "router"] {
        make(&house, name, AppKind::Public);
    }
    house.group("kids", &[]);
    house.group("family", &["kids"]);
    let mia = stale(&house.person("mia", &["kids"]));
    let ben = stale(&house.person("ben", &[]));
    let allow = |name: &str, to: &str| house.idp.allow_group(&console(), &app(name), &group(to));
    assert_eq!(allow("photos", "family").unwrap(), Change::Changed);
    assert_eq!(house.last_event(), "app.allow photos success");
    house.leaves_no_trace(|| allow("photos", "family"));
    allow("music", "everyone").unwrap();
    allow("router", "owners").unwrap();
    let seen = |ctx: &Context| -> Vec<String> {
        house.idp.usable_apps(ctx).unwrap().into_iter().map(|tile| tile.client.name.to_string()).collect()
    };
    assert_eq!(seen(&mia), ["music", "photos"]);
    assert_eq!(seen(&ben), ["music"]);
    let deny = || house.idp.deny_group(&console(), &app("music"), &group("everyone"));
    assert_eq!(deny().unwrap(), Change::Changed);
    house.leaves_no_trace(deny);
    assert!(seen(&ben).is_empty());
}

#[test]
fn only_scopes_of_the_apps_own_are_given_to_groups() {
    let house = House::new();
    make(&house, "photos", AppKind::Public);
    house.group("family", &[]);
    let add = |scope: &str| house.idp.add_scope(&console(), &app("photos"), &group("family"), &scope.parse().unwrap());
    assert_eq!(add("albums:write").unwrap(), Change::Changed);
    house.leaves_no_trace(|| add("albums:write"));
    assert!(matches!(refusal(add("openid")), Refusal::Invalid { what, .. } if what == "scope"));
    let remove =
        || house.idp.remove_scope(&console(), &app("photos"), &group("family"), &"albums:write".parse().unwrap());
    assert_eq!(house.idp.show_app(&console(), &app("photos")).unwrap().scopes.len(), 1);
    assert_eq!(remove().unwrap(), Change::Changed);
    house.leaves_no_trace(remove);
}

#[test]
fn a_claim_rule_is_kept_as_given_and_in_its_order() {
    let house = House::new();
    make(&house, "photos", AppKind::Public);
    house.group("zoo", &[]);
    house.group("art", &[]);
    let rule = claim(vec![(group("zoo"), json!({"level": 3})), (group("art"), json!(["a", 1, null, true]))]);
    let set = |rule: &ClaimRuleView| house.idp.set_claim(&console(), &app("photos"), rule);
    assert_eq!(set(&rule).unwrap(), Change::Created);
    assert_eq!(house.last_event(), "app.set_claim photos success");
    house.leaves_no_trace(|| set(&rule));
    assert_eq!(house.idp.show_app(&console(), &app("photos")).unwrap().claims, std::slice::from_ref(&rule));
    let turned = claim(rule.values.into_iter().rev().collect());
    assert_eq!(set(&turned).unwrap(), Change::Changed);
    assert_eq!(house.idp.show_app(&console(), &app("photos")).unwrap().claims, [turned]);
    let remove = || house.idp.remove_claim(&console(), &app("photos"), "role");
    assert_eq!(remove().unwrap(), Change::Removed);
    house.leaves_no_trace(remove);
}

#[test]
fn a_claim_rule_that_cannot_work_is_refused() {
    let house = House::new();
    make(&house, "photos", AppKind::Public);
    house.group("family", &[]);
    let set = |rule: &ClaimRuleView| refusal(house.idp.set_claim(&console(), &app("photos"), rule));
    let merge = ClaimRuleView { combine: Combine::Merge, ..claim(vec![(group("family"), json!("x"))]) };
    assert!(matches!(set(&merge), Refusal::Invalid { .. }));
    let unknown = ClaimRuleView { attribute: Some("shoe_size".into()), ..claim(vec![]) };
    assert!(matches!(set(&unknown), Refusal::Invalid { what, .. } if what == "attribute"));
    let twice = claim(vec![(group("family"), json!(1)), (group("family"), json!(2))]);
    assert!(matches!(set(&twice), Refusal::Invalid { .. }));
    let nowhere = claim(vec![(group("strangers"), json!(1))]);
    assert!(matches!(set(&nowhere), Refusal::NotFound { kind: "group", .. }));
    let huge = claim(vec![(group("family"), json!("x".repeat(5000)))]);
    assert!(matches!(set(&huge), Refusal::Invalid { .. }));
}

#[test]
fn a_group_that_goes_takes_its_rights_at_apps_with_it() {
    let house = House::new();
    make(&house, "photos", AppKind::Public);
    house.group("family", &[]);
    house.idp.allow_group(&console(), &app("photos"), &group("family")).unwrap();
    house.idp.set_claim(&console(), &app("photos"), &claim(vec![(group("family"), json!(1))])).unwrap();
    house.idp.delete_group(&console(), &group("family")).unwrap();
    let shown = house.idp.show_app(&console(), &app("photos")).unwrap();
    assert!(shown.access.is_empty() && shown.claims[0].values.is_empty());
}

#[test]
fn a_removed_app_is_gone_and_its_number_is_not_used_again() {
    let house = House::new();
    make(&house, "photos", AppKind::Public);
    let first = house.idp.show_app(&console(), &app("photos")).unwrap().client.id;
    let delete = || house.idp.delete_app(&console(), &app("photos"));
    assert_eq!(delete().unwrap(), Change::Removed);
    house.leaves_no_trace(delete);
    make(&house, "photos", AppKind::Public);
    assert!(house.idp.show_app(&console(), &app("photos")).unwrap().client.id != first);
}

#[test]
fn an_app_admin_manages_apps_but_neither_people_nor_groups() {
    let house = House::new();
    let admin = fresh(&house.person("ada", &["app_admins"]));
    house.group("family", &[]);
    house.idp.create_app(&admin, &app("photos"), AppKind::Public, &AppAmendment::default()).unwrap();
    assert_eq!(house.idp.allow_group(&admin, &app("photos"), &group("family")).unwrap(), Change::Changed);
    let made = house.idp.create_account(&admin, Person, &user("eve"), &domain::amend::Amendment::default());
    assert_eq!(refusal(made), NOT_ALLOWED);
}

#[test]
fn whoever_is_no_app_admin_changes_no_app() {
    let house = House::new();
    make(&house, "photos", AppKind::Confidential);
    house.group("family", &[]);
    for office in ["people_admins", "auditors", "family"] {
        let actor = fresh(&house.person(&format!("{office}.one"), &[office]));
        let made = house.idp.create_app(&actor, &app("mine"), AppKind::Public, &AppAmendment::default());
        assert_eq!(refusal(made), NOT_ALLOWED, "{office}");
        assert_eq!(refusal(house.idp.rotate_app_secret(&actor, &app("photos"), None)), NOT_ALLOWED);
        assert_eq!(refusal(house.idp.delete_app(&actor, &app("photos"))), NOT_ALLOWED);
        assert_eq!(refusal(house.idp.allow_group(&actor, &app("photos"), &group("family"))), NOT_ALLOWED);
        assert_eq!(refusal(house.idp.set_claim(&actor, &app("photos"), &claim(vec![]))), NOT_ALLOWED);
        assert_eq!(refusal(house.idp.set_app_icon(&actor, &app("photos"), b"")), NOT_ALLOWED);
        assert_eq!(house.idp.list_apps(&actor).is_ok(), office != "family");
    }
}

#[test]
fn an_icon_is_seen_without_signing_in() {
    let house = House::new();
    make(&house, "photos", AppKind::Public);
    let mut png = Vec::new();
    image::DynamicImage::new_rgb8(32, 32).write_with_encoder(image::codecs::png::PngEncoder::new(&mut png)).unwrap();
    let set = || house.idp.set_app_icon(&console(), &app("photos"), &png);
    assert_eq!(set().unwrap(), Change::Created);
    house.leaves_no_trace(set);
    let nobody = Context::anonymous(steady(crate::house::NOW), crate::Origin::default());
    assert_eq!(house.idp.app_icon(&nobody, &app("photos")).unwrap().unwrap().media_type, "image/png");
    assert_eq!(house.idp.app_icon(&nobody, &app("none")).unwrap(), None);
    let remove = || house.idp.remove_app_icon(&console(), &app("photos"));
    assert_eq!(remove().unwrap(), Change::Removed);
    house.leaves_no_trace(remove);
    let refused = house.idp.set_app_icon(&console(), &app("photos"), b"<svg/>");
    assert!(matches!(refusal(refused), Refusal::Invalid { what, .. } if what == "icon"));
}
