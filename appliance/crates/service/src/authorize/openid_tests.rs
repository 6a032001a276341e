//! What OpenID Connect adds to the request: claims by name, whom the app means, how strongly they prove it.

use domain::claim::RequestedClaims;
use domain::credential::password::{HashCost, PasswordHash};
use domain::credential::totp::TotpSecret;
use domain::credential::{Credential, StoredCredential};
use domain::id::{CredentialNumber, SessionNumber};
use domain::lockout::Lockout;
use domain::permission::Actor;
use domain::sign_in::{Factor, Factors};
use domain::strength::Strength;
use domain::time::Span;
use serde_json::json;

use super::*;
use crate::flow::{Flow, after, app, photos, request, resumed};
use crate::house::{NOW, console, set, user};
use crate::{AppAmendment, AppKind, TokenRefusal};

const MAIL: &str = r#"{"userinfo": {"email": {"essential": true}}}"#;

fn with_mail() -> Flow {
    let flow = Flow::new();
    let change = set("mail", json!(["anna@example.org"]));
    flow.house.idp.set_account(&console(), domain::account::AccountKind::Person, &user("anna"), &change).unwrap();
    flow
}

fn consent(next: Authorization) -> ConsentNeeded {
    match next {
        Authorization::Consent(needed) => needed,
        Authorization::SignIn(_) | Authorization::Answer(_) => panic!("expected a question, got {next:?}"),
    }
}

fn sign_in(next: Authorization) -> SignInNeeded {
    match next {
        Authorization::SignIn(needed) => needed,
        Authorization::Consent(_) | Authorization::Answer(_) => panic!("expected a sign-in, got {next:?}"),
    }
}

/// Anna in a session of a password only, which is enough for her groups.
fn weak(flow: &Flow) -> Context {
    for group in ["family", "everyone"] {
        flow.demand(group, Strength::Any);
    }
    flow.session(2, Factors::NONE.with(Factor::Password), NOW);
    let actor = Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true };
    Context { actor, ..flow.anna(NOW) }
}

/// Anna has a password and an authenticator app.
fn enrol(flow: &Flow) {
    let hash = PasswordHash { cost: HashCost::CURRENT, salt: vec![0; 16], hash: vec![0; 32] };
    let totp = TotpSecret { secret: vec![0; 20], last_step: 0 };
    for (number, credential) in [(1, Credential::Password(hash)), (2, Credential::Totp(totp))] {
        let stored = StoredCredential {
            account: flow.anna.id,
            number: CredentialNumber(number),
            label: "mine".parse().unwrap(),
            credential,
            lockout: Lockout::cleared(),
            created_at: NOW,
            last_used_at: None,
        };
        flow.write(|op| op.insert_credential(&stored));
    }
}

#[test]
fn a_claim_asked_for_by_name_is_released_where_it_was_asked_for_and_with_consent_only() {
    let flow = with_mail();
    let needed = consent(flow.authorize(NOW, &[("claims", MAIL)]).unwrap());
    assert_eq!(needed.scopes.iter().map(|one| one.scope.as_str()).collect::<Vec<_>>(), ["email", "openid"]);
    flow.house.idp.grant_consent(&flow.anna(NOW), &resumed(&needed.request)).unwrap();
    let tokens = flow.exchange(&flow.code(NOW, &[("claims", MAIL)]), NOW, &[]).unwrap();
    assert_eq!(tokens.scope, "openid", "a claim is no scope");
    assert_eq!(flow.verified(&tokens).get("email"), None);
    let info = flow.userinfo(tokens.access_token.expose(), NOW).unwrap();
    assert_eq!(info["email"], "anna@example.org");
    assert_eq!(info.get("email_verified"), None, "that one was not asked for");
    assert_eq!(info.get("name"), None);
    // A consent to less does not cover it.
    consent(flow.authorize(NOW, &[("claims", r#"{"id_token": {"given_name": null}}"#)]).unwrap());
}

#[test]
fn a_claim_by_name_lives_on_with_the_refresh_token() {
    let flow = with_mail().trusted();
    let claims = r#"{"id_token": {"email": null, "nonsense": null}, "userinfo": {"name": null}}"#;
    let code = flow.code(NOW, &[("claims", claims), ("scope", "openid offline_access")]);
    let first = flow.exchange(&code, NOW, &[]).unwrap();
    assert_eq!(flow.verified(&first)["email"], "anna@example.org");
    let second = flow.refresh(first.refresh_token.unwrap().expose(), NOW).unwrap();
    let token = flow.verified(&second);
    assert_eq!((token["email"].as_str(), token.get("name")), (Some("anna@example.org"), None));
    let info = flow.userinfo(second.access_token.expose(), NOW).unwrap();
    assert_eq!((info.get("email"), info["name"].as_str()), (None, Some("anna")));
}

#[test]
fn without_openid_the_claims_parameter_asks_for_nothing() {
    let flow = with_mail();
    let needed = consent(flow.authorize(NOW, &[("claims", MAIL), ("scope", "profile")]).unwrap());
    assert_eq!(needed.scopes.iter().map(|one| one.scope.as_str()).collect::<Vec<_>>(), ["profile"]);
}

#[test]
fn an_app_that_means_somebody_else_does_not_get_who_is_there() {
    let flow = Flow::new().trusted();
    let bob = flow.house.person("bob", &["family"]);
    let ask = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    let (hers, his) = (ask(&flow.anna.subject.to_string()), ask(&bob.subject.to_string()));
    flow.code(NOW, &[("claims", &hers)]);
    let needed = sign_in(flow.authorize(NOW, &[("claims", &his)]).unwrap());
    assert_eq!(needed.reason, SignInReason::SomebodyElse);
    assert_eq!(needed.login_hint, None, "anybody can write a sub");
    assert_eq!(flow.error(&[("claims", &his), ("prompt", "none")]), "login_required");
}

#[test]
fn a_name_is_not_told_to_an_app_that_may_not_know_it() {
    let flow = Flow::new();
    let bob = flow.house.person("bob", &["family"]);
    let ask = json!({ "id_token": { "sub": { "value": bob.subject.to_string() } } }).to_string();
    assert_eq!(sign_in(flow.authorize(NOW, &[("claims", &ask)]).unwrap()).login_hint, None);
}

#[test]
fn an_id_token_hint_is_one_of_ours_for_this_app_and_may_be_over() {
    let flow = Flow::new().trusted();
    let token = flow.tokens("openid").id_token.unwrap();
    let hint = token.expose().as_str();
    let much_later = after(Span::days(2));
    assert!(flow.answer(much_later, &[("id_token_hint", hint)]).get("code").is_some());
    let (head, signature) = hint.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    let none = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let changed = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for wrong in ["x", "a.b.c", none.as_str(), changed.as_str()] {
        assert_eq!(flow.error(&[("id_token_hint", wrong)]), "invalid_request", "{wrong}");
    }
    let secret = app(&flow.house, "other", AppKind::Public, crate::flow::REDIRECT);
    assert_eq!(secret, None);
    assert_eq!(flow.error(&[("id_token_hint", hint), ("client_id", "other")]), "invalid_request", "another app's");
}

#[test]
fn an_id_token_hint_of_another_person_asks_for_that_one() {
    let flow = Flow::new().trusted();
    let token = flow.tokens("openid").id_token.unwrap();
    let bob = flow.house.person("bob", &["family"]);
    let actor = Actor::Person { account: bob.id, session: SessionNumber(1), fresh: true };
    let his = Context { actor, ..flow.anna(NOW) };
    let ask = |changes: &[(&str, &str)]| flow.house.idp.authorize(&his, &request(changes)).unwrap();
    let needed = sign_in(ask(&[("id_token_hint", token.expose())]));
    assert_eq!((needed.reason, needed.login_hint.as_deref()), (SignInReason::SomebodyElse, Some("anna")));
    let Authorization::Answer(answer) = ask(&[("id_token_hint", token.expose()), ("prompt", "none")]) else {
        panic!("shown something");
    };
    assert_eq!(answer.get("error"), Some("login_required"));
}

#[test]
fn a_hint_that_nobody_can_verify_any_more_leaves_the_choice_to_the_person() {
    let flow = Flow::new().trusted();
    let token = flow.tokens("openid").id_token.unwrap();
    let rotation = crate::Rotation::Emergency;
    flow.house.idp.rotate_signing_key(&console(), domain::client::Algorithm::Es256, rotation).unwrap();
    let needed = sign_in(flow.authorize(NOW, &[("id_token_hint", token.expose())]).unwrap());
    assert_eq!(needed.reason, SignInReason::Choose);
    let silent = [("id_token_hint", token.expose().as_str()), ("prompt", "none")];
    assert_eq!(flow.error(&silent), "account_selection_required");
    // She proves that it is her at that very second.
    assert!(matches!(flow.house.idp.authorize(&flow.anna(NOW), &resumed(&needed.next)), Ok(Authorization::Answer(_))));
}

#[test]
fn select_account_asks_who_goes_on() {
    let flow = Flow::new().trusted();
    let later = after(Span::minutes(1));
    assert_eq!(sign_in(flow.authorize(later, &[("prompt", "select_account")]).unwrap()).reason, SignInReason::Choose);
}

#[test]
fn levels_are_asked_for_once_where_the_app_only_likes_them() {
    let flow = Flow::new().trusted();
    let weak = weak(&flow);
    let ask = |changes: &[(&str, &str)]| flow.house.idp.authorize(&weak, &request(changes)).unwrap();
    assert!(matches!(ask(&[("acr_values", "mfa")]), Authorization::Answer(_)), "she could not");
    enrol(&flow);
    let needed = sign_in(ask(&[("acr_values", "urn:x passkey mfa")]));
    assert_eq!(needed.reason, SignInReason::Stronger(Strength::Mfa));
    let again = flow.house.idp.authorize(&weak, &resumed(&needed.next));
    assert!(matches!(again, Ok(Authorization::Answer(_))), "she was asked, and did it at that very second");
    assert!(matches!(ask(&[("acr_values", "mfa"), ("prompt", "none")]), Authorization::Answer(_)));
    assert!(matches!(ask(&[("acr_values", "urn:x")]), Authorization::Answer(_)));
}

#[test]
fn an_essential_level_is_reached_or_the_sign_in_fails() {
    let flow = Flow::new().trusted();
    let weak = weak(&flow);
    let error = |claims: &str, prompt: &str| match flow
        .house
        .idp
        .authorize(&weak, &request(&[("claims", claims), ("prompt", prompt)]))
        .unwrap()
    {
        Authorization::Answer(answer) => answer.get("error").map(str::to_owned),
        other @ (Authorization::SignIn(_) | Authorization::Consent(_)) => panic!("{other:?}"),
    };
    let mfa = r#"{"id_token": {"acr": {"essential": true, "values": ["mfa"]}}}"#;
    let unheard_of = r#"{"id_token": {"acr": {"essential": true, "value": "urn:x"}}}"#;
    assert_eq!(error(mfa, "").as_deref(), Some("unmet_authentication_requirements"));
    assert_eq!(error(unheard_of, "").as_deref(), Some("unmet_authentication_requirements"));
    enrol(&flow);
    assert_eq!(error(mfa, "none").as_deref(), Some("login_required"));
    let needed = sign_in(flow.house.idp.authorize(&weak, &request(&[("claims", mfa)])).unwrap());
    assert_eq!(needed.reason, SignInReason::Stronger(Strength::Mfa));
    sign_in(flow.house.idp.authorize(&weak, &resumed(&needed.next)).unwrap());
    // In her other session she used a passkey: more than enough, and told as what was asked for.
    let tokens = flow.exchange(&flow.code(NOW, &[("claims", mfa)]), NOW, &[]).unwrap();
    assert_eq!(flow.verified(&tokens)["acr"], "mfa");
    assert_eq!(flow.verified(&flow.tokens("openid"))["acr"], "passkey");
}

#[test]
fn an_app_can_demand_a_stronger_sign_in_than_the_groups_do_also_when_tokens_are_renewed() {
    let flow = Flow::new().trusted();
    let weak = weak(&flow);
    let offline = request(&[("scope", "openid offline_access")]);
    let Authorization::Answer(answer) = flow.house.idp.authorize(&weak, &offline).unwrap() else {
        panic!("expected an answer");
    };
    let tokens = flow.exchange(answer.get("code").unwrap(), NOW, &[]).unwrap();
    flow.set(&AppAmendment { strength: Some(Strength::Mfa), ..AppAmendment::default() });
    let needed = sign_in(flow.house.idp.authorize(&weak, &offline).unwrap());
    assert_eq!(needed.reason, SignInReason::Stronger(Strength::Mfa));
    let refused = flow.refresh(tokens.refresh_token.unwrap().expose(), NOW).unwrap_err();
    assert!(matches!(refused, TokenRefusal::NotAdmitted(NotAdmitted::TooWeak { .. })), "{refused:?}");
    assert!(flow.userinfo(tokens.access_token.expose(), NOW).is_err());
}

#[test]
fn a_thumbprint_of_a_key_goes_with_the_code() {
    let flow = Flow::new().trusted();
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let Authorization::Answer(answer) = flow.authorize(NOW, &[("dpop_jkt", thumbprint)]).unwrap() else {
        panic!("expected an answer");
    };
    let number = domain::id::FamilyNumber(1);
    let crate::codes::Taken::Code(code) = flow.house.idp.oauth.codes.take(answer.get("code").unwrap(), number, NOW)
    else {
        panic!("no code");
    };
    assert_eq!(code.dpop_jkt, domain::secret::Digest::from_text(thumbprint));
    assert_eq!(code.granted.claims, RequestedClaims::default());
    assert_eq!(flow.house.idp.show_app(&console(), &photos()).unwrap().client.name, photos());
}
