//! What an app is told about tokens.

use domain::amend::Amendment;
use domain::claim::{Combine, Placement};
use domain::grant::refresh_token::TokenFamily;
use domain::secret::Digest;
use domain::time::Span;
use serde_json::json;

use super::*;
use crate::flow::{Flow, REDIRECT, after, app, photos, request};
use crate::house::{NOW, console, group, user};
use crate::{AppKind, ClaimRuleView, Member, TokenAnswer};

fn tokens(flow: &Flow) -> TokenAnswer {
    flow.tokens("openid email offline_access")
}

fn refresh_token(answer: &TokenAnswer) -> String {
    answer.refresh_token.as_ref().unwrap().expose().clone()
}

fn inactive(said: Map<String, Value>) {
    assert_eq!(Value::from(said), json!({ "active": false }), "and nothing more");
}

#[test]
fn an_app_is_told_about_its_own_tokens() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    let said = flow.introspect(answer.access_token.expose(), after(Span::seconds(5)), &[]).unwrap();
    let sub = flow.anna.subject.to_string();
    assert_eq!(
        Value::from(said),
        json!({
            "active": true, "scope": "email offline_access openid", "client_id": "photos", "username": "anna",
            "token_type": "Bearer", "iat": NOW.unix(), "exp": NOW.unix() + 900, "sub": sub, "aud": ["photos", "https://id.example.org"],
            "iss": "https://id.example.org", "auth_time": NOW.unix(), "acr": "passkey",
        })
    );
    let said = flow.introspect(&refresh_token(&answer), NOW, &[("token_type_hint", "access_token")]).unwrap();
    assert_eq!((&said["active"], said.get("token_type")), (&json!(true), None));
    assert_eq!(said["exp"], json!(NOW.unix() + 30 * 86_400));
}

#[test]
fn what_is_not_good_is_answered_alike_whatever_the_reason() {
    let flow = Flow::new().trusted();
    let other = app(&flow.house, "other", AppKind::Confidential, REDIRECT).unwrap();
    let answer = tokens(&flow);
    let (access, old) = (answer.access_token.expose().clone(), refresh_token(&answer));
    let by_other = [("client_id", "other"), ("client_secret", other.as_str())];
    for text in [access.as_str(), &old] {
        inactive(flow.introspect(text, NOW, &by_other).unwrap());
    }
    for text in ["x", "lk_a_", "lk_r_x", &access[..40], "a.b.c", answer.id_token.as_ref().unwrap().expose()] {
        inactive(flow.introspect(text, NOW, &[]).unwrap());
    }
    inactive(flow.introspect(&access, after(Span::seconds(900)), &[]).unwrap());
    flow.refresh(&old, NOW).unwrap();
    inactive(flow.introspect(&old, NOW, &[]).unwrap());
    assert_eq!(flow.introspect(&access, NOW, &[]).unwrap()["active"], true, "asking ends nothing");
    flow.house.idp.remove_member(&console(), &group("family"), &Member::Account(user("anna"))).unwrap();
    inactive(flow.introspect(&access, NOW, &[]).unwrap());
}

#[test]
fn tokens_of_a_locked_or_deleted_person_are_not_active() {
    use domain::account::AccountKind::Person;
    let flow = Flow::new().trusted();
    let lock = |locked| Amendment { locked: Some(locked), ..Amendment::default() };
    let access = tokens(&flow).access_token;
    flow.house.idp.set_account(&console(), Person, &user("anna"), &lock(true)).unwrap();
    inactive(flow.introspect(access.expose(), NOW, &[]).unwrap());
    flow.house.idp.set_account(&console(), Person, &user("anna"), &lock(false)).unwrap();
    inactive(flow.introspect(access.expose(), NOW, &[]).unwrap());
    let flow = Flow::new().trusted();
    let access = tokens(&flow).access_token;
    flow.house.idp.delete_account(&console(), Person, &user("anna")).unwrap();
    inactive(flow.introspect(access.expose(), NOW, &[]).unwrap());
}

#[test]
fn a_client_that_does_not_prove_itself_is_told_nothing() {
    let flow = Flow::new().trusted();
    app(&flow.house, "native", AppKind::Public, REDIRECT);
    flow.house.idp.grant_consent(&flow.anna(NOW), &request(&[("client_id", "native")])).unwrap();
    let public = [("client_id", "native"), ("client_secret", "")];
    let code = flow.code(NOW, &[("client_id", "native")]);
    let access = flow.exchange(&code, NOW, &public).unwrap().access_token;
    assert_eq!(flow.introspect(access.expose(), NOW, &public), Err(TokenRefusal::PublicClient));
    for wrong in [[("client_secret", "x")], [("client_id", "nobody")]] {
        let refused = flow.introspect(access.expose(), NOW, &wrong);
        assert_eq!(refused, Err(TokenRefusal::InvalidClient { basic: false }));
    }
}

#[test]
fn custom_claims_for_userinfo_are_told_and_cannot_replace_the_answer() {
    let flow = Flow::new().trusted();
    for (name, placement) in [
        ("role", Placement::Both),
        ("hidden", Placement::IdToken),
        ("active", Placement::Both),
        ("token_type", Placement::Both),
    ] {
        let rule = ClaimRuleView {
            name: name.parse().unwrap(),
            combine: Combine::First,
            placement,
            attribute: None,
            values: vec![(group("family"), json!("admin"))],
        };
        flow.house.idp.set_claim(&console(), &photos(), &rule).unwrap();
    }
    let said = flow.introspect(tokens(&flow).access_token.expose(), NOW, &[]).unwrap();
    assert_eq!((&said["role"], said.get("hidden")), (&json!("admin"), None));
    assert_eq!((&said["active"], &said["token_type"]), (&json!(true), &json!("Bearer")));
    assert!(!said.contains_key("email"), "what scopes bring is for userinfo");
}

#[test]
fn a_token_that_is_bound_says_to_which_key() {
    let flow = Flow::new().trusted();
    let access = tokens(&flow).access_token;
    bind(&flow, Digest::of(b"key"));
    let said = flow.introspect(access.expose(), NOW, &[]).unwrap();
    assert_eq!(said["token_type"], "DPoP");
    assert_eq!(said["cnf"], confirmation(&Digest::of(b"key")));
}

/// Binds Anna's one family to that key.
fn bind(flow: &Flow, key: Digest) {
    flow.write(|op| {
        let family = op.token_families(flow.anna.id)?.remove(0);
        op.delete_token_family(flow.anna.id, family.number)?;
        op.insert_token_family(&TokenFamily { bound_to: Some(key), ..family })
    });
}

#[test]
fn introspection_writes_nothing() {
    let flow = Flow::new().trusted();
    let access = tokens(&flow).access_token;
    let before = flow.house.events().len();
    flow.introspect(access.expose(), NOW, &[]).unwrap();
    flow.introspect("lk_a_x", NOW, &[]).unwrap();
    flow.introspect("x", NOW, &[("client_secret", "wrong")]).unwrap_err();
    assert_eq!(flow.house.events().len(), before);
}
