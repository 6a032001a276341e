//! What a JWT access token says, and that nothing else is taken for one.

use domain::client::{AccessTokenFormat, Algorithm};
use domain::time::Span;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::flow::{Flow, after, photos};
use crate::house::{NOW, console};
use crate::moment::steady;
use crate::{AppAmendment, BearerRefusal, Rotation, TokenAnswer};

fn jwt_flow() -> Flow {
    let flow = Flow::new().trusted();
    flow.set(&AppAmendment { access_token: Some(AccessTokenFormat::Jwt), ..AppAmendment::default() });
    flow
}

fn access(answer: &TokenAnswer) -> &str {
    answer.access_token.expose()
}

/// What we would sign with these claims instead; one that is null is left out.
fn signed(flow: &Flow, answer: &TokenAnswer, kind: JwtKind, changes: &[(&str, Value)]) -> String {
    let mut claims = flow.verified_text(access(answer));
    for (name, value) in changes {
        claims.insert((*name).to_owned(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    let ring = flow.house.idp.oauth.keyring();
    ring.sign(Algorithm::Es256, kind, &claims, NOW).unwrap().unwrap()
}

#[test]
fn a_jwt_access_token_says_what_rfc_9068_wants() {
    let flow = jwt_flow();
    let answer = flow.tokens("openid groups offline_access");
    let header = jsonwebtoken::decode_header(access(&answer)).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let mut claims = flow.verified_text(access(&answer));
    let jti = claims.remove("jti").unwrap();
    assert_eq!(
        Value::from(claims),
        json!({
            "iss": "https://id.example.org", "aud": ["photos", "https://id.example.org"], "client_id": "photos",
            "sub": flow.anna.subject, "iat": NOW.unix(), "exp": NOW.unix() + 900, "auth_time": NOW.unix(),
            "scope": "groups offline_access openid", "acr": "passkey", "amr": flow.verified(&answer)["amr"],
            "groups": ["everyone", "family"],
        })
    );
    let again = flow.refresh(answer.refresh_token.as_ref().unwrap().expose(), NOW).unwrap();
    assert_ne!(flow.verified_text(access(&again))["jti"], jti);
    assert!(flow.userinfo(jti.as_str().unwrap(), NOW).is_err(), "the name opens nothing");
    assert!(!flow.verified_text(access(&flow.tokens("openid"))).contains_key("groups"), "not asked for");
}

#[test]
fn a_jwt_access_token_is_good_for_the_same_as_an_opaque_one() {
    let flow = jwt_flow();
    let answer = flow.tokens("openid offline_access");
    assert_eq!(flow.userinfo(access(&answer), NOW).unwrap()["sub"], json!(flow.anna.subject));
    let said = flow.introspect(access(&answer), NOW, &[]).unwrap();
    assert_eq!((&said["active"], &said["exp"]), (&json!(true), &json!(NOW.unix() + 900)));
    assert_eq!(flow.userinfo(access(&answer), after(Span::seconds(900))), Err(BearerRefusal::InvalidToken));
    flow.revoke(access(&answer), NOW, &[]).unwrap();
    assert_eq!(flow.userinfo(access(&answer), NOW), Err(BearerRefusal::InvalidToken));
    assert_eq!(flow.introspect(access(&answer), NOW, &[]).unwrap()["active"], false);
    assert!(flow.refresh(answer.refresh_token.as_ref().unwrap().expose(), NOW).is_err());
}

#[test]
fn a_narrower_jwt_opens_no_more_than_it_says() {
    let flow = jwt_flow();
    let token = flow.tokens("openid email offline_access").refresh_token.unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.expose().as_str()), ("scope", "email")];
    let narrow = flow.token(NOW, &fields).unwrap();
    assert_eq!(flow.introspect(access(&narrow), NOW, &[]).unwrap()["scope"], "email");
    assert_eq!(flow.userinfo(access(&narrow), NOW), Err(BearerRefusal::InsufficientScope));
}

#[test]
fn an_id_token_is_no_access_token() {
    let flow = jwt_flow();
    let answer = flow.tokens("openid");
    let id_token = answer.id_token.as_ref().unwrap().expose();
    assert_eq!(flow.userinfo(id_token, NOW), Err(BearerRefusal::InvalidToken));
    assert_eq!(flow.introspect(id_token, NOW, &[]).unwrap()["active"], false);
    let plain = signed(&flow, &answer, JwtKind::Plain, &[]);
    assert_eq!(flow.userinfo(&plain, NOW), Err(BearerRefusal::InvalidToken), "not even with the same claims");
    assert!(flow.userinfo(&signed(&flow, &answer, JwtKind::AccessToken, &[]), NOW).is_ok());
}

#[test]
fn a_jwt_with_other_claims_opens_nothing() {
    let flow = jwt_flow();
    let answer = flow.tokens("openid");
    for change in [
        ("iss", json!("https://evil.example")),
        ("aud", json!(["photos"])),
        ("aud", json!("photos")),
        ("aud", Value::Null),
        ("jti", json!("x")),
        ("jti", Value::Null),
        ("exp", json!(NOW.unix())),
        ("exp", json!("tomorrow")),
        ("exp", json!(NOW.unix() + 2 * 86_400)),
        ("scope", Value::Null),
        ("iat", Value::Null),
    ] {
        let token = signed(&flow, &answer, JwtKind::AccessToken, std::slice::from_ref(&change));
        assert_eq!(flow.userinfo(&token, NOW), Err(BearerRefusal::InvalidToken), "{change:?}");
    }
}

#[test]
fn a_jwt_that_was_not_signed_by_us_opens_nothing() {
    let flow = jwt_flow();
    let answer = flow.tokens("openid");
    let good = access(&answer);
    let (body, signature) = good.rsplit_once('.').unwrap();
    let encode = |header: &Value| URL_SAFE_NO_PAD.encode(header.to_string());
    let payload = body.split_once('.').unwrap().1;
    let kid = jsonwebtoken::decode_header(good).unwrap().kid.unwrap();
    let with = |alg: &str, kid: &str| {
        format!("{}.{payload}.{signature}", encode(&json!({ "typ": "at+jwt", "alg": alg, "kid": kid })))
    };
    for forged in [
        format!("{body}."),
        format!("{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{}.{payload}.", encode(&json!({ "typ": "at+jwt", "alg": "none", "kid": kid }))),
        with("HS256", &kid),
        with("RS256", &kid),
        with("ES256", "another"),
        good.replacen('.', "..", 1),
        format!("{good}{}", "A".repeat(MAX_TOKEN)),
    ] {
        assert_eq!(flow.userinfo(&forged, NOW), Err(BearerRefusal::InvalidToken), "{forged}");
    }
    // The public key as the secret of an HMAC (RFC 8725 section 2.1).
    let mut header = Header::new(jsonwebtoken::Algorithm::HS256);
    (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some(kid));
    let forged =
        jsonwebtoken::encode(&header, &flow.verified_text(good), &EncodingKey::from_secret(&flow.house.idp.jwks()));
    assert!(forged.is_err(), "this house does not even know how");
}

#[test]
fn a_jwt_outlives_a_planned_change_of_its_key_and_no_emergency() {
    let flow = jwt_flow();
    let answer = flow.tokens("openid");
    let rotate = |how| flow.house.idp.rotate_signing_key(&console(), Algorithm::Es256, how).unwrap();
    rotate(Rotation::Planned);
    assert!(flow.userinfo(access(&answer), NOW).is_ok());
    rotate(Rotation::Emergency);
    assert!(flow.userinfo(access(&answer), NOW).is_err());
}

#[test]
fn an_app_that_wants_rs256_gets_its_access_tokens_signed_so() {
    let flow = jwt_flow();
    flow.set(&AppAmendment { algorithm: Some(Algorithm::Rs256), ..AppAmendment::default() });
    let answer = flow.tokens("openid");
    assert_eq!(jsonwebtoken::decode_header(access(&answer)).unwrap().alg, jsonwebtoken::Algorithm::RS256);
    assert!(flow.userinfo(access(&answer), NOW).is_ok());
}

#[test]
fn signed_userinfo_is_for_this_app_from_this_issuer() {
    let flow = Flow::new().trusted();
    flow.set(&AppAmendment { userinfo: Some(Some(Algorithm::Rs256)), ..AppAmendment::default() });
    let token = flow.tokens("openid").access_token;
    let anybody = crate::Context::anonymous(steady(NOW), crate::Origin::default());
    let crate::Userinfo::Signed(signed) = flow.house.idp.userinfo(&anybody, token.expose().as_str()).unwrap() else {
        panic!("not signed")
    };
    assert_eq!(jsonwebtoken::decode_header(&signed).unwrap().alg, jsonwebtoken::Algorithm::RS256);
    let claims = flow.verified_text(&signed);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://id.example.org"), &json!("photos")));
    assert_eq!(claims["sub"], json!(flow.anna.subject));
    assert!(flow.userinfo(&signed, NOW).is_err(), "and no access token");
    flow.house.idp.delete_app(&console(), &photos()).unwrap();
    assert!(flow.userinfo(token.expose(), NOW).is_err());
}
