//! Apps as they are stored.

use super::*;

#[test]
fn an_app_is_careful_unless_told_otherwise() {
    let settings: ClientSettings = serde_json::from_str("{}").unwrap();
    assert_eq!(settings, ClientSettings::default());
    assert!(settings.pkce_required);
    assert_eq!(settings.consent, ConsentMode::Ask);
    assert_eq!(settings.algorithm, Algorithm::Es256);
}

#[test]
fn settings_read_back_as_what_was_written() {
    let settings = ClientSettings {
        redirect_uris: vec!["https://a.example/cb".parse().unwrap()],
        launch_url: Some("https://a.example/".parse().unwrap()),
        pkce_required: false,
        consent: ConsentMode::Skip,
        algorithm: Algorithm::Rs256,
        lifetimes: Lifetimes::new(Span::hours(1), Span::days(1), Span::days(2)).unwrap(),
        post_logout_redirect_uris: vec!["https://a.example/bye".parse().unwrap()],
        backchannel_logout_uri: Some("https://a.example/out".parse().unwrap()),
        par_required: true,
        access_token: AccessTokenFormat::Jwt,
        dpop_required: true,
        userinfo: Some(Algorithm::Rs256),
        subject: SubjectType::Pairwise,
        sector: Some("a.example".parse().unwrap()),
        strength: Strength::Passkey,
        device: true,
        logo_uri: Some("https://a.example/logo.png".parse().unwrap()),
        policy_uri: Some("https://a.example/policy".parse().unwrap()),
        terms_uri: Some("https://a.example/terms".parse().unwrap()),
        keys: Some(ClientKeys::JwksUri("https://a.example/jwks.json".parse().unwrap())),
        acts_as: Some(AccountId(7)),
        service_accounts: true,
        forward_hosts: vec!["a.example".parse().unwrap()],
    };
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<ClientSettings>(&text).unwrap(), settings);
}

#[test]
fn an_app_with_keys_has_no_secret_that_counts() {
    let secret = Digest::of(b"secret");
    let settings = ClientSettings::default();
    let keys = ClientKeys::JwksUri("https://a.example/jwks.json".parse().unwrap());
    let at = Timestamp::from_unix(0);
    let mut client = Client {
        id: ClientId(1),
        name: "photos".parse().unwrap(),
        display_name: "Photos".parse().unwrap(),
        secret: Some(secret),
        retired_secret: Some((Digest::of(b"old"), Timestamp::from_unix(60))),
        settings,
        created_at: at,
        updated_at: at,
    };
    assert_eq!(client.authentication(), ClientAuthentication::Secret(&secret));
    assert!(client.has_secret(&Digest::of(b"old"), Timestamp::from_unix(59)));
    assert!(!client.has_secret(&Digest::of(b"old"), Timestamp::from_unix(60)));
    assert!(client.has_secret(&secret, Timestamp::from_unix(60)));
    client.settings.keys = Some(keys.clone());
    assert_eq!(client.authentication(), ClientAuthentication::Keys(&keys));
    client.secret = None;
    assert_eq!(client.authentication(), ClientAuthentication::Public);
}

#[test]
fn lifetimes_that_make_no_sense_do_not_exist() {
    let day = Span::days(1);
    assert!(Lifetimes::new(Span::seconds(59), day, day).is_err());
    assert!(Lifetimes::new(Span::days(2), Span::days(2), Span::days(2)).is_err());
    assert!(Lifetimes::new(Span::hours(1), Span::days(2), day).is_err());
    assert!(Lifetimes::new(Span::hours(1), Span::minutes(5), day).is_err());
    assert!(Lifetimes::new(Span::hours(1), day, Span::days(400)).is_err());
}
