//! Dynamic client registration over HTTP (RFC 7591, RFC 7592).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use harness::{Answer, Call, START, Server};
use serde_json::{Value, json};
use service::{AppAmendment, Context};

/// A house, and a token by which two apps register themselves.
struct House {
    server: Server,
    token: String,
}

impl House {
    fn new() -> Self {
        let server = Server::start();
        let token = server.operate(move |idp| {
            let ctx = Context::console(harness::steady(START));
            let made = idp.create_registration_token(&ctx, &"everyone".parse().unwrap(), 2, None).unwrap();
            made.token.expose().clone()
        });
        Self { server, token }
    }

    fn register(&self, said: &Value) -> Answer {
        self.server.send(&Call::post("/register").bearer(&self.token).json(said))
    }

    fn registered(&self) -> Value {
        let answer = self.register(&said());
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    fn call(&self, method: &'static str, known: &Value) -> Call {
        let path = known["registration_client_uri"].as_str().unwrap().strip_prefix(&self.server.issuer).unwrap();
        Call::new(method, path).bearer(known["registration_access_token"].as_str().unwrap())
    }
}

fn said() -> Value {
    json!({
        "client_name": "Album",
        "redirect_uris": ["https://album.example.org/cb"],
        "post_logout_redirect_uris": ["https://album.example.org/bye"],
        "token_endpoint_auth_method": "client_secret_post",
        "id_token_signed_response_alg": "ES256",
        "subject_type": "pairwise",
        "tos_uri": "https://album.example.org/terms",
        "require_pushed_authorization_requests": true,
        "logo_uri": "https://pictures.example.org/logo.png",
        "software_id": "whatever",
    })
}

#[test]
fn an_app_registers_itself_and_is_told_what_was_registered() {
    let house = House::new();
    let answer = house.register(&said());
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    let made = answer.json();
    for (name, value) in said().as_object().unwrap() {
        let unknown = ["logo_uri", "software_id"].contains(&name.as_str());
        assert_eq!(made.get(name), (!unknown).then_some(value), "{name}");
    }
    assert_eq!(made["client_secret_expires_at"], 0);
    assert_eq!(made["client_id_issued_at"], START.unix());
    assert_eq!(
        (&made["grant_types"], &made["response_types"]),
        (&json!(["authorization_code", "refresh_token"]), &json!(["code"]))
    );
    assert!(made["client_secret"].as_str().unwrap().starts_with("lk_cs_"));
    let name = made["client_id"].as_str().unwrap();
    assert_eq!(made["registration_client_uri"], format!("https://id.example/register/{name}"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("client_id", name),
        ("client_secret", made["client_secret"].as_str().unwrap()),
    ];
    let token = house.server.send(&Call::post("/token").form(&fields)).json();
    assert_eq!(token["error"], "invalid_grant", "the client itself is known");
}

#[test]
fn nobody_registers_an_app_without_a_token() {
    let house = House::new();
    let bare = house.server.send(&Call::post("/register").json(&said()));
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, Some("Bearer realm=\"latchkey\"")));
    for wrong in ["lk_g_x", "", &house.token.replace("lk_g_", "lk_t_")] {
        let answer = house.server.send(&Call::post("/register").bearer(wrong).json(&said()));
        assert_eq!(answer.status, 401, "{wrong}");
    }
    house.registered();
    house.registered();
    let third = house.register(&said());
    assert_eq!(third.status, 401, "the token was for two");
    assert!(third.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
}

#[test]
fn bad_metadata_is_named_in_words() {
    let house = House::new();
    let mut wrong = said();
    wrong["redirect_uris"] = json!(["https://album.example.org/cb#fragment"]);
    let answer = house.register(&wrong);
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_redirect_uri")));
    assert!(answer.json()["error_description"].as_str().unwrap().contains("leave out the part from # on"));
    let mut wrong = said();
    wrong["grant_types"] = json!(["password"]);
    assert_eq!(house.register(&wrong).json()["error"], "invalid_client_metadata");
    for body in ["[]", "{", "5", ""] {
        let call = Call::post("/register").bearer(&house.token).body("application/json", body);
        let answer = house.server.send(&call);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_client_metadata")), "{body}");
    }
    let mut long = said();
    long["client_name"] = "x".repeat(20_000).into();
    assert_eq!(house.register(&long).status, 413);
}

#[test]
fn an_app_looks_at_its_registration_changes_it_and_removes_it() {
    let house = House::new();
    let made = house.registered();
    let shown = house.server.send(&house.call("GET", &made)).json();
    assert_eq!(shown["client_name"], "Album");
    assert_eq!(shown["registration_access_token"], made["registration_access_token"]);
    assert!(shown.get("client_secret").is_none(), "it is shown once");

    let change = json!({
        "client_id": made["client_id"],
        "client_secret": made["client_secret"],
        "client_name": "Album two",
        "redirect_uris": ["https://album.example.org/two"],
        "id_token_signed_response_alg": "ES256",
    });
    let changed = house.server.send(&house.call("PUT", &made).json(&change));
    assert_eq!(changed.status, 200, "{}", changed.text());
    let changed = changed.json();
    assert_eq!((&changed["client_name"], &changed["subject_type"]), (&json!("Album two"), &made["subject_type"]));
    assert!(changed.get("tos_uri").is_none(), "what is left out is gone");
    assert_eq!(changed["token_endpoint_auth_method"], "client_secret_basic");

    assert_eq!(house.server.send(&house.call("DELETE", &made)).status, 204);
    assert_eq!(house.server.send(&house.call("GET", &made)).status, 401);
    let name = made["client_id"].as_str().unwrap().parse().unwrap();
    let gone = house.server.operate(move |idp| idp.show_app(&Context::console(harness::steady(START)), &name).is_err());
    assert!(gone);
}

#[test]
fn a_change_names_its_app_and_leaves_to_the_house_what_the_house_decides() {
    let house = House::new();
    let made = house.registered();
    for (name, value) in [
        ("client_id", json!("photos")),
        ("client_id", Value::Null),
        ("client_secret", json!("guess")),
        ("registration_access_token", made["registration_access_token"].clone()),
        ("client_secret_expires_at", json!(5)),
        ("token_endpoint_auth_method", json!("none")),
    ] {
        let mut change = said();
        change["client_id"] = made["client_id"].clone();
        change[name] = value;
        let answer = house.server.send(&house.call("PUT", &made).json(&change));
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_client_metadata")), "{name}");
    }
}

#[test]
fn the_token_of_one_app_opens_no_other() {
    let house = House::new();
    let (mine, other) = (house.registered(), house.registered());
    let path = format!("/register/{}", other["client_id"].as_str().unwrap());
    for token in [mine["registration_access_token"].as_str().unwrap(), &house.token, "lk_k_x"] {
        for call in [Call::get(&path), Call::new("DELETE", &path), Call::new("PUT", &path).json(&said())] {
            assert_eq!(house.server.send(&call.bearer(token)).status, 401);
        }
    }
    assert_eq!(house.server.send(&Call::get(&path)).status, 401);
    assert_eq!(house.server.send(&house.call("GET", &other)).status, 200);
}

#[test]
fn apps_learn_where_to_register_from_the_metadata() {
    let house = House::new();
    let metadata = house.server.send(&Call::get("/.well-known/openid-configuration")).json();
    assert_eq!(metadata["registration_endpoint"], "https://id.example/register");
}

#[test]
fn admins_make_list_and_revoke_tokens() {
    let house = House::new();
    let send = |call: Call| house.server.send(&call.on_console());
    let made = send(Call::post("/api/v1/registration-tokens").json(&json!({ "allow": "everyone", "uses": 3 })));
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(made.json()["registration_endpoint"], "https://id.example/register");
    let list = send(Call::get("/api/v1/registration-tokens"));
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 2);
    assert!(!list.text().contains("lk_g_"));
    let one = format!("/api/v1/registration-tokens/{}", made.json()["number"]);
    assert_eq!(send(Call::new("DELETE", &one)).json()["change"], "removed");
    let bad = send(Call::post("/api/v1/registration-tokens").json(&json!({ "allow": "everyone", "uses": 0 })));
    assert!((400..500).contains(&bad.status), "{}", bad.status);
}

#[test]
fn an_app_cannot_take_back_by_itself_what_protects_it() {
    let house = House::new();
    let made = house.registered();
    let name = made["client_id"].as_str().unwrap().parse().unwrap();
    house.server.operate(move |idp| {
        let stricter = AppAmendment { dpop_required: Some(true), ..AppAmendment::default() };
        idp.set_app(&Context::console(harness::steady(START)), &name, &stricter).unwrap();
    });
    let change = json!({ "client_id": made["client_id"], "redirect_uris": ["https://album.example.org/cb"] });
    let changed = house.server.send(&house.call("PUT", &made).json(&change)).json();
    for what in ["dpop_bound_access_tokens", "require_pushed_authorization_requests"] {
        assert_eq!(changed[what], true, "{what}: {changed}");
    }
    assert_eq!(changed["subject_type"], "pairwise");
    let mut open = change;
    open["subject_type"] = "public".into();
    let refused = house.server.send(&house.call("PUT", &made).json(&open));
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_client_metadata")));
}

#[test]
fn an_app_is_told_of_sign_outs_at_its_own_address_only() {
    let house = House::new();
    for elsewhere in ["http://127.0.0.1:2375/stop", "https://192.168.1.1/x", "http://album.example.org/out"] {
        let mut said = said();
        said["backchannel_logout_uri"] = elsewhere.into();
        assert_eq!(house.register(&said).json()["error"], "invalid_client_metadata", "{elsewhere}");
    }
    let mut said = said();
    said["backchannel_logout_uri"] = "https://album.example.org/out".into();
    assert_eq!(house.register(&said).status, 201);
}

/// A port on which somebody counts who connects, and says nothing. It ends when it is dropped.
struct Counted {
    at: String,
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Counted {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let (count, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, stopping) = (Arc::clone(&count), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                seen.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Self { at, count, stop, thread: Some(thread) }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.at);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn what_an_app_names_is_asked_for_at_home_over_tls_and_for_nobody_who_may_not_register() {
    let house = House::new();
    let port = Counted::new();
    let at = &port.at;
    let mut said = json!({
        "redirect_uris": [format!("https://{at}/cb"), "https://two.example.org/cb"],
        "subject_type": "pairwise",
        "sector_identifier_uri": format!("https://{at}/sector.json"),
        "logo_uri": format!("https://{at}/logo.png"),
    });
    let stranger = house.server.send(&Call::post("/register").bearer("lk_g_x").json(&said));
    assert_eq!((stranger.status, port.count()), (401, 0));
    let refused = house.register(&said);
    assert_eq!(refused.status, 400);
    let why = &refused.json()["error_description"];
    assert_eq!(why, "sector_identifier_uri: it cannot be fetched; the log of the house says why");
    assert_eq!(port.count(), 2, "the list and the logo");
    for elsewhere in [
        "https://three.example.org/sector.json",
        "http://two.example.org/sector.json",
        "https://two.example.org:8443/sector.json",
        "https://127.0.0.1/sector.json",
        "x",
    ] {
        said["sector_identifier_uri"] = elsewhere.into();
        assert_eq!(house.register(&said).json()["error"], "invalid_client_metadata", "{elsewhere}");
    }
    assert!(house.server.operate(|idp| idp.list_apps(&Context::console(harness::steady(START))).unwrap()).is_empty());
    // A logo that nobody has keeps no app from registering.
    said.as_object_mut().unwrap().remove("sector_identifier_uri");
    said["subject_type"] = "public".into();
    let made = house.register(&said);
    assert_eq!((made.status, made.json().get("logo_uri")), (201, None));
}

#[test]
fn an_app_on_a_device_of_a_person_has_this_machine_asked_for_nothing() {
    let house = House::new();
    let port = Counted::new();
    let at = &port.at;
    let native = json!({ "redirect_uris": ["http://127.0.0.1/cb", format!("http://{at}/cb")] });
    let with = |name: &str| {
        let mut said = native.clone();
        said[name] = format!("http://{at}/x").into();
        said["token_endpoint_auth_method"] = if name == "jwks_uri" { "private_key_jwt" } else { "none" }.into();
        house.register(&said)
    };
    assert_eq!(with("sector_identifier_uri").status, 400);
    assert_eq!(with("jwks_uri").status, 400);
    let made = with("logo_uri");
    assert_eq!((made.status, made.json().get("logo_uri")), (201, None));
    assert_eq!(port.count(), 0);
}

#[test]
fn a_secret_that_is_replaced_at_once_takes_the_registration_token_with_it() {
    let house = House::new();
    let made = house.registered();
    let look = || house.server.send(&house.call("GET", &made)).status;
    let rotate = |body: Value| {
        let path = format!("/api/v1/apps/{}/secret", made["client_id"].as_str().unwrap());
        house.server.send(&Call::post(path).on_console().json(&body)).status
    };
    assert_eq!((rotate(json!({ "keep_old_seconds": 60 })), look()), (200, 200));
    assert_eq!((rotate(json!({})), look()), (200, 401));
}
