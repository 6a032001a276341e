//! Tokens end at once with what they grew from: a session, a person, the leave to use an app.

use domain::account::AccountKind::Person;
use domain::amend::Amendment;
use domain::id::SessionNumber;
use domain::sign_in::{Factor, Factors};
use domain::time::Span;

use crate::flow::{Flow, after, photos};
use crate::house::{NOW, console, group, user};
use crate::moment::steady;
use crate::{TokenAnswer, Whose};

fn tokens(flow: &Flow) -> TokenAnswer {
    flow.tokens("openid offline_access")
}

fn over(flow: &Flow, answer: &TokenAnswer) {
    let (access, refresh) = (answer.access_token.expose(), answer.refresh_token.as_ref().unwrap().expose());
    assert!(flow.userinfo(access, NOW).is_err(), "userinfo");
    for token in [access, refresh] {
        assert_eq!(flow.introspect(token, NOW, &[]).unwrap()["active"], false);
    }
    assert!(flow.refresh(refresh, NOW).is_err(), "refresh");
}

fn lock(flow: &Flow, locked: bool) {
    let amendment = Amendment { locked: Some(locked), ..Amendment::default() };
    flow.house.idp.set_account(&console(), Person, &user("anna"), &amendment).unwrap();
}

#[test]
fn ending_a_session_ends_its_tokens_offline_access_or_not() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    flow.house.idp.revoke_session(&console(), &Whose::Of(user("anna")), SessionNumber(1)).unwrap();
    over(&flow, &answer);
}

#[test]
fn signing_out_ends_the_tokens_of_that_session_only() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    flow.session(2, Factors::NONE.with(Factor::Passkey), NOW);
    let mut elsewhere = flow.anna(NOW);
    elsewhere.actor = crate::Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true };
    flow.house.idp.sign_out(&elsewhere).unwrap();
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_ok());
    flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
    over(&flow, &answer);
}

#[test]
fn a_session_that_ends_by_itself_leaves_offline_access() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    let later = after(Span::days(20));
    assert!(flow.house.idp.purge_sign_ins(steady(later)).unwrap() > 0);
    assert!(flow.refresh(answer.refresh_token.as_ref().unwrap().expose(), later).is_ok());
}

#[test]
fn locking_a_person_ends_the_tokens_and_unlocking_brings_none_back() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    lock(&flow, true);
    over(&flow, &answer);
    lock(&flow, false);
    over(&flow, &answer);
}

#[test]
fn deleting_a_person_or_an_app_ends_the_tokens() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    flow.house.idp.delete_account(&console(), Person, &user("anna")).unwrap();
    over(&flow, &answer);
    let flow = Flow::new().trusted();
    let access = tokens(&flow).access_token;
    flow.house.idp.delete_app(&console(), &photos()).unwrap();
    assert!(flow.userinfo(access.expose(), NOW).is_err());
}

#[test]
fn an_app_that_is_denied_to_the_group_gets_nothing_more_at_once() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    flow.house.idp.deny_group(&console(), &photos(), &group("family")).unwrap();
    over(&flow, &answer);
    // The refresh that was refused has ended the family, so that nothing comes back with the group.
    flow.house.idp.allow_group(&console(), &photos(), &group("family")).unwrap();
    over(&flow, &answer);
}
