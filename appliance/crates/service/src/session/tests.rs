use domain::permission::Denied;
use domain::session::SEEN_EVERY;
use domain::time::Span;

use super::*;
use crate::authenticator::Authenticator;
use crate::door::{Door, ORIGIN};
use crate::house::{console, fresh, refusal, stale, user};
use crate::moment::steady;

fn door() -> (Door, Authenticator, NewSession) {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let session = door.join("anna", &mut device).session;
    (door, device, session)
}

#[test]
fn a_cookie_that_is_none_opens_nothing() {
    let (door, _, session) = door();
    let cookie = session.cookie.expose();
    for wrong in ["", "x", &cookie[..cookie.len() - 1], &cookie.replace("lk_s_", "lk_r_"), &"a".repeat(100_000)] {
        assert!(!door.opens(&Secret::new(wrong.to_owned())), "{wrong}");
    }
}

#[test]
fn a_cookie_with_another_secret_opens_nothing() {
    let (door, _, session) = door();
    let token = OpaqueToken::decode(TokenKind::Session, session.cookie.expose()).unwrap();
    let forged = OpaqueToken::random(token.account, token.row, &crate::testing::SeededEntropy::new(99));
    assert!(!door.opens(&forged.encode(TokenKind::Session)));
}

#[test]
fn a_cookie_that_names_another_account_opens_nothing() {
    let (door, _, session) = door();
    let mut other = Authenticator::new(ORIGIN);
    let ben = door.join("ben", &mut other).session;
    let mut text = session.cookie.expose().clone();
    // The account's number is at the front.
    text.replace_range(5..16, &ben.cookie.expose()[5..16]);
    assert!(!door.opens(&Secret::new(text)));
}

#[test]
fn a_session_that_nobody_uses_ends_after_a_week() {
    let (mut door, _, session) = door();
    door.pass(Span::days(7));
    assert!(!door.opens(&session.cookie));
}

#[test]
fn a_session_in_daily_use_lives_on_but_not_past_a_month() {
    let (mut door, _, session) = door();
    for _ in 0..29 {
        door.pass(Span::days(1));
        assert!(door.opens(&session.cookie));
    }
    door.pass(Span::days(1));
    assert!(!door.opens(&session.cookie));
}

#[test]
fn using_a_session_is_written_once_an_hour_at_the_most() {
    let (mut door, _, session) = door();
    let seen = |door: &Door| {
        let all = door.house.idp.list_sessions(&door.context(&session.cookie), &Whose::Mine).unwrap();
        all[0].last_seen_at
    };
    let begin = door.now;
    door.pass(Span::seconds(SEEN_EVERY.as_seconds() - 1));
    assert_eq!(seen(&door), begin);
    door.pass(Span::seconds(1));
    assert_eq!(seen(&door), door.now);
}

#[test]
fn a_proof_is_fresh_for_ten_minutes() {
    let (mut door, _, session) = door();
    let is_fresh = |door: &Door| {
        door.house
            .idp
            .authenticate_session(session.cookie.expose(), Origin::default(), steady(door.now))
            .unwrap()
            .unwrap()
            .fresh
    };
    assert!(is_fresh(&door));
    door.pass(Span::seconds(599));
    assert!(is_fresh(&door));
    door.pass(Span::seconds(1));
    assert!(!is_fresh(&door));
}

#[test]
fn a_person_who_is_locked_is_out_at_once_everywhere() {
    let (door, _, session) = door();
    let amendment = domain::amend::Amendment { locked: Some(true), ..Default::default() };
    let person = domain::account::AccountKind::Person;
    door.house.idp.set_account(&console(), person, &user("anna"), &amendment).unwrap();
    assert!(!door.opens(&session.cookie));
}

#[test]
fn a_person_who_is_removed_is_out() {
    let (door, _, session) = door();
    door.house.idp.delete_account(&console(), domain::account::AccountKind::Person, &user("anna")).unwrap();
    assert!(!door.opens(&session.cookie));
}

#[test]
fn signing_out_ends_this_session_only() {
    let (door, mut device, first) = door();
    let second = door.passkey(&mut device).unwrap();
    assert_eq!(door.house.idp.sign_out(&door.context(&first.cookie)).unwrap(), Change::Removed);
    assert!(!door.opens(&first.cookie));
    assert!(door.opens(&second.cookie));
    assert_eq!(door.house.last_event(), "session.end anna success");
}

#[test]
fn a_session_that_was_ended_changes_nothing_more() {
    let (door, _, session) = door();
    let me = door.context(&session.cookie);
    door.house.idp.revoke_sessions(&console(), &Whose::Of(user("anna")), None).unwrap();
    let label: domain::name::Label = "Still here".parse().unwrap();
    let number = door.number("anna", domain::credential::CredentialKind::Passkey);
    let refused = door.house.idp.rename_credential(&me, &Whose::Mine, number, label);
    assert_eq!(refusal(refused), Refusal::Denied(Denied::NotSignedIn));
}

#[test]
fn signing_out_twice_or_as_nobody_is_no_error() {
    let (door, _, session) = door();
    let me = door.context(&session.cookie);
    door.house.idp.sign_out(&me).unwrap();
    door.house.leaves_no_trace(|| door.house.idp.sign_out(&me));
    door.house.leaves_no_trace(|| door.house.idp.sign_out(&door.stranger()));
}

#[test]
fn sessions_are_listed_with_device_and_address() {
    let (door, mut device, first) = door();
    door.passkey(&mut device).unwrap();
    let all = door.house.idp.list_sessions(&door.context(&first.cookie), &Whose::Mine).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].device.as_str(), all[0].address.as_str()), ("Firefox on Linux", "192.0.2.7"));
}

#[test]
fn sessions_that_are_over_are_not_listed() {
    let (mut door, mut device, _) = door();
    door.pass(Span::days(8));
    let now = door.passkey(&mut device).unwrap();
    assert_eq!(door.house.idp.list_sessions(&door.context(&now.cookie), &Whose::Mine).unwrap().len(), 1);
}

#[test]
fn one_of_ones_own_sessions_can_be_ended_without_a_fresh_proof() {
    let (mut door, mut device, lost) = door();
    let here = door.passkey(&mut device).unwrap();
    door.pass(Span::hours(1));
    let me = door.context(&here.cookie);
    let number = lost.signed_in.session;
    assert_eq!(door.house.idp.revoke_session(&me, &Whose::Mine, number).unwrap(), Change::Removed);
    assert!(!door.opens(&lost.cookie));
    assert!(door.opens(&here.cookie));
    door.house.leaves_no_trace(|| door.house.idp.revoke_session(&me, &Whose::Mine, number));
}

#[test]
fn all_other_sessions_can_be_ended_at_once() {
    let (door, mut device, here) = door();
    let others: Vec<_> = (0..3).map(|_| door.passkey(&mut device).unwrap()).collect();
    let me = door.context(&here.cookie);
    let ended = door.house.idp.revoke_sessions(&me, &Whose::Mine, Some(here.signed_in.session)).unwrap();
    assert_eq!(ended, 3);
    assert!(others.iter().all(|session| !door.opens(&session.cookie)));
    assert!(door.opens(&here.cookie));
}

#[test]
fn nobody_ends_or_sees_the_sessions_of_others_without_an_office() {
    let (door, _, session) = door();
    let ben = door.house.person("ben", &[]);
    let anna = Whose::Of(user("anna"));
    let denied = Refusal::Denied(Denied::NotAllowed);
    assert_eq!(refusal(door.house.idp.revoke_session(&fresh(&ben), &anna, session.signed_in.session)), denied);
    assert_eq!(refusal(door.house.idp.revoke_sessions(&fresh(&ben), &anna, None)), denied);
    assert_eq!(refusal(door.house.idp.list_sessions(&fresh(&ben), &anna)), denied);
    let number = session.signed_in.session;
    assert_eq!(door.house.idp.revoke_session(&fresh(&ben), &Whose::Mine, number).unwrap(), Change::Unchanged);
    assert!(door.opens(&session.cookie));
}

#[test]
fn a_people_admin_ends_sessions_after_a_fresh_proof_but_not_those_of_an_owner() {
    let (door, _, session) = door();
    let admin = door.house.person("carla", &["people_admins"]);
    let anna = Whose::Of(user("anna"));
    let number = session.signed_in.session;
    assert_eq!(
        refusal(door.house.idp.revoke_session(&stale(&admin), &anna, number)),
        Refusal::Denied(Denied::NotFresh)
    );
    assert_eq!(door.house.idp.revoke_session(&fresh(&admin), &anna, number).unwrap(), Change::Removed);
    door.house.person("olga", &["owners"]);
    assert_eq!(
        refusal(door.house.idp.revoke_sessions(&fresh(&admin), &Whose::Of(user("olga")), None)),
        Refusal::Denied(Denied::NotAllowed)
    );
}

#[test]
fn the_session_that_was_used_least_makes_room() {
    let (mut door, mut device, first) = door();
    let mut last = None;
    for _ in 0..MAX_SESSIONS {
        door.pass(Span::seconds(1));
        last = Some(door.passkey(&mut device).unwrap());
    }
    assert!(!door.opens(&first.cookie));
    let me = door.context(&last.unwrap().cookie);
    assert_eq!(door.house.idp.list_sessions(&me, &Whose::Mine).unwrap().len(), MAX_SESSIONS);
}

#[test]
fn what_is_over_is_forgotten() {
    let (mut door, _, _) = door();
    door.house.idp.create_invite(&console(), &user("anna"), None, None).unwrap();
    assert_eq!(door.house.idp.purge_sign_ins(steady(door.now)).unwrap(), 0);
    door.pass(Span::days(7));
    assert_eq!(door.house.idp.purge_sign_ins(steady(door.now)).unwrap(), 2);
}

#[test]
fn a_device_with_an_endless_name_is_cut() {
    let (door, mut device, _) = door();
    let mut ctx = door.stranger();
    ctx.origin.device = "x".repeat(10_000);
    let session = door.passkey_as(&ctx, &mut device).unwrap();
    let all = door.house.idp.list_sessions(&door.context(&session.cookie), &Whose::Mine).unwrap();
    assert!(all.iter().all(|view| view.device.len() <= MAX_DEVICE));
}
