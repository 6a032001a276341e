use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::Algorithm;
use domain::id::SessionNumber;
use domain::logout::LogoutDelivery;
use domain::sign_in::{Factor, Factors};
use domain::time::{Span, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value, json};

use super::*;
use crate::flow::{Flow, after, app, photos};
use crate::house::{NOW, console, user};
use crate::moment::steady;
use crate::{AppAmendment, AppKind, Origin, Rotation, Whose};

const BYE: &str = "https://photos.example.org/bye";
const TOLD: &str = "https://photos.example.org/told";

/// Anna's session at an app that wants to be told, and knows where to go afterwards.
fn flow() -> Flow {
    let flow = Flow::new().trusted();
    flow.set(&AppAmendment {
        post_logout_redirect_uris: Some(vec![BYE.parse().unwrap()]),
        backchannel_logout_uri: Some(Some(TOLD.parse().unwrap())),
        ..AppAmendment::default()
    });
    flow
}

fn hint(flow: &Flow) -> String {
    flow.tokens("openid").id_token.unwrap().expose().clone()
}

fn asked(pairs: &[(&str, &str)]) -> LogoutRequest {
    LogoutRequest::from_pairs(pairs.iter().copied())
}

fn logout(flow: &Flow, now: Timestamp, pairs: &[(&str, &str)]) -> Result<Logout, LogoutRefusal> {
    flow.house.idp.logout(&flow.anna(now), &asked(pairs)).map_err(|error| match error {
        OpError::Refused(refusal) => refusal,
        OpError::Fault(fault) => panic!("{fault}"),
    })
}

fn signed_in(flow: &Flow, number: i64) -> bool {
    let sessions = flow.house.idp.list_sessions(&console(), &Whose::Of(user("anna"))).unwrap();
    sessions.iter().any(|session| session.number == SessionNumber(number))
}

fn waiting(flow: &Flow) -> Vec<LogoutDelivery> {
    flow.house.idp.logout_deliveries(steady(NOW), 100).unwrap()
}

#[test]
fn the_id_token_of_this_very_session_signs_out_without_a_question() {
    let flow = flow();
    let token = hint(&flow);
    let fields = [
        ("id_token_hint", token.as_str()),
        ("post_logout_redirect_uri", BYE),
        ("state", "s 1&"),
        ("logout_hint", "anna"),
    ];
    let done = logout(&flow, NOW, &fields).unwrap();
    assert_eq!(done, Logout::Done(LoggedOut { location: Some(format!("{BYE}?state=s+1%26")) }));
    assert!(!signed_in(&flow, 1));
}

#[test]
fn an_id_token_that_is_over_is_good_enough_to_sign_out() {
    let flow = flow();
    let token = hint(&flow);
    let done = logout(&flow, after(Span::days(2)), &[("id_token_hint", &token)]).unwrap();
    assert_eq!(done, Logout::Done(LoggedOut { location: None }));
}

#[test]
fn without_a_proof_from_this_session_the_person_is_asked_first() {
    let flow = flow();
    let token = hint(&flow);
    flow.session(2, Factors::NONE.with(Factor::Passkey), NOW);
    let elsewhere = Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true };
    let elsewhere = Context::new(elsewhere, steady(NOW), Origin::default());
    for fields in [
        vec![],
        vec![("client_id", "photos"), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", token.as_str()), ("post_logout_redirect_uri", BYE)],
    ] {
        let answer = flow.house.idp.logout(&elsewhere, &asked(&fields)).unwrap();
        assert!(matches!(answer, Logout::Ask { .. }), "{answer:?}");
    }
    assert!(signed_in(&flow, 1) && signed_in(&flow, 2));
    let fields = [("client_id", "photos"), ("post_logout_redirect_uri", BYE)];
    let done = flow.house.idp.confirm_logout(&elsewhere, &asked(&fields)).unwrap();
    assert_eq!(done, LoggedOut { location: Some(BYE.to_owned()) });
    assert!(signed_in(&flow, 1) && !signed_in(&flow, 2));
}

#[test]
fn who_is_not_signed_in_goes_on_to_the_app_at_once() {
    let flow = flow();
    let stranger = Context::anonymous(steady(NOW), Origin::default());
    let fields = [("client_id", "photos"), ("post_logout_redirect_uri", BYE)];
    let answer = flow.house.idp.logout(&stranger, &asked(&fields)).unwrap();
    assert_eq!(answer, Logout::Done(LoggedOut { location: Some(BYE.to_owned()) }));
}

#[test]
fn what_is_not_registered_or_not_ours_leads_nowhere_and_ends_nothing() {
    let flow = flow();
    app(&flow.house, "notes", AppKind::Confidential, "https://notes.example.org/cb");
    let token = hint(&flow);
    let mut forged = token.clone();
    forged.replace_range(token.len() - 8..token.len() - 4, if token.contains("AAAA") { "BBBB" } else { "AAAA" });
    let hinted = ("id_token_hint", token.as_str());
    let long = "x".repeat(7000);
    for (fields, wanted) in [
        (vec![hinted, ("post_logout_redirect_uri", "https://evil.example/")], "not registered"),
        (vec![hinted, ("post_logout_redirect_uri", "https://photos.example.org/bye/")], "not registered"),
        (vec![hinted, ("post_logout_redirect_uri", "https://photos.example.org/bye?a=b")], "not registered"),
        (vec![("post_logout_redirect_uri", BYE)], "neither"),
        (vec![hinted, ("client_id", "notes")], "two apps"),
        (vec![("client_id", "notes"), ("post_logout_redirect_uri", BYE)], "not registered"),
        (vec![("client_id", "nobody")], "no app"),
        (vec![("client_id", "No\nBody")], "no app"),
        (vec![("id_token_hint", forged.as_str()), ("client_id", "photos")], "no ID token"),
        (vec![("id_token_hint", "x.y.z")], "no ID token"),
        (vec![hinted, hinted], "more than once"),
        (vec![("state", long.as_str())], "too long"),
    ] {
        let refusal = logout(&flow, NOW, &fields).unwrap_err();
        assert!(refusal.to_string().contains(wanted), "{refusal}");
    }
    assert!(signed_in(&flow, 1));
}

#[test]
fn a_logout_token_is_no_id_token() {
    let flow = flow();
    hint(&flow);
    flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
    let call = flow.house.idp.logout_call(steady(NOW), &waiting(&flow)[0]).unwrap().unwrap();
    assert_eq!(logout(&flow, NOW, &[("id_token_hint", &call.token)]), Err(LogoutRefusal::BadHint));
}

/// Verifies a logout token as section 2.6 tells apps to.
fn verified(flow: &Flow, token: &str) -> Map<String, Value> {
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let set: JwkSet = serde_json::from_slice(&flow.house.idp.jwks()).unwrap();
    let jwk = set.find(&header.kid.unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["photos"]);
    validation.set_issuer(&["https://id.example.org"]);
    validation.validate_exp = false;
    jsonwebtoken::decode(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).unwrap().claims
}

#[test]
fn the_app_gets_a_logout_token_as_the_standard_wants_it() {
    let flow = flow();
    flow.set(&AppAmendment { algorithm: Some(Algorithm::Rs256), ..AppAmendment::default() });
    let id_token = flow.verified(&flow.tokens("openid"));
    flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
    let waiting = waiting(&flow);
    let call = flow.house.idp.logout_call(steady(NOW), &waiting[0]).unwrap().unwrap();
    assert_eq!((waiting.len(), call.uri.as_str()), (1, TOLD));
    assert_eq!(jsonwebtoken::decode_header(&call.token).unwrap().alg, jsonwebtoken::Algorithm::RS256);
    let claims = verified(&flow, &call.token);
    for same in ["iss", "sub", "aud", "sid"] {
        assert_eq!(claims[same], id_token[same], "{same}");
    }
    assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    assert!(!claims.contains_key("nonce"));
    let again = flow.house.idp.logout_call(steady(NOW), &waiting[0]).unwrap().unwrap();
    assert_ne!(claims["jti"], verified(&flow, &again.token)["jti"]);
}

#[test]
fn the_app_is_told_however_the_session_ends() {
    let whose = || Whose::Of(user("anna"));
    let lock = Amendment { locked: Some(true), ..Amendment::default() };
    type End<'a> = Box<dyn Fn(&Flow) + 'a>;
    let ways: [(&str, End<'_>); 6] = [
        (
            "signed out",
            Box::new(|flow| {
                flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
            }),
        ),
        (
            "revoked",
            Box::new(|flow| {
                flow.house.idp.revoke_session(&console(), &whose(), SessionNumber(1)).unwrap();
            }),
        ),
        (
            "everywhere",
            Box::new(|flow| {
                flow.house.idp.revoke_sessions(&console(), &whose(), None).unwrap();
            }),
        ),
        (
            "locked",
            Box::new(|flow| {
                flow.house.idp.set_account(&console(), AccountKind::Person, &user("anna"), &lock).unwrap();
            }),
        ),
        (
            "deleted",
            Box::new(|flow| {
                flow.house.idp.delete_account(&console(), AccountKind::Person, &user("anna")).unwrap();
            }),
        ),
        (
            "by the app",
            Box::new(|flow| {
                let token = hint(flow);
                logout(flow, NOW, &[("id_token_hint", &token)]).unwrap();
            }),
        ),
    ];
    for (way, end) in ways {
        let flow = flow();
        let rung = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&rung);
        flow.house.idp.on_logouts(move || {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        hint(&flow);
        end(&flow);
        assert_eq!(waiting(&flow).len(), 1, "{way}");
        assert_eq!(rung.load(std::sync::atomic::Ordering::SeqCst), 1, "{way}: the bell rings once, after the commit");
        let call = flow.house.idp.logout_call(steady(NOW), &waiting(&flow)[0]).unwrap().unwrap();
        assert_eq!(verified(&flow, &call.token)["sub"], flow.anna.subject.to_string(), "{way}");
    }
}

#[test]
fn the_app_is_told_although_its_tokens_are_long_over() {
    let flow = flow();
    hint(&flow);
    let later = steady(after(Span::days(3)));
    flow.house.idp.tend_tokens(later).unwrap();
    flow.house.idp.sign_out(&flow.anna(later.now)).unwrap();
    assert_eq!(waiting(&flow).len(), 1);
}

#[test]
fn nobody_is_told_of_a_session_that_did_not_lead_there_or_that_ended_by_itself() {
    let flow = flow();
    flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
    assert_eq!(waiting(&flow), []);
    flow.session(1, Factors::NONE.with(Factor::Passkey), NOW);
    hint(&flow);
    flow.house.idp.purge_sign_ins(steady(after(Span::days(40)))).unwrap();
    assert_eq!(waiting(&flow), []);
}

#[test]
fn what_became_of_a_delivery_is_shown_and_a_failed_one_is_not_kept_for_ever() {
    let flow = flow();
    let idp = &flow.house.idp;
    let last = || idp.show_app(&console(), &photos()).unwrap().last_logout;
    hint(&flow);
    idp.sign_out(&flow.anna(NOW)).unwrap();
    assert_eq!(last(), None);
    let delivery = waiting(&flow).remove(0);
    let failed = [(delivery.clone(), Delivered::Failed("it answered 500".to_owned()))];
    idp.settle_logouts(steady(NOW), &failed).unwrap();
    assert_eq!(last().unwrap().trouble.as_deref(), Some("it answered 500"));
    assert_eq!(waiting(&flow).len(), 1, "to be tried again");
    idp.settle_logouts(steady(after(Span::hours(1))), &failed).unwrap();
    assert_eq!(waiting(&flow), []);
    assert_eq!(flow.house.events().iter().filter(|event| event.action == "app.logout").count(), 1);
    idp.settle_logouts(steady(after(Span::hours(2))), &[(delivery, Delivered::Told)]).unwrap();
    assert_eq!(last().unwrap().trouble, None);
}

#[test]
fn an_app_that_is_gone_or_wants_no_news_gets_none() {
    let flow = flow();
    hint(&flow);
    flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
    let delivery = waiting(&flow).remove(0);
    flow.set(&AppAmendment { backchannel_logout_uri: Some(None), ..AppAmendment::default() });
    assert!(flow.house.idp.logout_call(steady(NOW), &delivery).unwrap().is_none());
    flow.house.idp.delete_app(&console(), &photos()).unwrap();
    assert_eq!(waiting(&flow), []);
    flow.house.idp.settle_logouts(steady(NOW), &[(delivery, Delivered::Told)]).unwrap();
}

#[test]
fn the_list_of_who_is_to_be_told_is_bounded() {
    let flow = flow();
    for _ in 0..domain::logout::MAX_DELIVERIES + 5 {
        flow.write(|op| {
            let client = op.client_by_name(&photos())?.unwrap().id;
            op.note_session_client(flow.anna.id, SessionNumber(1), client, "https://id.example.org")?;
            op.end_session(flow.anna.id, SessionNumber(1), NOW)
        });
        flow.session(1, Factors::NONE.with(Factor::Passkey), NOW);
    }
    let waiting = flow.house.idp.logout_deliveries(steady(NOW), usize::MAX).unwrap();
    assert_eq!(waiting.len(), domain::logout::MAX_DELIVERIES);
    assert_eq!(waiting[0].number.0, 6, "the oldest went");
}

#[test]
fn an_address_with_a_fragment_is_refused() {
    let flow = flow();
    let amendment = AppAmendment {
        backchannel_logout_uri: Some(Some("https://photos.example.org/told#here".parse().unwrap())),
        ..AppAmendment::default()
    };
    assert!(flow.house.idp.set_app(&console(), &photos(), &amendment).is_err());
}

#[test]
fn after_an_emergency_an_old_id_token_signs_nobody_out() {
    let flow = flow();
    let token = hint(&flow);
    flow.house.idp.rotate_signing_key(&console(), Algorithm::Es256, Rotation::Emergency).unwrap();
    assert_eq!(logout(&flow, NOW, &[("id_token_hint", &token)]), Err(LogoutRefusal::BadHint));
    assert!(signed_in(&flow, 1));
}
