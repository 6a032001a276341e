use domain::credential::CredentialKind;
use domain::strength::Strength;
use domain::time::Span;

use super::*;
use crate::authenticator::Authenticator;
use crate::door::{Door, ORIGIN, PASSWORD, code, label, secret, why};
use crate::house::{console, fresh, refusal, set, stale, user};
use crate::{NewSession, SignInRefusal};

fn door() -> (Door, Authenticator, NewSession) {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let session = door.join("anna", &mut device).session;
    (door, device, session)
}

/// One more passkey on that device.
fn add(door: &Door, me: &Context, device: &mut Authenticator) -> Result<CredentialNumber, OpError<Refusal>> {
    let asked = door.house.idp.start_passkey_registration(me)?;
    let made = device.create(&asked.options);
    let label = label("Tablet");
    let answer = PasskeyAnswer { ceremony: &asked.ceremony, label: &label, answer: &made };
    door.house.idp.finish_passkey_registration(me, &answer)
}

fn invalid<T: std::fmt::Debug>(result: Result<T, OpError<Refusal>>) -> bool {
    matches!(refusal(result), Refusal::Invalid { .. })
}

#[test]
fn base32_is_that_of_rfc_4648() {
    assert_eq!(base32(b"12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

#[test]
fn a_registration_demands_a_discoverable_key_and_a_verified_user() {
    let (door, _, session) = door();
    let asked = door.house.idp.start_passkey_registration(&session.signed_in.context).unwrap().options;
    let public_key = &asked["publicKey"];
    assert_eq!(public_key["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(public_key["authenticatorSelection"]["requireResidentKey"], true);
    assert_eq!(public_key["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(public_key["attestation"], "none");
    assert_eq!(public_key["rp"], json!({"id": "id.example.org", "name": "Example"}));
    assert_eq!(public_key["user"]["name"], "anna");
}

#[test]
fn a_registration_excludes_the_keys_that_are_there() {
    let (door, device, session) = door();
    let asked = door.house.idp.start_passkey_registration(&session.signed_in.context).unwrap().options;
    let excluded = asked["publicKey"]["excludeCredentials"].as_array().unwrap();
    assert_eq!(excluded.len(), 1);
    assert_eq!(device.keys.len(), 1);
}

#[test]
fn a_second_passkey_opens_the_door_too() {
    let (door, _, session) = door();
    let mut tablet = Authenticator::new(ORIGIN);
    add(&door, &session.signed_in.context, &mut tablet).unwrap();
    assert_eq!(door.passkey(&mut tablet).unwrap().signed_in.account.name.as_str(), "anna");
}

#[test]
fn a_new_passkey_without_a_verified_user_is_refused() {
    let (door, _, session) = door();
    let mut tablet = Authenticator::new(ORIGIN);
    tablet.user_verified = false;
    assert!(invalid(add(&door, &session.signed_in.context, &mut tablet)));
}

#[test]
fn a_new_passkey_from_another_origin_or_frame_is_refused() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    assert!(invalid(add(&door, me, &mut Authenticator::new("https://evil.example"))));
    let mut framed = Authenticator::new(ORIGIN);
    framed.cross_origin = true;
    assert!(invalid(add(&door, me, &mut framed)));
    let mut elsewhere = Authenticator::new(ORIGIN);
    elsewhere.rp_id = Some("evil.example".into());
    assert!(invalid(add(&door, me, &mut elsewhere)));
}

#[test]
fn rubbish_instead_of_a_new_passkey_is_refused() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    for rubbish in [Value::Null, json!({}), json!({"id": "x"}), json!([[[[]]]])] {
        let asked = door.house.idp.start_passkey_registration(me).unwrap();
        let label = label("x");
        let answer = PasskeyAnswer { ceremony: &asked.ceremony, label: &label, answer: &rubbish };
        assert!(invalid(door.house.idp.finish_passkey_registration(me, &answer)));
    }
}

#[test]
fn a_registration_is_good_once_and_for_whom_it_was_started() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    let ben = door.join("ben", &mut Authenticator::new(ORIGIN)).session.signed_in.context;
    let label = label("x");
    let asked = door.house.idp.start_passkey_registration(me).unwrap();
    let made = Authenticator::new(ORIGIN).create(&asked.options);
    let answer = PasskeyAnswer { ceremony: &asked.ceremony, label: &label, answer: &made };
    assert!(matches!(refusal(door.house.idp.finish_passkey_registration(&ben, &answer)), Refusal::Conflict(_)));
    assert!(matches!(refusal(door.house.idp.finish_passkey_registration(me, &answer)), Refusal::Conflict(_)));
}

#[test]
fn the_number_of_passkeys_is_bounded() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    for _ in 1..MAX_PASSKEYS {
        add(&door, me, &mut Authenticator::new(ORIGIN)).unwrap();
    }
    assert!(matches!(refusal(add(&door, me, &mut Authenticator::new(ORIGIN))), Refusal::TooMany { .. }));
}

#[test]
fn every_change_of_a_credential_asks_for_a_fresh_proof() {
    let (mut door, _, session) = door();
    door.pass(Span::minutes(10));
    let me = door.context(&session.cookie);
    let idp = &door.house.idp;
    let number = door.number("anna", CredentialKind::Passkey);
    let not_fresh = Refusal::Denied(Denied::NotFresh);
    assert_eq!(refusal(idp.start_passkey_registration(&me)), not_fresh);
    assert_eq!(refusal(idp.set_password(&me, &secret(PASSWORD))), not_fresh);
    assert_eq!(refusal(idp.start_totp(&me)), not_fresh);
    assert_eq!(refusal(idp.regenerate_recovery_codes(&me)), not_fresh);
    assert_eq!(refusal(idp.rename_credential(&me, &Whose::Mine, number, label("x"))), not_fresh);
    assert_eq!(refusal(idp.remove_credential(&me, &Whose::Mine, number)), not_fresh);
    assert_eq!(refusal(idp.trust_passkey(&me, &Whose::Mine, number)), not_fresh);
    assert_eq!(idp.list_credentials(&me, &Whose::Mine).unwrap().len(), 2);
}

#[test]
fn strangers_change_nothing() {
    let (door, _, _) = door();
    let nobody = door.stranger();
    let idp = &door.house.idp;
    let denied = Refusal::Denied(Denied::NotSignedIn);
    assert_eq!(refusal(idp.start_passkey_registration(&nobody)), denied);
    assert_eq!(refusal(idp.set_password(&nobody, &secret(PASSWORD))), denied);
    assert_eq!(refusal(idp.start_totp(&nobody)), denied);
    assert_eq!(refusal(idp.regenerate_recovery_codes(&nobody)), denied);
    assert_eq!(refusal(idp.list_credentials(&nobody, &Whose::Of(user("anna")))), denied);
    assert_eq!(refusal(idp.list_credentials(&nobody, &Whose::Mine)), denied);
}

#[test]
fn a_credential_of_somebody_else_is_not_found_among_ones_own() {
    let (door, _, _) = door();
    let ben = door.house.person("ben", &[]);
    let number = door.number("anna", CredentialKind::Passkey);
    door.house.leaves_no_trace(|| door.house.idp.remove_credential(&fresh(&ben), &Whose::Mine, number));
    assert_eq!(
        refusal(door.house.idp.remove_credential(&fresh(&ben), &Whose::Of(user("anna")), number)),
        Refusal::Denied(Denied::NotAllowed)
    );
}

#[test]
fn a_people_admin_removes_credentials_but_not_those_of_an_owner() {
    let (door, mut device, _) = door();
    let admin = door.house.person("carla", &["people_admins"]);
    let number = door.number("anna", CredentialKind::Passkey);
    let anna = Whose::Of(user("anna"));
    assert_eq!(
        refusal(door.house.idp.remove_credential(&stale(&admin), &anna, number)),
        Refusal::Denied(Denied::NotFresh)
    );
    door.house.idp.remove_credential(&fresh(&admin), &anna, number).unwrap();
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted);
    door.house.person("olga", &["owners"]);
    assert_eq!(
        refusal(door.house.idp.remove_credential(&fresh(&admin), &Whose::Of(user("olga")), number)),
        Refusal::Denied(Denied::NotAllowed)
    );
}

#[test]
fn the_last_way_in_cannot_be_removed_by_its_owner() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    let number = door.number("anna", CredentialKind::Passkey);
    assert!(matches!(refusal(door.house.idp.remove_credential(me, &Whose::Mine, number)), Refusal::Conflict(_)));
    add(&door, me, &mut Authenticator::new(ORIGIN)).unwrap();
    assert_eq!(door.house.idp.remove_credential(me, &Whose::Mine, number).unwrap(), Change::Removed);
}

#[test]
fn the_last_way_in_depends_on_what_the_house_demands() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    door.house.idp.set_password(me, &secret(PASSWORD)).unwrap();
    let passkey = door.number("anna", CredentialKind::Passkey);
    // Password and recovery codes are two factors.
    door.demand(Strength::Passkey);
    assert!(matches!(refusal(door.house.idp.remove_credential(me, &Whose::Mine, passkey)), Refusal::Conflict(_)));
    door.demand(Strength::Mfa);
    door.house.idp.remove_credential(me, &Whose::Mine, passkey).unwrap();
    let codes = door.number("anna", CredentialKind::Recovery);
    assert!(matches!(refusal(door.house.idp.remove_credential(me, &Whose::Mine, codes)), Refusal::Conflict(_)));
    door.demand(Strength::Any);
    door.house.idp.remove_credential(me, &Whose::Mine, codes).unwrap();
}

#[test]
fn a_removed_passkey_opens_nothing() {
    let (door, mut device, session) = door();
    let me = &session.signed_in.context;
    let number = door.number("anna", CredentialKind::Passkey);
    add(&door, me, &mut Authenticator::new(ORIGIN)).unwrap();
    door.house.idp.remove_credential(me, &Whose::Mine, number).unwrap();
    assert_eq!(why(door.passkey(&mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn whoever_takes_a_credential_away_is_signed_out_everywhere_else() {
    let (door, mut device, session) = door();
    let me = &session.signed_in.context;
    let idp = &door.house.idp;
    let number = door.number("anna", CredentialKind::Passkey);
    add(&door, me, &mut Authenticator::new(ORIGIN)).unwrap();
    let mut elsewhere = door.passkey(&mut device).unwrap();
    let mut ends = |done: Change, wanted: Change| {
        assert_eq!(done, wanted);
        assert!(!door.opens(&elsewhere.cookie));
        assert!(door.opens(&session.cookie));
        assert_eq!(door.house.last_event(), "session.revoke anna success");
        if let Ok(again) = door.passkey(&mut device) {
            elsewhere = again;
        }
    };
    assert_eq!(idp.set_password(me, &secret(PASSWORD)).unwrap(), Change::Created);
    ends(idp.set_password(me, &secret("quiet harbour violin ninety")).unwrap(), Change::Changed);
    let asked = idp.start_totp(me).unwrap();
    let app = TotpSecret { secret: crate::door::unbase32(asked.secret.expose()), last_step: 0 };
    idp.confirm_totp(me, &asked.ceremony, &code(&app, door.now)).unwrap();
    let app = door.number("anna", CredentialKind::Totp);
    ends(idp.remove_credential(me, &Whose::Mine, app).unwrap(), Change::Removed);
    ends(idp.remove_credential(me, &Whose::Mine, number).unwrap(), Change::Removed);
}

#[test]
fn renaming_is_idempotent() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    let number = door.number("anna", CredentialKind::Passkey);
    let rename = |text| door.house.idp.rename_credential(me, &Whose::Mine, number, label(text));
    assert_eq!(rename("Kitchen").unwrap(), Change::Changed);
    door.house.leaves_no_trace(|| rename("Kitchen"));
}

#[test]
fn a_password_made_of_ones_own_words_is_refused() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    let change = set("display_name", "Annabelle Vandermeer");
    door.house.idp.set_account(&console(), domain::account::AccountKind::Person, &user("anna"), &change).unwrap();
    for weak in ["annabelle vandermeer", "vandermeer", "AnnabelleVandermeer", "id.example.org", "short"] {
        assert!(invalid(door.house.idp.set_password(me, &secret(weak))), "{weak}");
    }
    assert_eq!(door.house.idp.set_password(me, &secret(PASSWORD)).unwrap(), Change::Created);
    assert_eq!(door.house.idp.set_password(me, &secret("quiet harbour violin ninety")).unwrap(), Change::Changed);
}

#[test]
fn an_old_password_is_dead_after_the_change() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    door.house.idp.set_password(me, &secret(PASSWORD)).unwrap();
    door.half_in("anna");
    door.house.idp.set_password(me, &secret("quiet harbour violin ninety")).unwrap();
    assert_eq!(why(door.password("anna", PASSWORD)), SignInRefusal::NotAccepted);
}

#[test]
fn nobody_can_set_a_password_for_somebody_else() {
    let (door, _, _) = door();
    assert_eq!(
        refusal(door.house.idp.set_password(&console(), &secret(PASSWORD))),
        Refusal::Denied(Denied::NotSignedIn)
    );
}

#[test]
fn an_app_counts_only_after_its_first_code() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    let asked = door.house.idp.start_totp(me).unwrap();
    assert!(asked.uri.expose().starts_with("otpauth://totp/Example:anna?secret="), "{}", asked.uri.expose());
    assert!(asked.uri.expose().ends_with("&issuer=Example"));
    assert_eq!(door.house.idp.list_credentials(me, &Whose::Mine).unwrap().len(), 2);
    assert!(invalid(door.house.idp.confirm_totp(me, &asked.ceremony, "000000")));
    assert!(invalid(door.house.idp.confirm_totp(me, &asked.ceremony, "")));
    assert_eq!(door.house.idp.list_credentials(me, &Whose::Mine).unwrap().len(), 2);
}

#[test]
fn a_new_app_takes_the_place_of_the_old_one() {
    let door = Door::new();
    let (account, old) = door.with_password("anna", true);
    door.house.sit_down(&account);
    let me = fresh(&account);
    let asked = door.house.idp.start_totp(&me).unwrap();
    let new = TotpSecret { secret: crate::door::unbase32(asked.secret.expose()), last_step: 0 };
    let confirmed = door.house.idp.confirm_totp(&me, &asked.ceremony, &code(&new, door.now)).unwrap();
    assert_eq!(confirmed, Change::Changed);
    let attempt = door.half_in("anna");
    assert_eq!(why(door.code(&attempt, &code(&old.unwrap(), door.now))), SignInRefusal::CodeNotAccepted);
    door.code(&attempt, &code(&new, door.now + Span::seconds(30))).unwrap();
}

#[test]
fn setting_up_an_app_ends_after_a_quarter_of_an_hour_and_belongs_to_one_person() {
    let mut door = Door::new();
    let (account, _) = door.with_password("anna", true);
    let ben = door.house.person("ben", &[]);
    let asked = door.house.idp.start_totp(&fresh(&account)).unwrap();
    assert!(matches!(
        refusal(door.house.idp.confirm_totp(&fresh(&ben), &asked.ceremony, "123456")),
        Refusal::Conflict(_)
    ));
    let asked = door.house.idp.start_totp(&fresh(&account)).unwrap();
    door.pass(Span::minutes(15));
    let late = Context { now: door.now, uptime: door.stranger().uptime, ..fresh(&account) };
    assert!(matches!(refusal(door.house.idp.confirm_totp(&late, &asked.ceremony, "123456")), Refusal::Conflict(_)));
}

#[test]
fn new_recovery_codes_void_the_old_ones() {
    let door = Door::new();
    let (account, _) = door.with_password("anna", false);
    door.house.sit_down(&account);
    let old = door.house.idp.regenerate_recovery_codes(&fresh(&account)).unwrap();
    let new = door.house.idp.regenerate_recovery_codes(&fresh(&account)).unwrap();
    let attempt = door.half_in("anna");
    assert_eq!(why(door.code(&attempt, old[0].expose())), SignInRefusal::CodeNotAccepted);
    door.code(&attempt, new[0].expose()).unwrap();
    let all = door.house.idp.list_credentials(&fresh(&account), &Whose::Mine).unwrap();
    let codes = all.iter().find(|view| view.kind == CredentialKind::Recovery).unwrap();
    assert_eq!(codes.left, Some(9));
}

#[test]
fn no_event_ever_shows_a_secret() {
    let (door, _, session) = door();
    let me = &session.signed_in.context;
    door.house.idp.set_password(me, &secret(PASSWORD)).unwrap();
    let codes = door.house.idp.regenerate_recovery_codes(me).unwrap();
    let _ = door.password("anna", "wrong password");
    let log = format!("{:?}", door.house.events());
    assert!(!log.contains(PASSWORD) && !log.contains("wrong password"));
    assert!(codes.iter().all(|code| !log.contains(code.expose().as_str())));
    assert!(!log.contains(session.cookie.expose().as_str()));
}
