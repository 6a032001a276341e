//! Apps that register themselves.

use domain::registration::MAX_TOKENS;
use serde_json::Value;

use super::*;
use crate::flow::{Flow, after};
use crate::house::{NOW, console, fresh, group, refusal};
use crate::moment::steady;
use crate::{AppAmendment, Origin};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn token(flow: &Flow, uses: u32) -> String {
    let made = flow.house.idp.create_registration_token(&console(), &group("family"), uses, None).unwrap();
    made.token.expose().clone()
}

fn someone(now: Timestamp) -> Context {
    Context::anonymous(steady(now), Origin::default())
}

fn register(flow: &Flow, token: &str, said: &Value) -> Result<Registered, RegistrationRefusal> {
    register_at(flow, token, said, NOW)
}

fn register_at(flow: &Flow, token: &str, said: &Value, now: Timestamp) -> Result<Registered, RegistrationRefusal> {
    flow.house
        .idp
        .register_client(&someone(now), token, said.as_object().unwrap(), &FetchedDocuments::default())
        .map_err(|error| match error {
            OpError::Refused(refusal) => refusal,
            OpError::Fault(fault) => panic!("{fault}"),
        })
}

fn said() -> Value {
    json!({ "redirect_uris": ["https://app.example.org/cb"], "id_token_signed_response_alg": "ES256" })
}

#[test]
fn a_token_registers_as_many_apps_as_it_says_and_for_its_group_only() {
    let flow = Flow::new();
    let token = token(&flow, 2);
    let first = register(&flow, &token, &said()).unwrap();
    register(&flow, &token, &said()).unwrap();
    assert_eq!(register(&flow, &token, &said()).unwrap_err(), RegistrationRefusal::InvalidToken);
    let view = flow.house.idp.show_app(&console(), &first.client.name).unwrap();
    assert_eq!(view.access, [group("family")]);
    assert!(view.client.settings.pkce_required);
    assert!(flow.house.idp.list_registration_tokens(&console()).unwrap().is_empty());
}

#[test]
fn a_token_that_is_over_revoked_or_made_up_registers_nothing() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    let good = token(&flow, 1);
    let over = register_at(&flow, &good, &said(), after(Span::days(1))).unwrap_err();
    assert_eq!(over, RegistrationRefusal::InvalidToken);
    let other = OpaqueToken::decode(TokenKind::Registration, &good).unwrap();
    let guess = OpaqueToken::random(NO_ACCOUNT, other.row, &crate::testing::SeededEntropy::new(99));
    for raw in ["", "lk_g_", "x", guess.encode(TokenKind::Registration).expose(), &good.replace("lk_g_", "lk_k_")] {
        assert_eq!(register(&flow, raw, &said()).unwrap_err(), RegistrationRefusal::InvalidToken, "{raw}");
    }
    let number = idp.list_registration_tokens(&console()).unwrap()[0].number;
    assert_eq!(idp.revoke_registration_token(&console(), number).unwrap(), Change::Removed);
    assert_eq!(idp.revoke_registration_token(&console(), number).unwrap(), Change::Unchanged);
    assert_eq!(register(&flow, &good, &said()).unwrap_err(), RegistrationRefusal::InvalidToken);
}

#[test]
fn tokens_are_bounded_and_made_by_whoever_manages_apps() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    let make = |uses, days| {
        idp.create_registration_token(&console(), &group("family"), uses, Some(Span::days(days))).map(drop)
    };
    for (uses, days) in [(0, 1), (101, 1), (1, 0), (1, 91)] {
        assert!(matches!(refusal(make(uses, days)), Refusal::Invalid { .. }), "{uses} {days}");
    }
    let nowhere = idp.create_registration_token(&console(), &group("nowhere"), 1, None);
    assert!(matches!(refusal(nowhere), Refusal::NotFound { .. }));
    let nobody = idp.create_registration_token(&fresh(&flow.anna), &group("family"), 1, None);
    assert!(matches!(refusal(nobody), Refusal::Denied(_)));
    for _ in 0..MAX_TOKENS {
        make(1, 1).unwrap();
    }
    assert!(matches!(refusal(make(1, 1)), Refusal::TooMany { .. }));
}

#[test]
fn metadata_that_cannot_be_kept_is_refused_and_costs_no_use() {
    let flow = Flow::new();
    let token = token(&flow, 1);
    for (name, value, at_redirect) in [
        ("redirect_uris", json!(["https://app.example.org/cb#here"]), true),
        ("redirect_uris", json!(["http://app.example.org/cb"]), true),
        ("redirect_uris", json!(["javascript:alert(1)"]), true),
        ("redirect_uris", json!([]), true),
        ("redirect_uris", json!("https://app.example.org/cb"), true),
        ("redirect_uris", json!((0..17).map(|n| format!("https://a.example/{n}")).collect::<Vec<_>>()), false),
        ("post_logout_redirect_uris", json!(["https://app.example.org/#bye"]), true),
        ("client_name", json!("\u{202e}evil"), false),
        ("client_name", json!(5), false),
        ("token_endpoint_auth_method", json!("private_key_jwt"), false),
        ("grant_types", json!(["implicit"]), false),
        ("grant_types", json!(["refresh_token"]), false),
        ("response_types", json!(["code id_token"]), false),
        ("response_types", json!([]), false),
        ("subject_type", json!("secret"), false),
        ("id_token_signed_response_alg", json!("none"), false),
        ("userinfo_signed_response_alg", json!("HS256"), false),
        ("backchannel_logout_uri", json!("https://app.example.org/out#x"), false),
        ("policy_uri", json!("javascript:alert(1)"), false),
        ("require_pushed_authorization_requests", json!("yes"), false),
        ("sector_identifier_uri", json!("https://app.example.org/sector"), false),
    ] {
        let mut said = said();
        said[name] = value;
        let refusal = register(&flow, &token, &said).unwrap_err();
        assert_eq!(matches!(refusal, RegistrationRefusal::InvalidRedirectUri(_)), at_redirect, "{name} {refusal:?}");
        assert!(at_redirect || matches!(refusal, RegistrationRefusal::InvalidMetadata(_)), "{name} {refusal:?}");
    }
    assert!(register(&flow, &token, &said()).is_ok());
}

#[test]
fn an_app_on_a_device_needs_no_address() {
    let flow = Flow::new();
    let device = json!({
        "client_name": "Film night",
        "grant_types": [DEVICE, "refresh_token"],
        "token_endpoint_auth_method": "none",
        "id_token_signed_response_alg": "ES256",
    });
    let made = register(&flow, &token(&flow, 1), &device).unwrap();
    assert!(made.client.settings.device && made.client.is_public() && made.secret.is_none());
    assert_eq!(made.grant_types(), [DEVICE, "refresh_token"]);
}

#[test]
fn what_an_admin_set_besides_stays_and_the_group_takes_its_tokens_along() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    let made = register(&flow, &token(&flow, 2), &said()).unwrap();
    let name = made.client.name.clone();
    let strict = AppAmendment { strength: Some(domain::strength::Strength::Passkey), ..AppAmendment::default() };
    idp.set_app(&console(), &name, &strict).unwrap();
    let mut said = said();
    said["client_id"] = name.as_str().into();
    said["client_name"] = "Album".into();
    let ctx = someone(NOW);
    let next = idp
        .replace_registration(
            &ctx,
            (name.as_str(), made.token.expose()),
            said.as_object().unwrap(),
            &FetchedDocuments::default(),
        )
        .unwrap();
    assert_eq!(next.client.display_name.as_str(), "Album");
    assert_eq!(next.client.settings.strength, domain::strength::Strength::Passkey);
    idp.delete_group(&console(), &group("family")).unwrap();
    assert!(idp.list_registration_tokens(&console()).unwrap().is_empty());
    assert!(idp.show_app(&console(), &name).unwrap().access.is_empty());
}

#[test]
fn a_full_house_registers_nobody() {
    let flow = Flow::new();
    let token = token(&flow, 1);
    for n in 1..crate::MAX_APPS {
        let name = format!("filler{n}").parse().unwrap();
        flow.house.idp.create_app(&console(), &name, crate::AppKind::Public, &AppAmendment::default()).unwrap();
    }
    assert_eq!(register(&flow, &token, &said()).unwrap_err(), RegistrationRefusal::Full);
}

#[test]
fn no_event_shows_a_token() {
    let flow = Flow::new();
    let token = token(&flow, 1);
    let made = register(&flow, &token, &said()).unwrap();
    let events = format!("{:?}", flow.house.events());
    assert!(events.contains("app.register") && events.contains("registration_token.create"));
    for secret in [&token, made.token.expose(), made.secret.as_ref().unwrap().expose()] {
        assert!(!events.contains(secret.as_str()));
    }
}

/// An app with pages on two hosts, which a document of theirs holds together.
fn on_two_hosts() -> Value {
    json!({
        "redirect_uris": ["https://one.example.org/cb", "https://two.example.org/cb"],
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://one.example.org/sector.json",
    })
}

fn with_documents(flow: &Flow, token: &str, said: &Value, fetched: &FetchedDocuments) -> Result<Registered, String> {
    let made = flow.house.idp.register_client(&someone(NOW), token, said.as_object().unwrap(), fetched);
    made.map_err(|why| format!("{why:?}"))
}

fn listed(document: &Value) -> FetchedDocuments {
    FetchedDocuments { sector: Some(document.to_string().into_bytes()), logo: None }
}

#[test]
fn several_hosts_are_one_sector_when_a_document_of_theirs_says_so() {
    let flow = Flow::new();
    let token = token(&flow, 1);
    let mut said = on_two_hosts();
    let both = said["redirect_uris"].clone();
    for (document, why) in [
        (json!(["https://one.example.org/cb"]), "the list there lacks https://two.example.org/cb"),
        (json!({ "redirect_uris": both }), "no JSON list of addresses"),
    ] {
        let refused = with_documents(&flow, &token, &said, &listed(&document)).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    assert!(
        with_documents(&flow, &token, &said, &FetchedDocuments::default()).unwrap_err().contains("cannot be fetched")
    );
    let made = with_documents(&flow, &token, &said, &listed(&both)).unwrap();
    assert_eq!(made.client.sector().unwrap(), "one.example.org");
    // The registration is replaced under the same conditions, and never for another sector.
    let name = made.client.name.as_str().to_owned();
    said["client_id"] = name.clone().into();
    let put = |said: &Value, document: &Value| {
        let said = said.as_object().unwrap();
        let own = (name.as_str(), made.token.expose().as_str());
        flow.house.idp.replace_registration(&someone(NOW), own, said, &listed(document)).map(drop)
    };
    assert!(put(&said, &json!([])).is_err());
    assert!(put(&said, &both).is_ok());
    said["sector_identifier_uri"] = "https://two.example.org/sector.json".into();
    assert!(put(&said, &both).is_err(), "everybody would be a stranger");
    said.as_object_mut().unwrap().remove("sector_identifier_uri");
    assert!(put(&said, &both).is_err(), "everybody would be a stranger");
}

#[test]
fn a_device_makes_no_names_for_a_host_that_is_not_its_own() {
    let flow = Flow::new();
    let token = token(&flow, 1);
    let mut said = said();
    (said["subject_type"], said["grant_types"]) = ("pairwise".into(), json!(["authorization_code", DEVICE]));
    assert!(matches!(register(&flow, &token, &said), Err(RegistrationRefusal::InvalidMetadata(_))));
    said["grant_types"] = json!(["authorization_code"]);
    register(&flow, &token, &said).unwrap();
}

/// A picture of one colour (PNG).
fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(32, 32).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn the_logo_of_an_app_is_fetched_once_and_is_its_icon_until_an_admin_has_another() {
    let flow = Flow::new();
    let idp = &flow.house.idp;
    let mut said = said();
    said["logo_uri"] = "https://app.example.org/logo.png".into();
    let logo = |bytes: Vec<u8>| FetchedDocuments { sector: None, logo: Some(bytes) };
    let made = with_documents(&flow, &token(&flow, 1), &said, &logo(picture())).unwrap();
    let name = made.client.name.clone();
    let icon = || idp.app_icon(&console(), &name).unwrap().is_some();
    assert!(icon() && made.client.settings.logo_uri.is_some());
    said["client_id"] = name.as_str().into();
    let own = (Some(name.as_str()), made.token.expose().as_str());
    let wanted = |said: &Value| idp.documents_to_fetch(&someone(NOW), own, said.as_object().unwrap()).unwrap().logo;
    assert!(wanted(&said).is_none(), "it is here");
    let put = |said: &Value, fetched: &FetchedDocuments| {
        let own = (name.as_str(), made.token.expose().as_str());
        idp.replace_registration(&someone(NOW), own, said.as_object().unwrap(), fetched)
            .unwrap()
            .client
            .settings
            .logo_uri
    };
    assert!(put(&said, &FetchedDocuments::default()).is_some() && icon());
    let mut without = said.clone();
    without.as_object_mut().unwrap().remove("logo_uri");
    assert!(put(&without, &FetchedDocuments::default()).is_none() && !icon());
    assert!(wanted(&said).is_some());
    assert!(put(&said, &logo(b"<svg/>".to_vec())).is_none() && !icon(), "no picture");
    idp.set_app_icon(&console(), &name, &picture()).unwrap();
    assert!(wanted(&said).is_none(), "an admin chose one");
    assert!(put(&without, &FetchedDocuments::default()).is_none() && icon());
}
