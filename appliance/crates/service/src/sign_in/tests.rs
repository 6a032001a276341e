use domain::account::Unusable;
use domain::credential::CredentialKind;
use domain::credential::recovery;
use domain::sign_in::Factor;
use domain::strength::Strength;
use domain::time::Span;
use serde_json::{Value, json};

use super::*;
use crate::authenticator::Authenticator;
use crate::door::{Door, ORIGIN, PASSWORD, code, is_person, secret, why};
use crate::house::{console, user};
use crate::moment::steady;
use crate::{SignInOutcome, Whose};

fn door_with_passkey() -> (Door, Authenticator) {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    door.join("anna", &mut device);
    (door, device)
}

// Passkeys.

#[test]
fn a_passkey_opens_the_door_without_a_name() {
    let (door, mut device) = door_with_passkey();
    let session = door.passkey(&mut device).unwrap();
    assert_eq!(session.signed_in.account.name.as_str(), "anna");
    assert_eq!(session.signed_in.strength, Strength::Passkey);
    assert!(session.signed_in.fresh);
    assert!(is_person(&door.context(&session.cookie), &session.signed_in.account));
}

#[test]
fn a_sign_in_ceremony_demands_user_verification_and_names_nobody() {
    let (door, _) = door_with_passkey();
    let asked = door.house.idp.start_passkey_sign_in(&door.stranger()).unwrap().options;
    let public_key = &asked["publicKey"];
    assert_eq!(public_key["userVerification"], "required");
    assert_eq!(public_key["rpId"], "id.example.org");
    assert_eq!(public_key["allowCredentials"], json!([]));
    assert!(asked.get("mediation").is_none());
}

#[test]
fn an_answer_is_good_once() {
    let (door, mut device) = door_with_passkey();
    let ctx = door.stranger();
    let asked = door.house.idp.start_passkey_sign_in(&ctx).unwrap();
    let answer = device.get(&asked.options);
    door.house.idp.finish_passkey_sign_in(&ctx, &asked.ceremony, &answer).unwrap();
    let again = door.house.idp.finish_passkey_sign_in(&ctx, &asked.ceremony, &answer);
    assert_eq!(why(again), SignInRefusal::Expired);
}

#[test]
fn an_answer_to_another_challenge_is_refused() {
    let (door, mut device) = door_with_passkey();
    let ctx = door.stranger();
    let first = door.house.idp.start_passkey_sign_in(&ctx).unwrap();
    let second = door.house.idp.start_passkey_sign_in(&ctx).unwrap();
    let answer = device.get(&first.options);
    assert_eq!(why(door.house.idp.finish_passkey_sign_in(&ctx, &second.ceremony, &answer)), SignInRefusal::NotAccepted);
}

#[test]
fn a_ceremony_ends_after_five_minutes() {
    let (mut door, mut device) = door_with_passkey();
    let asked = door.house.idp.start_passkey_sign_in(&door.stranger()).unwrap();
    let answer = device.get(&asked.options);
    door.pass(Span::minutes(5));
    let late = door.house.idp.finish_passkey_sign_in(&door.stranger(), &asked.ceremony, &answer);
    assert_eq!(why(late), SignInRefusal::Expired);
}

#[test]
fn a_device_that_did_not_verify_its_user_is_refused() {
    let (door, mut device) = door_with_passkey();
    device.user_verified = false;
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn a_device_that_nobody_touched_is_refused() {
    let (door, mut device) = door_with_passkey();
    device.user_present = false;
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn a_page_on_another_origin_gets_nothing() {
    for origin in
        ["https://evil.example", "https://sub.id.example.org", "https://id.example.org:8443", "http://id.example.org"]
    {
        let (door, mut device) = door_with_passkey();
        device.origin = origin.into();
        assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted, "{origin}");
    }
}

#[test]
fn a_frame_in_another_site_gets_nothing() {
    let (door, mut device) = door_with_passkey();
    device.cross_origin = true;
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn an_answer_for_another_relying_party_is_refused() {
    let (door, mut device) = door_with_passkey();
    device.rp_id = Some("evil.example".into());
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn a_forged_signature_is_refused() {
    let (door, mut device) = door_with_passkey();
    let forged = door.passkey_tampered(&mut device, |answer| answer["response"]["signature"] = json!("MEUCIQ"));
    assert_eq!(why(forged), SignInRefusal::NotAccepted);
}

#[test]
fn somebody_elses_user_handle_is_refused() {
    let (door, mut device) = door_with_passkey();
    let wrong = door.passkey_tampered(&mut device, |answer| {
        answer["response"]["userHandle"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    });
    assert_eq!(why(wrong), SignInRefusal::NotAccepted);
    let missing = door.passkey_tampered(&mut device, |answer| answer["response"]["userHandle"] = Value::Null);
    assert_eq!(why(missing), SignInRefusal::NotAccepted);
}

#[test]
fn a_passkey_that_nobody_has_is_refused_like_a_wrong_one() {
    let (door, mut device) = door_with_passkey();
    let unknown = door.passkey_tampered(&mut device, |answer| {
        answer["id"] = json!("AAAA");
        answer["rawId"] = json!("AAAA");
    });
    assert_eq!(why(unknown), SignInRefusal::NotAccepted);
}

#[test]
fn rubbish_instead_of_an_answer_is_refused() {
    let (door, _) = door_with_passkey();
    for rubbish in [Value::Null, json!({}), json!([1, 2]), json!("x"), json!({"id": 1, "rawId": "!", "type": "x"})] {
        let ctx = door.stranger();
        let asked = door.house.idp.start_passkey_sign_in(&ctx).unwrap();
        let refused = door.house.idp.finish_passkey_sign_in(&ctx, &asked.ceremony, &rubbish);
        assert_eq!(why(refused), SignInRefusal::Invalid, "{rubbish}");
    }
}

#[test]
fn a_copied_passkey_is_noticed_and_refused_until_somebody_acts() {
    let (door, mut device) = door_with_passkey();
    door.passkey(&mut device).unwrap();
    let mut copy = Authenticator::new(ORIGIN);
    copy.keys = device.keys.clone();
    door.passkey(&mut device).unwrap();
    assert_eq!(why(door.passkey(&mut copy)), SignInRefusal::Suspect);
    assert_eq!(door.house.last_event(), "passkey.suspect anna refused");
    // The real one is refused as well: nobody can tell which is which.
    device.keys[0].counter += 10;
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::Suspect);
    let number = door.number("anna", CredentialKind::Passkey);
    door.house.idp.trust_passkey(&console(), &Whose::Of(user("anna")), number).unwrap();
    door.passkey(&mut device).unwrap();
}

#[test]
fn a_flood_of_refusals_does_not_hide_a_copied_passkey() {
    let (door, mut device) = door_with_passkey();
    let mut copy = Authenticator::new(ORIGIN);
    copy.keys = device.keys.clone();
    door.passkey(&mut device).unwrap();
    while door.house.idp.refusals.admit(&Actor::Anonymous, steady(door.now).uptime).is_some() {}
    assert_eq!(why(door.passkey(&mut copy)), SignInRefusal::Suspect);
    assert_eq!(door.house.last_event(), "passkey.suspect anna refused");
}

#[test]
fn a_synced_passkey_without_a_counter_works_again_and_again() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    device.synced = true;
    door.join("anna", &mut device);
    for _ in 0..3 {
        door.passkey(&mut device).unwrap();
    }
}

#[test]
fn many_wrong_passwords_never_lock_the_passkey_out() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let joined = door.join("anna", &mut device);
    door.house.idp.set_password(&joined.session.signed_in.context, &secret(PASSWORD)).unwrap();
    for _ in 0..8 {
        assert_eq!(why(door.password("anna", "wrong password")), SignInRefusal::NotAccepted);
    }
    door.passkey(&mut device).unwrap();
}

#[test]
fn a_sign_in_with_a_passkey_is_one_event() {
    let (door, mut device) = door_with_passkey();
    let before = door.house.events().len();
    door.passkey(&mut device).unwrap();
    assert_eq!(door.house.events().len(), before + 1);
    assert_eq!(door.house.last_event(), "session.create anna success");
}

#[test]
fn the_last_use_of_a_passkey_is_shown() {
    let (door, mut device) = door_with_passkey();
    door.passkey(&mut device).unwrap();
    let all = door.house.idp.list_credentials(&console(), &Whose::Of(user("anna"))).unwrap();
    let passkey = all.iter().find(|view| view.kind == CredentialKind::Passkey).unwrap();
    assert_eq!(passkey.last_used_at, Some(door.now));
    assert_eq!(passkey.label.as_str(), "My phone");
}

#[test]
fn every_refused_sign_in_is_one_event_that_shows_nothing_typed() {
    let (door, mut device) = door_with_passkey();
    let ctx = door.stranger();
    let long = "hunter2".repeat(1000);
    let asked = door.house.idp.start_passkey_sign_in(&ctx).unwrap();
    let answer = device.get(&asked.options);
    door.house.idp.finish_passkey_sign_in(&ctx, &asked.ceremony, &answer).unwrap();
    let unread = door.house.idp.start_passkey_sign_in(&ctx).unwrap();
    let tries: [&dyn Fn() -> SignInRefusal; 6] = [
        &|| why(door.password("hunter2", "x")),
        &|| why(door.password("anna", &long)),
        &|| why(door.password("hunter2", &long)),
        &|| why(door.house.idp.finish_passkey_sign_in(&ctx, &asked.ceremony, &answer)),
        &|| why(door.house.idp.finish_passkey_sign_in(&ctx, &unread.ceremony, &json!("hunter2"))),
        &|| why(door.code("hunter2", "hunter2")),
    ];
    for (index, one) in tries.iter().enumerate() {
        let before = door.house.events().len();
        one();
        assert_eq!(door.house.events().len(), before + 1, "try {index}");
        assert_eq!(door.house.last_event(), "session.create  refused", "try {index}");
    }
    assert!(!format!("{:?}", door.house.events()).contains("hunter2"));
}

// Accounts that may not.

#[test]
fn a_locked_person_is_told_so_only_after_a_right_proof() {
    let (door, mut device) = door_with_passkey();
    lock(&door, "anna");
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::Account(Unusable::Locked));
    device.user_verified = false;
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn a_locked_person_with_a_password_is_told_so_only_after_a_right_one() {
    let door = Door::new();
    door.with_password("anna", true);
    lock(&door, "anna");
    assert_eq!(why(door.password("anna", "wrong password")), SignInRefusal::NotAccepted);
    assert_eq!(why(door.password("anna", PASSWORD)), SignInRefusal::Account(Unusable::Locked));
}

#[test]
fn a_service_account_never_signs_in_at_the_page() {
    let door = Door::new();
    door.house.service("robot", &[]);
    assert_eq!(why(door.password("robot", PASSWORD)), SignInRefusal::NotAccepted);
}

// Passwords and second factors.

#[test]
fn an_unknown_name_a_wrong_password_and_no_password_look_the_same() {
    let door = Door::new();
    door.with_password("anna", true);
    let mut device = Authenticator::new(ORIGIN);
    door.join("ben", &mut device);
    for (name, typed) in [
        ("nobody-here", PASSWORD),
        ("anna", "wrong password"),
        ("ben", PASSWORD),
        ("", ""),
        ("ANNA\0", PASSWORD),
        ("anna", ""),
        ("anna", &"x".repeat(100_000)),
    ] {
        assert_eq!(why(door.password(name, typed)), SignInRefusal::NotAccepted, "{name}");
    }
}

#[test]
fn a_refused_password_is_one_commit_whoever_is_named_even_past_the_allowance() {
    let door = Door::new();
    let (account, _) = door.with_password("anna", true);
    door.house.person("ben", &[]);
    while door.house.idp.refusals.admit(&Actor::Anonymous, steady(door.now).uptime).is_some() {}
    let state = || {
        let ctx = Context::system(steady(door.now));
        let read = door.house.idp.read::<_, crate::Refusal>(&ctx, Need::System, |op| {
            let failures: Vec<_> = op.credentials(account.id)?.into_iter().map(|stored| stored.lockout).collect();
            Ok((failures, op.symmetric_key("nobody")?.map(|key| *key.expose())))
        });
        read.unwrap()
    };
    let events = door.house.events().len();
    // Six times Anna: five are counted as hers, and then hers wait.
    for name in ["nobody", "not a name", "ben", "anna", "anna", "anna", "anna", "anna", "anna"] {
        let before = state();
        assert_eq!(why(door.password(name, "wrong password")), SignInRefusal::NotAccepted);
        assert_ne!(state(), before, "{name}");
    }
    assert_eq!(door.house.events().len(), events);
}

#[test]
fn what_is_typed_as_an_unknown_name_is_not_written_down() {
    let door = Door::new();
    assert_eq!(why(door.password("hunter2hunter2", "x")), SignInRefusal::NotAccepted);
    assert_eq!(door.house.last_event(), "session.create  refused");
}

#[test]
fn a_password_and_a_code_open_the_door() {
    let door = Door::new();
    let (account, totp) = door.with_password("anna", true);
    let attempt = door.half_in("anna");
    let session = door.code(&attempt, &code(&totp.unwrap(), door.now)).unwrap();
    assert!(is_person(&session.signed_in.context, &account));
    assert_eq!(session.signed_in.strength, Strength::Mfa);
    assert_eq!(session.signed_in.factors.amr(), ["pwd", "otp", "mfa"]);
}

#[test]
fn a_name_may_be_typed_in_any_case_and_with_blanks_around() {
    let door = Door::new();
    door.with_password("anna", true);
    assert!(matches!(door.password(" Anna ", PASSWORD), Ok(SignInOutcome::NeedsSecondFactor { .. })));
}

#[test]
fn half_a_sign_in_costs_no_write() {
    let door = Door::new();
    door.with_password("anna", true);
    let before = door.house.events().len();
    door.half_in("anna");
    assert_eq!(door.house.events().len(), before);
}

#[test]
fn a_whole_sign_in_with_password_and_code_is_one_event() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let before = door.house.events().len();
    let attempt = door.half_in("anna");
    door.code(&attempt, &code(&totp.unwrap(), door.now)).unwrap();
    assert_eq!(door.house.events().len(), before + 1);
}

#[test]
fn a_bare_password_is_refused_with_a_way_out() {
    let door = Door::new();
    door.with_password("anna", false);
    let refusal = why(door.password("anna", PASSWORD));
    assert_eq!(refusal, SignInRefusal::TooWeak { demanded: Strength::Mfa });
    assert!(refusal.to_string().contains("passkey"));
}

#[test]
fn a_bare_password_is_enough_where_the_house_says_so() {
    let door = Door::new();
    door.with_password("anna", false);
    door.demand(Strength::Any);
    let Ok(SignInOutcome::SignedIn(session)) = door.password("anna", PASSWORD) else { panic!("not in") };
    assert_eq!(session.signed_in.strength, Strength::Any);
    assert_eq!(session.signed_in.factors.amr(), ["pwd"]);
}

#[test]
fn password_and_code_are_refused_where_a_passkey_is_demanded() {
    let door = Door::new();
    door.with_password("anna", true);
    door.demand(Strength::Passkey);
    assert_eq!(why(door.password("anna", PASSWORD)), SignInRefusal::TooWeak { demanded: Strength::Passkey });
}

#[test]
fn a_demand_that_rises_between_the_steps_is_met() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let attempt = door.half_in("anna");
    door.demand(Strength::Passkey);
    let refused = door.code(&attempt, &code(&totp.unwrap(), door.now));
    assert_eq!(why(refused), SignInRefusal::TooWeak { demanded: Strength::Passkey });
}

#[test]
fn a_code_is_good_once() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let now = code(&totp.unwrap(), door.now);
    door.code(&door.half_in("anna"), &now).unwrap();
    assert_eq!(why(door.code(&door.half_in("anna"), &now)), SignInRefusal::CodeNotAccepted);
}

#[test]
fn an_older_code_is_refused_after_a_newer_one() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let totp = totp.unwrap();
    door.code(&door.half_in("anna"), &code(&totp, door.now + Span::seconds(30))).unwrap();
    let older = door.code(&door.half_in("anna"), &code(&totp, door.now));
    assert_eq!(why(older), SignInRefusal::CodeNotAccepted);
}

#[test]
fn the_code_that_confirmed_the_app_does_not_sign_in() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let used = code(&totp.unwrap(), door.now - Span::seconds(30));
    assert_eq!(why(door.code(&door.half_in("anna"), &used)), SignInRefusal::CodeNotAccepted);
}

#[test]
fn a_wrong_code_may_be_corrected_within_the_same_attempt() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let attempt = door.half_in("anna");
    assert_eq!(why(door.code(&attempt, "000000")), SignInRefusal::CodeNotAccepted);
    door.code(&attempt, &code(&totp.unwrap(), door.now)).unwrap();
}

#[test]
fn half_a_sign_in_ends_after_five_minutes_and_after_success() {
    let mut door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let totp = totp.unwrap();
    let attempt = door.half_in("anna");
    door.code(&attempt, &code(&totp, door.now)).unwrap();
    assert_eq!(why(door.code(&attempt, &code(&totp, door.now))), SignInRefusal::Expired);
    let attempt = door.half_in("anna");
    door.pass(Span::minutes(5));
    assert_eq!(why(door.code(&attempt, &code(&totp, door.now))), SignInRefusal::Expired);
}

#[test]
fn half_a_sign_in_ends_when_the_password_changes() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let me = door.join("anna", &mut device).session.signed_in.context;
    door.house.idp.set_password(&me, &secret(PASSWORD)).unwrap();
    let attempt = door.half_in("anna");
    door.house.idp.set_password(&me, &secret("quiet harbour violin ninety")).unwrap();
    assert_eq!(why(door.code(&attempt, "0000-0000-0000-0000")), SignInRefusal::Expired);
}

#[test]
fn wrong_codes_are_counted_and_make_one_wait() {
    let mut door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let totp = totp.unwrap();
    let attempt = door.half_in("anna");
    for _ in 0..5 {
        assert_eq!(why(door.code(&attempt, "000000")), SignInRefusal::CodeNotAccepted);
    }
    let right = code(&totp, door.now);
    let blocked = SignInRefusal::CodeBlocked { until: door.now + Span::seconds(30) };
    assert_eq!(why(door.code(&attempt, &right)), blocked);
    door.pass(Span::seconds(30));
    let attempt = door.half_in("anna");
    door.code(&attempt, &code(&totp, door.now)).unwrap();
}

#[test]
fn a_right_password_is_refused_while_passwords_wait_and_nobody_is_told() {
    let mut door = Door::new();
    door.with_password("anna", true);
    for _ in 0..5 {
        assert_eq!(why(door.password("anna", "wrong password")), SignInRefusal::NotAccepted);
    }
    assert_eq!(why(door.password("anna", PASSWORD)), SignInRefusal::NotAccepted);
    door.pass(Span::seconds(30));
    door.half_in("anna");
}

#[test]
fn the_wait_grows_with_every_further_guess() {
    let mut door = Door::new();
    door.with_password("anna", true);
    for _ in 0..5 {
        let _ = door.password("anna", "wrong password");
    }
    door.pass(Span::seconds(30));
    assert_eq!(why(door.password("anna", "wrong password")), SignInRefusal::NotAccepted);
    door.pass(Span::seconds(59));
    assert_eq!(why(door.password("anna", PASSWORD)), SignInRefusal::NotAccepted);
    door.pass(Span::seconds(1));
    door.half_in("anna");
}

#[test]
fn a_whole_sign_in_forgets_the_wrong_guesses_before_it() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    for _ in 0..4 {
        let _ = door.password("anna", "wrong password");
    }
    door.code(&door.half_in("anna"), &code(&totp.unwrap(), door.now)).unwrap();
    for _ in 0..4 {
        let _ = door.password("anna", "wrong password");
    }
    door.half_in("anna");
}

#[test]
fn a_recovery_code_is_a_second_factor_once() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let joined = door.join("anna", &mut device);
    door.house.idp.set_password(&joined.session.signed_in.context, &secret(PASSWORD)).unwrap();
    assert_eq!(joined.recovery_codes.len(), recovery::COUNT);
    let code = &joined.recovery_codes[4];
    let session = door.code(&door.half_in("anna"), code.expose()).unwrap();
    assert!(session.signed_in.factors.has(Factor::RecoveryCode));
    assert_eq!(session.signed_in.strength, Strength::Mfa);
    assert_eq!(why(door.code(&door.half_in("anna"), code.expose())), SignInRefusal::CodeNotAccepted);
}

#[test]
fn an_attempt_that_was_never_made_is_over() {
    let door = Door::new();
    for attempt in ["", "x", &"0".repeat(32), &"x".repeat(100_000)] {
        assert_eq!(why(door.code(attempt, "123456")), SignInRefusal::Expired);
    }
}

#[test]
fn a_hash_that_has_become_too_cheap_is_made_anew_on_the_next_sign_in() {
    let door = Door::new();
    let (account, totp) = door.with_password("anna", true);
    let cost = domain::credential::password::HashCost { memory: 1024, passes: 1, lanes: 1 };
    let cheap = password_hash::make_with(PASSWORD, cost, &[7; 16]).unwrap();
    set_hash(&door, &account, cheap);
    door.code(&door.half_in("anna"), &code(&totp.unwrap(), door.now)).unwrap();
    assert_eq!(hash_of(&door, &account).cost, domain::credential::password::HashCost::CURRENT);
    door.half_in("anna");
}

#[test]
fn a_right_password_costs_no_second_hash_while_passwords_wait() {
    let next_number = |typed| {
        let door = Door::new();
        let (account, _) = door.with_password("anna", true);
        let cost = domain::credential::password::HashCost { memory: 1024, passes: 1, lanes: 1 };
        set_hash(&door, &account, password_hash::make_with(PASSWORD, cost, &[7; 16]).unwrap());
        for _ in 0..5 {
            let _ = door.password("anna", "wrong password");
        }
        assert_eq!(why(door.password("anna", typed)), SignInRefusal::NotAccepted);
        // A hash takes a salt, so the next random number tells whether one was made.
        domain::entropy::number(door.house.idp.entropy())
    };
    assert_eq!(next_number(PASSWORD), next_number("wrong password"));
}

#[test]
fn a_recovery_code_typed_twice_at_the_same_moment_lets_one_in() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let joined = door.join("anna", &mut device);
    door.house.idp.set_password(&joined.session.signed_in.context, &secret(PASSWORD)).unwrap();
    let code = joined.recovery_codes[0].expose().as_str();
    let attempts: Vec<_> = (0..4).map(|_| door.half_in("anna")).collect();
    let door = &door;
    let entered = std::thread::scope(|scope| {
        let tries: Vec<_> =
            attempts.iter().map(|attempt| scope.spawn(move || door.code(attempt, code).is_ok())).collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|entered| *entered).count()
    });
    assert_eq!(entered, 1);
}

#[test]
fn an_attempt_used_twice_at_the_same_moment_opens_one_session() {
    let door = Door::new();
    let (_, totp) = door.with_password("anna", true);
    let code = code(&totp.unwrap(), door.now);
    let attempt = door.half_in("anna");
    let (door, attempt, code) = (&door, attempt.as_str(), code.as_str());
    let entered = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4).map(|_| scope.spawn(move || door.code(attempt, code).is_ok())).collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|entered| *entered).count()
    });
    assert_eq!(entered, 1);
}

#[test]
fn guesses_at_the_same_moment_are_all_counted() {
    let mut door = Door::new();
    door.with_password("anna", true);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert_eq!(why(door.password("anna", "wrong password")), SignInRefusal::NotAccepted));
        }
    });
    assert_eq!(why(door.password("anna", PASSWORD)), SignInRefusal::NotAccepted);
    door.pass(Span::seconds(30));
    door.half_in("anna");
}

// Fresh authentication.

#[test]
fn a_fresh_proof_renews_the_session_and_its_cookie() {
    let (mut door, mut device) = door_with_passkey();
    let session = door.passkey(&mut device).unwrap();
    door.pass(Span::hours(2));
    let stale = door.context(&session.cookie);
    assert!(matches!(stale.actor, Actor::Person { fresh: false, .. }));
    let renewed = door.passkey_as(&stale, &mut device).unwrap();
    assert_eq!(renewed.signed_in.session, session.signed_in.session);
    assert!(matches!(door.context(&renewed.cookie).actor, Actor::Person { fresh: true, .. }));
    assert!(!door.opens(&session.cookie), "the old cookie must be dead");
    assert_eq!(door.house.last_event(), "session.renew anna success");
}

#[test]
fn renewing_does_not_lengthen_the_life_of_a_session() {
    let (mut door, mut device) = door_with_passkey();
    let session = door.passkey(&mut device).unwrap();
    door.pass(Span::hours(2));
    let renewed = door.passkey_as(&door.context(&session.cookie), &mut device).unwrap();
    assert_eq!(renewed.expires_at, session.expires_at);
}

#[test]
fn a_fresh_proof_by_somebody_else_is_refused() {
    let (door, mut device) = door_with_passkey();
    let session = door.passkey(&mut device).unwrap();
    let mut other = Authenticator::new(ORIGIN);
    door.join("ben", &mut other);
    let me = door.context(&session.cookie);
    assert_eq!(why(door.passkey_as(&me, &mut other)), SignInRefusal::SomebodyElse);
    assert!(door.opens(&session.cookie));
}

#[test]
fn a_session_that_ended_meanwhile_is_not_brought_back() {
    let (door, mut device) = door_with_passkey();
    let session = door.passkey(&mut device).unwrap();
    let me = door.context(&session.cookie);
    door.house.idp.sign_out(&me).unwrap();
    let renewed = door.passkey_as(&me, &mut device).unwrap();
    assert_ne!(renewed.signed_in.session, session.signed_in.session);
}

fn lock(door: &Door, name: &str) {
    let amendment = domain::amend::Amendment { locked: Some(true), ..Default::default() };
    door.house.idp.set_account(&console(), AccountKind::Person, &user(name), &amendment).unwrap();
}

fn hash_of(door: &Door, account: &Account) -> domain::credential::PasswordHash {
    let ctx = Context::system(steady(door.now));
    door.house
        .idp
        .read::<_, crate::Refusal>(&ctx, Need::System, |op| {
            let all = op.credentials(account.id)?;
            Ok(all.into_iter().find_map(|stored| match stored.credential {
                Credential::Password(hash) => Some(hash),
                Credential::Passkey(_) | Credential::Totp(_) | Credential::Recovery(_) => None,
            }))
        })
        .unwrap()
        .unwrap()
}

fn set_hash(door: &Door, account: &Account, hash: domain::credential::PasswordHash) {
    let ctx = Context::system(steady(door.now));
    door.house
        .idp
        .write::<_, crate::Refusal>(&ctx, Need::System, |op| {
            let credential = Credential::Password(hash);
            door.house.idp.put_credential(op, account, "Password", credential)
        })
        .unwrap();
}
