//! The four providers that speak HTTP.

use std::time::Duration;

use domain::time::Span;
use serde_json::{Value, json};

use super::{Ground, VALUE, choice, round};
use crate::certificate::acme::{AcmeError, AcmeErrorKind};
use crate::testing::fake_http::{Asked, FakeHttp, Said};

const NAME: &str = "_acme-challenge.id.example.org";
const DUCK: &str = "_acme-challenge.house.duckdns.org";

fn cloudflare(asked: &Asked) -> Said {
    let good = |result: Value| Said::json(200, &json!({"success": true, "errors": [], "result": result}));
    match asked.line.as_str() {
        "GET /zones?name=example.org" => good(json!([{"id": "zone1", "name": "example.org"}])),
        line if line.starts_with("GET /zones?name=") => good(json!([])),
        line if line.starts_with("GET /zones/zone1/dns_records?") => good(json!([
            {"id": "old1", "name": NAME, "comment": "latchkey"},
            {"id": "theirs", "name": NAME, "comment": null},
        ])),
        "POST /zones/zone1/dns_records" => good(json!({"id": "record1"})),
        "DELETE /zones/zone1/dns_records/old1" | "DELETE /zones/zone1/dns_records/record1" => good(json!({"id": "x"})),
        line => Said::json(400, &json!({"success": false, "errors": [{"code": 7003, "message": line}]})),
    }
}

/// deSEC, with a set of records that it remembers.
fn desec() -> impl FnMut(&Asked) -> Said {
    let mut records: Vec<Value> = vec![json!("\"of somebody else\"")];
    move |asked| match asked.line.as_str() {
        "GET /domains/?owns_qname=_acme-challenge.id.example.org" => Said::json(200, &json!([{"name": "example.org"}])),
        "GET /domains/example.org/rrsets/_acme-challenge.id/TXT/" => {
            Said::json(200, &json!({"subname": "_acme-challenge.id", "type": "TXT", "ttl": 3600, "records": records}))
        }
        "PUT /domains/example.org/rrsets/" => {
            let sent: Value = serde_json::from_str(&asked.body).unwrap();
            assert_eq!((&sent[0]["subname"], &sent[0]["type"]), (&json!("_acme-challenge.id"), &json!("TXT")));
            assert!(sent[0]["ttl"].as_u64().unwrap() >= 3600, "deSEC takes nothing shorter");
            records = sent[0]["records"].as_array().unwrap().clone();
            Said::json(200, &sent)
        }
        line => Said::json(404, &json!({"detail": line})),
    }
}

fn duckdns(asked: &Asked) -> Said {
    let base = format!("GET /update?domains=house&token=hush&txt={VALUE}");
    let good = asked.line == base || asked.line == format!("{base}&clear=true");
    Said::This(200, vec!["Content-Type: text/html".to_owned()], if good { "OK" } else { "KO" }.into())
}

/// Hetzner, whose changes take a while.
fn hetzner() -> impl FnMut(&Asked) -> Said {
    let mut polls = 0;
    move |asked| match asked.line.as_str() {
        "GET /zones/example.org" => Said::json(200, &json!({"zone": {"id": 4, "name": "example.org"}})),
        "POST /zones/example.org/rrsets/_acme-challenge.id/TXT/actions/add_records"
        | "POST /zones/example.org/rrsets/_acme-challenge.id/TXT/actions/remove_records" => {
            let sent: Value = serde_json::from_str(&asked.body).unwrap();
            assert_eq!(sent["records"][0]["value"], format!("\"{VALUE}\""));
            polls = 0;
            Said::json(201, &json!({"action": {"id": 7, "status": "running", "progress": 0}}))
        }
        "GET /actions/7" => {
            polls += 1;
            let status = if polls < 2 { "running" } else { "success" };
            Said::json(200, &json!({"action": {"id": 7, "status": status}}))
        }
        line => Said::json(404, &json!({"error": {"code": "not_found", "message": line}})),
    }
}

fn lines(fake: &FakeHttp) -> Vec<String> {
    fake.seen().into_iter().map(|asked| asked.line).collect()
}

#[test]
fn cloudflare_makes_and_removes_the_record_and_clears_what_an_interrupted_order_left() {
    let fake = FakeHttp::start(cloudflare);
    let ground = Ground::at(&fake.url("/"));
    round(&choice(json!({"kind": "cloudflare", "token": "hush"})), NAME, &ground.world()).unwrap();
    let seen = fake.seen();
    assert!(seen.iter().all(|asked| asked.authorization == "Bearer hush"));
    let post = seen.iter().find(|asked| asked.line.starts_with("POST")).unwrap();
    let sent: Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!((&sent["name"], &sent["content"]), (&json!(NAME), &json!(format!("\"{VALUE}\""))));
    let removed: Vec<String> = lines(&fake).into_iter().filter(|line| line.starts_with("DELETE")).collect();
    assert_eq!(removed, ["DELETE /zones/zone1/dns_records/old1", "DELETE /zones/zone1/dns_records/record1"]);
}

#[test]
fn desec_keeps_the_records_of_others() {
    let fake = FakeHttp::start(desec());
    let ground = Ground::at(&fake.url("/"));
    round(&choice(json!({"kind": "desec", "token": "hush"})), NAME, &ground.world()).unwrap();
    let puts: Vec<Value> = fake
        .seen()
        .iter()
        .filter(|asked| asked.line.starts_with("PUT"))
        .map(|asked| serde_json::from_str::<Value>(&asked.body).unwrap()[0]["records"].clone())
        .collect();
    let theirs = "\"of somebody else\"";
    assert_eq!(puts, [json!([theirs, format!("\"{VALUE}\"")]), json!([theirs])]);
    assert!(fake.seen().iter().all(|asked| asked.authorization == "Token hush"));
}

#[test]
fn duckdns_sets_and_clears_its_one_record() {
    let fake = FakeHttp::start(duckdns);
    let ground = Ground::at(&fake.url("/"));
    round(&choice(json!({"kind": "duckdns", "token": "hush"})), DUCK, &ground.world()).unwrap();
    assert_eq!(lines(&fake).len(), 2);
}

#[test]
fn hetzner_is_waited_for() {
    let fake = FakeHttp::start(hetzner());
    let ground = Ground::at(&fake.url("/v1"));
    let fake_v1 = FakeHttp::start(hetzner());
    let ground_v1 = Ground::at(&fake_v1.url("/"));
    let hetzner = choice(json!({"kind": "hetzner", "token": "hush"}));
    round(&hetzner, NAME, &ground_v1.world()).unwrap();
    let polls = lines(&fake_v1).iter().filter(|line| *line == "GET /actions/7").count();
    assert_eq!(polls, 4, "two for each change");
    // The version in the address stays in front of all paths.
    assert_eq!(round(&hetzner, NAME, &ground.world()).unwrap_err().kind, AcmeErrorKind::ZoneNotFound);
    assert!(lines(&fake).iter().all(|line| line.starts_with("GET /v1/zones/")));
}

fn all() -> Vec<(&'static str, &'static str)> {
    vec![("cloudflare", NAME), ("desec", NAME), ("duckdns", DUCK), ("hetzner", NAME)]
}

/// What each provider's user is told when every answer is that one.
fn told(said: impl Fn() -> Said + Send + Clone + 'static) -> Vec<AcmeError> {
    let mut told = Vec::new();
    for (kind, at) in all() {
        let said = said.clone();
        let fake = FakeHttp::start(move |_| said());
        let ground = Ground::at(&fake.url("/"));
        let error = round(&choice(json!({"kind": kind, "token": "hush-hush"})), at, &ground.world()).unwrap_err();
        assert!(!error.to_string().contains("hush-hush"), "{error}");
        told.push(error);
    }
    told
}

#[test]
fn a_wrong_token_is_said_to_be_one() {
    for status in [401, 403] {
        for error in told(move || Said::json(status, &json!({"errors": [{"message": "no <b>entry</b>"}]}))) {
            assert_eq!(error.kind, AcmeErrorKind::ProviderRefused);
            let words = error.to_string();
            assert!(words.contains("does not accept the token") && !words.contains("<b>"), "{words}");
        }
    }
}

#[test]
fn a_provider_that_asks_to_wait_is_waited_for() {
    let limited = || Said::This(429, vec!["Retry-After: 77".to_owned()], "{}".into());
    for error in told(limited) {
        assert_eq!((error.kind, error.retry_after), (AcmeErrorKind::RateLimited, Some(Span::seconds(77))));
    }
}

#[test]
fn a_provider_that_is_broken_is_tried_again_later() {
    for error in told(|| Said::json(503, &json!({}))) {
        assert_eq!(error.kind, AcmeErrorKind::ProviderDown, "{error}");
    }
}

#[test]
fn answers_that_make_no_sense_are_errors() {
    for body in ["", "[", "<html>", "\"text\"", "[]", "{\"result\": 3}", "\u{0}"] {
        for error in told(move || Said::This(200, vec![], body.into())) {
            assert!(matches!(error.kind, AcmeErrorKind::ProviderDown | AcmeErrorKind::ZoneNotFound), "{body}: {error}");
        }
    }
}

#[test]
fn a_provider_that_keeps_silent_or_never_ends_does_not_hold_us_up() {
    for (kind, at) in all() {
        let fake = FakeHttp::start(|_| Said::Nothing);
        let ground = Ground::at(&fake.url("/"));
        let mut world = ground.world();
        world.limits.time = Duration::from_millis(200);
        let error = round(&choice(json!({"kind": kind, "token": "hush"})), at, &world).unwrap_err();
        assert_eq!(error.kind, AcmeErrorKind::ProviderDown, "{error}");
    }
    for error in told(|| Said::Endless) {
        assert_eq!(error.kind, AcmeErrorKind::ProviderDown, "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    for error in told(|| Said::This(302, vec!["Location: http://127.0.0.1:9/elsewhere".to_owned()], Vec::new())) {
        assert_eq!(error.kind, AcmeErrorKind::ProviderRefused, "{error}");
    }
}

#[test]
fn a_domain_that_is_not_in_the_account_is_named() {
    let nothing = |asked: &Asked| match asked.line.starts_with("GET /zones?") {
        true => Said::json(200, &json!({"result": []})),
        false => Said::json(404, &json!({})),
    };
    for kind in ["cloudflare", "desec", "hetzner"] {
        for zone in [None, Some("example.org")] {
            let fake = FakeHttp::start(nothing);
            let ground = Ground::at(&fake.url("/"));
            let mut json = json!({"kind": kind, "token": "hush"});
            if let Some(zone) = zone {
                json["zone"] = Value::from(zone);
            }
            let error = round(&choice(json), NAME, &ground.world()).unwrap_err();
            assert_eq!(error.kind, AcmeErrorKind::ZoneNotFound, "{kind}: {error}");
            assert!(error.to_string().contains(NAME), "{error}");
        }
    }
    let duck = round(&choice(json!({"kind": "duckdns", "token": "t"})), NAME, &Ground::nowhere().world()).unwrap_err();
    assert_eq!(duck.kind, AcmeErrorKind::ZoneNotFound);
}

#[test]
fn a_zone_that_does_not_hold_the_name_is_refused() {
    for kind in ["desec", "hetzner"] {
        let json = json!({"kind": kind, "token": "hush", "zone": "other.example"});
        let error = round(&choice(json), NAME, &Ground::nowhere().world()).unwrap_err();
        assert_eq!(error.kind, AcmeErrorKind::ZoneNotFound, "{kind}: {error}");
    }
}

#[test]
fn duckdns_says_ko_to_a_wrong_token() {
    let fake = FakeHttp::start(duckdns);
    let ground = Ground::at(&fake.url("/"));
    let error = round(&choice(json!({"kind": "duckdns", "token": "wrong"})), DUCK, &ground.world()).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::ProviderRefused);
}

#[test]
fn a_change_that_fails_at_hetzner_is_an_error() {
    let fake = FakeHttp::start(|asked| match asked.line.starts_with("GET /zones/") {
        true => Said::json(200, &json!({"zone": {}})),
        false => Said::json(201, &json!({"action": {"id": 7, "status": "error", "error": {"code": "x"}}})),
    });
    let ground = Ground::at(&fake.url("/"));
    let error = round(&choice(json!({"kind": "hetzner", "token": "hush"})), NAME, &ground.world()).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::ProviderRefused, "{error}");
}

#[test]
fn a_number_that_would_lead_elsewhere_is_not_put_into_a_path() {
    let fake = FakeHttp::start(|_| Said::json(200, &json!({"result": [{"id": "../../user", "name": "example.org"}]})));
    let ground = Ground::at(&fake.url("/"));
    let error = round(&choice(json!({"kind": "cloudflare", "token": "hush"})), NAME, &ground.world()).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::ProviderDown);
    assert!(lines(&fake).iter().all(|line| !line.contains("user")));
}
