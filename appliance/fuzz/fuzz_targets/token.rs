//! Token requests of whoever holds everything, something or nothing: nothing makes them panic, tokens come only for a secret of
//! the app or the API token of a service account that it takes, and say no more than the account may.
#![no_main]

#[path = "../shared/house.rs"]
mod house;
#[path = "../shared/pick.rs"]
#[expect(dead_code, reason = "each target uses its own part")]
mod pick;
#[path = "../../tests/support/seeded.rs"]
mod testing;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::AccountKind;
use domain::amend::Amendment;
use house::{console, stranger};
use libfuzzer_sys::fuzz_target;
use pick::Pick;
use service::{AppAmendment, AppKind, GroupAmendment, Idp, Member, OpError, TokenAnswer, TokenQuery, TokenRequest};

const CLIENT_CREDENTIALS: &str = "client_credentials";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const NAMES: [&str; 18] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "audience",
    "resource",
    "actor_token",
    "client_assertion",
    "client_assertion_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "device_code",
    "token",
];

/// What an app and a service account hold.
struct Scene {
    idp: Idp,
    secret: String,
    robot: String,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let (idp, ctx) = (house::house(), console());
    let (photos, robot) = ("photos".parse().expect("a name"), "robot".parse().expect("a name"));
    let machines = "machines".parse().expect("a name");
    idp.create_account(&ctx, AccountKind::Service, &robot, &Amendment::default()).expect("an account");
    idp.create_group(&ctx, &machines, &GroupAmendment::default()).expect("a group");
    idp.add_member(&ctx, &machines, &Member::Account(robot.clone())).expect("a member");
    let amendment = AppAmendment { acts_as: Some(Some(robot.clone())), service_accounts: Some(true), ..house::app() };
    let app = idp.create_app(&ctx, &photos, AppKind::Confidential, &amendment).expect("an app");
    idp.allow_group(&ctx, &photos, &machines).expect("access");
    idp.add_scope(&ctx, &photos, &machines, &"albums".parse().expect("a scope")).expect("a scope");
    let token = idp.create_api_token(&ctx, &robot, &"job".parse().expect("a label"), None).expect("a token");
    let secret = app.secret.expect("it is confidential").expose().clone();
    Scene { idp, secret, robot: token.token.expose().clone() }
});

fuzz_target!(|input: (Vec<(Pick<'_>, Pick<'_>)>, Option<(Pick<'_>, Pick<'_>)>)| {
    let (fields, basic) = input;
    let Scene { idp, secret, robot } = &*SCENE;
    let words = [
        CLIENT_CREDENTIALS,
        TOKEN_EXCHANGE,
        "photos",
        secret,
        robot,
        "urn:ietf:params:oauth:token-type:access_token",
        "albums",
        "profile albums openid offline_access",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "https://photos.example.org/cb",
    ];
    let pairs = || fields.iter().map(|(name, value)| (pick::word(*name, &NAMES), pick::word(*value, &words)));
    let basic = basic.map(|(client, proof)| (pick::word(client, &words), pick::word(proof, &words)));
    let header = basic.map(|(client, proof)| format!("Basic {}", STANDARD.encode(format!("{client}:{proof}"))));
    let Ok(request) = TokenRequest::parse(pairs(), header.as_deref()) else { return };
    let answer = match idp.token(&stranger(), &request) {
        Ok(answer) => answer,
        Err(OpError::Refused(_)) => return,
        Err(OpError::Fault(fault)) => panic!("{fault}"),
    };
    let brought = |name: &str, wanted: &str| pairs().any(|pair| pair == (name, wanted));
    let proven = |wanted: &str| brought("client_secret", wanted) || basic.is_some_and(|(_, proof)| proof == wanted);
    if brought("grant_type", TOKEN_EXCHANGE) {
        assert!(brought("subject_token", robot));
    } else {
        assert!(brought("grant_type", CLIENT_CREDENTIALS) && (proven(secret) || proven(robot)));
    }
    holds(idp, secret, &answer);
});

/// Good for a while, at that app only, and for nothing that is about persons.
fn holds(idp: &Idp, secret: &str, answer: &TokenAnswer) {
    assert!(answer.refresh_token.is_none() && answer.id_token.is_none() && answer.expires_in > 0);
    assert!(answer.scope.split(' ').all(|scope| ["albums", "email", "groups", "profile"].contains(&scope)));
    let ask = [("client_id", "photos"), ("client_secret", secret), ("token", answer.access_token.expose())];
    let told = idp.introspect(&stranger(), &TokenQuery::parse(ask, None).expect("a question")).expect("its own app");
    assert!(told["active"] == true && told["username"] == "robot", "{told:?}");
    idp.revoke(&stranger(), &TokenQuery::parse(ask, None).expect("a question")).expect("its own app");
}
