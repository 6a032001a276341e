//! What ends when an app gives a token back.

use domain::time::Span;

use super::*;
use crate::flow::{Flow, REDIRECT, after, app, request};
use crate::house::NOW;
use crate::{AppKind, TokenAnswer};

fn tokens(flow: &Flow) -> TokenAnswer {
    flow.tokens("openid offline_access")
}

fn refresh_token(answer: &TokenAnswer) -> String {
    answer.refresh_token.as_ref().unwrap().expose().clone()
}

fn ended(flow: &Flow, answer: &TokenAnswer) {
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_err());
    assert!(flow.refresh(&refresh_token(answer), NOW).is_err());
}

#[test]
fn a_revoked_token_opens_nothing_and_nor_does_its_family() {
    let flow = Flow::new().trusted();
    for hint in ["access_token", "refresh_token", "saml"] {
        for refresh in [false, true] {
            let answer = tokens(&flow);
            let token = if refresh { refresh_token(&answer) } else { answer.access_token.expose().clone() };
            flow.revoke(&token, NOW, &[("token_type_hint", hint)]).unwrap();
            ended(&flow, &answer);
            assert_eq!(flow.house.last_event(), "token.revoke photos success");
            flow.revoke(&token, NOW, &[]).unwrap();
        }
    }
}

#[test]
fn other_families_stay() {
    let flow = Flow::new().trusted();
    let (one, other) = (tokens(&flow), tokens(&flow));
    flow.revoke(&refresh_token(&one), NOW, &[]).unwrap();
    assert!(flow.userinfo(other.access_token.expose(), NOW).is_ok());
}

#[test]
fn an_old_refresh_token_ends_what_became_of_it() {
    let flow = Flow::new().trusted();
    let first = tokens(&flow);
    let second = flow.refresh(&refresh_token(&first), NOW).unwrap();
    flow.revoke(&refresh_token(&first), after(Span::days(1)), &[]).unwrap();
    ended(&flow, &second);
}

#[test]
fn what_is_unknown_or_over_is_as_ended_as_it_can_be() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    let before = flow.house.events().len();
    for text in ["x", "lk_a_x", "lk_r_x", "....", answer.access_token.expose().get(..60).unwrap()] {
        flow.revoke(text, NOW, &[]).unwrap();
    }
    flow.revoke(answer.access_token.expose(), after(Span::minutes(20)), &[]).unwrap();
    assert_eq!(flow.house.events().len(), before);
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_ok());
}

#[test]
fn nobody_ends_the_tokens_of_another_app() {
    let flow = Flow::new().trusted();
    let other = app(&flow.house, "other", AppKind::Confidential, REDIRECT).unwrap();
    let answer = tokens(&flow);
    for token in [answer.access_token.expose(), &refresh_token(&answer)] {
        let by_other = [("client_id", "other"), ("client_secret", other.as_str())];
        assert_eq!(flow.revoke(token, NOW, &by_other), Err(TokenRefusal::OtherClient));
        assert_eq!(flow.house.last_event(), "token.revoke other refused");
        assert!(matches!(flow.revoke(token, NOW, &[("client_secret", "x")]), Err(TokenRefusal::InvalidClient { .. })));
    }
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_ok());
    assert!(flow.refresh(&refresh_token(&answer), NOW).is_ok());
}

#[test]
fn a_public_app_gives_back_its_own_tokens() {
    let flow = Flow::new().trusted();
    app(&flow.house, "native", AppKind::Public, REDIRECT);
    flow.house.idp.grant_consent(&flow.anna(NOW), &request(&[("client_id", "native")])).unwrap();
    let public = [("client_id", "native"), ("client_secret", "")];
    let code = flow.code(NOW, &[("client_id", "native")]);
    let access = flow.exchange(&code, NOW, &public).unwrap().access_token;
    flow.revoke(access.expose(), NOW, &public).unwrap();
    assert!(flow.userinfo(access.expose(), NOW).is_err());
}

#[test]
fn what_is_no_access_or_refresh_token_is_of_an_unsupported_type() {
    let flow = Flow::new().trusted();
    let answer = tokens(&flow);
    for text in ["lk_s_x", "lk_t_x", "lk_i_x", "lk_c_x", answer.id_token.as_ref().unwrap().expose()] {
        assert_eq!(flow.revoke(text, NOW, &[]), Err(TokenRefusal::UnsupportedTokenType), "{text}");
    }
}
