use std::sync::Arc;

use domain::clock::Trust;
use domain::credential::CredentialKind;
use domain::event::Outcome;
use domain::house::Address;
use domain::strength::Strength;

use super::*;
use crate::authenticator::Authenticator;
use crate::door::{Door, ORIGIN, why};
use crate::flow::{Flow, REDIRECT, VERIFIER, request};
use crate::house::{House as TestHouse, NOW, console, settings, user};
use crate::moment::steady;
use crate::testing::SeededEntropy;
use crate::{Asked, Authorization, NewSession, Origin, SignInRefusal, TokenRefusal, TokenRequest, Whose};

const OLD: &str = "id.example.org";
const NEW: &str = "home.example.net";

fn host(name: &str) -> Host {
    name.parse().unwrap()
}

fn move_to(idp: &Idp, name: &str, days: i64) -> Result<Change, OpError<Refusal>> {
    idp.move_domain(&console(), &host(name), Span::days(days))
}

/// By which name somebody comes.
fn at(idp: &Idp, name: &str, now: Timestamp) -> Address {
    match idp.nameplate().asked_for(name, steady(now)) {
        Asked::Here(address) => address,
        other @ (Asked::Gone | Asked::Elsewhere) => panic!("{name}: {other:?}"),
    }
}

impl Door {
    /// Somebody at the page of that name.
    fn stranger_at(&self, name: &str) -> Context {
        let ctx = self.stranger();
        Context { origin: Origin { at: Some(at(&self.house.idp, name, self.now)), ..ctx.origin.clone() }, ..ctx }
    }

    /// Signs in on the page of that name, there with the button for older passkeys.
    fn with_old_passkey(&self, name: &str, device: &mut Authenticator) -> Result<NewSession, OpError<SignInRefusal>> {
        let ctx = self.stranger_at(name);
        let asked = self.house.idp.start_former_passkey_sign_in(&ctx)?;
        assert_eq!(asked.options["publicKey"]["rpId"], OLD);
        let answer = device.get(&asked.options);
        self.house.idp.finish_passkey_sign_in(&ctx, &asked.ceremony, &answer)
    }
}

fn origin(name: &str) -> String {
    format!("https://{name}")
}

#[test]
fn a_move_holds_at_once_and_repeating_it_changes_nothing() {
    let house = TestHouse::new();
    assert_eq!(move_to(&house.idp, NEW, 90).unwrap(), Change::Changed);
    assert_eq!(house.idp.issuer(), origin(NEW));
    assert_eq!(house.last_event(), "house.move home.example.net success");
    assert_eq!(move_to(&house.idp, NEW, 90).unwrap(), Change::Unchanged);
    assert_eq!(move_to(&house.idp, NEW, 30).unwrap(), Change::Changed);
    assert_eq!(house.last_event(), "house.former_name.retime home.example.net success");
    let view = house.idp.domain(&console()).unwrap();
    assert_eq!((view.former.unwrap().until, view.served), (NOW + Span::days(30), true));
}

#[test]
fn only_owners_move_the_house() {
    let house = TestHouse::new();
    let anna = house.person("anna", &["people_admins"]);
    let refused = house.idp.move_domain(&crate::house::fresh(&anna), &host(NEW), moving::USUAL);
    assert!(matches!(refused, Err(OpError::Refused(Refusal::Denied(_)))));
    assert!(house.idp.end_former_domain(&crate::house::fresh(&anna)).is_err());
    assert_eq!(house.idp.issuer(), origin(OLD));
}

#[test]
fn a_move_is_remembered_whatever_the_configuration_still_says() {
    let folder = std::env::temp_dir().join(format!("latchkey-move-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let open = |host: &str| {
        let given = crate::Settings { host: Some(host.parse().unwrap()), ..settings() };
        Idp::open(&folder.join("db"), given, Arc::new(SeededEntropy::new(1)), steady(NOW)).unwrap()
    };
    move_to(&open(OLD), NEW, 90).unwrap();
    assert_eq!((open(OLD).issuer(), open(NEW).issuer()), (origin(NEW), origin(NEW)));
    assert_eq!(open("other.example").issuer(), origin("other.example"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_second_move_waits_for_the_first_or_goes_back() {
    let house = TestHouse::new();
    move_to(&house.idp, NEW, 90).unwrap();
    let refused = move_to(&house.idp, "third.example", 90).unwrap_err();
    assert!(matches!(&refused, OpError::Refused(Refusal::Conflict(why)) if why.contains(OLD)), "{refused:?}");
    assert_eq!(move_to(&house.idp, OLD, 10).unwrap(), Change::Changed);
    assert_eq!(house.idp.issuer(), origin(OLD));
    assert!(at(&house.idp, NEW, NOW).is_former());
    assert_eq!(house.idp.end_former_domain(&console()).unwrap(), Change::Removed);
    assert_eq!(house.idp.end_former_domain(&console()).unwrap(), Change::Unchanged);
    assert_eq!(house.idp.nameplate().asked_for(NEW, steady(NOW)), Asked::Gone);
    assert_eq!(move_to(&house.idp, "third.example", 90).unwrap(), Change::Changed);
}

#[test]
fn an_old_passkey_opens_the_door_on_both_pages_and_no_third() {
    let mut door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    door.join("anna", &mut device);
    move_to(&door.house.idp, NEW, 90).unwrap();
    for (page, button) in [(OLD, false), (OLD, true), (NEW, true)] {
        door.pass(Span::minutes(1));
        device.origin = origin(page);
        let signed_in = match button {
            true => door.with_old_passkey(page, &mut device),
            false => door.passkey_as(&door.stranger_at(page), &mut device),
        };
        assert!(signed_in.is_ok(), "{page} {button}: {signed_in:?}");
    }
    for (page, says) in [(NEW, "evil.example"), (NEW, OLD), (OLD, NEW)] {
        device.origin = origin(says);
        assert_eq!(why(door.with_old_passkey(page, &mut device)), SignInRefusal::NotAccepted, "{page} {says}");
    }
    // Asked for as one of the new name, it is none.
    device.origin = origin(NEW);
    assert_eq!(why(door.passkey_as(&door.stranger_at(NEW), &mut device)), SignInRefusal::NotAccepted);
    device.rp_id = Some(OLD.to_owned());
    assert_eq!(why(door.passkey_as(&door.stranger_at(NEW), &mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn a_passkey_made_after_the_move_is_none_of_the_old_name() {
    let door = Door::new();
    move_to(&door.house.idp, NEW, 90).unwrap();
    let mut device = Authenticator::new(&origin(NEW));
    door.join("anna", &mut device);
    assert!(door.passkey(&mut device).is_ok());
    assert_eq!(why(door.with_old_passkey(NEW, &mut device)), SignInRefusal::NotAccepted);
}

#[test]
fn after_its_last_day_an_old_passkey_opens_nothing_and_no_clock_revives_it() {
    let mut door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    door.join("anna", &mut device);
    move_to(&door.house.idp, NEW, 2).unwrap();
    let begun = door.house.idp.start_former_passkey_sign_in(&door.stranger_at(NEW)).unwrap();
    device.origin = origin(NEW);
    let answer = device.get(&begun.options);
    let here = door.stranger_at(NEW);
    door.now = door.now + Span::days(2) - Span::seconds(1);
    assert!(door.with_old_passkey(NEW, &mut device).is_ok());
    door.pass(Span::seconds(1));
    assert_eq!(why(door.with_old_passkey(NEW, &mut device)), SignInRefusal::Expired);
    // Back a day, in this run and in the next one.
    for seen in [Change::Removed, Change::Unchanged] {
        let late = steady(door.now);
        door.now = door.now - Span::days(1);
        assert_eq!(why(door.with_old_passkey(NEW, &mut device)), SignInRefusal::Expired);
        door.pass(Span::days(1));
        assert_eq!(door.house.idp.tend_names(late).unwrap(), seen);
    }
    let ctx = Context { now: NOW, ..here };
    let late = door.house.idp.finish_passkey_sign_in(&ctx, &begun.ceremony, &answer);
    assert_eq!(why(late), SignInRefusal::Expired, "a ceremony that began in time");
}

#[test]
fn a_clock_that_nobody_trusts_ends_nothing() {
    let house = TestHouse::new();
    move_to(&house.idp, NEW, 2).unwrap();
    let wild = Moment { trust: Trust::Plausible, ..steady(NOW + Span::days(365)) };
    assert_eq!(house.idp.tend_names(wild).unwrap(), Change::Unchanged);
    assert_eq!(house.idp.nameplate().asked_for(OLD, wild), Asked::Gone);
    assert!(at(&house.idp, OLD, NOW).is_former(), "it was wrong, and is set right");
}

#[test]
fn whoever_has_only_old_passkeys_is_told_and_named_until_there_is_a_new_one() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    door.join("anna", &mut device);
    door.house.newcomer("bert", &[]);
    let names = |door: &Door| -> Vec<_> {
        let view = door.house.idp.domain(&console()).unwrap();
        assert_eq!(view.behind.len(), view.behind_in_all);
        view.behind.into_iter().map(|who| (who.person, who.until)).collect()
    };
    assert_eq!(names(&door), []);
    move_to(&door.house.idp, NEW, 90).unwrap();
    let until = NOW + Span::days(90);
    assert_eq!(names(&door), [(user("anna"), Some(until))], "bert has no passkey");
    device.origin = origin(NEW);
    let anna = door.with_old_passkey(NEW, &mut device).unwrap().signed_in.context;
    assert_eq!(door.house.idp.passkey_due(&anna).unwrap(), Some(until));

    let asked = door.house.idp.start_passkey_registration(&anna).unwrap();
    assert_eq!(asked.options["publicKey"]["rp"]["id"], NEW);
    device.keys.clear();
    let made = device.create(&asked.options);
    let label = crate::door::label("New");
    let answer = crate::PasskeyAnswer { ceremony: &asked.ceremony, label: &label, answer: &made };
    door.house.idp.finish_passkey_registration(&anna, &answer).unwrap();
    assert_eq!((names(&door), door.house.idp.passkey_due(&anna).unwrap()), (vec![], None));
    assert!(door.passkey(&mut device).is_ok());
}

#[test]
fn a_row_from_before_the_names_were_written_belongs_to_the_first_name() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let anna = door.join("anna", &mut device).session.signed_in.account;
    door.house
        .idp
        .write::<_, Refusal>(&Context::system(steady(NOW)), Need::System, |op| {
            let mut stored = op.credentials(anna.id)?.remove(0);
            if let Credential::Passkey(passkey) = &mut stored.credential {
                assert_eq!(passkey.rp_id.take(), Some(host(OLD)));
            }
            Ok(op.update_credential(&stored)?)
        })
        .unwrap();
    assert!(door.passkey(&mut device).is_ok());
    move_to(&door.house.idp, NEW, 90).unwrap();
    device.origin = origin(NEW);
    assert!(door.with_old_passkey(NEW, &mut device).is_ok());
}

#[test]
fn a_passkey_that_nobody_hears_is_no_way_in_to_fall_back_on() {
    let mut door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    door.join("anna", &mut device);
    move_to(&door.house.idp, NEW, 2).unwrap();
    device.origin = origin(NEW);
    let anna = door.with_old_passkey(NEW, &mut device).unwrap().signed_in.context;
    let remove = |door: &Door, kind| {
        let ctx = Context { now: door.now, ..anna.clone() };
        door.house.idp.remove_credential(&ctx, &Whose::Mine, door.number("anna", kind))
    };
    assert!(remove(&door, CredentialKind::Passkey).is_err(), "the last way in");
    door.pass(Span::days(2));
    let view = door.house.idp.domain(&Context::console(steady(door.now))).unwrap();
    assert_eq!(view.behind[0].until, None);
    let ears = door.house.idp.ear(steady(door.now));
    let heard = |moment| {
        door.house.idp.read::<_, Refusal>(&Context::system(moment), Need::System, |op| {
            let account = op.account_by_name(&user("anna"))?.unwrap();
            Ok((door.house.idp.enrolled(op, account.id, moment)?, op.credentials(account.id)?))
        })
    };
    let (factors, credentials) = heard(steady(door.now)).unwrap();
    assert_eq!(factors.strength(), Strength::Any);
    assert!(credentials.iter().any(|stored| !ears(&stored.credential)));
}

#[test]
fn a_cookie_of_one_name_opens_nothing_under_the_other() {
    let door = Door::new();
    let mut device = Authenticator::new(ORIGIN);
    let old = door.join("anna", &mut device).session.cookie;
    move_to(&door.house.idp, NEW, 90).unwrap();
    device.origin = origin(NEW);
    let new = door.with_old_passkey(NEW, &mut device).unwrap().cookie;
    let opens = |cookie: &domain::secret::Secret<String>, name| {
        let origin = door.stranger_at(name).origin;
        door.house.idp.authenticate_session(cookie.expose(), origin, steady(NOW)).unwrap().is_some()
    };
    assert!(opens(&old, OLD) && opens(&new, NEW));
    assert!(!opens(&old, NEW) && !opens(&new, OLD));
}

/// Anna at the app, by that name of the house.
fn by(flow: &Flow, name: &str) -> Context {
    let ctx = flow.anna(NOW);
    Context { origin: Origin { at: Some(at(&flow.house.idp, name, NOW)), ..ctx.origin.clone() }, ..ctx }
}

fn code_and_issuer(flow: &Flow, name: &str, scope: &str) -> (String, String) {
    match flow.house.idp.authorize(&by(flow, name), &request(&[("scope", scope)])).unwrap() {
        Authorization::Answer(answer) => {
            (answer.get("code").unwrap().to_owned(), answer.get("iss").unwrap().to_owned())
        }
        other @ (Authorization::SignIn(_) | Authorization::Consent(_)) => panic!("{other:?}"),
    }
}

fn exchange(flow: &Flow, name: &str, fields: &[(&str, &str)]) -> Result<crate::TokenAnswer, TokenRefusal> {
    let mut all = vec![("client_id", "photos"), ("client_secret", flow.secret.as_str())];
    all.extend_from_slice(fields);
    let asked = TokenRequest::parse(all, None).unwrap();
    let origin = Origin { at: Some(at(&flow.house.idp, name, NOW)), ..Origin::default() };
    flow.house.idp.token(&Context::anonymous(steady(NOW), origin), &asked).map_err(|error| match error {
        OpError::Refused(refusal) => refusal,
        OpError::Fault(fault) => panic!("{fault}"),
    })
}

fn redeem(flow: &Flow, name: &str, code: &str) -> Result<crate::TokenAnswer, TokenRefusal> {
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)];
    exchange(flow, name, &[fields.as_slice(), &[("code_verifier", VERIFIER)]].concat())
}

fn iss(answer: &crate::TokenAnswer) -> String {
    use base64::Engine;
    let token = answer.id_token.as_ref().unwrap().expose();
    let body = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).unwrap();
    serde_json::from_slice::<serde_json::Value>(&claims).unwrap()["iss"].as_str().unwrap().to_owned()
}

#[test]
fn an_app_gets_the_issuer_that_it_asked_in_the_answer_and_in_the_id_token() {
    let flow = Flow::new().trusted();
    move_to(&flow.house.idp, NEW, 90).unwrap();
    for name in [OLD, NEW] {
        let (code, issuer) = code_and_issuer(&flow, name, "openid");
        assert_eq!(issuer, origin(name));
        assert_eq!(iss(&redeem(&flow, name, &code).unwrap()), origin(name));
    }
}

#[test]
fn a_code_of_one_issuer_is_refused_by_the_other_and_spent() {
    let flow = Flow::new().trusted();
    move_to(&flow.house.idp, NEW, 90).unwrap();
    for (made, offered) in [(OLD, NEW), (NEW, OLD)] {
        let (code, _) = code_and_issuer(&flow, made, "openid");
        let refused = redeem(&flow, offered, &code).unwrap_err();
        assert_eq!(refused, TokenRefusal::Code(domain::grant::authorization_code::CodeRefusal::OtherIssuer));
        assert!(redeem(&flow, made, &code).is_err(), "whoever held it should not have it");
    }
    assert!(flow.house.events().iter().any(|e| e.action == "token.issue" && e.outcome == Outcome::Refused));
}

#[test]
fn a_code_that_was_under_way_during_the_move_is_good_where_it_was_made() {
    let flow = Flow::new().trusted();
    let (code, _) = code_and_issuer(&flow, OLD, "openid");
    move_to(&flow.house.idp, NEW, 90).unwrap();
    assert_eq!(iss(&redeem(&flow, OLD, &code).unwrap()), origin(OLD));
}

#[test]
fn an_app_stays_signed_in_when_it_is_told_the_new_issuer() {
    let flow = Flow::new().trusted();
    let (code, _) = code_and_issuer(&flow, OLD, "openid offline_access");
    let first = redeem(&flow, OLD, &code).unwrap();
    move_to(&flow.house.idp, NEW, 90).unwrap();
    let mut refresh = first.refresh_token.unwrap();
    for name in [OLD, NEW, OLD] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose().as_str())];
        let next = exchange(&flow, name, &fields).unwrap();
        assert_eq!(iss(&next), origin(name));
        refresh = next.refresh_token.unwrap();
    }
}
