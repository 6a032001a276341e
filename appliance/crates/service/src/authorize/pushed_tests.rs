//! What pushed requests promise (RFC 9126).

use domain::time::Span;

use super::*;
use crate::flow::{Flow, REDIRECT, VERIFIER, app, resumed};
use crate::house::NOW;
use crate::moment::steady;
use crate::{AppAmendment, AppKind, Origin, TokenRefusal};

fn challenge() -> String {
    use domain::grant::pkce::{CodeChallenge, CodeVerifier};
    CodeChallenge::of(&CodeVerifier::parse(VERIFIER).unwrap()).to_text()
}

fn stranger(seconds: i64) -> Context {
    let moment = steady(NOW + Span::seconds(seconds));
    Context::anonymous(moment, Origin::default())
}

fn push_at(flow: &Flow, seconds: i64, changes: &[(&str, &str)]) -> Result<PushAnswer, PushRefusal> {
    let challenge = challenge();
    let mut fields = vec![
        ("client_id", "photos"),
        ("client_secret", flow.secret.as_str()),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    fields.extend_from_slice(changes);
    let asked = PushRequest::parse(fields.iter().copied(), None)?;
    flow.house.idp.push(&stranger(seconds), asked).map_err(|error| match error {
        OpError::Refused(refusal) => refusal,
        OpError::Fault(fault) => panic!("{fault}"),
    })
}

fn push(flow: &Flow, changes: &[(&str, &str)]) -> String {
    push_at(flow, 0, changes).unwrap().request_uri
}

fn by_name(client: &str, uri: &str, beside: &[(&str, &str)]) -> AuthorizationRequest {
    let pairs = [("client_id", client), ("request_uri", uri)];
    AuthorizationRequest::from_pairs(pairs.iter().chain(beside).copied())
}

fn gone(result: &Result<Authorization, Refused>) {
    assert!(matches!(result, Err(OpError::Refused(AuthorizeRefusal::PushedRequestGone))), "{result:?}");
}

#[test]
fn a_pushed_request_is_answered_once() {
    let flow = Flow::new().trusted();
    let pushed = push_at(&flow, 0, &[]).unwrap();
    assert!(pushed.request_uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    assert!((60..=90).contains(&pushed.expires_in));
    let ask = || flow.house.idp.authorize(&flow.anna(NOW), &by_name("photos", &pushed.request_uri, &[]));
    let Authorization::Answer(answer) = ask().unwrap() else { panic!("expected an answer") };
    assert_eq!(answer.get("state"), Some("s1"));
    flow.exchange(answer.get("code").unwrap(), NOW, &[]).unwrap();
    gone(&ask());
}

#[test]
fn a_pushed_request_survives_sign_in_and_consent_of_its_browser_and_no_more() {
    let flow = Flow::new();
    let uri = push(&flow, &[("prompt", "consent")]);
    let Authorization::SignIn(needed) = flow.house.idp.authorize(&stranger(0), &by_name("photos", &uri, &[])).unwrap()
    else {
        panic!("expected a sign-in");
    };
    assert!(!needed.next.contains("redirect_uri"), "{}", needed.next);
    assert_eq!(needed.redirect_uri, REDIRECT);
    gone(&flow.house.idp.authorize(&stranger(0), &by_name("photos", &uri, &[])));
    // The pages on the way look at it as often as they like.
    for _ in 0..3 {
        let waiting = flow.house.idp.waiting(&stranger(0), &resumed(&needed.next)).unwrap();
        assert!(matches!(waiting, Some(Authorization::SignIn(_))));
    }
    let Authorization::Consent(asked) = flow.house.idp.authorize(&flow.anna(NOW), &resumed(&needed.next)).unwrap()
    else {
        panic!("expected a question");
    };
    let next = flow.house.idp.grant_consent(&flow.anna(NOW), &resumed(&asked.request)).unwrap();
    let looked = flow.house.idp.waiting(&flow.anna(NOW), &resumed(&next)).unwrap();
    assert_eq!(looked, None, "nothing stands in the way, and nothing was used up");
    assert!(matches!(flow.house.idp.authorize(&flow.anna(NOW), &resumed(&next)), Ok(Authorization::Answer(_))));
    gone(&flow.house.idp.authorize(&flow.anna(NOW), &resumed(&next)));
}

#[test]
fn a_no_ends_a_pushed_request_too() {
    let flow = Flow::new();
    let uri = push(&flow, &[]);
    let Authorization::Consent(asked) =
        flow.house.idp.authorize(&flow.anna(NOW), &by_name("photos", &uri, &[])).unwrap()
    else {
        panic!("expected a question");
    };
    let answer = flow.house.idp.refuse_consent(&flow.anna(NOW), &resumed(&asked.request)).unwrap();
    assert_eq!(answer.get("error"), Some("access_denied"));
    gone(&flow.house.idp.authorize(&flow.anna(NOW), &resumed(&asked.request)));
}

#[test]
fn a_pushed_request_waits_for_its_browser_for_a_minute_and_a_half() {
    let flow = Flow::new();
    let uri = push(&flow, &[]);
    gone(&flow.house.idp.authorize(&stranger(90), &by_name("photos", &uri, &[])));
    let uri = push(&flow, &[]);
    let Authorization::SignIn(needed) = flow.house.idp.authorize(&stranger(89), &by_name("photos", &uri, &[])).unwrap()
    else {
        panic!("expected a sign-in");
    };
    let after = |seconds| flow.house.idp.authorize(&stranger(seconds), &resumed(&needed.next));
    assert!(matches!(after(89 + 899), Ok(Authorization::SignIn(_))));
    gone(&after(89 + 900));
}

#[test]
fn a_pushed_request_belongs_to_its_app_and_cannot_be_changed_on_the_way() {
    let flow = Flow::new().trusted();
    app(&flow.house, "other", AppKind::Public, REDIRECT);
    let uri = push(&flow, &[]);
    gone(&flow.house.idp.authorize(&flow.anna(NOW), &by_name("other", &uri, &[])));
    let same = [("scope", "openid"), ("response_type", "code")];
    let ask = |uri: &str, beside: &[(&str, &str)]| match flow
        .house
        .idp
        .authorize(&flow.anna(NOW), &by_name("photos", uri, beside))
        .unwrap()
    {
        Authorization::Answer(answer) => answer,
        other @ (Authorization::SignIn(_) | Authorization::Consent(_)) => panic!("{other:?}"),
    };
    assert!(ask(&uri, &same).get("code").is_some(), "the wrong app did not use it up");
    for beside in [
        ("scope", "openid email"),
        ("state", "s2"),
        ("nonce", "n"),
        ("prompt", "none"),
        ("redirect_uri", "https://evil.example/cb"),
        ("response_mode", "fragment"),
        ("request", "eyJ"),
    ] {
        let answer = ask(&push(&flow, &[]), &[beside]);
        assert!(answer.location().starts_with("https://photos.example.org/cb?"), "{beside:?}");
        let expected = if beside.0 == "request" { "request_not_supported" } else { "invalid_request" };
        assert_eq!((answer.get("error"), answer.get("state")), (Some(expected), Some("s1")), "{beside:?}");
    }
    gone(&flow.house.idp.authorize(&flow.anna(NOW), &by_name("photos", &format!("{uri}x"), &[])));
    let pairs = [("client_id", "photos"), ("lk_pushed", uri.strip_prefix(pushed::URN).unwrap())];
    gone(&flow.house.idp.authorize(&flow.anna(NOW), &AuthorizationRequest::from_pairs(pairs)));
}

#[test]
fn what_is_pushed_is_checked_as_at_the_authorization_endpoint() {
    let flow = Flow::new();
    for (changes, expected) in [
        (("redirect_uri", "https://evil.example/cb"), ErrorCode::InvalidRequest),
        (("redirect_uri", ""), ErrorCode::InvalidRequest),
        (("response_type", "token"), ErrorCode::UnsupportedResponseType),
        (("scope", "a\"b"), ErrorCode::InvalidScope),
        (("code_challenge", ""), ErrorCode::InvalidRequest),
        (("claims", "["), ErrorCode::InvalidRequest),
        (("request", "eyJ"), ErrorCode::RequestNotSupported),
        (("request_uri", "https://photos.example.org/r"), ErrorCode::InvalidRequest),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), ErrorCode::InvalidRequest),
        (("nonce", "x".repeat(9000).as_str()), ErrorCode::InvalidRequest),
    ] {
        let refusal = push_at(&flow, 0, &[changes]).unwrap_err();
        assert!(matches!(&refusal, PushRefusal::Request(code, _) if *code == expected), "{changes:?} {refusal:?}");
    }
    push(&flow, &[("nonce", "x".repeat(5000).as_str())]);
}

#[test]
fn only_an_app_that_proves_itself_pushes() {
    let flow = Flow::new();
    for wrong in [("client_secret", "wrong"), ("client_secret", ""), ("client_id", "nobody"), ("client_id", "")] {
        let refusal = push_at(&flow, 0, &[wrong]).unwrap_err();
        let expected = PushRefusal::Client(TokenRefusal::InvalidClient { basic: false });
        assert_eq!(refusal, expected, "{wrong:?}");
    }
}

#[test]
fn an_app_that_has_to_push_is_refused_otherwise() {
    let flow = Flow::new().trusted();
    flow.set(&AppAmendment { par_required: Some(true), ..AppAmendment::default() });
    assert_eq!(flow.error(&[]), "invalid_request");
    let uri = push(&flow, &[]);
    let answer = flow.house.idp.authorize(&flow.anna(NOW), &by_name("photos", &uri, &[])).unwrap();
    assert!(matches!(answer, Authorization::Answer(answer) if answer.get("code").is_some()));
}

#[test]
fn nothing_of_ours_can_be_pushed() {
    let flow = Flow::new().trusted();
    let sealed = match flow.authorize(NOW, &[("prompt", "login"), ("max_age", "0")]).unwrap() {
        Authorization::SignIn(needed) => resumed(&needed.next).get("lk_since").unwrap().to_owned(),
        other @ (Authorization::Consent(_) | Authorization::Answer(_)) => panic!("{other:?}"),
    };
    let uri = push(&flow, &[("lk_since", &sealed), ("lk_trial", "x"), ("lk_pushed", "x"), ("prompt", "login")]);
    let next = flow.house.idp.authorize(&flow.anna(NOW), &by_name("photos", &uri, &[])).unwrap();
    assert!(matches!(next, Authorization::SignIn(_)), "{next:?}");
}

#[test]
fn a_stranger_who_pushes_for_a_public_app_does_not_push_out_those_of_other_networks() {
    let flow = Flow::new().trusted();
    app(&flow.house, "phone", AppKind::Public, REDIRECT);
    let from = |address: &str| {
        let mut context = stranger(0);
        context.origin.address = Some(address.parse().unwrap());
        let challenge = challenge();
        let fields = [
            ("client_id", "phone"),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let asked = PushRequest::parse(fields.into_iter(), None).unwrap();
        flow.house.idp.push(&context, asked).unwrap().request_uri
    };
    let mine = from("192.0.2.1");
    for n in 0..100 {
        from(&format!("2001:db8::{n:x}"));
    }
    let next = flow.house.idp.authorize(&flow.anna(NOW), &by_name("phone", &mine, &[])).unwrap();
    assert!(!matches!(next, Authorization::SignIn(_)), "{next:?}");
}

#[test]
fn one_app_cannot_push_out_the_requests_of_others_and_all_are_bounded() {
    let flow = Flow::new().trusted();
    app(&flow.house, "greedy", AppKind::Public, REDIRECT);
    let mine = push(&flow, &[]);
    for _ in 0..300 {
        push(&flow, &[("client_id", "greedy"), ("client_secret", "")]);
    }
    assert!(flow.house.idp.oauth.pushed.len() <= 65);
    let answer = flow.house.idp.authorize(&flow.anna(NOW), &by_name("photos", &mine, &[]));
    assert!(matches!(answer, Ok(Authorization::Answer(_))));
}
