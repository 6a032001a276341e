//! What the authorization endpoint promises.

use domain::client::ConsentMode;
use domain::grant::access_token::AccessTokenKey;
use domain::id::SessionNumber;
use domain::permission::Actor;
use domain::sign_in::{Factor, Factors};
use domain::strength::Strength;
use domain::time::Span;
use proptest::prelude::*;

use super::*;
use crate::flow::{Flow, REDIRECT, after, app, photos, request, resumed};
use crate::house::{NOW, console, group};
use crate::moment::steady;
use crate::{AppAmendment, AppKind, Origin};

fn page(result: Result<Authorization, OpError<AuthorizeRefusal>>) -> AuthorizeRefusal {
    match result {
        Err(OpError::Refused(refusal)) => refusal,
        other => panic!("expected an error page, got {other:?}"),
    }
}

fn consent(next: Authorization) -> ConsentNeeded {
    match next {
        Authorization::Consent(needed) => needed,
        Authorization::SignIn(_) | Authorization::Answer(_) => panic!("expected a question"),
    }
}

fn sign_in(next: Authorization) -> SignInNeeded {
    match next {
        Authorization::SignIn(needed) => needed,
        Authorization::Consent(_) | Authorization::Answer(_) => panic!("expected a sign-in"),
    }
}

#[test]
fn a_wrong_app_or_address_is_answered_by_a_page_and_never_by_a_redirect() {
    let flow = Flow::new();
    for (changes, expected) in [
        ([("client_id", "")], "NoClient"),
        ([("client_id", "unknown")], "UnknownClient"),
        ([("client_id", "not a name")], "UnknownClient"),
        ([("redirect_uri", "")], "NoRedirectUri"),
        ([("redirect_uri", "https://evil.example/cb")], "UnknownRedirectUri"),
        ([("redirect_uri", "https://photos.example.org/cb/")], "UnknownRedirectUri"),
        ([("redirect_uri", "https://photos.example.org/cb?x")], "UnknownRedirectUri"),
        ([("redirect_uri", "https://photos.example.org:443/cb")], "UnknownRedirectUri"),
    ] {
        let refusal = page(flow.authorize(NOW, &changes));
        assert!(format!("{refusal:?}").starts_with(expected), "{changes:?} {refusal:?}");
    }
}

#[test]
fn a_repeated_app_or_address_is_answered_by_a_page() {
    let flow = Flow::new();
    for name in ["client_id", "redirect_uri"] {
        let value = if name == "client_id" { "photos" } else { REDIRECT };
        let rest = [("client_id", "photos"), ("redirect_uri", REDIRECT), ("response_type", "code"), (name, value)];
        page(flow.house.idp.authorize(&flow.anna(NOW), &AuthorizationRequest::from_pairs(rest)));
    }
}

#[test]
fn everything_else_is_told_to_the_app() {
    let flow = Flow::new();
    for (changes, expected) in [
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "code id_token")], "unsupported_response_type"),
        (vec![("response_mode", "jwt")], "invalid_request"),
        (vec![("prompt", "create")], "invalid_request"),
        (vec![("dpop_jkt", "short")], "invalid_request"),
        (vec![("claims", "{")], "invalid_request"),
        (vec![("id_token_hint", "x.y.z")], "invalid_request"),
        (vec![("scope", "open\"id")], "invalid_scope"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
        (vec![("max_age", "-1")], "invalid_request"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("request", "eyJ")], "request_not_supported"),
        (vec![("request_uri", "https://x")], "request_uri_not_supported"),
        (vec![("registration", "{}")], "registration_not_supported"),
        (vec![("prompt", "none")], "consent_required"),
    ] {
        assert_eq!(flow.error(&changes), expected, "{changes:?}");
    }
    let long = "x".repeat(3000);
    assert_eq!(flow.error(&[("nonce", long.as_str())]), "invalid_request");
    let long_when_encoded = "\"".repeat(1500);
    assert_eq!(flow.error(&[("nonce", long_when_encoded.as_str())]), "invalid_request");
}

#[test]
fn every_answer_carries_state_and_issuer() {
    let flow = Flow::new().trusted();
    for changes in [vec![], vec![("response_type", "token")]] {
        let answer = flow.answer(NOW, &changes);
        assert_eq!(answer.get("state"), Some("s1"));
        assert_eq!(answer.get("iss"), Some("https://id.example.org"));
        assert!(answer.location().starts_with("https://photos.example.org/cb?"));
    }
    assert_eq!(flow.answer(NOW, &[("state", "")]).get("state"), None);
}

#[test]
fn an_answer_keeps_the_query_of_the_address() {
    let parameters = vec![("code", "a b&c".to_owned())];
    let at = |uri: &str, mode| {
        AuthorizationAnswer { redirect_uri: uri.to_owned(), mode, parameters: parameters.clone() }.location()
    };
    let (fragment, at) = (at("https://a.example/cb?x=1", ResponseMode::Fragment), |uri| at(uri, ResponseMode::Query));
    assert_eq!(fragment, "https://a.example/cb?x=1#code=a+b%26c");
    assert_eq!(at("https://a.example/cb"), "https://a.example/cb?code=a+b%26c");
    assert_eq!(at("https://a.example/cb?x=1"), "https://a.example/cb?x=1&code=a+b%26c");
    assert_eq!(at("app:/cb?"), "app:/cb?code=a+b%26c");
}

#[test]
fn a_stranger_signs_in_and_goes_on_with_the_same_request() {
    let flow = Flow::new();
    let stranger = Context::anonymous(steady(NOW), Origin::default());
    let needed = sign_in(flow.house.idp.authorize(&stranger, &request(&[("login_hint", "anna")])).unwrap());
    assert_eq!(needed.reason, SignInReason::NotSignedIn);
    assert_eq!(needed.login_hint.as_deref(), Some("anna"));
    assert_eq!(resumed(&needed.next), {
        let mut same = request(&[("login_hint", "anna")]);
        same.length = resumed(&needed.next).length;
        same
    });
}

#[test]
fn a_session_that_is_over_or_ended_is_no_session() {
    let flow = Flow::new().trusted();
    let needed = sign_in(flow.authorize(after(Span::days(8)), &[]).unwrap());
    assert_eq!(needed.reason, SignInReason::NotSignedIn);
    let ctx = Context {
        actor: Actor::Person { account: flow.anna.id, session: SessionNumber(9), fresh: true },
        ..flow.anna(NOW)
    };
    sign_in(flow.house.idp.authorize(&ctx, &request(&[])).unwrap());
}

#[test]
fn prompt_none_never_shows_anything() {
    let flow = Flow::new();
    let stranger = Context::anonymous(steady(NOW), Origin::default());
    let Authorization::Answer(answer) = flow.house.idp.authorize(&stranger, &request(&[("prompt", "none")])).unwrap()
    else {
        panic!("shown something");
    };
    assert_eq!(answer.get("error"), Some("login_required"));
    flow.demand("family", Strength::Passkey);
    flow.session(2, Factors::NONE.with(Factor::Password).with(Factor::Totp), NOW);
    let weak = Context {
        actor: Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true },
        ..flow.anna(NOW)
    };
    let Authorization::Answer(answer) = flow.house.idp.authorize(&weak, &request(&[("prompt", "none")])).unwrap()
    else {
        panic!("shown something");
    };
    // She has nothing to prove more with, so a sign-in alone would not help.
    assert_eq!(answer.get("error"), Some("interaction_required"));
}

#[test]
fn prompt_login_wants_a_new_proof_once() {
    let flow = Flow::new().trusted();
    let later = after(Span::minutes(1));
    let needed = sign_in(flow.authorize(later, &[("prompt", "login")]).unwrap());
    assert_eq!(needed.reason, SignInReason::Again);
    let again = resumed(&needed.next);
    sign_in(flow.house.idp.authorize(&flow.anna(later), &again).unwrap());
    // She proves it: the session gets a newer time.
    flow.write(|op| {
        let mut session = op.session(flow.anna.id, SessionNumber(1))?.unwrap();
        session.authenticated_at = later + Span::seconds(20);
        op.delete_session(flow.anna.id, SessionNumber(1))?;
        op.insert_session(&session)
    });
    let then = later + Span::seconds(21);
    assert!(matches!(flow.house.idp.authorize(&flow.anna(then), &again).unwrap(), Authorization::Answer(_)));
}

/// The path, with this at the end of a parameter that has this name.
fn altered(path: &str, name: &str, end: &str) -> AuthorizationRequest {
    let query = path.strip_prefix("/authorize?").unwrap();
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(key, value)| (key.to_string(), if key == name { format!("{value}{end}") } else { value.to_string() }))
        .collect();
    AuthorizationRequest::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[test]
fn nobody_can_write_an_address_that_does_without_the_sign_in_that_an_app_wants() {
    let flow = Flow::new().trusted();
    let past = (NOW.unix() - 60).to_string();
    let later = after(Span::minutes(1));
    for wish in [("prompt", "login"), ("max_age", "0"), ("max_age", "5")] {
        let needed = sign_in(flow.authorize(later, &[wish, ("lk_since", &past)]).unwrap());
        assert_eq!(needed.reason, SignInReason::Again, "{wish:?}");
        sign_in(flow.authorize(later, &[wish, ("lk_since", &format!("{past}.AAAAAAAAAAAAAAAAAAAAAA"))]).unwrap());
    }
    consent(flow.authorize(NOW, &[("prompt", "consent"), ("lk_since", &past)]).unwrap());
}

#[test]
fn a_sealed_moment_counts_for_its_own_request_and_for_a_quarter_of_an_hour() {
    let flow = Flow::new().trusted();
    let next = sign_in(flow.authorize(NOW, &[("prompt", "login"), ("max_age", "9")]).unwrap()).next;
    let at = |now, request: &AuthorizationRequest| flow.house.idp.authorize(&flow.anna(now), request).unwrap();
    // Her proof was made at that very second.
    assert!(matches!(at(after(Span::seconds(899)), &resumed(&next)), Authorization::Answer(_)));
    sign_in(at(after(Span::seconds(900)), &resumed(&next)));
    sign_in(at(NOW - Span::seconds(1), &resumed(&next)));
    for (name, end) in [("state", "x"), ("nonce", "x"), ("scope", " email"), ("max_age", "0"), ("lk_since", "x")] {
        sign_in(at(NOW, &altered(&next, name, end)));
    }
    assert!(matches!(at(NOW, &altered(&next, "state", "")), Authorization::Answer(_)));
}

#[test]
fn max_age_is_counted_from_the_last_proof() {
    let flow = Flow::new().trusted();
    assert!(matches!(flow.authorize(after(Span::seconds(60)), &[("max_age", "60")]), Ok(Authorization::Answer(_))));
    let needed = sign_in(flow.authorize(after(Span::seconds(61)), &[("max_age", "60")]).unwrap());
    assert_eq!(needed.reason, SignInReason::Again);
    sign_in(flow.authorize(NOW, &[("max_age", "0")]).unwrap());
}

#[test]
fn consent_is_asked_once_and_again_when_the_scopes_grow() {
    let flow = Flow::new();
    let needed = consent(flow.authorize(NOW, &[("scope", "openid email")]).unwrap());
    assert_eq!(
        needed.app.as_str(),
        flow.house.idp.show_app(&console(), &photos()).unwrap().client.display_name.as_str()
    );
    assert_eq!(needed.scopes.iter().map(|one| one.scope.as_str()).collect::<Vec<_>>(), ["email", "openid"]);
    let next = flow.house.idp.grant_consent(&flow.anna(NOW), &resumed(&needed.request)).unwrap();
    assert!(matches!(flow.house.idp.authorize(&flow.anna(NOW), &resumed(&next)), Ok(Authorization::Answer(_))));
    flow.code(NOW, &[("scope", "openid")]);
    let needed = consent(flow.authorize(NOW, &[("scope", "openid groups")]).unwrap());
    let new: Vec<_> = needed.scopes.iter().filter(|one| one.new).map(|one| one.scope.as_str()).collect();
    assert_eq!(new, ["groups"]);
    flow.house.idp.grant_consent(&flow.anna(NOW), &resumed(&needed.request)).unwrap();
    flow.code(NOW, &[("scope", "openid groups email")]);
}

#[test]
fn an_app_that_the_admin_trusts_does_not_ask() {
    let flow = Flow::new().trusted();
    flow.code(NOW, &[("scope", "openid email groups offline_access")]);
}

#[test]
fn prompt_consent_asks_even_a_person_who_agreed() {
    let flow = Flow::new().trusted();
    let needed = consent(flow.authorize(NOW, &[("prompt", "consent")]).unwrap());
    let next = flow.house.idp.grant_consent(&flow.anna(NOW), &resumed(&needed.request)).unwrap();
    assert!(matches!(flow.house.idp.authorize(&flow.anna(NOW), &resumed(&next)), Ok(Authorization::Answer(_))));
    let later = after(Span::minutes(1));
    consent(flow.authorize(later, &[("prompt", "consent")]).unwrap());
}

#[test]
fn a_person_who_says_no_is_reported_to_the_app_as_such() {
    let flow = Flow::new();
    let answer = flow.house.idp.refuse_consent(&flow.anna(NOW), &request(&[])).unwrap();
    assert_eq!((answer.get("error"), answer.get("state")), (Some("access_denied"), Some("s1")));
    assert_eq!(flow.house.last_event(), "consent.grant photos refused");
}

#[test]
fn nobody_consents_for_somebody_else() {
    let flow = Flow::new();
    let stranger = Context::anonymous(steady(NOW), Origin::default());
    let refused = flow.house.idp.grant_consent(&stranger, &request(&[]));
    assert!(matches!(refused, Err(OpError::Refused(AuthorizeRefusal::Denied(_)))));
    let bob = flow.house.person("bob", &[]);
    let ctx =
        Context { actor: Actor::Person { account: bob.id, session: SessionNumber(1), fresh: true }, ..flow.anna(NOW) };
    let refused = flow.house.idp.grant_consent(&ctx, &request(&[]));
    assert!(matches!(refused, Err(OpError::Refused(AuthorizeRefusal::NothingToAnswer))));
}

#[test]
fn a_withdrawn_consent_is_asked_for_again() {
    let flow = Flow::new();
    flow.house.idp.grant_consent(&flow.anna(NOW), &request(&[])).unwrap();
    flow.code(NOW, &[]);
    assert_eq!(flow.house.idp.list_consents(&flow.anna(NOW), flow.anna.id).unwrap().len(), 1);
    flow.house.idp.withdraw_consent(&flow.anna(NOW), flow.anna.id, &photos()).unwrap();
    consent(flow.authorize(NOW, &[]).unwrap());
    flow.house.leaves_no_trace(|| flow.house.idp.withdraw_consent(&flow.anna(NOW), flow.anna.id, &photos()));
}

#[test]
fn somebody_outside_the_groups_is_refused_and_it_is_written_down() {
    let flow = Flow::new().trusted();
    flow.house.idp.deny_group(&console(), &photos(), &group("family")).unwrap();
    let answer = flow.answer(NOW, &[]);
    assert_eq!(answer.get("error"), Some("access_denied"));
    assert!(answer.get("error_description").unwrap().contains("none of the groups"));
    assert_eq!(flow.house.last_event(), "app.sign_in photos refused");
}

#[test]
fn a_stronger_sign_in_is_asked_for_where_a_group_demands_it() {
    let flow = Flow::new().trusted();
    flow.session(2, Factors::NONE.with(Factor::Password).with(Factor::Totp), NOW);
    let weak = Context {
        actor: Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true },
        ..flow.anna(NOW)
    };
    assert!(matches!(flow.house.idp.authorize(&weak, &request(&[])), Ok(Authorization::Answer(_))));
    flow.demand("family", Strength::Passkey);
    let needed = sign_in(flow.house.idp.authorize(&weak, &request(&[])).unwrap());
    assert_eq!(needed.reason, SignInReason::Stronger(Strength::Passkey));
}

#[test]
fn a_native_app_comes_back_to_any_port_of_its_device() {
    let flow = Flow::new();
    app(&flow.house, "native", AppKind::Public, "http://127.0.0.1/cb");
    let at = |uri| flow.authorize(NOW, &[("client_id", "native"), ("redirect_uri", uri)]);
    assert!(at("http://127.0.0.1:50123/cb").is_ok());
    page(at("http://127.0.0.1:50123/other"));
    page(at("http://127.0.0.2:50123/cb"));
}

#[test]
fn a_public_app_must_use_pkce_whatever_its_settings_say() {
    let flow = Flow::new();
    app(&flow.house, "native", AppKind::Public, REDIRECT);
    let relaxed = AppAmendment { pkce_required: Some(false), ..AppAmendment::default() };
    flow.house.idp.set_app(&console(), &"native".parse().unwrap(), &relaxed).unwrap();
    assert_eq!(flow.error(&[("client_id", "native"), ("code_challenge", "")]), "invalid_request");
    flow.set(&AppAmendment { consent: Some(ConsentMode::Skip), ..relaxed });
    flow.code(NOW, &[("code_challenge", ""), ("code_challenge_method", "")]);
}

#[test]
fn a_code_for_a_consent_that_was_given_writes_nothing() {
    let flow = Flow::new().trusted();
    let before = flow.house.events().len();
    flow.code(NOW, &[]);
    assert_eq!(flow.house.events().len(), before);
}

#[test]
fn an_extra_scope_is_granted_to_members_of_its_group_only() {
    let flow = Flow::new();
    flow.house.group("printers", &[]);
    flow.house.idp.add_scope(&console(), &photos(), &group("family"), &"photos.write".parse().unwrap()).unwrap();
    flow.house.idp.add_scope(&console(), &photos(), &group("printers"), &"photos.print".parse().unwrap()).unwrap();
    let needed = consent(flow.authorize(NOW, &[("scope", "openid photos.write photos.print nonsense")]).unwrap());
    assert_eq!(needed.scopes.iter().map(|one| one.scope.as_str()).collect::<Vec<_>>(), ["openid", "photos.write"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_parameters_make_the_parser_panic(pairs in prop::collection::vec(("[a-z_]{0,16}", ".{0,40}"), 0..20)) {
        let request = AuthorizationRequest::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let key = AccessTokenKey::new(&[1; 32]);
        let _ = request.wish(true, request.since(&key, NOW));
        let _ = request.resume(Some((&key, NOW)));
    }

    #[test]
    fn a_request_goes_on_as_what_it_was(state in ".{1,40}", scope in "[a-z :/]{1,30}", nonce in "\\PC{1,30}") {
        let changes = [("state", state.as_str()), ("scope", scope.as_str()), ("nonce", nonce.as_str())];
        let original = request(&changes);
        let back = resumed(&original.resume(None));
        prop_assert_eq!(&original.values, &back.values);
        prop_assert_eq!(original.wish(true, None), back.wish(true, None));
    }
}

#[test]
fn an_app_that_sends_a_person_round_and_round_does_not_fill_the_log() {
    let flow = Flow::new().trusted();
    flow.house.idp.deny_group(&console(), &photos(), &group("family")).unwrap();
    let before = flow.house.events().len();
    for _ in 0..120 {
        flow.answer(NOW, &[]);
    }
    assert_eq!(flow.house.events().len(), before + 100);
    flow.answer(after(Span::seconds(10)), &[]);
    assert_eq!(flow.house.events().last().unwrap().detail["unrecorded_before"], 20);
}
