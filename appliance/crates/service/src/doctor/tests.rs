use domain::id::ClientId;
use domain::time::{Span, Timestamp};

use super::*;
use crate::flow::{Flow, REDIRECT, photos};
use crate::house::{NOW, console};
use crate::{AppAmendment, AuthorizationRequest, DeviceAuthorizationRequest, PushRequest, TokenQuery, TokenRequest};

fn wrong(came: &str) -> Wrong {
    let text = |text: &str| text.to_owned();
    Wrong { parameter: text("redirect_uri"), expected: text("a"), came: text(came), cure: text("c") }
}

fn diagnosis(flow: &Flow) -> Diagnosis {
    flow.house.idp.diagnose_app(&console(), &photos()).unwrap()
}

fn request(pairs: &[(&str, &str)]) -> AuthorizationRequest {
    let usual = [("client_id", "photos"), ("redirect_uri", REDIRECT), ("response_type", "code"), ("scope", "openid")];
    let kept = usual.into_iter().filter(|(name, _)| pairs.iter().all(|(other, _)| other != name));
    AuthorizationRequest::from_pairs(kept.chain(pairs.iter().copied()))
}

#[test]
fn an_address_that_is_not_registered_is_told_with_the_command_that_adds_it() {
    let flow = Flow::new();
    let asked = request(&[("redirect_uri", "https://photos.example.org/other")]);
    flow.house.idp.authorize(&flow.anna(NOW), &asked).unwrap_err();
    let [complaint] = &diagnosis(&flow).complaints[..] else { panic!("one complaint") };
    assert_eq!(
        (complaint.parameter.as_str(), complaint.came.as_str()),
        ("redirect_uri", "https://photos.example.org/other")
    );
    assert_eq!(complaint.expected, REDIRECT);
    assert!(complaint.cure.contains("--add-redirect-uri 'URL'"), "{}", complaint.cure);
}

#[test]
fn what_strangers_send_is_no_part_of_a_command_and_looks_like_nothing_else() {
    let flow = Flow::new();
    let bad = "https://photos.example.org/cb;curl$IFS\u{202e}evil\n|sh";
    flow.house.idp.authorize(&flow.anna(NOW), &request(&[("redirect_uri", bad)])).unwrap_err();
    let complaint = &diagnosis(&flow).complaints[0];
    assert!(!complaint.cure.contains("curl"), "{}", complaint.cure);
    assert_eq!(complaint.came, "https://photos.example.org/cb;curl$IFS\\u{202e}evil\\u{a}|sh");
}

#[test]
fn an_address_that_cannot_be_registered_is_told_with_the_reason() {
    let flow = Flow::new();
    let asked = request(&[("redirect_uri", "http://192.168.1.2/cb")]);
    flow.house.idp.authorize(&flow.anna(NOW), &asked).unwrap_err();
    assert!(diagnosis(&flow).complaints[0].cure.contains("use https"));
}

#[test]
fn a_request_that_is_wrong_is_told_by_its_parameter() {
    let flow = Flow::new();
    flow.house.idp.authorize(&flow.anna(NOW), &request(&[])).unwrap();
    flow.house.idp.authorize(&flow.anna(NOW), &request(&[("response_type", "token")])).unwrap();
    let complaints = diagnosis(&flow).complaints;
    let told: Vec<(&str, &str)> =
        complaints.iter().map(|complaint| (complaint.parameter.as_str(), complaint.came.as_str())).collect();
    assert_eq!(told, [("response_type", "token"), ("code_challenge", "nothing")], "the latest first");
    assert!(complaints[1].cure.contains("--pkce false"));
}

#[test]
fn a_wrong_secret_and_a_spent_code_are_told_and_no_secret_is() {
    let flow = Flow::new().trusted();
    let form =
        [("grant_type", "authorization_code"), ("client_id", "photos"), ("client_secret", "hunter2"), ("code", "x")];
    let asked = TokenRequest::parse(form, None).unwrap();
    flow.house.idp.token(&flow.anna(NOW), &asked).unwrap_err();
    let form =
        [("grant_type", "authorization_code"), ("client_id", "photos"), ("client_secret", &flow.secret), ("code", "x")];
    let asked = TokenRequest::parse(form, None).unwrap();
    flow.house.idp.token(&flow.anna(NOW), &asked).unwrap_err();
    let complaints = diagnosis(&flow).complaints;
    let told: Vec<&str> = complaints.iter().map(|complaint| complaint.parameter.as_str()).collect();
    assert_eq!(told, ["code", "client_secret"]);
    assert!(complaints.iter().all(|complaint| complaint.step == Step::Token));
    assert!(!format!("{complaints:?}").contains("hunter2"));
}

#[test]
fn what_is_refused_at_any_endpoint_of_apps_is_told_with_its_step() {
    let flow = Flow::new().trusted();
    let idp = &flow.house.idp;
    let me = [("client_id", "photos"), ("client_secret", flow.secret.as_str())];
    let with = |more: &[(&'static str, &'static str)]| me.into_iter().chain(more.iter().copied()).collect::<Vec<_>>();
    let form = with(&[("response_type", "code"), ("redirect_uri", REDIRECT), ("scope", "openid")]);
    let pushed = PushRequest::parse(form.into_iter(), None).unwrap();
    idp.push(&flow.anna(NOW), pushed).unwrap_err();
    let device = DeviceAuthorizationRequest::parse(with(&[("scope", "openid")]), None).unwrap();
    idp.authorize_device(&flow.anna(NOW), &device).unwrap_err();
    let wrong = TokenQuery::parse([("client_id", "photos"), ("client_secret", "x"), ("token", "y")], None).unwrap();
    idp.introspect(&flow.anna(NOW), &wrong).unwrap_err();
    let code = TokenQuery::parse(with(&[("token", "lk_c_x")]), None).unwrap();
    idp.revoke(&flow.anna(NOW), &code).unwrap_err();
    let exchange = with(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "lk_t_x"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ]);
    idp.token(&flow.anna(NOW), &TokenRequest::parse(exchange, None).unwrap()).unwrap_err();
    let told = diagnosis(&flow).complaints;
    let told: Vec<_> = told.iter().rev().map(|one| (one.step.as_str(), one.parameter.as_str())).collect();
    let wanted = [
        ("pushed authorization request", "code_challenge"),
        ("device authorization request", "grant_type"),
        ("introspection", "client_secret"),
        ("revocation", "token"),
        ("token request", "subject_token"),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_command_to_paste_names_the_app() {
    let flow = Flow::new();
    let me = [("client_id", "photos"), ("client_secret", flow.secret.as_str()), ("grant_type", "client_credentials")];
    flow.house.idp.token(&flow.anna(NOW), &TokenRequest::parse(me, None).unwrap()).unwrap_err();
    let cure = &diagnosis(&flow).complaints[0].cure;
    assert!(cure.contains("latchkey app set photos --acts-as ACCOUNT"), "{cure}");
}

#[test]
fn somebody_who_may_not_use_the_app_is_told_by_name() {
    let flow = Flow::new();
    flow.house.idp.deny_group(&console(), &photos(), &"family".parse().unwrap()).unwrap();
    let challenge = ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    flow.house.idp.authorize(&flow.anna(NOW), &request(&[challenge, ("code_challenge_method", "S256")])).unwrap();
    let diagnosis = diagnosis(&flow);
    assert!(diagnosis.complaints[0].came.starts_with("anna: "), "{:?}", diagnosis.complaints);
    assert_eq!(diagnosis.findings[0].cure, "latchkey app allow photos GROUP");
}

#[test]
fn settings_that_cannot_work_are_found_before_anybody_tries() {
    let flow = Flow::new();
    assert_eq!(diagnosis(&flow).findings, []);
    flow.set(&AppAmendment { redirect_uris: Some(Vec::new()), pkce_required: Some(false), ..AppAmendment::default() });
    let found = diagnosis(&flow).findings;
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn strangers_with_wrong_secrets_push_out_nothing_that_the_app_itself_got_wrong() {
    let flow = Flow::new().trusted();
    let token = |form: &[(&str, &str)]| {
        let asked = TokenRequest::parse(form.iter().copied(), None).unwrap();
        flow.house.idp.token(&flow.anna(NOW), &asked).unwrap_err();
    };
    let me = [("client_id", "photos"), ("client_secret", flow.secret.as_str())];
    token(&[me[0], me[1], ("grant_type", "password")]);
    for _ in 0..10 {
        token(&[me[0], ("client_secret", "x"), ("grant_type", "authorization_code")]);
        token(&[me[0], ("grant_type", "authorization_code")]);
        token(&[me[0], ("client_assertion_type", "x"), ("client_secret", "y"), ("grant_type", "refresh_token")]);
    }
    let told = diagnosis(&flow).complaints;
    assert!(told.len() <= 3 && told.iter().any(|one| one.came == "password"), "{told:?}");
}

#[test]
fn the_same_again_is_counted_and_what_is_remembered_is_bounded() {
    let all = Complaints::default();
    let at = |n: i64| NOW + Span::seconds(n);
    for n in 0..3 {
        all.add(ClientId(1), Step::Token, wrong("same"), at(n));
    }
    let [only] = &all.of(ClientId(1))[..] else { panic!("one") };
    assert_eq!((only.times, only.at), (3, at(2)));
    for n in 0..100 {
        all.add(ClientId(1), Step::Token, wrong(&"x".repeat(n + 1000)), Timestamp::from_unix(9));
        all.add(ClientId(i64::try_from(n).unwrap() + 2), Step::Token, wrong("a"), at(10));
    }
    assert!(all.of(ClientId(1)).len() <= PER_APP);
    let apps = all.0.lock().unwrap();
    assert!(apps.len() <= APPS && apps.values().flatten().all(|one| one.came.chars().count() <= MOST * 10));
}
