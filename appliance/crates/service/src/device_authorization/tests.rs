//! A television, and Anna with her telephone.

use domain::admission::NotAdmitted;
use domain::grant::device_code::DeviceRefusal;
use domain::id::SessionNumber;
use domain::sign_in::{Factor, Factors};
use domain::strength::Strength;
use domain::time::{Span, Timestamp};

use super::*;
use crate::flow::{Flow, after, photos};
use crate::house::{NOW, console, group};
use crate::moment::steady;
use crate::{AppAmendment, Origin, TokenAnswer};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn house() -> Flow {
    let flow = Flow::new();
    flow.set(&AppAmendment { device: Some(true), ..AppAmendment::default() });
    flow
}

fn ask(flow: &Flow, scope: &str) -> Result<DeviceAnswer, TokenRefusal> {
    let fields = [("client_id", "photos"), ("client_secret", flow.secret.as_str()), ("scope", scope)];
    let request = DeviceAuthorizationRequest::parse(fields, None)?;
    let origin = Origin { address: Some([192, 0, 2, 9].into()), ..Origin::default() };
    flow.house.idp.authorize_device(&Context::anonymous(steady(NOW), origin), &request).map_err(refused)
}

fn refused<R>(error: OpError<R>) -> R {
    match error {
        OpError::Refused(refusal) => refusal,
        OpError::Fault(fault) => panic!("{fault}"),
    }
}

fn poll(flow: &Flow, device: &DeviceAnswer, now: Timestamp) -> Result<TokenAnswer, TokenRefusal> {
    flow.token(now, &[("grant_type", GRANT), ("device_code", device.device_code.expose())])
}

fn allow(flow: &Flow, device: &DeviceAnswer) -> Result<Label, UserCodeRefusal> {
    flow.house.idp.grant_device(&flow.anna(NOW), device.user_code.expose()).map_err(refused)
}

#[test]
fn the_tokens_are_like_those_of_the_code_flow() {
    let flow = house();
    let device = ask(&flow, "openid profile offline_access").unwrap();
    assert_eq!(poll(&flow, &device, NOW).unwrap_err(), TokenRefusal::Device(DeviceRefusal::Pending));
    assert_eq!(allow(&flow, &device).unwrap().as_str(), "photos");
    let answer = poll(&flow, &device, after(Span::seconds(5))).unwrap();
    assert_eq!(answer.scope, "offline_access openid profile");
    let claims = flow.verified(&answer);
    assert_eq!(claims["auth_time"], NOW.unix());
    assert_eq!((&claims["acr"], claims["sid"].is_string()), (&"passkey".into(), true));
    assert!(claims.get("nonce").is_none());
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_ok());
    assert!(flow.refresh(answer.refresh_token.unwrap().expose(), after(Span::minutes(1))).is_ok());
    let again = poll(&flow, &device, after(Span::seconds(10))).unwrap_err();
    assert_eq!(again, TokenRefusal::Device(DeviceRefusal::Spent));
}

#[test]
fn waiting_writes_nothing_and_a_yes_is_one_event() {
    let flow = house();
    let before = flow.house.events().len();
    let device = ask(&flow, "openid").unwrap();
    for n in 0..5 {
        poll(&flow, &device, after(Span::seconds(n * 5))).unwrap_err();
    }
    flow.house.idp.device_question(&flow.anna(NOW), device.user_code.expose()).unwrap();
    assert_eq!(flow.house.events().len(), before);
    allow(&flow, &device).unwrap();
    poll(&flow, &device, after(Span::seconds(30))).unwrap();
    let events = flow.house.events();
    let actions: Vec<_> = events[before..].iter().map(|event| (event.actor.as_str(), event.action.as_str())).collect();
    assert_eq!(actions, [("anna", "device.grant"), ("anna", "app.sign_in")]);
    assert_eq!(events[before].detail["device"], "192.0.2.9");
}

#[test]
fn an_app_that_may_not_and_a_scope_that_cannot_be_are_refused() {
    let flow = Flow::new();
    assert_eq!(ask(&flow, "openid").unwrap_err(), TokenRefusal::NoDevices);
    flow.set(&AppAmendment { device: Some(true), ..AppAmendment::default() });
    assert_eq!(ask(&flow, "open\"id").unwrap_err(), TokenRefusal::InvalidScope);
    let device = ask(&flow, "openid").unwrap();
    allow(&flow, &device).unwrap();
    flow.set(&AppAmendment { device: Some(false), ..AppAmendment::default() });
    assert_eq!(poll(&flow, &device, NOW).unwrap_err(), TokenRefusal::NoDevices);
}

#[test]
fn a_sign_in_too_weak_for_the_app_answers_no_device() {
    let flow = house();
    flow.demand("family", Strength::Passkey);
    flow.session(2, Factors::NONE.with(Factor::Password), NOW);
    let device = ask(&flow, "openid").unwrap();
    let actor = Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true };
    let weak = Context::new(actor, steady(NOW), Origin::default());
    let code = device.user_code.expose();
    let refusal = refused(flow.house.idp.grant_device(&weak, code).unwrap_err());
    assert!(matches!(refusal, UserCodeRefusal::NotAdmitted { why: NotAdmitted::TooWeak { .. }, .. }), "{refusal:?}");
    assert!(allow(&flow, &device).is_ok(), "the device waits still");
}

#[test]
fn who_lost_access_meanwhile_gets_no_tokens() {
    let flow = house();
    let device = ask(&flow, "openid").unwrap();
    allow(&flow, &device).unwrap();
    flow.house.idp.deny_group(&console(), &photos(), &group("family")).unwrap();
    assert!(matches!(poll(&flow, &device, NOW).unwrap_err(), TokenRefusal::NotAdmitted(NotAdmitted::NoAccess)));
    let before = flow.house.events().len();
    let other = ask(&flow, "openid").unwrap();
    let refusal = refused(flow.house.idp.device_question(&flow.anna(NOW), other.user_code.expose()).unwrap_err());
    assert!(matches!(refusal, UserCodeRefusal::NotAdmitted { why: NotAdmitted::NoAccess, .. }));
    assert_eq!(flow.house.events().len(), before + 1, "it is written down");
}

#[test]
fn who_signed_out_meanwhile_has_taken_it_back() {
    let flow = house();
    let device = ask(&flow, "openid").unwrap();
    allow(&flow, &device).unwrap();
    flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
    assert_eq!(poll(&flow, &device, NOW).unwrap_err(), TokenRefusal::Device(DeviceRefusal::Denied));
}

#[test]
fn another_client_gets_nothing_for_it_and_then_nobody_does() {
    let flow = house();
    let settings = AppAmendment { device: Some(true), ..AppAmendment::default() };
    flow.house.idp.create_app(&console(), &"other".parse().unwrap(), crate::AppKind::Public, &settings).unwrap();
    let device = ask(&flow, "openid").unwrap();
    allow(&flow, &device).unwrap();
    let stolen = [
        ("grant_type", GRANT),
        ("client_id", "other"),
        ("client_secret", ""),
        ("device_code", device.device_code.expose()),
    ];
    assert_eq!(flow.token(NOW, &stolen).unwrap_err(), TokenRefusal::Device(DeviceRefusal::OtherClient));
    assert_eq!(poll(&flow, &device, NOW).unwrap_err(), TokenRefusal::Device(DeviceRefusal::Spent));
}

#[test]
fn a_stranger_and_a_program_answer_no_device() {
    let flow = house();
    let device = ask(&flow, "openid").unwrap();
    for ctx in [console(), Context::anonymous(steady(NOW), Origin::default())] {
        let refusal = refused(flow.house.idp.grant_device(&ctx, device.user_code.expose()).unwrap_err());
        assert_eq!(refusal, UserCodeRefusal::Denied(Denied::NotSignedIn));
    }
}

#[test]
fn a_trusted_app_asks_on_a_device_all_the_same_and_what_was_allowed_is_taken_back() {
    let flow = house().trusted();
    let device = ask(&flow, "openid offline_access").unwrap();
    assert_eq!(poll(&flow, &device, NOW).unwrap_err(), TokenRefusal::Device(DeviceRefusal::Pending));
    allow(&flow, &device).unwrap();
    let answer = poll(&flow, &device, after(Span::seconds(5))).unwrap();
    flow.house.idp.withdraw_consent(&flow.anna(NOW), flow.anna.id, &photos()).unwrap();
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_err());
}
