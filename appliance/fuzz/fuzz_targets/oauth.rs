//! Every request that apps and browsers of strangers can make, against a house with one app: nothing makes them panic, no answer
//! leaves for an address that is not registered, and nobody gets tokens.
#![no_main]

#[path = "../shared/house.rs"]
mod house;
#[path = "../../tests/support/seeded.rs"]
mod testing;

use std::sync::LazyLock;

use house::{REDIRECT, console, stranger};
use libfuzzer_sys::fuzz_target;
use service::{
    AppKind, Authorization, AuthorizationRequest, DeviceAuthorizationRequest, Idp, Logout, LogoutRequest, PushRequest,
    TokenQuery, TokenRequest,
};

static HOUSE: LazyLock<Idp> = LazyLock::new(|| {
    let idp = house::house();
    idp.create_app(&console(), &"photos".parse().expect("a name"), AppKind::Public, &house::app()).expect("an app");
    idp
});

fuzz_target!(|texts: (&str, Option<&str>)| {
    let (query, header) = texts;
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let pairs = || pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let stranger = stranger();
    match HOUSE.authorize(&stranger, &AuthorizationRequest::from_pairs(pairs())) {
        Ok(Authorization::Answer(answer)) => {
            assert_eq!(answer.redirect_uri, REDIRECT);
            let rest = answer.location().strip_prefix(REDIRECT).expect("to the app").to_owned();
            assert!(rest.is_empty() || rest.starts_with(['?', '#']), "{rest}");
            assert!(answer.get("code").is_none());
        }
        Ok(Authorization::SignIn(needed)) => assert!(needed.next.starts_with("/authorize?")),
        Ok(Authorization::Consent(_)) => panic!("a stranger is asked for consent"),
        Err(_) => {}
    }
    if let Ok(asked) = PushRequest::parse(pairs(), header)
        && let Ok(pushed) = HOUSE.push(&stranger, asked)
    {
        assert!(pushed.request_uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    }
    if let Ok(request) = TokenRequest::parse(pairs(), header) {
        // Any text may stand in the header with the proof, too.
        let request = request.with_proof(header.map(str::to_owned));
        assert!(HOUSE.token(&stranger, &request).is_err());
    }
    if let Ok(query) = TokenQuery::parse(pairs(), header) {
        assert!(HOUSE.introspect(&stranger, &query).is_err(), "a public app is told nothing");
        drop(HOUSE.revoke(&stranger, &query));
    }
    if let Ok(asked) = DeviceAuthorizationRequest::parse(pairs(), header) {
        assert!(HOUSE.authorize_device(&stranger, &asked).is_err(), "the app may not");
    }
    if let Ok(Logout::Done(done)) = HOUSE.logout(&stranger, &LogoutRequest::from_pairs(pairs())) {
        assert_eq!(done.location, None, "no address is registered");
    }
});
