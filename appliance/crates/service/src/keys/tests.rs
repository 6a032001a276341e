//! What the signing keys promise.

use domain::time::Span;
use serde_json::Value;

use super::*;
use crate::flow::{Flow, after};
use crate::house::{NOW, console, fresh};
use crate::moment::steady;

fn published(idp: &Idp) -> Vec<String> {
    let set: Value = serde_json::from_slice(&idp.jwks()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key.get("d").is_none()), "only public halves");
    sorted(keys.iter().map(|key| key["kid"].as_str().unwrap()))
}

fn sorted(kids: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    let mut kids: Vec<_> = kids.into_iter().map(|kid| kid.to_string()).collect();
    kids.sort();
    kids
}

fn signing(idp: &Idp, now: Timestamp) -> String {
    let token = idp.oauth.keyring().sign(Algorithm::Es256, &serde_json::json!({}), now).unwrap().unwrap();
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

#[test]
fn a_house_starts_with_one_ec_key_and_no_rsa_key() {
    let flow = Flow::new();
    assert_eq!(published(&flow.house.idp).len(), 1);
    assert_eq!(flow.house.idp.signing_keys(&console()).unwrap()[0].algorithm, Algorithm::Es256);
}

#[test]
fn a_new_key_is_published_before_it_signs_and_an_old_one_after() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    let old = signing(idp, NOW);
    let new = idp.rotate_signing_key(&console(), Algorithm::Es256, Rotation::Planned).unwrap();
    assert_eq!(published(idp), sorted([&old, &new]));
    assert_eq!(signing(idp, after(LEAD) - Span::seconds(1)), old);
    assert_eq!(signing(idp, after(LEAD)), new);
    idp.tend_tokens(steady((after(LEAD) + REMAIN) - Span::seconds(1))).unwrap();
    assert_eq!(published(idp), sorted([&old, &new]));
    idp.tend_tokens(steady(after(LEAD) + REMAIN)).unwrap();
    assert_eq!(published(idp), [new]);
}

#[test]
fn in_an_emergency_the_old_key_is_gone_at_once() {
    let flow = Flow::new();
    let new = flow.house.idp.rotate_signing_key(&console(), Algorithm::Es256, Rotation::Emergency).unwrap();
    assert_eq!(published(&flow.house.idp), std::slice::from_ref(&new));
    assert_eq!(signing(&flow.house.idp, NOW), new);
}

#[test]
fn a_key_replaced_in_an_emergency_does_not_come_back_when_the_clock_goes_back() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    let new = idp.rotate_signing_key(&console(), Algorithm::Es256, Rotation::Emergency).unwrap();
    let earlier = NOW - Span::days(1);
    idp.start_oauth(steady(earlier)).unwrap();
    assert_eq!(published(idp), std::slice::from_ref(&new));
    assert_eq!(signing(idp, earlier), new);
}

#[test]
fn an_emergency_ends_every_token_that_was_given_out_and_a_planned_rotation_none() {
    let flow = Flow::new().trusted();
    let idp = &flow.house.idp;
    let answer = flow.tokens("openid offline_access");
    idp.rotate_signing_key(&console(), Algorithm::Es256, Rotation::Planned).unwrap();
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_ok());
    idp.rotate_signing_key(&console(), Algorithm::Es256, Rotation::Emergency).unwrap();
    let ended = || {
        assert_eq!(flow.userinfo(answer.access_token.expose(), NOW), Err(crate::BearerRefusal::InvalidToken));
        assert!(flow.refresh(answer.refresh_token.as_ref().unwrap().expose(), NOW).is_err());
    };
    ended();
    let newer = flow.tokens("openid");
    // As after a restart.
    idp.start_oauth(steady(NOW)).unwrap();
    ended();
    assert!(flow.userinfo(newer.access_token.expose(), NOW).is_ok());
}

#[test]
fn a_key_is_replaced_by_itself_after_three_months() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    idp.tend_tokens(steady(after(AGE) - Span::seconds(1))).unwrap();
    assert_eq!(published(idp).len(), 1);
    idp.tend_tokens(steady(after(AGE))).unwrap();
    assert_eq!(published(idp).len(), 2);
    idp.tend_tokens(steady(after(AGE))).unwrap();
    assert_eq!(published(idp).len(), 2, "once");
}

#[test]
fn only_owners_rotate_keys() {
    let flow = Flow::new();
    let admin = flow.house.person("ada", &["app_admins"]);
    let refused = flow.house.idp.rotate_signing_key(&fresh(&admin), Algorithm::Es256, Rotation::Planned);
    assert!(matches!(refused, Err(OpError::Refused(Refusal::Denied(_)))));
}

#[test]
fn a_damaged_key_is_named_and_not_used() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    flow.write(|op| {
        let mut row = op.signing_keys()?.remove(0);
        row.kid = "damaged".to_owned();
        op.insert_signing_key(&row)
    });
    let error = idp.reload_keyring(steady(NOW)).unwrap_err();
    assert!(matches!(error, OpError::Fault(Fault::Store(store::Fault::Corrupt { table: "signing_key", .. }))));
}

#[test]
fn signatures_of_both_algorithms_verify_and_altered_ones_do_not() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    idp.prepare_key(Algorithm::Rs256, steady(NOW)).unwrap();
    for (algorithm, name) in
        [(Algorithm::Es256, jsonwebtoken::Algorithm::ES256), (Algorithm::Rs256, jsonwebtoken::Algorithm::RS256)]
    {
        let token = idp.oauth.keyring().sign(algorithm, &serde_json::json!({ "a": 1 }), NOW).unwrap().unwrap();
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&idp.jwks()).unwrap();
        let key = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, name).unwrap());
        assert!(!jsonwebtoken::crypto::verify(signature, b"other", &key, name).unwrap());
    }
}
