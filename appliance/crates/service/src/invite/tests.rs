use domain::permission::Denied;

use super::*;
use crate::Change;
use crate::authenticator::Authenticator;
use crate::credential::PasskeyAnswer;
use crate::door::{Door, ORIGIN, PASSWORD, code, label, secret};
use crate::house::{console, fresh, refusal, stale, user};
use crate::moment::steady;

fn link(door: &Door, name: &str) -> NewInvite {
    door.house.idp.create_invite(&Context::console(steady(door.now)), &user(name), None, None).unwrap()
}

/// Follows the link with that device.
fn follow(door: &Door, token: &str, device: &mut Authenticator) -> Result<Accepted, OpError<Refusal>> {
    let ctx = door.stranger();
    let asked = door.house.idp.start_invite_passkey(&ctx, token, Some(label("Anna Example")))?;
    let made = device.create(&asked.options);
    let label = label("Phone");
    door.house.idp.finish_invite_passkey(
        &ctx,
        token,
        &PasskeyAnswer { ceremony: &asked.ceremony, label: &label, answer: &made },
    )
}

fn void<T: std::fmt::Debug>(result: Result<T, OpError<Refusal>>) -> bool {
    matches!(refusal(result), Refusal::Conflict(why) if why.contains("link"))
}

#[test]
fn a_link_leads_to_a_passkey_codes_and_a_session() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    assert_eq!(invite.purpose, InvitePurpose::Join);
    assert_eq!(invite.url.expose(), &format!("https://id.example.org/invite/{}", invite.token.expose()));
    let view = door.house.idp.see_invite(&door.stranger(), invite.token.expose()).unwrap();
    assert_eq!(view.account.name.as_str(), "anna");
    let mut device = Authenticator::new(ORIGIN);
    let accepted = follow(&door, invite.token.expose(), &mut device).unwrap();
    assert_eq!(accepted.session.signed_in.account.display_name(), "Anna Example");
    assert_eq!(accepted.session.signed_in.strength, Strength::Passkey);
    assert_eq!(accepted.recovery_codes.len(), 10);
    assert!(accepted.older_passkeys.is_empty());
    assert!(door.opens(&accepted.session.cookie));
    door.passkey(&mut device).unwrap();
}

#[test]
fn the_chosen_name_is_what_the_device_shows() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    let asked = door
        .house
        .idp
        .start_invite_passkey(&door.stranger(), invite.token.expose(), Some(label("Anna Example")))
        .unwrap();
    assert_eq!(asked.options["publicKey"]["user"]["displayName"], "Anna Example");
}

#[test]
fn a_clock_that_went_back_revives_no_link() {
    let mut door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    let see = |door: &Door| door.house.idp.see_invite(&door.stranger(), invite.token.expose());
    door.now = door.now - Span::minutes(4);
    assert!(see(&door).is_ok());
    door.now = door.now - Span::minutes(2);
    assert!(void(see(&door)));
}

#[test]
fn a_link_is_good_once() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    follow(&door, invite.token.expose(), &mut Authenticator::new(ORIGIN)).unwrap();
    assert!(void(door.house.idp.see_invite(&door.stranger(), invite.token.expose())));
    assert!(void(follow(&door, invite.token.expose(), &mut Authenticator::new(ORIGIN))));
}

#[test]
fn a_link_that_two_people_follow_lets_one_in() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    let token = invite.token.expose();
    let ctx = door.stranger();
    let asked = door.house.idp.start_invite_passkey(&ctx, token, None).unwrap();
    follow(&door, token, &mut Authenticator::new(ORIGIN)).unwrap();
    let made = Authenticator::new(ORIGIN).create(&asked.options);
    let label = label("x");
    let answer = PasskeyAnswer { ceremony: &asked.ceremony, label: &label, answer: &made };
    assert!(void(door.house.idp.finish_invite_passkey(&ctx, token, &answer)));
}

#[test]
fn a_link_is_not_used_up_by_a_device_that_failed() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    let mut bad = Authenticator::new(ORIGIN);
    bad.user_verified = false;
    assert!(matches!(refusal(follow(&door, invite.token.expose(), &mut bad)), Refusal::Invalid { .. }));
    follow(&door, invite.token.expose(), &mut Authenticator::new(ORIGIN)).unwrap();
}

#[test]
fn links_end_by_themselves() {
    for (purpose, life) in [(InvitePurpose::Join, Span::days(3)), (InvitePurpose::Recover, Span::days(1))] {
        let mut door = Door::new();
        door.house.person("anna", &[]);
        let invite = door.house.idp.create_invite(&console(), &user("anna"), Some(purpose), None).unwrap();
        door.pass(Span::seconds(life.as_seconds() - 1));
        door.house.idp.see_invite(&door.stranger(), invite.token.expose()).unwrap();
        door.pass(Span::seconds(1));
        assert!(void(door.house.idp.see_invite(&door.stranger(), invite.token.expose())));
    }
}

#[test]
fn a_new_link_voids_the_old_one() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let old = link(&door, "anna");
    let new = link(&door, "anna");
    assert!(void(door.house.idp.see_invite(&door.stranger(), old.token.expose())));
    door.house.idp.see_invite(&door.stranger(), new.token.expose()).unwrap();
}

#[test]
fn a_link_can_be_taken_back() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    assert_eq!(door.house.idp.revoke_invites(&console(), &user("anna")).unwrap(), Change::Removed);
    assert!(void(door.house.idp.see_invite(&door.stranger(), invite.token.expose())));
    door.house.leaves_no_trace(|| door.house.idp.revoke_invites(&console(), &user("anna")));
}

#[test]
fn a_forged_link_opens_nothing() {
    let door = Door::new();
    let anna = door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    let row = OpaqueToken::decode(TokenKind::Invite, invite.token.expose()).unwrap().row;
    let forged = OpaqueToken::random(anna.id, row, &crate::testing::SeededEntropy::new(99));
    for token in ["", "x", forged.encode(TokenKind::Invite).expose(), &"x".repeat(100_000)] {
        assert!(void(door.house.idp.see_invite(&door.stranger(), token)));
    }
}

#[test]
fn the_link_of_a_locked_person_opens_nothing() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    let amendment = domain::amend::Amendment { locked: Some(true), ..Default::default() };
    door.house.idp.set_account(&console(), AccountKind::Person, &user("anna"), &amendment).unwrap();
    assert!(matches!(
        refusal(door.house.idp.see_invite(&door.stranger(), invite.token.expose())),
        Refusal::Conflict(_)
    ));
}

#[test]
fn a_recovery_link_takes_nothing_away_before_the_new_passkey_is_there() {
    let door = Door::new();
    let mut old = Authenticator::new(ORIGIN);
    let before = door.join("anna", &mut old);
    let invite = link(&door, "anna");
    assert_eq!(invite.purpose, InvitePurpose::Recover);
    door.house.idp.start_invite_passkey(&door.stranger(), invite.token.expose(), None).unwrap();
    assert!(door.opens(&before.session.cookie));
    door.passkey(&mut old).unwrap();
    let accepted = follow(&door, invite.token.expose(), &mut Authenticator::new(ORIGIN)).unwrap();
    assert!(!door.opens(&before.session.cookie), "what was on the lost phone is signed out");
    assert_eq!(accepted.older_passkeys.len(), 1);
    assert!(accepted.recovery_codes.is_empty(), "the codes on paper are still good");
    door.passkey(&mut old).unwrap();
}

#[test]
fn only_those_who_manage_a_person_make_links() {
    let door = Door::new();
    let ben = door.house.person("ben", &[]);
    let auditor = door.house.person("audrey", &["auditors"]);
    let admin = door.house.person("carla", &["people_admins"]);
    door.house.person("olga", &["owners"]);
    let make = |ctx: &Context, name| door.house.idp.create_invite(ctx, &user(name), None, None);
    let not_allowed = Refusal::Denied(Denied::NotAllowed);
    assert_eq!(refusal(make(&fresh(&ben), "ben")), not_allowed);
    assert_eq!(refusal(make(&fresh(&auditor), "ben")), not_allowed);
    assert_eq!(refusal(make(&fresh(&admin), "olga")), not_allowed);
    assert_eq!(refusal(make(&stale(&admin), "ben")), Refusal::Denied(Denied::NotFresh));
    make(&fresh(&admin), "ben").unwrap();
    make(&Context::system(steady(door.now)), "olga").unwrap();
}

#[test]
fn links_are_for_persons_that_exist_and_for_a_sensible_time() {
    let door = Door::new();
    door.house.person("anna", &[]);
    door.house.service("robot", &[]);
    let make = |name, life| door.house.idp.create_invite(&console(), &user(name), None, life);
    assert!(matches!(refusal(make("nobody-here", None)), Refusal::NotFound { .. }));
    assert!(matches!(refusal(make("robot", None)), Refusal::Conflict(_)));
    assert!(matches!(refusal(make("anna", Some(Span::days(31)))), Refusal::Invalid { .. }));
    assert!(matches!(refusal(make("anna", Some(Span::seconds(0)))), Refusal::Invalid { .. }));
    make("anna", Some(Span::minutes(5))).unwrap();
}

#[test]
fn a_link_also_leads_in_with_a_password_and_an_app() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    let ctx = door.stranger();
    let token = invite.token.expose();
    let asked = door.house.idp.start_invite_password(&ctx, token).unwrap();
    let totp = domain::credential::TotpSecret { secret: crate::door::unbase32(asked.secret.expose()), last_step: 0 };
    let (password, weak) = (secret(PASSWORD), secret("password123"));
    let code = code(&totp, door.now);
    let try_with = |password, code| {
        let answer = PasswordAnswer { ceremony: &asked.ceremony, password, code };
        door.house.idp.finish_invite_password(&ctx, token, &answer)
    };
    assert!(matches!(refusal(try_with(&weak, &code)), Refusal::Invalid { .. }));
    assert!(matches!(refusal(try_with(&password, "000000")), Refusal::Invalid { .. }));
    let accepted = try_with(&password, &code).unwrap();
    assert_eq!(accepted.session.signed_in.strength, Strength::Mfa);
    assert_eq!(accepted.recovery_codes.len(), 10);
    door.half_in("anna");
    assert!(void(try_with(&password, &code)));
}

#[test]
fn where_a_passkey_is_demanded_a_link_leads_to_nothing_less() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    door.demand(Strength::Passkey);
    let view = door.house.idp.see_invite(&door.stranger(), invite.token.expose()).unwrap();
    assert!(!view.password_possible);
    let refused = door.house.idp.start_invite_password(&door.stranger(), invite.token.expose());
    assert!(matches!(refusal(refused), Refusal::Conflict(_)));
}

#[test]
fn the_log_says_who_made_a_link_and_that_it_was_used() {
    let door = Door::new();
    door.house.person("anna", &[]);
    let invite = link(&door, "anna");
    assert_eq!(door.house.last_event(), "invite.create anna success");
    follow(&door, invite.token.expose(), &mut Authenticator::new(ORIGIN)).unwrap();
    let log = format!("{:?}", door.house.events());
    assert!(log.contains("invite.accept") && log.contains("passkey.add") && log.contains("session.create"));
    assert!(!log.contains(invite.token.expose().as_str()));
}
