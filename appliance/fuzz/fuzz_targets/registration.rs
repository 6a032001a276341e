//! What apps say of themselves when they register (RFC 7591, RFC 7592): nothing makes it panic, an app gets no address that it
//! did not name, and who says the same again changes nothing.
#![no_main]

#[path = "../shared/house.rs"]
#[expect(dead_code, reason = "each target uses its own part")]
mod house;
#[path = "../shared/pick.rs"]
mod pick;
#[path = "../../tests/support/seeded.rs"]
mod testing;

use std::sync::{LazyLock, Mutex};

use house::{console, stranger};
use libfuzzer_sys::fuzz_target;
use pick::Pick;
use serde_json::{Map, Value};
use service::{FetchedDocuments, Idp, OpError, Registered, RegistrationRefusal};

const NAMES: [&str; 21] = [
    "redirect_uris",
    "client_name",
    "token_endpoint_auth_method",
    "grant_types",
    "response_types",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "policy_uri",
    "tos_uri",
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "subject_type",
    "require_pushed_authorization_requests",
    "dpop_bound_access_tokens",
    "jwks",
    "jwks_uri",
    "sector_identifier_uri",
    "logo_uri",
    "scope",
    "client_id",
    "client_secret",
];
const WORDS: [&str; 24] = [
    r#"["https://a.example/cb"]"#,
    r#"["https://a.example/cb","https://b.example/cb"]"#,
    r#"["http://127.0.0.1/cb"]"#,
    r#"["org.example.app:/cb"]"#,
    "https://a.example/out",
    "none",
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    r#"["authorization_code"]"#,
    r#"["authorization_code","refresh_token"]"#,
    r#"["urn:ietf:params:oauth:grant-type:device_code"]"#,
    r#"["code"]"#,
    "[]",
    "{}",
    "ES256",
    "RS256",
    "pairwise",
    "public",
    "true",
    "false",
    "null",
    "1",
];

/// What must not be said when a registration is changed (RFC 7592 section 2.2).
const HOUSE_DECIDES: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

static HOUSE: LazyLock<(Idp, Mutex<String>)> = LazyLock::new(|| {
    let idp = house::house();
    let token = Mutex::new(new_token(&idp));
    (idp, token)
});

fn new_token(idp: &Idp) -> String {
    let everyone = "everyone".parse().expect("a name");
    let most = domain::registration::MAX_USES;
    idp.create_registration_token(&console(), &everyone, most, None).expect("a token").token.expose().clone()
}

/// A sector that says yes, and a logo that is no picture.
fn fetched(said: &Map<String, Value>) -> FetchedDocuments {
    let listed = said.get("redirect_uris").map(|uris| uris.to_string().into_bytes()).unwrap_or_default();
    FetchedDocuments { sector: Some(listed), logo: Some(b"<svg/>".to_vec()) }
}

fn register(said: &Map<String, Value>) -> Option<Registered> {
    let (idp, token) = &*HOUSE;
    let mut token = token.lock().expect("nobody panicked");
    loop {
        match idp.register_client(&stranger(), &token, said, &fetched(said)) {
            Ok(made) => return Some(made),
            Err(OpError::Refused(RegistrationRefusal::InvalidToken)) => *token = new_token(idp),
            Err(OpError::Refused(_)) => return None,
            Err(OpError::Fault(fault)) => panic!("{fault}"),
        }
    }
}

fuzz_target!(|members: Vec<(Pick<'_>, Pick<'_>)>| {
    let mut said = pick::object(&members, &NAMES, &WORDS);
    let Some(made) = register(&said) else { return };
    let named = |name: &str| said.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let settings = &made.client.settings;
    for (list, name) in
        [(&settings.redirect_uris, "redirect_uris"), (&settings.post_logout_redirect_uris, "post_logout_redirect_uris")]
    {
        assert!(list.iter().all(|uri| named(name).contains(&uri.as_str().into())), "{name} {list:?}");
    }
    assert_eq!(made.secret.is_some(), made.registration.authentication.has_secret());
    let (idp, name, token) = (&HOUSE.0, made.client.name.as_str(), made.token.expose());
    said.insert("client_id".into(), name.into());
    said.remove("client_secret");
    for name in HOUSE_DECIDES {
        said.remove(name);
    }
    match idp.replace_registration(&stranger(), (name, token), &said, &fetched(&said)) {
        Ok(again) => assert_eq!(again.client, made.client, "{said:?}"),
        Err(why) => panic!("{why:?}: {said:?}"),
    }
    idp.unregister_client(&stranger(), name, token).expect("its own token");
    assert!(idp.registered_client(&stranger(), name, token).is_err());
});
