//! Apps that ask for themselves (RFC 6749 section 4.4), and service accounts that bring their own API tokens (RFC 8693), over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "support/at_an_app.rs"]
#[expect(dead_code, unreachable_pub, reason = "each test file uses its own part")]
mod at_an_app;
#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/authenticator.rs"]
mod authenticator;
#[expect(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#[path = "support/client_key.rs"]
mod client_key;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use at_an_app::{AtAnApp, error};
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::time::Span;
use harness::{Answer, Call, START};
use serde_json::{Value, json};
use service::{AppAmendment, Context, Idp};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// There is a service account `robot` in the group `machines`, which has a scope of its own at `photos`.
fn with_robot() -> AtAnApp {
    let house = AtAnApp::new();
    house.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        let (robot, machines) = ("robot".parse().unwrap(), "machines".parse().unwrap());
        idp.create_account(&ctx, AccountKind::Service, &robot, &Amendment::default()).unwrap();
        idp.create_group(&ctx, &machines, &service::GroupAmendment::default()).unwrap();
        idp.add_member(&ctx, &machines, &service::Member::Account(robot.clone())).unwrap();
        idp.add_scope(&ctx, &"photos".parse().unwrap(), &machines, &"albums:write".parse().unwrap()).unwrap();
    });
    house
}

/// The same, and `photos` acts as `robot`.
fn acting() -> AtAnApp {
    let house = with_robot();
    let robot = Some(Some("robot".parse().unwrap()));
    house.set("photos", AppAmendment { acts_as: robot, ..AppAmendment::default() });
    house
}

/// The same, and `photos` takes the tokens of service accounts in `machines`; with such a token.
fn called() -> (AtAnApp, String) {
    let house = with_robot();
    house.set("photos", AppAmendment { service_accounts: Some(true), ..AppAmendment::default() });
    let token = house.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        let (photos, machines) = ("photos".parse().unwrap(), "machines".parse().unwrap());
        idp.allow_group(&ctx, &photos, &machines).unwrap();
        api_token(idp, None)
    });
    (house, token)
}

fn api_token(idp: &Idp, lifetime: Option<Span>) -> String {
    let ctx = Context::console(harness::steady(START));
    let made = idp.create_api_token(&ctx, &"robot".parse().unwrap(), &"job".parse().unwrap(), lifetime).unwrap();
    made.token.expose().clone()
}

/// The exchange with that done to its fields: an empty value takes one away.
fn exchanged(house: &AtAnApp, token: &str, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "photos"),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    fields.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    house.token(&fields, &[])
}

/// What `photos` is told about the token.
fn introspected(house: &AtAnApp, token: &str) -> Value {
    let ask = Call::post("/introspect").form(&[("token", token)]).header("Authorization", house.basic());
    house.server.send(&ask).json()
}

fn text(answer: &Answer, name: &str) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()[name].as_str().unwrap().to_owned()
}

fn for_itself(house: &AtAnApp, scope: &str) -> Answer {
    let basic = house.basic();
    house.token(&[("grant_type", "client_credentials"), ("scope", scope)], &[("Authorization", &basic)])
}

#[test]
fn an_app_asks_for_itself_as_a_service_account() {
    let house = acting();
    let answer = for_itself(&house, "").json();
    assert_eq!(answer["scope"], "albums:write email groups profile");
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    assert_eq!(for_itself(&house, "albums:write openid offline_access other").json()["scope"], "albums:write");
    assert_eq!(error(&for_itself(&house, "openid")), (400, "invalid_scope".to_owned()));
    let token = answer["access_token"].as_str().unwrap();
    let info = house.server.send(&Call::get("/userinfo").bearer(token));
    assert_eq!(info.status, 403, "userinfo is about a person who signed in");
    let last = house.server.send(&Call::get("/api/v1/audit").on_console()).text();
    assert!(last.contains("app.act") && last.contains("robot"), "{last}");
}

#[test]
fn only_an_app_that_acts_as_somebody_and_proves_itself_asks_for_itself() {
    let house = AtAnApp::new();
    assert_eq!(error(&for_itself(&house, "")), (400, "unauthorized_client".to_owned()));
    let public = [("grant_type", "client_credentials"), ("client_id", "phone")];
    assert_eq!(error(&house.token(&public, &[])), (400, "unauthorized_client".to_owned()));
    let wrong = [public[0], ("client_id", "photos"), ("client_secret", "x")];
    assert_eq!(error(&house.token(&wrong, &[])), (401, "invalid_client".to_owned()));
}

#[test]
fn a_locked_or_deleted_service_account_ends_what_the_app_holds() {
    let house = acting();
    let status = |token: &str| house.server.send(&Call::get("/userinfo").bearer(token)).status;
    let token = for_itself(&house, "").json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status(&token), 403, "good, but not for this");
    let robot = |locked| {
        let change = Amendment { locked: Some(locked), ..Amendment::default() };
        house.server.operate(move |idp| {
            let ctx = Context::console(harness::steady(START));
            idp.set_account(&ctx, AccountKind::Service, &"robot".parse().unwrap(), &change).unwrap();
        });
    };
    robot(true);
    assert_eq!(status(&token), 401);
    assert_eq!(error(&for_itself(&house, "")), (400, "unauthorized_client".to_owned()));
    robot(false);
    let token = for_itself(&house, "").json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status(&token), 403);
    house.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        idp.delete_account(&ctx, AccountKind::Service, &"robot".parse().unwrap()).unwrap();
    });
    assert_eq!(status(&token), 401);
    assert_eq!(error(&for_itself(&house, "")), (400, "unauthorized_client".to_owned()));
}

#[test]
fn a_service_account_exchanges_its_api_token_for_one_of_an_app() {
    let (house, token) = called();
    let answer = exchanged(&house, &token, &[("scope", "albums:write openid other"), ("audience", "photos")]);
    let issued = text(&answer, "access_token");
    let said = answer.json();
    assert_eq!((&said["issued_token_type"], &said["token_type"]), (&json!(ACCESS_TOKEN), &json!("Bearer")));
    assert_eq!((&said["scope"], &said["expires_in"]), (&json!("albums:write"), &json!(900)));
    assert!(said.get("refresh_token").is_none() && said.get("id_token").is_none());
    let told = introspected(&house, &issued);
    assert_eq!(
        (&told["active"], &told["username"], &told["client_id"]),
        (&json!(true), &json!("robot"), &json!("photos"))
    );
    let audit = house.server.send(&Call::get("/api/v1/audit").on_console()).text();
    assert!(audit.contains("app.act") && !audit.contains(&token) && !audit.contains(&issued));
}

#[test]
fn an_api_token_stands_in_the_place_of_the_secret_where_only_client_credentials_are_known() {
    let (house, token) = called();
    let ask = |secret: &str| {
        house.token(&[("grant_type", "client_credentials"), ("client_id", "photos"), ("client_secret", secret)], &[])
    };
    let answer = ask(&token);
    assert_eq!(text(&answer, "scope"), "albums:write email groups profile");
    assert!(answer.json().get("issued_token_type").is_none());
    let other = format!("{}A", &token[..token.len() - 1]);
    for wrong in [&*other, "lk_t_", "lk_t_x"] {
        assert_eq!(error(&ask(wrong)), (401, "invalid_client".to_owned()), "{wrong}");
    }
    // It is no secret of the app's at the other grants and endpoints.
    let code = house.code("photos", "openid");
    let mut fields = at_an_app::exchange(&code);
    fields.extend([("client_id", "photos"), ("client_secret", &token)]);
    assert_eq!(error(&house.token(&fields, &[])), (401, "invalid_client".to_owned()));
    let introspect = [("client_id", "photos"), ("client_secret", &*token), ("token", "x")];
    assert_eq!(house.server.send(&Call::post("/introspect").form(&introspect)).status, 401);
}

#[test]
fn an_exchange_that_asks_for_something_else_is_refused_by_the_name_of_what_is_wrong() {
    let (house, token) = called();
    for (changes, code) in [
        (vec![("subject_token", "")], "invalid_client"),
        (vec![("subject_token_type", "")], "invalid_request"),
        (vec![("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")], "invalid_request"),
        (vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
        (vec![("actor_token", "x")], "invalid_request"),
        (vec![("audience", "phone")], "invalid_target"),
        (vec![("resource", "https://photos.example")], "invalid_target"),
        (vec![("scope", "openid")], "invalid_scope"),
        (vec![("client_id", "nobody")], "invalid_client"),
        // Who has no token learns nothing of the apps here.
        (vec![("client_id", "nobody"), ("subject_token", "lk_t_x")], "invalid_request"),
        (vec![("client_id", "photos"), ("subject_token", "lk_t_x")], "invalid_request"),
        (vec![("client_secret", "wrong")], "invalid_client"),
    ] {
        let (status, said) = error(&exchanged(&house, &token, &changes));
        assert_eq!(said, code, "{changes:?}");
        assert_eq!(status, if code == "invalid_client" { 401 } else { 400 }, "{changes:?}");
    }
    for bad in ["x", "lk_t_", "eyJhbGciOiJub25lIn0.e30.", &"y".repeat(8192)] {
        assert_eq!(error(&exchanged(&house, bad, &[])), (400, "invalid_request".to_owned()), "{bad}");
    }
    // A person's token at one app opens no other.
    let code = house.code("photos", "openid");
    let basic = house.basic();
    let person = text(&house.token(&at_an_app::exchange(&code), &[("Authorization", &basic)]), "access_token");
    assert_eq!(error(&exchanged(&house, &person, &[])), (400, "invalid_request".to_owned()));
    assert_eq!(error(&exchanged(&house, &house.secret, &[])), (400, "invalid_request".to_owned()));
}

#[test]
fn only_what_an_admin_allowed_is_exchanged() {
    let (house, token) = called();
    let console = || Context::console(harness::steady(START));
    let refused = || error(&exchanged(&house, &token, &[])).1;
    let access = text(&exchanged(&house, &token, &[]), "access_token");
    let good = || introspected(&house, &access)["active"] == true;
    assert!(good());

    house.set("photos", AppAmendment { service_accounts: Some(false), ..AppAmendment::default() });
    assert!(refused() == "unauthorized_client" && !good());
    house.set("photos", AppAmendment { service_accounts: Some(true), ..AppAmendment::default() });
    assert!(good());
    let (photos, machines) = ("photos".parse().unwrap(), "machines".parse().unwrap());
    house.server.operate(move |idp| idp.deny_group(&console(), &photos, &machines)).unwrap();
    assert!(refused() == "unauthorized_client" && !good());
    // Another app that takes them lets the account in only when its groups do.
    let answer = exchanged(&house, &token, &[("client_id", "phone")]);
    assert_eq!(error(&answer).1, "unauthorized_client");
    assert!(answer.text().contains("latchkey app set NAME --service-accounts true"), "{}", answer.text());
}

#[test]
fn what_the_app_acts_as_is_let_in_by_its_groups_as_any_other() {
    let (house, token) = called();
    let (photos, machines) = ("photos".parse().unwrap(), "machines".parse().unwrap());
    let robot = Some(Some("robot".parse().unwrap()));
    house.set("photos", AppAmendment { acts_as: robot, ..AppAmendment::default() });
    house.server.operate(move |idp| {
        idp.deny_group(&Context::console(harness::steady(START)), &photos, &machines).unwrap();
    });
    assert_eq!(error(&exchanged(&house, &token, &[])).1, "unauthorized_client");
    let audit = house.server.send(&Call::get("/api/v1/audit").on_console()).text();
    assert!(audit.contains("\"account\":\"robot\""), "{audit}");
    assert_eq!(for_itself(&house, "").status, 200);
}

#[test]
fn a_scope_ends_with_the_group_that_brings_it() {
    let (house, token) = called();
    let access = text(&exchanged(&house, &token, &[("scope", "albums:write email")]), "access_token");
    assert_eq!(introspected(&house, &access)["scope"], "albums:write email");
    house.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        let (photos, machines) = ("photos".parse().unwrap(), "machines".parse().unwrap());
        idp.remove_scope(&ctx, &photos, &machines, &"albums:write".parse().unwrap()).unwrap();
    });
    assert_eq!(introspected(&house, &access)["scope"], "email");
}

#[test]
fn what_was_exchanged_ends_with_the_api_token() {
    let (house, token) = called();
    let active = |access: &str| introspected(&house, access)["active"] == true;
    let short = house.server.operate(|idp| api_token(idp, Some(Span::minutes(2))));
    let brief = exchanged(&house, &short, &[]);
    assert_eq!(brief.json()["expires_in"], 120);
    let access = text(&exchanged(&house, &token, &[]), "access_token");
    assert!(active(&access));
    house.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        let robot = "robot".parse().unwrap();
        for made in idp.list_api_tokens(&ctx, &robot).unwrap() {
            idp.revoke_api_token(&ctx, &robot, made.number).unwrap();
        }
    });
    assert!(!active(&access) && !active(&text(&brief, "access_token")));
    assert_eq!(error(&exchanged(&house, &token, &[])), (400, "invalid_request".to_owned()));
}
