//! OpenID Connect over HTTP: what an app and a browser see of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/authenticator.rs"]
mod authenticator;
#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/flow.rs"]
mod flow;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::client::ConsentMode;
use flow::{Flow, REDIRECT, VERIFIER, authorize, field, location, parameter};
use harness::{Answer, Call, Server};
use moving_in::COOKIE;
use serde_json::{Value, json};

impl Flow {
    fn code(&self, scope: &str) -> String {
        let answer = self.get(&authorize(&[("scope", scope)]));
        parameter(location(&answer), "code").unwrap()
    }

    fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.server.send(&Call::post("/token").header("Authorization", self.basic()).form(fields))
    }

    fn tokens(&self, scope: &str) -> Value {
        let answer = self.exchange(&self.code(scope), &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

#[test]
fn a_person_signs_in_to_an_app_and_the_app_learns_who_it_is() {
    let flow = Flow::new(ConsentMode::Ask);
    let question = flow.get(&authorize(&[("scope", "openid profile offline_access")]));
    assert_eq!(question.status, 200, "{}", question.text());
    assert!(question.header("content-security-policy").unwrap().contains("https://photos.example.org"));
    let answered =
        flow.post("/consent", &[("request", &field(&question.text(), "request").unwrap()), ("answer", "allow")]);
    let answer = flow.get(location(&answered));
    let url = location(&answer).to_owned();
    assert!(url.starts_with("https://photos.example.org/cb?"), "{url}");
    assert_eq!(parameter(&url, "state").as_deref(), Some("s 1&"));
    assert_eq!(parameter(&url, "iss"), Some(flow.server.issuer.clone()));

    let tokens = flow.exchange(&parameter(&url, "code").unwrap(), &[]);
    assert_eq!(tokens.header("cache-control"), Some("no-store"));
    let tokens = tokens.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    let bearer = tokens["access_token"].as_str().unwrap();
    for call in [Call::get("/userinfo"), Call::post("/userinfo")] {
        let info = flow.server.send(&call.bearer(bearer)).json();
        assert_eq!(info["name"], "Anna Bauer");
        assert_eq!(info["preferred_username"], "anna");
    }
    let posted = flow.server.send(&Call::post("/userinfo").form(&[("access_token", bearer)]));
    assert_eq!(posted.json()["name"], "Anna Bauer");
}

#[test]
fn a_stranger_is_sent_to_the_door_and_back() {
    let flow = Flow::new(ConsentMode::Skip);
    let path = authorize(&[]);
    let answer = flow.server.send(&Call::get(&path).header("Accept", "text/html"));
    let door = location(&answer);
    assert!(door.starts_with("/signin?next="), "{door}");
    let next = parameter(door, "next").unwrap();
    assert!(parameter(location(&flow.get(&next)), "code").is_some());
}

#[test]
fn the_door_leads_only_to_an_app_that_may_be_answered_there() {
    let flow = Flow::new(ConsentMode::Skip);
    let policy = |changes: &[(&str, &str)]| {
        let next = authorize(changes);
        let shown = flow.server.send(&Call::get(door(&next)).header("Accept", "text/html"));
        let wrong = Call::post("/signin/passkey").origin(&flow.server.issuer).header("Accept", "text/html");
        let refused = flow.server.send(&wrong.form(&[("ceremony", "x"), ("credential", "{}"), ("next", &next)]));
        let [shown, refused] =
            [shown, refused].map(|answer| answer.header("content-security-policy").unwrap().to_owned());
        assert_eq!(shown, refused);
        shown.split_once("form-action ").unwrap().1.to_owned()
    };
    assert_eq!(policy(&[]), "'self' https://photos.example.org");
    for wrong in [("redirect_uri", "https://*/"), ("redirect_uri", "https://evil.example/cb"), ("client_id", "nobody")]
    {
        assert_eq!(policy(&[wrong]), "'self'", "{wrong:?}");
    }
}

/// The sign-in page with this behind it.
fn door(next: &str) -> String {
    format!("/signin?{}", form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish())
}

#[test]
fn an_app_that_wants_a_new_proof_leads_to_reauthentication() {
    let flow = Flow::new(ConsentMode::Skip);
    flow.server.clock.advance(30);
    let answer = flow.get(&authorize(&[("prompt", "login")]));
    assert!(location(&answer).starts_with("/reauthenticate?next="), "{}", location(&answer));
}

#[test]
fn a_no_is_told_to_the_app() {
    let flow = Flow::new(ConsentMode::Ask);
    let question = flow.get(&authorize(&[]));
    let answer =
        flow.post("/consent", &[("request", &field(&question.text(), "request").unwrap()), ("answer", "deny")]);
    assert_eq!(parameter(location(&answer), "error").as_deref(), Some("access_denied"));
}

#[test]
fn a_wrong_address_gets_a_page_and_no_redirect() {
    let flow = Flow::new(ConsentMode::Skip);
    for changes in [
        [("redirect_uri", "https://evil.example/cb")],
        [("redirect_uri", "javascript:alert(1)")],
        [("client_id", "nobody")],
    ] {
        let answer = flow.get(&authorize(&changes));
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("location"), None);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        assert!(!answer.text().contains("<script>"));
    }
}

#[test]
fn a_repeated_parameter_is_an_error_that_the_app_hears_of() {
    let flow = Flow::new(ConsentMode::Skip);
    let answer = flow.get(&format!("{}&nonce=n2", authorize(&[])));
    assert_eq!(parameter(location(&answer), "error").as_deref(), Some("invalid_request"));
    assert_eq!(flow.get(&format!("{}&client_id=photos", authorize(&[]))).status, 400, "no redirect for this one");
}

#[test]
fn an_app_may_post_its_request() {
    let flow = Flow::new(ConsentMode::Skip);
    let path = authorize(&[]);
    let query = path.split_once('?').unwrap().1;
    let call = Call::post("/authorize").header("Origin", "https://photos.example.org");
    let answer = flow.server.send(&call.body("application/x-www-form-urlencoded", query));
    assert_eq!(location(&answer), path);
}

#[test]
fn the_answer_to_the_question_comes_from_our_own_page_only() {
    let flow = Flow::new(ConsentMode::Ask);
    let request = authorize(&[]);
    let call = Call::post("/consent").cookie(COOKIE, &flow.cookie).origin("https://evil.example");
    let answer = flow.server.send(&call.form(&[("request", &request), ("answer", "allow")]));
    assert_eq!(answer.status, 403);
    assert_eq!(flow.get(&request).status, 200, "still asked");
}

#[test]
fn replaying_a_code_over_http_revokes_its_tokens() {
    let flow = Flow::new(ConsentMode::Skip);
    let code = flow.code("openid");
    let bearer = flow.exchange(&code, &[]).json()["access_token"].as_str().unwrap().to_owned();
    let again = flow.exchange(&code, &[]);
    assert_eq!((again.status, &again.json()["error"]), (400, &json!("invalid_grant")));
    let answer = flow.server.send(&Call::get("/userinfo").bearer(&bearer));
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
}

#[test]
fn refresh_tokens_rotate_and_reuse_ends_them() {
    let flow = Flow::new(ConsentMode::Skip);
    let first = flow.tokens("openid offline_access");
    let old = first["refresh_token"].as_str().unwrap();
    let refresh = |token: &str| flow.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let second = refresh(old).json();
    let new = second["refresh_token"].as_str().unwrap();
    assert_ne!(old, new);
    flow.server.clock.advance(10);
    assert_eq!(refresh(old).json()["error"], "invalid_grant");
    assert_eq!(refresh(new).json()["error"], "invalid_grant");
}

#[test]
fn signing_out_ends_what_hangs_on_the_session() {
    let flow = Flow::new(ConsentMode::Skip);
    let bearer = flow.tokens("openid")["access_token"].as_str().unwrap().to_owned();
    assert_eq!(flow.post("/signout", &[]).status, 200);
    assert_eq!(flow.server.send(&Call::get("/userinfo").bearer(&bearer)).status, 401);
    assert!(location(&flow.get(&authorize(&[]))).starts_with("/signin"));
}

#[test]
fn a_client_that_does_not_prove_itself_is_told_how() {
    let flow = Flow::new(ConsentMode::Skip);
    let call = Call::post("/token").header("Authorization", format!("Basic {}", STANDARD.encode("photos:wrong")));
    let answer = flow.server.send(&call.form(&[("grant_type", "authorization_code"), ("code", "x")]));
    assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"latchkey\""));
    let fields = [("grant_type", "authorization_code"), ("code", "x"), ("client_id", "photos")];
    let answer = flow.server.send(&Call::post("/token").form(&fields));
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, None));
}

#[test]
fn the_secret_may_come_in_the_form() {
    let flow = Flow::new(ConsentMode::Skip);
    let code = flow.code("openid");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "photos"),
        ("client_secret", flow.secret.as_str()),
    ];
    assert_eq!(flow.server.send(&Call::post("/token").form(&fields)).status, 200);
}

#[test]
fn bad_token_requests_are_named() {
    let flow = Flow::new(ConsentMode::Skip);
    for (fields, error) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "authorization_code")], "invalid_request"),
        (vec![("grant_type", "authorization_code"), ("grant_type", "authorization_code")], "invalid_request"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "lk_r_x")], "invalid_grant"),
        (vec![("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", "short")], "invalid_request"),
    ] {
        let answer = flow.token(&fields);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{fields:?}");
    }
    let wrong_type = flow.server.send(&Call::post("/token").json(&json!({ "grant_type": "authorization_code" })));
    assert_eq!((wrong_type.status, &wrong_type.json()["error"]), (400, &json!("invalid_request")));
    let broken =
        flow.server.send(&Call::post("/token").body("application/x-www-form-urlencoded", b"code=%ff".to_vec()));
    assert_eq!(broken.json()["error"], "invalid_request");
}

#[test]
fn userinfo_without_a_token_names_no_error() {
    let flow = Flow::new(ConsentMode::Skip);
    let answer = flow.server.send(&Call::get("/userinfo"));
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"latchkey\"")));
    let bearer = flow.tokens("openid")["access_token"].as_str().unwrap().to_owned();
    let twice = flow.server.send(&Call::post("/userinfo").bearer(&bearer).form(&[("access_token", &bearer)]));
    assert_eq!(twice.status, 400);
    assert_eq!(
        flow.server.send(&Call::get(format!("/userinfo?access_token={bearer}"))).status,
        401,
        "not in the query"
    );
}

#[test]
fn pages_of_any_origin_may_read_what_is_the_same_for_everybody() {
    let server = Server::start();
    for path in
        ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"]
    {
        let answer = server.send(&Call::get(path));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    assert_eq!(server.send(&Call::get("/authorize")).header("access-control-allow-origin"), None);
}

#[test]
fn every_endpoint_that_discovery_names_is_there() {
    let server = Server::start();
    let document = server.send(&Call::get("/.well-known/openid-configuration")).json();
    assert_eq!(document["issuer"], json!(server.issuer));
    let named =
        document.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    let named: Vec<_> = named.collect();
    assert!(named.len() >= 10, "{named:?}");
    for (name, address) in named {
        let path = address.as_str().unwrap().strip_prefix(&server.issuer).unwrap();
        let get = server.send(&Call::get(path)).status;
        let post = server.send(&Call::post(path)).status;
        assert!(get != 404 && (get != 405 || post != 405), "{name}: GET {get}, POST {post}");
    }
}

#[test]
fn public_keys_only_are_published() {
    let keys = Server::start().send(&Call::get("/.well-known/jwks.json")).json();
    for key in keys["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none());
        }
        assert_eq!(key["use"], "sig");
    }
}
