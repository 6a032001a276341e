use domain::amend::Amendment;
use domain::credential::recovery::COUNT;
use domain::presence::WindowKind;
use domain::secret::Secret;
use domain::strength::Strength;
use domain::time::Span;

use super::*;
use crate::authenticator::Authenticator;
use crate::door::{Door, ORIGIN, PASSWORD, label, secret};
use crate::house::{console, fresh, group, refusal, user};
use crate::{Accepted, Member, PasskeyAnswer, Whose};

/// A house in which Anna has a passkey and codes on paper.
fn door() -> (Door, Authenticator, Vec<Secret<String>>) {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let codes = door.join("anna", &mut device).recovery_codes;
    (door, device, codes)
}

fn recover(door: &Door, name: &str, code: &str) -> Result<NewInvite, OpError<RecoveryRefusal>> {
    recover_in(door, "browser", name, code)
}

fn recover_in(door: &Door, held: &str, name: &str, code: &str) -> Result<NewInvite, OpError<RecoveryRefusal>> {
    door.house.idp.recover_with_code(&door.stranger(), &RecoveryAttempt { name, code, held })
}

fn why(result: Result<NewInvite, OpError<RecoveryRefusal>>) -> RecoveryRefusal {
    match result {
        Err(OpError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn follow(door: &Door, token: &str, device: &mut Authenticator) -> Result<Accepted, OpError<Refusal>> {
    let ctx = door.stranger();
    let asked = door.house.idp.start_invite_passkey(&ctx, token, None)?;
    let made = device.create(&asked.options);
    let answer = PasskeyAnswer { ceremony: &asked.ceremony, label: &label("New phone"), answer: &made };
    door.house.idp.finish_invite_passkey(&ctx, token, &answer)
}

fn give_office(door: &Door, name: &str, office: &str) {
    door.house.idp.add_member(&console(), &group(office), &Member::Account(user(name))).unwrap();
}

fn amend(door: &Door, amendment: &Amendment) {
    door.house.idp.set_account(&console(), AccountKind::Person, &user("anna"), amendment).unwrap();
}

fn left(door: &Door) -> Option<usize> {
    let all = door.house.idp.list_credentials(&console(), &Whose::Of(user("anna"))).unwrap();
    all.iter().find(|view| view.kind == CredentialKind::Recovery).and_then(|view| view.left)
}

#[test]
fn a_code_alone_leads_to_a_new_passkey() {
    let (door, _lost, codes) = door();
    let link = recover(&door, " Anna ", codes[0].expose()).unwrap();
    assert_eq!((link.purpose, link.expires_at), (InvitePurpose::Recover, door.now + Span::minutes(10)));
    let mut phone = Authenticator::new(ORIGIN);
    let accepted = follow(&door, link.token.expose(), &mut phone).unwrap();
    assert_eq!(accepted.older_passkeys.len(), 1);
    assert!(accepted.recovery_codes.is_empty(), "nine are left on the paper");
    door.passkey(&mut phone).unwrap();
}

#[test]
fn a_code_opens_one_link_and_no_other() {
    let (door, _, codes) = door();
    recover(&door, "anna", codes[3].expose()).unwrap();
    assert_eq!(why(recover(&door, "anna", codes[3].expose())), RecoveryRefusal::NotAccepted);
    assert_eq!(left(&door), Some(COUNT - 1));
}

#[test]
fn the_link_of_a_code_ends_after_ten_minutes() {
    let (mut door, _, codes) = door();
    let link = recover(&door, "anna", codes[0].expose()).unwrap();
    door.pass(Span::minutes(10));
    assert!(matches!(refusal(door.house.idp.see_invite(&door.stranger(), link.token.expose())), Refusal::Conflict(_)));
}

#[test]
fn whoever_recovers_is_signed_out_everywhere_else() {
    let (door, mut device, codes) = door();
    let session = door.passkey(&mut device).unwrap();
    let link = recover(&door, "anna", codes[0].expose()).unwrap();
    assert!(door.opens(&session.cookie), "a link that nobody followed changes nothing");
    follow(&door, link.token.expose(), &mut Authenticator::new(ORIGIN)).unwrap();
    assert!(!door.opens(&session.cookie));
}

#[test]
fn strangers_learn_nothing_from_the_answer() {
    let (door, _, codes) = door();
    door.with_password("ben", true);
    door.house.service("robot", &[]);
    let (owner, _) = door.with_password("olga", false);
    door.house.sit_down(&owner);
    door.house.idp.regenerate_recovery_codes(&fresh(&owner)).unwrap();
    give_office(&door, "olga", "owners");
    let good = codes[0].expose().as_str();
    for (name, code) in [
        ("nobody-here", good),
        ("anna", "0000-0000-0000-0000"),
        ("anna", ""),
        ("anna", &"x".repeat(100_000)),
        ("ben", good),
        ("robot", good),
        ("olga", good),
        ("", good),
        ("not a name!", good),
        ("anna\0", good),
    ] {
        let before = door.house.events().len();
        assert_eq!(why(recover(&door, name, code)), RecoveryRefusal::NotAccepted, "{name}");
        assert_eq!(door.house.events().len(), before + 1, "{name}: each of them is one commit with one event");
    }
    assert_eq!(left(&door), Some(COUNT));
}

#[test]
fn a_closed_account_is_answered_like_a_wrong_code_and_keeps_its_code() {
    let (door, _, codes) = door();
    for closed in [
        Amendment { locked: Some(true), ..Amendment::default() },
        Amendment { locked: Some(false), valid_until: Some(Some(door.now)), ..Amendment::default() },
    ] {
        amend(&door, &closed);
        assert_eq!(why(recover(&door, "anna", codes[0].expose())), RecoveryRefusal::NotAccepted);
        assert_eq!(door.house.last_event(), "recovery_code.use anna refused");
    }
    assert_eq!(left(&door), Some(COUNT));
}

#[test]
fn an_office_is_not_given_back_for_a_paper() {
    for office in ["owners", "people_admins", "app_admins", "auditors"] {
        let (door, _, codes) = door();
        give_office(&door, "anna", office);
        assert_eq!(why(recover(&door, "anna", "0000-0000-0000-0000")), RecoveryRefusal::NotAccepted);
        let refusal = why(recover(&door, "anna", codes[0].expose()));
        assert_eq!(refusal, RecoveryRefusal::HoldsOffice, "{office}");
        assert!(refusal.to_string().contains("latchkey person recover"));
        assert_eq!(left(&door), Some(COUNT), "the code is still good");
    }
}

#[test]
fn an_office_in_another_group_counts_too() {
    let (door, _, codes) = door();
    door.house.group("parents", &[]);
    door.house.idp.add_member(&console(), &group("auditors"), &Member::Group(group("parents"))).unwrap();
    give_office(&door, "anna", "parents");
    assert_eq!(why(recover(&door, "anna", codes[0].expose())), RecoveryRefusal::HoldsOffice);
}

#[test]
fn an_office_given_after_the_code_voids_its_link() {
    let (door, _, codes) = door();
    let link = recover(&door, "anna", codes[0].expose()).unwrap();
    give_office(&door, "anna", "owners");
    let refused = follow(&door, link.token.expose(), &mut Authenticator::new(ORIGIN));
    assert!(matches!(refusal(refused), Refusal::Conflict(_)));
}

#[test]
fn wrong_codes_are_counted_and_make_one_wait_in_silence() {
    let (mut door, mut device, codes) = door();
    for _ in 0..5 {
        assert_eq!(why(recover(&door, "anna", "0000-0000-0000-0000")), RecoveryRefusal::NotAccepted);
    }
    assert_eq!(why(recover(&door, "anna", codes[0].expose())), RecoveryRefusal::NotAccepted);
    door.passkey(&mut device).unwrap();
    door.pass(Span::seconds(30));
    recover(&door, "anna", codes[0].expose()).unwrap();
}

#[test]
fn a_code_typed_twice_at_the_same_moment_opens_one_link() {
    let (door, _, codes) = door();
    let (door, code) = (&door, codes[0].expose().as_str());
    let opened = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4).map(|_| scope.spawn(move || recover(door, "anna", code).is_ok())).collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|opened| *opened).count()
    });
    assert_eq!(opened, 1);
}

#[test]
fn the_log_says_that_a_code_was_used_and_never_shows_it() {
    let (door, _, codes) = door();
    recover(&door, "anna", codes[0].expose()).unwrap();
    recover(&door, codes[1].expose(), codes[1].expose()).unwrap_err();
    let log: Vec<String> =
        door.house.events().iter().map(|e| format!("{} {} {} {}", e.actor, e.action, e.target, e.outcome)).collect();
    assert!(log.contains(&"anna recovery_code.use anna success".to_owned()), "{log:?}");
    assert_eq!(door.house.last_event(), "recovery_code.use  refused");
    let log = format!("{:?}", door.house.events());
    assert!(codes.iter().all(|code| !log.contains(code.expose().as_str())));
}

#[test]
fn who_looks_after_the_house_needs_somebody_at_the_box_as_well() {
    let (door, _, codes) = door();
    give_office(&door, "anna", "owners");
    let code = codes[0].expose();
    assert_eq!(why(recover(&door, "anna", code)), RecoveryRefusal::HoldsOffice);
    let idp = &door.house.idp;
    idp.open_window(&console(), WindowKind::Recovery).unwrap();
    assert_eq!(why(recover_in(&door, "a", "anna", "0000-0000-0000-0000")), RecoveryRefusal::NotAccepted);
    let link = recover_in(&door, "b", "anna", code).unwrap();
    idp.see_invite(&door.stranger(), link.token.expose()).unwrap();
    // The window is used up with it.
    assert_eq!(why(recover_in(&door, "b", "anna", codes[1].expose())), RecoveryRefusal::HoldsOffice);
}

#[test]
fn a_recovery_window_is_over_after_two_minutes() {
    let (mut door, _, codes) = door();
    give_office(&door, "anna", "owners");
    door.house.idp.open_window(&console(), WindowKind::Recovery).unwrap();
    door.pass(Span::seconds(121));
    assert_eq!(why(recover(&door, "anna", codes[0].expose())), RecoveryRefusal::HoldsOffice);
}

#[test]
fn a_recovery_window_opens_three_times_an_hour() {
    let (door, _, _) = door();
    give_office(&door, "anna", "owners");
    let open = || door.house.idp.open_window(&console(), WindowKind::Recovery);
    assert_eq!((0..5).filter(|_| open().is_ok()).count(), 3);
    assert!(matches!(refusal(open()), Refusal::Conflict(why) if why.contains("three times an hour")));
}

#[test]
fn owners_are_told_of_a_recovery_window_and_nobody_else_is() {
    let (door, _, _) = door();
    let (olga, per) = (door.house.person("olga", &["owners"]), door.house.person("per", &["auditors"]));
    let told = |who| door.house.idp.recovery_window_of_late(&fresh(who)).unwrap();
    assert_eq!(told(&olga), None);
    door.house.idp.open_window(&console(), WindowKind::Recovery).unwrap();
    assert_eq!((told(&olga), told(&per)), (Some(door.now), None));
}

#[test]
fn codes_say_what_they_are_worth() {
    let door = Door::new();
    door.house.person("olga", &["owners"]);
    let mut device = Authenticator::new(ORIGIN);
    let accepted = door.accept("olga", &mut device);
    assert_eq!((accepted.recovery_codes.len(), accepted.worth), (COUNT, Worth::WithPresence));
    let me = accepted.session.signed_in.context;
    let idp = &door.house.idp;
    idp.set_password(&me, &secret(PASSWORD)).unwrap();
    assert_eq!(idp.way_back(&me).unwrap(), WayBack { worth: Worth::WithPassword, without_passkeys: true });
    assert_eq!(idp.regenerate_recovery_codes(&me).unwrap().len(), COUNT);
    assert_eq!(idp.way_back(&me).unwrap(), WayBack { worth: Worth::WithPassword, without_passkeys: true });
    door.demand(Strength::Passkey);
    assert_eq!(idp.way_back(&me).unwrap(), WayBack { worth: Worth::WithPresence, without_passkeys: false });
}

#[test]
fn codes_are_a_way_back_as_long_as_there_is_no_office() {
    let (door, mut device, _) = door();
    let me = door.passkey(&mut device).unwrap().signed_in.context;
    let idp = &door.house.idp;
    assert_eq!(idp.way_back(&me).unwrap(), WayBack { worth: Worth::Alone, without_passkeys: true });
    give_office(&door, "anna", "app_admins");
    assert_eq!(idp.way_back(&me).unwrap(), WayBack { worth: Worth::WithPresence, without_passkeys: false });
}
