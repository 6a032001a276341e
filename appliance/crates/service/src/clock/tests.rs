//! Below level 2 nothing that depends on the time is issued or checked, and a clock that jumps revives nothing.

use domain::account::AccountKind::{Person, Service};
use domain::amend::Amendment;
use domain::client::Algorithm;
use domain::clock::{Moment, Trust};
use domain::credential::CredentialKind;
use domain::id::SessionNumber;
use domain::lockout;
use domain::sign_in::{Factor, Factors};
use domain::time::Span;

use super::*;
use crate::authenticator::Authenticator;
use crate::door::{Door, ORIGIN, PASSWORD, code, label, secret};
use crate::flow::{Flow, after, request};
use crate::house::{House, NOW, console, fresh, refusal, user};
use crate::moment::steady;
use crate::testing::SeededEntropy;
use crate::{
    Authorization, AuthorizationRequest, Fault, Origin, PageQuery, RecoveryAttempt, Rotation, SignInRefusal,
    TokenRefusal, TokenRequest, Whose,
};

const YEAR: Span = Span::days(365);

/// The same moment on a clock that is not trusted.
fn unsure(ctx: &Context) -> Context {
    Context { trust: Trust::Plausible, ..ctx.clone() }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "as the operations give it")]
fn too_early<T: std::fmt::Debug, R: std::fmt::Debug>(result: Result<T, OpError<R>>) {
    assert!(matches!(result, Err(OpError::Fault(Fault::ClockNotTrusted))), "{result:?}");
}

#[test]
fn nobody_signs_in_before_the_clock_is_trusted_and_everybody_can_at_once_afterwards() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let accepted = door.join("anna", &mut device);
    door.house.idp.set_password(&accepted.session.signed_in.context, &secret(PASSWORD)).unwrap();
    let early = unsure(&door.stranger());
    too_early(door.passkey_as(&early, &mut device));
    too_early(door.house.idp.sign_in_with_password(&early, "anna", &secret(PASSWORD)));
    too_early(door.house.idp.sign_in_with_password(&early, "nobody", &secret(PASSWORD)));
    let cookie = accepted.session.cookie.expose();
    let moment = Moment { trust: Trust::Floor, ..steady(door.now) };
    too_early(door.house.idp.authenticate_session(cookie, Origin::default(), moment));
    assert!(door.opens(&accepted.session.cookie));
    door.passkey(&mut device).unwrap();
}

#[test]
fn a_sign_in_that_was_begun_before_the_clock_was_trusted_ends_after_it() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    door.join("anna", &mut device);
    // The wall clock is years behind, and is set between the question and the answer.
    let late = door.stranger();
    let early = Context { now: late.now - YEAR, ..unsure(&late) };
    let asked = door.house.idp.start_passkey_sign_in(&early).unwrap();
    let answer = device.get(&asked.options);
    assert!(door.house.idp.finish_passkey_sign_in(&late, &asked.ceremony, &answer).is_ok());
}

#[test]
fn no_authenticator_code_is_checked_before_the_clock_is_trusted() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let attempt = door.half_in("anna");
    let right = code(&totp.unwrap(), door.now);
    let early = unsure(&door.stranger());
    too_early(door.house.idp.finish_sign_in_with_code(&early, &attempt, &right));
    assert!(door.code(&attempt, &right).is_ok(), "the attempt is not used up");
}

#[test]
fn no_link_and_no_recovery_code_is_taken_before_the_clock_is_trusted() {
    let door = Door::new();
    door.house.newcomer("anna", &[]);
    let invite = door.house.idp.create_invite(&console(), &user("anna"), None, None).unwrap();
    let early = unsure(&door.stranger());
    too_early(door.house.idp.see_invite(&early, invite.token.expose()));
    too_early(door.house.idp.start_invite_passkey(&early, invite.token.expose(), None));
    let attempt = RecoveryAttempt { name: "anna", code: "AAAA-AAAA", held: "" };
    too_early(door.house.idp.recover_with_code(&early, &attempt));
    assert!(door.house.idp.see_invite(&door.stranger(), invite.token.expose()).is_ok());
}

#[test]
fn no_app_gets_a_code_or_a_token_before_the_clock_is_trusted() {
    let flow = Flow::new().trusted();
    let tokens = flow.tokens("openid offline_access");
    let early = unsure(&Context::anonymous(steady(NOW), Origin::default()));
    too_early(flow.house.idp.authorize(&unsure(&flow.anna(NOW)), &request(&[])));
    too_early(flow.house.idp.authorize(&early, &AuthorizationRequest::from_pairs([])));
    let refresh = tokens.refresh_token.unwrap();
    let fields = [
        ("client_id", "photos"),
        ("client_secret", flow.secret.as_str()),
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.expose().as_str()),
    ];
    let asked = TokenRequest::parse(fields, None).unwrap();
    too_early(flow.house.idp.token(&early, &asked));
    too_early(flow.house.idp.userinfo(&early, tokens.access_token.expose().as_str()));
    assert!(flow.refresh(refresh.expose(), NOW).is_ok(), "the refresh token is not used up");
}

#[test]
fn the_console_manages_the_house_but_makes_nothing_that_ends_before_the_clock_is_trusted() {
    let house = House::new();
    let (early, idp) = (unsure(&console()), &house.idp);
    idp.create_account(&early, Person, &user("anna"), &Amendment::default()).unwrap();
    idp.create_account(&early, Service, &user("robot"), &Amendment::default()).unwrap();
    assert_eq!(idp.list_accounts(&early, Person, &PageQuery::default()).unwrap().items.len(), 1);
    too_early(idp.create_invite(&early, &user("anna"), None, None));
    too_early(idp.create_api_token(&early, &user("robot"), &label("cron"), None));
    too_early(idp.rotate_signing_key(&early, Algorithm::Es256, Rotation::Planned));
    idp.rotate_signing_key(&early, Algorithm::Es256, Rotation::Emergency).unwrap();
}

#[test]
fn an_office_over_the_network_counts_for_nothing_before_the_clock_is_trusted() {
    let house = House::new();
    let anna = house.newcomer("anna", &["owners"]);
    let robot = house.service("robot", &["owners"]);
    let made = house.idp.create_api_token(&console(), &robot.name, &label("cron"), None).unwrap();
    let moment = Moment { trust: Trust::Floor, ..steady(NOW) };
    too_early(house.idp.authenticate_api_token(made.token.expose(), moment));
    let early = unsure(&fresh(&anna));
    too_early(house.idp.list_accounts(&early, Person, &PageQuery::default()));
    too_early(house.idp.create_account(&early, Person, &user("bob"), &Amendment::default()));
    too_early(house.idp.sign_out(&early));
}

#[test]
fn housekeeping_waits_for_a_clock_that_is_trusted() {
    let flow = Flow::new().trusted();
    let tokens = flow.tokens("openid offline_access");
    let ahead = Moment { trust: Trust::Plausible, ..steady(NOW + YEAR) };
    too_early(flow.house.idp.purge_sign_ins(ahead));
    too_early(flow.house.idp.tend_tokens(ahead));
    assert!(flow.refresh(tokens.refresh_token.unwrap().expose(), NOW).is_ok());
}

#[test]
fn what_needs_no_time_goes_on() {
    let house = House::new();
    let early = unsure(&Context::anonymous(steady(NOW), Origin::default()));
    assert!(house.idp.healthy(&early).is_ok());
    assert!(!house.idp.jwks().is_empty());
}

#[test]
fn a_house_is_founded_on_a_clock_that_is_not_set() {
    let settings = crate::house::settings();
    let moment = Moment { trust: Trust::Floor, ..steady(NOW) };
    let idp = Idp::in_memory(settings, std::sync::Arc::new(SeededEntropy::new(9)), moment).unwrap();
    assert!(idp.tend_tokens(steady(NOW + YEAR)).is_ok());
}

#[test]
fn a_clock_a_year_ahead_opens_nothing_and_what_it_made_is_void_when_it_is_right_again() {
    let mut door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let before = door.join("anna", &mut device).session;
    door.pass(YEAR);
    assert!(!door.opens(&before.cookie), "a year later it is over");
    let ahead = door.passkey(&mut device).unwrap();
    assert!(door.opens(&ahead.cookie));
    door.now = NOW;
    assert!(!door.opens(&ahead.cookie), "it would live for a year and a month");
    assert!(door.opens(&before.cookie));
}

#[test]
fn no_tokens_of_a_clock_a_year_ahead_outlive_it() {
    let flow = Flow::new().trusted();
    let then = NOW + YEAR;
    let tokens = flow.tokens("openid offline_access");
    flow.session(2, Factors::NONE.with(Factor::Passkey), then);
    let code = |scope| {
        let actor = Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true };
        let ctx = Context::new(actor, steady(then), Origin::default());
        match flow.house.idp.authorize(&ctx, &request(&[("scope", scope)])).unwrap() {
            Authorization::Answer(answer) => answer.get("code").unwrap().to_owned(),
            Authorization::SignIn(_) | Authorization::Consent(_) => panic!("expected an answer"),
        }
    };
    let ahead = flow.exchange(&code("openid offline_access"), then, &[]).unwrap();
    let left = code("openid");
    assert!(flow.exchange(&left, NOW, &[]).is_err(), "a code");
    assert_eq!(flow.userinfo(ahead.access_token.expose(), NOW), Err(crate::BearerRefusal::InvalidToken));
    let refused = flow.refresh(ahead.refresh_token.unwrap().expose(), NOW);
    assert!(matches!(refused, Err(TokenRefusal::Refresh(_))), "{refused:?}");
    assert!(flow.userinfo(tokens.access_token.expose(), NOW).is_ok(), "what was good before still is");
}

#[test]
fn an_access_token_that_lives_longer_than_any_is_void() {
    let flow = Flow::new().trusted();
    let tokens = flow.tokens("openid offline_access");
    let ahead = flow.refresh(tokens.refresh_token.unwrap().expose(), after(Span::days(20))).unwrap();
    assert!(flow.userinfo(ahead.access_token.expose(), after(Span::days(20))).is_ok());
    assert_eq!(flow.userinfo(ahead.access_token.expose(), NOW), Err(crate::BearerRefusal::InvalidToken));
}

#[test]
fn a_clock_a_day_back_makes_no_code_good_again() {
    let flow = Flow::new().trusted();
    let code = flow.code(NOW, &[]);
    let back = NOW - Span::days(1);
    assert!(flow.exchange(&code, back, &[]).is_err());
    assert!(flow.exchange(&code, NOW, &[]).is_err(), "it is spent");
}

#[test]
fn a_wait_that_a_clock_a_year_ahead_began_shuts_nobody_out() {
    let mut door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let totp = totp.unwrap();
    door.pass(YEAR);
    let attempt = door.half_in("anna");
    for _ in 0..lockout::FREE {
        assert!(door.code(&attempt, "000000").is_err());
    }
    assert!(matches!(
        door.code(&attempt, &code(&totp, door.now)),
        Err(OpError::Refused(SignInRefusal::CodeBlocked { .. }))
    ));
    door.now = NOW;
    let attempt = door.half_in("anna");
    assert!(door.code(&attempt, &code(&totp, door.now)).is_ok());
}

#[test]
fn a_code_of_an_authenticator_works_once_even_when_the_clock_goes_back_over_it() {
    let mut door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let shown = code(&totp.unwrap(), door.now);
    let attempt = door.half_in("anna");
    door.code(&attempt, &shown).unwrap();
    door.pass(Span::minutes(3));
    door.now = NOW;
    let attempt = door.half_in("anna");
    assert!(door.code(&attempt, &shown).is_err());
}

#[test]
fn only_the_console_sets_the_clock_and_it_is_written_down() {
    let house = House::new();
    let anna = house.person("anna", &["owners"]);
    assert_eq!(refusal(house.idp.permit_clock(&fresh(&anna), NOW)), Refusal::Denied(Denied::NotAllowed));
    let early = Context { trust: Trust::Floor, ..console() };
    house.idp.permit_clock(&early, NOW).unwrap();
    assert_eq!(house.last_event(), "clock.set  success");
}

#[test]
fn a_jump_of_the_clock_is_written_down() {
    let house = House::new();
    let ctx = Context::system(steady(NOW));
    house.idp.note_clock(&ctx, Notice::Jumped(-86_400)).unwrap();
    assert_eq!(house.last_event(), "clock.jump  success");
    assert_eq!(house.events().last().unwrap().detail, json!({ "seconds": -86_400 }));
}

#[test]
fn credentials_that_a_clock_ahead_used_are_still_there() {
    let mut door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    door.join("anna", &mut device);
    door.pass(YEAR);
    door.passkey(&mut device).unwrap();
    door.now = NOW;
    assert!(door.passkey(&mut device).is_ok());
    let all = door.house.idp.list_credentials(&console(), &Whose::Of(user("anna"))).unwrap();
    assert!(all.iter().any(|view| view.kind == CredentialKind::Passkey));
}
