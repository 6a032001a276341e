//! The authorization endpoint and pushed requests over HTTP: what a browser gets, and what an attacker does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/authenticator.rs"]
mod authenticator;
#[path = "support/flow.rs"]
mod flow;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use authenticator::Authenticator;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::ConsentMode;
use flow::{Flow, REDIRECT, authorize, challenge, change, field, location, parameter, query, usual};
use harness::{Answer, Call, START, Server};
use moving_in::{COOKIE, move_in};
use serde_json::{Value, json};
use service::{AppAmendment, Context};

impl Flow {
    /// Follows an invite; the cookie of the new session.
    fn move_in(&self, link: &str) -> String {
        move_in(&self.server, &mut Authenticator::new(&self.server.issuer), (link, "Somebody"))
    }

    fn push(&self, changes: &[(&str, &str)]) -> Answer {
        let challenge = challenge();
        let mut fields = usual(&challenge);
        change(&mut fields, changes);
        self.server.send(&Call::post("/par").header("Authorization", self.basic()).form(&fields))
    }

    fn pushed(&self, changes: &[(&str, &str)]) -> String {
        let answer = self.push(changes);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["request_uri"].as_str().unwrap().to_owned()
    }

    fn userinfo(&self, tokens: &Value) -> Value {
        self.server.send(&Call::get("/userinfo").bearer(tokens["access_token"].as_str().unwrap())).json()
    }
}

fn by_name(uri: &str) -> String {
    format!("/authorize?{}", query(&[("client_id", "photos"), ("request_uri", uri)]))
}

fn error(answer: &Answer) -> String {
    parameter(location(answer), "error").unwrap_or_else(|| location(answer).to_owned())
}

fn claims(tokens: &Value) -> Value {
    let token = tokens["id_token"].as_str().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn form_action(answer: &Answer) -> &str {
    answer.header("content-security-policy").unwrap().split_once("form-action ").unwrap().1
}

/// Nobody puts it into a frame, keeps it, or learns its address from a link.
fn is_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let referrer = answer.header("referrer-policy").unwrap();
    assert!(matches!(referrer, "same-origin" | "strict-origin"), "{referrer}");
}

#[test]
fn get_and_post_are_equal_in_effect() {
    let flow = Flow::new(ConsentMode::Skip);
    for changes in [vec![], vec![("prompt", "none")], vec![("response_type", "token")], vec![("client_id", "nobody")]] {
        let path = authorize(&changes);
        let call =
            Call::post("/authorize").header("Origin", "https://photos.example.org").header("Accept", "text/html");
        let body = path.split_once('?').unwrap().1;
        let posted = flow.server.send(&call.body("application/x-www-form-urlencoded", body));
        let [posted, got] = [flow.get(location(&posted)), flow.get(&path)];
        assert_eq!(posted.status, got.status, "{changes:?}");
        if got.status == 303 {
            let parts = |answer: &Answer| ["error", "state", "iss"].map(|name| parameter(location(answer), name));
            assert_eq!(parts(&posted), parts(&got), "{changes:?}");
        }
    }
    let long = Call::post("/authorize").form(&[("state", &"x".repeat(7000))]);
    assert_eq!(flow.server.send(&long).status, 400);
    let json = Call::post("/authorize").json(&json!({ "client_id": "photos" }));
    assert_eq!(flow.server.send(&json).status, 415);
}

#[test]
fn unknown_parameters_are_ignored_and_repeated_ones_refused() {
    let flow = Flow::new(ConsentMode::Skip);
    let more = "&frobnicate=1&frobnicate=2&ui_locales=de&claims_locales=de&display=touch";
    assert!(parameter(location(&flow.get(&format!("{}{more}", authorize(&[])))), "code").is_some());
    for name in
        ["state", "scope", "nonce", "response_type", "response_mode", "prompt", "claims", "ui_locales", "display"]
    {
        let answer = flow.get(&format!("{}&{name}=a&{name}=b", authorize(&[])));
        assert_eq!(error(&answer), "invalid_request", "{name}");
    }
    for name in ["client_id", "redirect_uri"] {
        let answer = flow.get(&format!("{}&{name}=photos", authorize(&[])));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{name}");
    }
}

#[test]
fn request_objects_are_refused_and_the_app_is_told() {
    let flow = Flow::new(ConsentMode::Skip);
    for (name, value, expected) in [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://photos.example.org/request.jwt", "request_uri_not_supported"),
        ("request_uri", "urn:example:x", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ] {
        let answer = flow.get(&authorize(&[(name, value)]));
        assert!(location(&answer).starts_with("https://photos.example.org/cb?"), "{name}");
        assert_eq!(error(&answer), expected, "{name}");
        assert_eq!(parameter(location(&answer), "state").as_deref(), Some("s 1&"), "{name}");
    }
}

#[test]
fn an_answer_may_be_posted_by_a_page_that_leads_to_that_one_origin() {
    let flow = Flow::new(ConsentMode::Skip);
    let page = flow.get(&authorize(&[("response_mode", "form_post"), ("state", "\"><script>alert(1)</script>")]));
    assert_eq!((page.status, page.header("location")), (200, None));
    is_guarded(&page);
    assert_eq!(form_action(&page), "https://photos.example.org");
    assert_eq!(page.header("referrer-policy"), Some("strict-origin"), "else the form's origin would be null");
    let text = page.text();
    assert!(text.contains("method=\"post\" action=\"https://photos.example.org/cb\""), "{text}");
    assert!(text.contains("src=\"/static/form_post.js?v="), "{text}");
    assert!(text.contains("<button"), "for who has no scripts");
    assert!(!text.contains("<script>"), "{text}");
    assert_eq!(field(&text, "iss").as_deref(), Some(flow.server.issuer.as_str()));
    assert_eq!(flow.exchange(&field(&text, "code").unwrap(), &[]).status, 200);

    let wrong = flow.get(&authorize(&[("response_mode", "form_post"), ("response_type", "token")]));
    assert_eq!(field(&wrong.text(), "error").as_deref(), Some("unsupported_response_type"));
    assert_eq!(field(&wrong.text(), "state").as_deref(), Some("s 1&"));
    assert_eq!(form_action(&wrong), "https://photos.example.org");
}

#[test]
fn a_no_is_posted_too_where_the_app_wants_it_so() {
    let flow = Flow::new(ConsentMode::Ask);
    let question = flow.get(&authorize(&[("response_mode", "form_post")])).text();
    let fields = [("request", field(&question, "request").unwrap()), ("answer", "deny".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = flow.post("/consent", &fields);
    assert_eq!((answer.status, field(&answer.text(), "error").as_deref()), (200, Some("access_denied")));
}

#[test]
fn an_answer_may_come_in_the_fragment() {
    let flow = Flow::new(ConsentMode::Skip);
    let answer = flow.get(&authorize(&[("response_mode", "fragment")]));
    let url = location(&answer);
    assert!(url.starts_with("https://photos.example.org/cb#code="), "{url}");
    assert_eq!(parameter(url, "iss"), Some(flow.server.issuer.clone()));
    let wrong = flow.get(&authorize(&[("response_mode", "fragment"), ("scope", "\"")]));
    assert!(location(&wrong).starts_with("https://photos.example.org/cb#error=invalid_scope"), "{}", location(&wrong));
    let unknown = flow.get(&authorize(&[("response_mode", "web_message")]));
    assert!(location(&unknown).starts_with("https://photos.example.org/cb?error=invalid_request"));
}

#[test]
fn a_form_is_posted_to_the_web_only() {
    let flow = Flow::new(ConsentMode::Skip);
    let native = "org.example.photos:/cb";
    flow.set(AppAmendment { redirect_uris: Some(vec![native.parse().unwrap()]), ..AppAmendment::default() });
    let answer = flow.get(&authorize(&[("response_mode", "form_post"), ("redirect_uri", native)]));
    assert!(location(&answer).starts_with("org.example.photos:/cb?error=invalid_request"), "{}", location(&answer));
}

#[test]
fn discovery_names_what_the_authorization_endpoint_serves() {
    let server = Server::start();
    let document = server.send(&Call::get("/.well-known/openid-configuration")).json();
    assert_eq!(document["response_modes_supported"], json!(["query", "fragment", "form_post"]));
    assert_eq!(document["claims_parameter_supported"], true);
    assert_eq!(document["request_parameter_supported"], false);
    assert_eq!(document["request_uri_parameter_supported"], false);
    assert_eq!(document["require_pushed_authorization_requests"], false);
    assert_eq!(document["pushed_authorization_request_endpoint"], json!(format!("{}/par", server.issuer)));
}

#[test]
fn claims_asked_for_by_name_are_shown_and_released() {
    let flow = Flow::new(ConsentMode::Ask);
    let wanted = json!({ "id_token": { "email": null }, "userinfo": { "preferred_username": { "essential": true } } });
    let question = flow.get(&authorize(&[("claims", &wanted.to_string())])).text();
    assert!(question.contains("Your mail address") && question.contains("Your name and picture"), "{question}");
    let asked = field(&question, "request").unwrap();
    let next = flow.post("/consent", &[("request", &asked), ("answer", "allow")]);
    let code = parameter(location(&flow.get(location(&next))), "code").unwrap();
    let tokens = flow.exchange(&code, &[]).json();
    assert_eq!(claims(&tokens)["email"], "anna@example.org");
    assert_eq!(claims(&tokens).get("preferred_username"), None);
    let info = flow.userinfo(&tokens);
    assert_eq!((&info["preferred_username"], info.get("email")), (&json!("anna"), None));
}

#[test]
fn a_question_tells_what_is_new_and_where_the_app_explains_itself() {
    let flow = Flow::with(AppAmendment {
        policy_uri: Some(Some("https://photos.example.org/privacy?a=1&b=2".parse().unwrap())),
        terms_uri: Some(Some("https://photos.example.org/terms".parse().unwrap())),
        ..AppAmendment::default()
    });
    let question = flow.get(&authorize(&[])).text();
    assert!(question.contains("It gets") && !question.contains("As before"));
    let rel = "rel=\"noopener noreferrer nofollow\"";
    assert_eq!(question.matches(rel).count(), 2, "{question}");
    let asked = field(&question, "request").unwrap();
    flow.post("/consent", &[("request", &asked), ("answer", "allow")]);
    let more = flow.get(&authorize(&[("scope", "openid groups")])).text();
    let (new, before) = more.split_once("As before").unwrap();
    assert!(new.contains("Your groups") && !new.contains("That it is you"), "{new}");
    assert!(before.contains("That it is you") && !before.contains("Your groups"), "{before}");
}

#[test]
fn an_app_that_means_somebody_else_gets_them_when_who_is_there_has_left() {
    let flow = Flow::new(ConsentMode::Skip);
    let code = parameter(location(&flow.get(&authorize(&[]))), "code").unwrap();
    let hers = flow.exchange(&code, &[]).json()["id_token"].as_str().unwrap().to_owned();
    let link = flow.server.operate(|idp| {
        let (ctx, bob) = (Context::console(harness::steady(START)), "bob".parse().unwrap());
        idp.create_account(&ctx, AccountKind::Person, &bob, &Amendment::default()).unwrap();
        idp.create_invite(&ctx, &bob, None, None).unwrap().url.expose().clone()
    });
    let his = flow.move_in(&link);
    let as_bob = |call: Call| flow.server.send(&call.cookie(COOKIE, &his).header("Accept", "text/html"));
    let request = authorize(&[("id_token_hint", &hers)]);
    let door = as_bob(Call::get(&request));
    assert!(location(&door).starts_with("/choose?next="), "{}", location(&door));
    let page = as_bob(Call::get(location(&door)));
    is_guarded(&page);
    assert!(page.text().contains("Photos expects somebody else"), "{}", page.text());
    let next = field(&page.text(), "next").unwrap();
    let forged = Call::post("/choose").origin("https://evil.example").form(&[("next", &next)]);
    assert_eq!(as_bob(forged).status, 403, "nobody else signs him out");
    assert_eq!(as_bob(Call::get(&request)).header("location"), door.header("location"), "still there");
    let left = as_bob(Call::post("/choose").origin(&flow.server.issuer).form(&[("next", &next)]));
    assert_eq!(left.set_cookie(COOKIE), Some(""));
    let again = flow.stranger(location(&left));
    assert!(location(&again).starts_with("/signin?next="), "{}", location(&again));
    let sign_in = flow.stranger(location(&again)).text();
    assert!(sign_in.contains("value=\"anna\""), "the app may know the name, so the page offers it: {sign_in}");
    let silent = authorize(&[("id_token_hint", &hers), ("prompt", "none")]);
    assert_eq!(error(&flow.stranger(&silent)), "login_required");
}

#[test]
fn who_shall_choose_goes_on_as_themselves_or_leaves() {
    let flow = Flow::new(ConsentMode::Skip);
    flow.server.clock.advance(30);
    let door = flow.get(&authorize(&[("prompt", "select_account")]));
    let page = flow.get(location(&door));
    assert!(page.text().contains("Who goes on to Photos?"), "{}", page.text());
    let text = page.text();
    let rest = text.split_once("href=\"/reauthenticate").unwrap().1.split('"').next().unwrap();
    let proof = flow.get(&format!("/reauthenticate{}", rest.replace("&#38;", "&")));
    assert_eq!(proof.status, 200);
    assert!(proof.text().contains("href=\"/choose?next="), "and may think again");
}

#[test]
fn a_level_that_a_passkey_reaches_is_told_as_it_was_asked_for() {
    let flow = Flow::new(ConsentMode::Skip);
    for (changes, expected) in [
        (("acr_values", "mfa"), "mfa"),
        (("acr_values", "passkey mfa"), "passkey"),
        (("acr_values", "urn:x"), "passkey"),
        (("claims", r#"{"id_token":{"acr":{"essential":true,"values":["any"]}}}"#), "any"),
    ] {
        let code = parameter(location(&flow.get(&authorize(&[changes]))), "code").unwrap();
        assert_eq!(claims(&flow.exchange(&code, &[]).json())["acr"], expected, "{changes:?}");
    }
    let unheard_of = r#"{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}"#;
    assert_eq!(error(&flow.get(&authorize(&[("claims", unheard_of)]))), "unmet_authentication_requirements");
}

#[test]
fn a_pushed_request_goes_through_sign_in_and_consent_over_http() {
    let flow = Flow::new(ConsentMode::Ask);
    let answer = flow.push(&[("scope", "openid email")]);
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")), "{}", answer.text());
    assert_eq!(answer.json()["expires_in"], 90);
    let uri = answer.json()["request_uri"].as_str().unwrap().to_owned();
    let door = flow.stranger(&by_name(&uri));
    let sign_in = flow.stranger(location(&door));
    assert_eq!(form_action(&sign_in), "'self' https://photos.example.org");
    assert!(sign_in.text().contains("Photos"));
    assert!(!sign_in.text().contains("photos.example.org"), "what was pushed stays here");
    assert_eq!(flow.stranger(&by_name(&uri)).status, 400, "the name is good once");
    // She signs in, and her browser goes on.
    let question = flow.get(&parameter(location(&door), "next").unwrap());
    let asked = field(&question.text(), "request").unwrap();
    let next = flow.post("/consent", &[("request", &asked), ("answer", "allow")]);
    let done = flow.get(location(&next));
    assert_eq!(parameter(location(&done), "state").as_deref(), Some("s 1&"));
    let tokens = flow.exchange(&parameter(location(&done), "code").unwrap(), &[]).json();
    assert_eq!(tokens["scope"], "email openid");
    assert_eq!(flow.get(location(&next)).status, 400, "and over with its answer");
}

#[test]
fn what_is_pushed_wrongly_is_refused_as_json() {
    let flow = Flow::new(ConsentMode::Skip);
    for (changes, expected) in [
        (("redirect_uri", "https://evil.example/cb"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (("request", "eyJ"), "request_not_supported"),
        (("code_challenge", ""), "invalid_request"),
    ] {
        let answer = flow.push(&[changes]);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(expected)), "{changes:?}");
    }
    let challenge = challenge();
    let fields = usual(&challenge);
    let twice = [fields.as_slice(), &[("state", "b")]].concat();
    let answer = flow.server.send(&Call::post("/par").header("Authorization", flow.basic()).form(&twice));
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_request")));
    let wrong = Call::post("/par").header("Authorization", format!("Basic {}", STANDARD.encode("photos:x")));
    let answer = flow.server.send(&wrong.form(&fields));
    assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")));
    assert!(answer.header("www-authenticate").is_some());
    assert_eq!(flow.server.send(&Call::post("/par").form(&fields)).status, 401, "a name is no proof");
    assert_eq!(flow.server.send(&Call::post("/par").json(&json!({}))).json()["error"], "invalid_request");
    assert_eq!(flow.server.send(&Call::get("/par")).status, 405);
}

#[test]
fn an_app_that_has_to_push_is_told_so() {
    let flow = Flow::with(AppAmendment {
        par_required: Some(true),
        consent: Some(ConsentMode::Skip),
        ..AppAmendment::default()
    });
    let answer = flow.get(&authorize(&[]));
    assert_eq!(error(&answer), "invalid_request");
    assert!(parameter(location(&answer), "error_description").unwrap().contains("RFC 9126"));
    let changed = format!("{}&scope=openid+email", by_name(&flow.pushed(&[])));
    assert_eq!(error(&flow.get(&changed)), "invalid_request", "pushed, but not this");
    assert!(parameter(location(&flow.get(&by_name(&flow.pushed(&[])))), "code").is_some());
}

#[test]
fn every_answer_names_its_issuer() {
    let flow = Flow::new(ConsentMode::Skip);
    for changes in [
        vec![],
        vec![("response_type", "token")],
        vec![("response_mode", "fragment")],
        vec![("scope", "\"")],
        vec![("prompt", "none"), ("max_age", "0")],
        vec![("request", "x")],
        vec![("code_challenge", "")],
    ] {
        let answer = flow.get(&authorize(&changes));
        assert_eq!(parameter(location(&answer), "iss"), Some(flow.server.issuer.clone()), "{changes:?}");
    }
}

#[test]
fn no_trick_with_a_redirect_uri_leads_anywhere() {
    let flow = Flow::new(ConsentMode::Skip);
    let native = "http://127.0.0.1/cb";
    let registered = vec![REDIRECT.parse().unwrap(), native.parse().unwrap()];
    flow.set(AppAmendment { redirect_uris: Some(registered), ..AppAmendment::default() });
    for trick in [
        "https://photos.example.org@evil.example/cb",
        "https://evil.example@photos.example.org/cb",
        "https://photos.example.org:443/cb",
        "https://photos.example.org:8443/cb",
        "https://photos.example.org./cb",
        "https://photos.example.org.evil.example/cb",
        "https://PHOTOS.example.org/cb",
        "HTTPS://photos.example.org/cb",
        "https://photos.example.org/CB",
        "https://photos.example.org/cb/",
        "https://photos.example.org//cb",
        "https://photos.example.org/cb/../evil",
        "https://photos.example.org/x/%2e%2e/cb",
        "https://photos.example.org/%2e/cb",
        "https://photos.example.org/%63b",
        "https://photos.example.org/cb%00",
        "https://photos.example.org/cb#",
        "https://photos.example.org/cb#code=x",
        "https://photos.example.org/cb?",
        "https://photos.example.org/cb?next=https://evil.example",
        "https://photos.example.org/cb;x",
        "https://photos.example.org\\.evil.example/cb",
        "https:/photos.example.org/cb",
        "https:photos.example.org/cb",
        "//photos.example.org/cb",
        "/cb",
        " https://photos.example.org/cb",
        "https://photos.example.org/cb ",
        "https://photos.example.org/cb\r\nX-Evil: 1",
        "http://photos.example.org/cb",
        "https://ph\u{43e}tos.example.org/cb",
        "https://xn--phtos-fye.example.org/cb",
        "https://photos\u{3002}example.org/cb",
        "http://127.0.0.1:50123/cb",
        "http://localhost/cb",
        "http://[::1]/cb",
        "http://127.1/cb",
        "http://2130706433/cb",
        "http://0/cb",
        "javascript:alert(1)//https://photos.example.org/cb",
        "data:text/html,x",
    ] {
        for mode in ["query", "fragment", "form_post"] {
            let answer = flow.get(&authorize(&[("redirect_uri", trick), ("response_mode", mode)]));
            assert_eq!((answer.status, answer.header("location")), (400, None), "{trick:?}");
            assert!(!answer.text().contains("action=\"http"), "{trick:?}");
            assert_eq!(form_action(&answer), "'self'", "{trick:?}");
            assert_eq!(flow.push(&[("redirect_uri", trick)]).status, 400, "{trick:?}");
        }
    }
    assert!(location(&flow.get(&authorize(&[("redirect_uri", native)]))).starts_with(native));
}

#[test]
fn pages_echo_nothing_that_a_browser_would_run() {
    let flow = Flow::new(ConsentMode::Ask);
    let evil = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";
    let page = |path: &str| {
        let answer = flow.stranger(path);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{path}");
        let text = answer.text();
        assert!(!text.contains("<script>") && !text.contains("<img src=x"), "{path}: {text}");
    };
    for name in ["client_id", "redirect_uri"] {
        page(&authorize(&[(name, evil)]));
    }
    page(&by_name(&format!("urn:ietf:params:oauth:request_uri:{evil}")));
    let door = flow.stranger(&authorize(&[("login_hint", evil), ("state", evil)]));
    page(location(&door));
    let question = flow.get(&authorize(&[("state", evil), ("scope", "openid")])).text();
    assert!(!question.contains("<script>"), "{question}");
}

#[test]
fn no_page_on_the_way_is_framed_kept_or_named_to_others() {
    let flow = Flow::new(ConsentMode::Ask);
    let door = flow.stranger(&authorize(&[]));
    let forms = [("response_mode", "form_post"), ("response_type", "token")];
    for answer in [
        flow.stranger(location(&door)),
        flow.get(&authorize(&[])),
        flow.get(&authorize(&forms)),
        flow.get(&authorize(&[("client_id", "nobody")])),
    ] {
        assert_ne!(answer.status, 303);
        is_guarded(&answer);
    }
    for answer in [door, flow.get(&authorize(&[("response_type", "token")]))] {
        assert_eq!((answer.status, answer.header("cache-control")), (303, Some("no-store")));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    }
}

#[test]
fn after_a_form_the_browser_goes_on_with_a_get() {
    let flow = Flow::new(ConsentMode::Ask);
    let asked = field(&flow.get(&authorize(&[])).text(), "request").unwrap();
    assert_eq!(flow.post("/consent", &[("request", &asked), ("answer", "allow")]).status, 303);
    assert_eq!(flow.post("/consent", &[("request", &asked), ("answer", "deny")]).status, 303);
    assert_eq!(flow.server.send(&Call::post("/authorize").form(&[("client_id", "photos")])).status, 303);
}

#[test]
fn the_code_of_another_browser_is_worth_nothing_in_mine() {
    let flow = Flow::new(ConsentMode::Skip);
    let theirs = parameter(location(&flow.get(&authorize(&[("nonce", "theirs")]))), "code").unwrap();
    // Injected into my browser, the app redeems it with the verifier of my request.
    let mine = "M".repeat(43);
    let refused = flow.exchange(&theirs, &[("code_verifier", &mine)]);
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(flow.exchange(&theirs, &[]).json()["error"], "invalid_grant", "and is spent by that");
    // Without PKCE the nonce tells.
    flow.set(AppAmendment { pkce_required: Some(false), ..AppAmendment::default() });
    let plain = [("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "theirs")];
    let theirs = parameter(location(&flow.get(&authorize(&plain))), "code").unwrap();
    assert_eq!(claims(&flow.exchange(&theirs, &[("code_verifier", "")]).json())["nonce"], "theirs");
}

#[test]
fn pkce_is_downgraded_in_neither_direction() {
    let flow = Flow::new(ConsentMode::Skip);
    let plain = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(error(&flow.get(&authorize(&plain))), "invalid_request", "the challenge was stripped");
    assert_eq!(error(&flow.get(&authorize(&[("code_challenge_method", "plain")]))), "invalid_request");
    assert_eq!(error(&flow.get(&authorize(&[("code_challenge_method", "")]))), "invalid_request");
    let code = parameter(location(&flow.get(&authorize(&[]))), "code").unwrap();
    assert_eq!(flow.exchange(&code, &[("code_verifier", "")]).json()["error"], "invalid_grant", "no verifier");
    flow.set(AppAmendment { pkce_required: Some(false), ..AppAmendment::default() });
    let code = parameter(location(&flow.get(&authorize(&plain))), "code").unwrap();
    assert_eq!(flow.exchange(&code, &[]).json()["error"], "invalid_grant", "a verifier for a code without a challenge");
}
