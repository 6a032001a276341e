//! Pairwise subjects: what people are called at apps that must not put together what they know.

use domain::client::{AccessTokenFormat, Algorithm, SubjectType};
use serde_json::{Value, json};

use crate::flow::{Flow, app, photos, request};
use crate::house::{NOW, console, refusal};
use crate::{AppAmendment, AppKind, Authorization, Refusal, Rotation, TrialReport};

fn to_pairwise() -> AppAmendment {
    AppAmendment { subject: Some(SubjectType::Pairwise), ..AppAmendment::default() }
}

/// What Anna is called at that app, everywhere alike.
fn name_at(flow: &Flow, client: &str, secret: &str, redirect: &str) -> (Value, Value) {
    let wanted = request(&[("client_id", client), ("redirect_uri", redirect), ("scope", "openid profile")]);
    flow.house.idp.grant_consent(&flow.anna(NOW), &wanted).unwrap();
    let Authorization::Answer(answer) = flow.house.idp.authorize(&flow.anna(NOW), &wanted).unwrap() else {
        panic!("no answer")
    };
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("client_secret", secret),
        ("code", answer.get("code").unwrap()),
        ("redirect_uri", redirect),
        ("code_verifier", crate::flow::VERIFIER),
    ];
    let tokens = flow.token(NOW, &fields).unwrap();
    let id_token = body(tokens.id_token.unwrap().expose());
    let info = flow.userinfo(tokens.access_token.expose(), NOW).unwrap();
    let as_app = [("client_id", client), ("client_secret", secret)];
    let said = flow.introspect(tokens.access_token.expose(), NOW, &as_app).unwrap();
    let jwt = body(tokens.access_token.expose());
    for (other, place) in [(&info["sub"], "userinfo"), (&said["sub"], "introspection"), (&jwt["sub"], "access token")] {
        assert_eq!(*other, id_token["sub"], "{place}");
    }
    assert!(!info.contains_key("picture"));
    (id_token["sub"].clone(), id_token["sid"].clone())
}

fn body(jwt: &str) -> Value {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn pairwise(flow: &Flow, name: &str, redirect: &str) -> String {
    let secret = app(&flow.house, name, AppKind::Confidential, redirect).unwrap();
    let settings = AppAmendment { access_token: Some(AccessTokenFormat::Jwt), ..to_pairwise() };
    flow.house.idp.set_app(&console(), &name.parse().unwrap(), &settings).unwrap();
    secret
}

#[test]
fn apps_of_two_sectors_know_a_person_by_two_names() {
    let flow = Flow::new();
    let png = image::DynamicImage::new_rgb8(32, 32);
    let mut bytes = std::io::Cursor::new(Vec::new());
    png.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    flow.house.idp.set_picture(&flow.anna(NOW), &crate::Whose::Mine, &bytes.into_inner()).unwrap();
    let apps = [("a", "https://a.example/cb"), ("b", "https://b.example/cb"), ("a2", "https://a.example:8443/other")];
    let names = apps.map(|(name, redirect)| {
        let secret = pairwise(&flow, name, redirect);
        let first = name_at(&flow, name, &secret, redirect);
        assert_eq!(first, name_at(&flow, name, &secret, redirect), "always the same");
        first
    });
    let [(a, a_session), (b, b_session), (a2, _)] = names;
    assert!(a != b && a != json!(flow.anna.subject) && b != json!(flow.anna.subject));
    assert_eq!(a, a2, "one sector");
    assert_ne!(a_session, b_session, "nor are they known by the session");
}

#[test]
fn pairwise_names_outlive_every_key() {
    let flow = Flow::new();
    let redirect = "https://a.example/cb";
    let secret = pairwise(&flow, "a", redirect);
    let before = name_at(&flow, "a", &secret, redirect).0;
    flow.house.idp.rotate_signing_key(&console(), Algorithm::Es256, Rotation::Emergency).unwrap();
    assert_eq!(name_at(&flow, "a", &secret, redirect).0, before);
}

#[test]
fn a_trial_shows_the_name_that_the_app_will_see() {
    let flow = Flow::new().trusted();
    flow.set(&to_pairwise());
    let openid = "openid".parse().unwrap();
    let report = flow.house.idp.preview_claims(&console(), &photos(), &flow.anna.name, &openid).unwrap();
    let TrialReport::Released(shown) = report else { panic!("{report:?}") };
    let real = flow.verified(&flow.tokens("openid"))["sub"].clone();
    assert_eq!((&shown.id_token["sub"], &shown.userinfo["sub"]), (&real, &real));
}

#[test]
fn an_app_without_one_host_has_no_pairwise_names() {
    let flow = Flow::new();
    let name = "a".parse().unwrap();
    for uris in [
        vec![],
        vec!["https://a.example/cb", "https://b.example/cb"],
        vec!["http://127.0.0.1/cb"],
        vec!["com.example.app:/cb", "https://a.example/cb"],
    ] {
        let redirect_uris = Some(uris.iter().map(|uri| uri.parse().unwrap()).collect());
        let wanted = AppAmendment { redirect_uris, ..to_pairwise() };
        let refused = refusal(flow.house.idp.create_app(&console(), &name, AppKind::Confidential, &wanted));
        assert!(matches!(refused, Refusal::Invalid { .. }), "{uris:?} {refused:?}");
    }
}

#[test]
fn an_admin_says_what_several_hosts_have_in_common() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    let alone = pairwise(&flow, "a", "https://a.example/cb");
    let known = name_at(&flow, "a", &alone, "https://a.example/cb").0;
    let name = "wide".parse().unwrap();
    let secret = app(&flow.house, "wide", AppKind::Confidential, "https://b.example/cb").unwrap();
    let uris = ["https://b.example/cb", "https://c.example/cb", "com.example.app:/cb"];
    let sector = |host: &str| Some(Some(host.parse().unwrap()));
    let wide = AppAmendment {
        redirect_uris: Some(uris.iter().map(|uri| uri.parse().unwrap()).collect()),
        access_token: Some(AccessTokenFormat::Jwt),
        sector: sector("a.example"),
        ..to_pairwise()
    };
    idp.set_app(&console(), &name, &wide).unwrap();
    for uri in &uris[..2] {
        assert_eq!(name_at(&flow, "wide", &secret, uri).0, known);
    }
    for other in [sector("b.example"), Some(None)] {
        let moved = AppAmendment { sector: other, ..AppAmendment::default() };
        assert!(matches!(refusal(idp.set_app(&console(), &name, &moved)), Refusal::Invalid { .. }));
    }
}

#[test]
fn an_app_with_pairwise_names_does_not_move_to_another_host_unnoticed() {
    let flow = Flow::new().trusted();
    flow.set(&to_pairwise());
    let elsewhere: domain::redirect_uri::RedirectUri = "https://other.example/cb".parse().unwrap();
    let idp = &flow.house.idp;
    let added = refusal(idp.add_redirect_uri(&console(), &photos(), &elsewhere));
    assert!(matches!(added, Refusal::Invalid { .. }), "{added:?}");
    let moved = AppAmendment { redirect_uris: Some(vec![elsewhere]), ..AppAmendment::default() };
    assert!(refusal(idp.set_app(&console(), &photos(), &moved)).to_string().contains("photos.example.org"));
    let here = "https://photos.example.org/other".parse().unwrap();
    idp.add_redirect_uri(&console(), &photos(), &here).unwrap();
}

#[test]
fn another_kind_of_name_ends_the_tokens_with_the_old_one() {
    let flow = Flow::new().trusted();
    let answer = flow.tokens("openid offline_access");
    flow.set(&to_pairwise());
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_err());
    assert!(flow.refresh(answer.refresh_token.unwrap().expose(), NOW).is_err());
}
