//! What the token and userinfo endpoints promise.

use domain::amend::Amendment;
use domain::claim::{Combine, Placement};
use domain::client::Algorithm;
use domain::id::SessionNumber;
use domain::sign_in::{Factor, Factors};
use domain::strength::Strength;
use domain::time::Span;
use serde_json::{Value, json};

use super::*;
use crate::authenticator::Authenticator;
use crate::door::{Door, ORIGIN};
use crate::flow::{Flow, REDIRECT, after, app, photos, request};
use crate::house::{NOW, console, group, set, user};
use crate::moment::steady;
use crate::{Actor, AppAmendment, AppKind, Authorization, BearerRefusal, Change, ClaimRuleView, Whose};

const ALL: &str = "openid profile email groups offline_access";

fn refused(result: Result<TokenAnswer, TokenRefusal>) -> TokenRefusal {
    result.map(|_| "tokens").unwrap_err()
}

fn text(secret: &Option<domain::secret::Secret<String>>) -> String {
    secret.as_ref().unwrap().expose().clone()
}

#[test]
fn a_code_becomes_tokens_that_verify() {
    let flow = Flow::new().trusted();
    let answer = flow.tokens("openid");
    assert_eq!(answer.expires_in, 900);
    assert_eq!(answer.scope, "openid");
    assert!(answer.refresh_token.is_none(), "offline_access was not asked for");
    let claims = flow.verified(&answer);
    assert_eq!(claims["iss"], "https://id.example.org");
    assert_eq!(claims["sub"], json!(flow.anna.subject));
    assert_eq!(claims["aud"], "photos");
    assert_eq!(claims["nonce"], "n1");
    assert_eq!(claims["acr"], "passkey");
    assert_eq!(claims["auth_time"], json!(NOW.unix()));
    assert_eq!(claims["exp"], json!(NOW.unix() + 900));
    assert!(claims["amr"].as_array().unwrap().contains(&json!("pop")), "{}", claims["amr"]);
    assert_eq!(claims["sid"].as_str().unwrap().len(), 22);
    assert!(!claims.contains_key("email"), "not asked for");
    assert_eq!(flow.house.last_event(), "app.sign_in photos success");
    assert_eq!(flow.house.events().last().unwrap().actor, "anna");
}

#[test]
fn at_hash_is_the_left_half_of_the_digest_of_the_access_token() {
    use base64::Engine;
    let flow = Flow::new().trusted();
    let answer = flow.tokens("openid");
    let digest = ring::digest::digest(&ring::digest::SHA256, answer.access_token.expose().as_bytes());
    let half = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]);
    assert_eq!(flow.verified(&answer)["at_hash"], json!(half));
}

#[test]
fn the_standard_claims_really_arrive_in_both_places() {
    let flow = Flow::new().trusted();
    for (key, value) in [
        ("display_name", json!("Anna Example")),
        ("given_name", json!("Anna")),
        ("family_name", json!("Example")),
        ("mail", json!(["anna@example.org"])),
        ("locale", json!("de-AT")),
    ] {
        let whose = domain::account::AccountKind::Person;
        flow.house.idp.set_account(&console(), whose, &user("anna"), &set(key, value)).unwrap();
    }
    let answer = flow.tokens(ALL);
    let info = flow.userinfo(answer.access_token.expose(), NOW).unwrap();
    let id_token = flow.verified(&answer);
    for (name, expected) in [
        ("sub", json!(flow.anna.subject)),
        ("preferred_username", json!("anna")),
        ("name", json!("Anna Example")),
        ("given_name", json!("Anna")),
        ("family_name", json!("Example")),
        ("email", json!("anna@example.org")),
        ("email_verified", json!(true)),
        ("groups", json!(["everyone", "family"])),
        ("locale", json!("de-AT")),
        ("updated_at", json!(NOW.unix())),
    ] {
        assert_eq!(info[name], expected, "userinfo {name}");
        assert_eq!(id_token[name], expected, "ID token {name}");
    }
}

#[test]
fn replaying_a_code_revokes_its_tokens() {
    let flow = Flow::new().trusted();
    let code = flow.code(NOW, &[("scope", ALL)]);
    let answer = flow.exchange(&code, NOW, &[]).unwrap();
    flow.userinfo(answer.access_token.expose(), NOW).unwrap();
    assert_eq!(refused(flow.exchange(&code, NOW, &[])), TokenRefusal::Code(CodeRefusal::Replayed));
    assert_eq!(flow.userinfo(answer.access_token.expose(), NOW), Err(BearerRefusal::InvalidToken));
    assert_eq!(
        refused(flow.refresh(&text(&answer.refresh_token), NOW)),
        TokenRefusal::Refresh(RefreshRefusal::Unknown)
    );
    assert_eq!(flow.house.last_event(), "token.issue photos refused");
}

#[test]
fn a_code_is_good_for_a_minute_and_for_one_attempt() {
    let flow = Flow::new().trusted();
    let code = flow.code(NOW, &[]);
    assert_eq!(refused(flow.exchange(&code, after(Span::seconds(60)), &[])), TokenRefusal::Code(CodeRefusal::Expired));
    let code = flow.code(NOW, &[]);
    let wrong = [("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")];
    assert_eq!(refused(flow.exchange(&code, NOW, &wrong)), TokenRefusal::Code(CodeRefusal::WrongVerifier));
    assert_eq!(refused(flow.exchange(&code, NOW, &[])), TokenRefusal::Code(CodeRefusal::Replayed), "burnt");
}

#[test]
fn a_code_is_bound_to_its_app_address_and_verifier() {
    let flow = Flow::new().trusted();
    let other = app(&flow.house, "other", AppKind::Confidential, REDIRECT).unwrap();
    let code = flow.code(NOW, &[]);
    let attempt = [
        ("client_id", "other"),
        ("client_secret", other.as_str()),
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", crate::flow::VERIFIER),
    ];
    assert_eq!(refused(flow.token(NOW, &attempt)), TokenRefusal::Code(CodeRefusal::OtherClient));
    for (change, why) in [
        (("redirect_uri", "https://photos.example.org/cb/"), CodeRefusal::OtherRedirectUri),
        (("redirect_uri", ""), CodeRefusal::OtherRedirectUri),
        (("code_verifier", ""), CodeRefusal::MissingVerifier),
    ] {
        let code = flow.code(NOW, &[]);
        assert_eq!(refused(flow.exchange(&code, NOW, &[change])), TokenRefusal::Code(why));
    }
    assert!(matches!(
        refused(flow.exchange(&flow.code(NOW, &[]), NOW, &[("code_verifier", "short")])),
        TokenRefusal::InvalidRequest(_)
    ));
    assert_eq!(refused(flow.exchange("lk_c_nothing", NOW, &[])), TokenRefusal::Code(CodeRefusal::Unknown));
}

#[test]
fn the_code_of_a_trial_becomes_no_token_whoever_made_the_challenge() {
    let flow = Flow::new().trusted();
    let redirect = "http://127.0.0.1:1234/";
    let openid = "openid".parse().unwrap();
    let start = flow.house.idp.begin_trial(&console(), &photos(), &redirect.parse().unwrap(), &openid).unwrap();
    let changes = [("redirect_uri", redirect), ("lk_trial", start.trial.as_str())];
    let exchanged = flow.exchange(&flow.code(NOW, &changes), NOW, &[("redirect_uri", redirect)]);
    assert_eq!(refused(exchanged), TokenRefusal::Code(CodeRefusal::Trial));
    let code = flow.code(NOW, &changes);
    let report = flow.house.idp.finish_trial(&console(), &start.trial, Some(&code)).unwrap();
    assert!(matches!(report, crate::TrialReport::Released(_)), "{report:?}");
}

#[test]
fn a_narrower_scope_at_refresh_narrows_this_answer_and_not_the_next() {
    let flow = Flow::new().trusted();
    flow.house
        .idp
        .set_account(&console(), domain::account::AccountKind::Person, &user("anna"), &set("mail", "a@example.org"))
        .unwrap();
    let first = flow.tokens("openid email offline_access");
    let again = |answer: &TokenAnswer, scope: &str| {
        let token = text(&answer.refresh_token);
        flow.token(NOW, &[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", scope)]).unwrap()
    };
    let told = |answer: &TokenAnswer| {
        let userinfo = flow.userinfo(answer.access_token.expose(), NOW).unwrap();
        (userinfo.contains_key("email"), flow.verified(answer).contains_key("email"))
    };
    let narrow = again(&first, "openid");
    assert_eq!((narrow.scope.as_str(), told(&narrow)), ("openid", (false, false)));
    let same = again(&narrow, "offline_access openid email");
    assert_eq!((same.scope.as_str(), told(&same)), ("email offline_access openid", (true, true)));
    assert_eq!(again(&same, "").scope, same.scope);
}

#[test]
fn an_unknown_app_and_a_wrong_secret_are_answered_alike() {
    let flow = Flow::new().trusted();
    for changes in [
        [("client_id", "nobody"), ("client_secret", "x")],
        [("client_id", "photos"), ("client_secret", "x")],
        [("client_id", "photos"), ("client_secret", "")],
        [("client_id", "not a name"), ("client_secret", "x")],
    ] {
        let mut fields = vec![("grant_type", "authorization_code"), ("code", "x")];
        fields.extend(changes);
        assert_eq!(refused(flow.token(NOW, &fields)), TokenRefusal::InvalidClient { basic: false }, "{changes:?}");
    }
}

#[test]
fn a_public_app_shows_no_secret_and_a_confidential_one_cannot_leave_it_out() {
    let flow = Flow::new();
    app(&flow.house, "native", AppKind::Public, REDIRECT);
    flow.house.idp.grant_consent(&flow.anna(NOW), &request(&[("client_id", "native")])).unwrap();
    let code = flow.code(NOW, &[("client_id", "native")]);
    let public = [("client_id", "native"), ("client_secret", "")];
    assert!(flow.exchange(&code, NOW, &public).is_ok());
    let with_secret = [("client_id", "native"), ("client_secret", "x")];
    assert!(matches!(refused(flow.exchange(&code, NOW, &with_secret)), TokenRefusal::InvalidClient { .. }));
}

#[test]
fn an_old_secret_is_no_secret() {
    let flow = Flow::new().trusted();
    let code = flow.code(NOW, &[]);
    flow.house.idp.rotate_app_secret(&console(), &photos(), None).unwrap();
    assert!(matches!(refused(flow.exchange(&code, NOW, &[])), TokenRefusal::InvalidClient { .. }));
}

#[test]
fn only_the_grants_of_the_table_exist() {
    let flow = Flow::new();
    for grant in ["password", "implicit", "urn:x"] {
        assert_eq!(refused(flow.token(NOW, &[("grant_type", grant)])), TokenRefusal::UnsupportedGrant);
    }
}

#[test]
fn a_refresh_token_is_replaced_at_each_use() {
    let flow = Flow::new().trusted();
    let first = flow.tokens(ALL);
    let second = flow.refresh(&text(&first.refresh_token), after(Span::minutes(20))).unwrap();
    assert_ne!(text(&first.refresh_token), text(&second.refresh_token));
    let claims = flow.verified(&second);
    assert_eq!(claims["auth_time"], json!(NOW.unix()), "the proof is as old as it was");
    assert!(!claims.contains_key("nonce"));
    assert_eq!(claims["sub"], flow.verified(&first)["sub"]);
    assert!(flow.refresh(&text(&second.refresh_token), after(Span::minutes(40))).is_ok());
}

#[test]
fn reusing_a_refresh_token_ends_everything_that_grew_from_it() {
    let flow = Flow::new().trusted();
    let first = flow.tokens(ALL);
    let second = flow.refresh(&text(&first.refresh_token), NOW).unwrap();
    let later = after(Span::seconds(10));
    assert_eq!(
        refused(flow.refresh(&text(&first.refresh_token), later)),
        TokenRefusal::Refresh(RefreshRefusal::Reused)
    );
    assert_eq!(flow.house.last_event(), "token.refresh photos refused");
    assert_eq!(
        refused(flow.refresh(&text(&second.refresh_token), NOW)),
        TokenRefusal::Refresh(RefreshRefusal::Unknown)
    );
    assert_eq!(flow.userinfo(second.access_token.expose(), NOW), Err(BearerRefusal::InvalidToken));
}

#[test]
fn an_app_that_did_not_get_the_answer_asks_once_more_and_stays_signed_in() {
    let flow = Flow::new().trusted();
    let first = text(&flow.tokens(ALL).refresh_token);
    let lost = flow.refresh(&first, NOW).unwrap();
    let soon = after(Span::seconds(9));
    let got = flow.refresh(&first, soon).unwrap();
    assert!(flow.userinfo(got.access_token.expose(), soon).is_ok());
    let next = flow.refresh(&text(&got.refresh_token), after(Span::minutes(15))).unwrap();
    assert!(flow.userinfo(next.access_token.expose(), after(Span::minutes(15))).is_ok());
    // Somebody has the answer that was lost.
    let late = after(Span::minutes(16));
    assert_eq!(refused(flow.refresh(&text(&lost.refresh_token), late)), TokenRefusal::Refresh(RefreshRefusal::Reused));
    assert!(flow.userinfo(next.access_token.expose(), late).is_err());
}

#[test]
fn nobody_ends_a_family_by_guessing() {
    use domain::token::{OpaqueToken, TokenKind};
    let flow = Flow::new().trusted();
    let token = text(&flow.tokens(ALL).refresh_token);
    let real = OpaqueToken::decode(TokenKind::Refresh, &token).unwrap();
    let guess = OpaqueToken::random(real.account, real.row, flow.house.idp.entropy()).encode(TokenKind::Refresh);
    assert_eq!(refused(flow.refresh(guess.expose(), NOW)), TokenRefusal::Refresh(RefreshRefusal::Unknown));
    assert!(flow.refresh(&token, NOW).is_ok());
}

#[test]
fn a_refresh_token_in_the_hands_of_another_app_ends_its_family() {
    let flow = Flow::new().trusted();
    let other = app(&flow.house, "other", AppKind::Confidential, REDIRECT).unwrap();
    let token = text(&flow.tokens(ALL).refresh_token);
    let attempt = [
        ("client_id", "other"),
        ("client_secret", other.as_str()),
        ("grant_type", "refresh_token"),
        ("refresh_token", token.as_str()),
    ];
    assert_eq!(refused(flow.token(NOW, &attempt)), TokenRefusal::Refresh(RefreshRefusal::Leaked));
    assert_eq!(refused(flow.refresh(&token, NOW)), TokenRefusal::Refresh(RefreshRefusal::Unknown));
}

#[test]
fn a_scope_beyond_what_was_granted_is_refused() {
    let flow = Flow::new().trusted();
    let token = text(&flow.tokens("openid offline_access").refresh_token);
    let with = |scope| [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", scope)];
    assert_eq!(refused(flow.token(NOW, &with("openid email"))), TokenRefusal::InvalidScope);
    assert_eq!(flow.token(NOW, &with("openid")).unwrap().scope, "openid", "and the token was not spent");
}

#[test]
fn a_person_who_loses_access_loses_it_at_once() {
    let flow = Flow::new().trusted();
    let answer = flow.tokens(ALL);
    flow.house.idp.remove_member(&console(), &group("family"), &crate::Member::Account(user("anna"))).unwrap();
    assert!(matches!(flow.userinfo(answer.access_token.expose(), NOW), Err(BearerRefusal::NotAdmitted(_))));
    let token = text(&answer.refresh_token);
    assert!(matches!(refused(flow.refresh(&token, NOW)), TokenRefusal::NotAdmitted(_)));
    assert_eq!(refused(flow.refresh(&token, NOW)), TokenRefusal::Refresh(RefreshRefusal::Unknown), "the family ended");
}

#[test]
fn a_locked_person_has_no_tokens() {
    let flow = Flow::new().trusted();
    let answer = flow.tokens(ALL);
    let code = flow.code(NOW, &[]);
    let lock = Amendment { locked: Some(true), ..Amendment::default() };
    flow.house.idp.set_account(&console(), domain::account::AccountKind::Person, &user("anna"), &lock).unwrap();
    assert!(flow.userinfo(answer.access_token.expose(), NOW).is_err());
    refused(flow.refresh(&text(&answer.refresh_token), NOW));
    refused(flow.exchange(&code, NOW, &[]));
}

#[test]
fn a_stronger_demand_ends_weaker_tokens() {
    use domain::sign_in::{Factor, Factors};
    let flow = Flow::new().trusted();
    flow.write(|op| op.delete_session(flow.anna.id, SessionNumber(1)));
    flow.session(1, Factors::NONE.with(Factor::Password).with(Factor::Totp), NOW);
    let answer = flow.tokens(ALL);
    assert_eq!(flow.verified(&answer)["acr"], "mfa");
    flow.demand("family", Strength::Passkey);
    assert!(matches!(flow.userinfo(answer.access_token.expose(), NOW), Err(BearerRefusal::NotAdmitted(_))));
    assert!(matches!(refused(flow.refresh(&text(&answer.refresh_token), NOW)), TokenRefusal::NotAdmitted(_)));
}

#[test]
fn an_access_token_is_good_for_its_time_and_no_longer() {
    let flow = Flow::new().trusted();
    let token = flow.tokens(ALL).access_token;
    assert!(flow.userinfo(token.expose(), after(Span::seconds(899))).is_ok());
    assert_eq!(flow.userinfo(token.expose(), after(Span::seconds(900))), Err(BearerRefusal::InvalidToken));
    for wrong in ["", "lk_a_", "x", &token.expose()[..20]] {
        assert_eq!(flow.userinfo(wrong, NOW), Err(BearerRefusal::InvalidToken));
    }
}

#[test]
fn without_openid_there_is_no_id_token_and_no_userinfo() {
    let flow = Flow::new().trusted();
    let answer = flow.tokens("profile");
    assert!(answer.id_token.is_none());
    assert_eq!(flow.userinfo(answer.access_token.expose(), NOW), Err(BearerRefusal::InsufficientScope));
}

#[test]
fn a_withdrawn_consent_ends_the_tokens() {
    let flow = Flow::new().trusted();
    let answer = flow.tokens(ALL);
    flow.house.idp.withdraw_consent(&flow.anna(NOW), flow.anna.id, &photos()).unwrap();
    assert_eq!(flow.userinfo(answer.access_token.expose(), NOW), Err(BearerRefusal::InvalidToken));
}

#[test]
fn a_session_that_ended_takes_its_codes_with_it() {
    let flow = Flow::new().trusted();
    let code = flow.code(NOW, &[]);
    flow.write(|op| op.delete_session(flow.anna.id, SessionNumber(1)));
    assert_eq!(refused(flow.exchange(&code, NOW, &[])), TokenRefusal::Code(CodeRefusal::Unknown));
}

#[test]
fn custom_claims_of_any_shape_arrive_where_the_rule_puts_them() {
    let flow = Flow::new().trusted();
    for (name, placement, value) in [
        ("role", Placement::IdToken, json!("admin")),
        ("quota", Placement::Userinfo, json!(12.5)),
        ("https://example.org/flags", Placement::Both, json!({"a": [true, null]})),
    ] {
        let rule = ClaimRuleView {
            name: name.parse().unwrap(),
            combine: Combine::First,
            placement,
            attribute: None,
            values: vec![(group("family"), value)],
        };
        flow.house.idp.set_claim(&console(), &photos(), &rule).unwrap();
    }
    let answer = flow.tokens("openid");
    let (id_token, info) = (flow.verified(&answer), flow.userinfo(answer.access_token.expose(), NOW).unwrap());
    assert_eq!((id_token.get("role"), info.get("role")), (Some(&json!("admin")), None));
    assert_eq!((id_token.get("quota"), info.get("quota")), (None, Some(&json!(12.5))));
    assert_eq!(id_token["https://example.org/flags"], json!({"a": [true, null]}));
    assert_eq!(info["https://example.org/flags"], json!({"a": [true, null]}));
}

#[test]
fn an_app_that_needs_rs256_gets_it() {
    let flow = Flow::new().trusted();
    flow.set(&AppAmendment { algorithm: Some(Algorithm::Rs256), ..AppAmendment::default() });
    let answer = flow.tokens("openid");
    let header = jsonwebtoken::decode_header(answer.id_token.as_ref().unwrap().expose()).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::RS256);
    assert_eq!(flow.verified(&answer)["sub"], json!(flow.anna.subject));
}

#[test]
fn the_next_exchange_forgets_what_is_over() {
    let flow = Flow::new().trusted();
    for _ in 0..5 {
        flow.tokens("openid");
    }
    let count = || flow.write(|op| Ok(op.token_families(flow.anna.id)?.len()));
    assert_eq!(count(), 5);
    flow.write(|op| op.trim_token_families(flow.anna.id, after(Span::days(1))));
    assert_eq!(count(), 0);
}

#[test]
fn of_too_many_families_the_oldest_go() {
    use domain::grant::refresh_token::MAX_FAMILIES;
    let flow = Flow::new().trusted();
    let mut families = Vec::new();
    for n in 0..520 {
        let now = after(Span::seconds(n));
        flow.exchange(&flow.code(now, &[("scope", "openid offline_access")]), now, &[]).unwrap();
        families = flow.write(|op| op.token_families(flow.anna.id));
    }
    let newest = families[0].clone();
    flow.write(|op| op.trim_token_families(flow.anna.id, after(Span::seconds(520))));
    families = flow.write(|op| op.token_families(flow.anna.id));
    assert_eq!((families.len(), &families[0]), (MAX_FAMILIES, &newest));
    assert!(families.iter().all(|family| family.created_at >= after(Span::seconds(20))));
}

#[test]
fn discovery_names_what_is_served() {
    let document: Value = serde_json::from_slice(&crate::discovery("https://id.example.org")).unwrap();
    assert_eq!(document["issuer"], "https://id.example.org");
    let served: Vec<_> = GRANTS.iter().map(|grant| grant.name()).collect();
    assert_eq!(document["grant_types_supported"], json!(served));
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]));
    assert_eq!(document["scopes_supported"], json!(["openid", "profile", "email", "groups", "offline_access"]));
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["subject_types_supported"], json!(["public", "pairwise"]));
    assert_eq!(
        document["introspection_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post", "private_key_jwt"])
    );
    assert_eq!(document["userinfo_signing_alg_values_supported"], json!(["ES256", "RS256"]));
}

#[test]
fn a_code_that_was_issued_is_not_an_access_token() {
    let flow = Flow::new().trusted();
    let Authorization::Answer(answer) = flow.authorize(NOW, &[]).unwrap() else { panic!("no answer") };
    assert_eq!(flow.userinfo(answer.get("code").unwrap(), NOW), Err(BearerRefusal::InvalidToken));
}

/// A refresh token whose session ended by itself; Anna is in another one.
fn outliving(flow: &Flow) -> String {
    let token = text(&flow.tokens("openid offline_access").refresh_token);
    flow.house.idp.purge_sign_ins(steady(after(Span::days(20)))).unwrap();
    flow.session(2, Factors::NONE.with(Factor::Passkey), NOW);
    token
}

#[test]
fn ending_all_sessions_ends_the_tokens_of_sessions_long_over() {
    let flow = Flow::new().trusted();
    let token = outliving(&flow);
    flow.house.idp.revoke_sessions(&console(), &Whose::Of(user("anna")), None).unwrap();
    assert_eq!(refused(flow.refresh(&token, NOW)), TokenRefusal::Refresh(RefreshRefusal::Unknown));
}

#[test]
fn signing_out_everywhere_else_ends_the_tokens_of_sessions_long_over_and_keeps_those_of_this_one() {
    let flow = Flow::new().trusted();
    let old = outliving(&flow);
    let here = SessionNumber(2);
    let actor = Actor::Person { account: flow.anna.id, session: here, fresh: true };
    let me = Context { actor, ..flow.anna(NOW) };
    let wish = request(&[("scope", "openid offline_access")]);
    let Authorization::Answer(answer) = flow.house.idp.authorize(&me, &wish).unwrap() else { panic!("no code") };
    let new = text(&flow.exchange(answer.get("code").unwrap(), NOW, &[]).unwrap().refresh_token);
    flow.house.idp.revoke_sessions(&me, &Whose::Mine, Some(here)).unwrap();
    assert_eq!(refused(flow.refresh(&old, NOW)), TokenRefusal::Refresh(RefreshRefusal::Unknown));
    flow.refresh(&new, NOW).unwrap();
}

#[test]
fn whoever_recovers_a_lost_phone_leaves_no_token_on_it() {
    let flow = Flow::new().trusted();
    let token = outliving(&flow);
    let Flow { house, anna, secret } = flow;
    let door = Door { house, now: NOW };
    door.accept("anna", &mut Authenticator::new(ORIGIN));
    door.accept("anna", &mut Authenticator::new(ORIGIN));
    let flow = Flow { house: door.house, anna, secret };
    assert_eq!(refused(flow.refresh(&token, NOW)), TokenRefusal::Refresh(RefreshRefusal::Unknown));
}

#[test]
fn an_app_that_never_asked_is_listed_while_it_holds_tokens_and_can_be_turned_out() {
    let flow = Flow::new().trusted();
    let token = text(&flow.tokens("openid email offline_access").refresh_token);
    let listed = flow.house.idp.list_consents(&flow.anna(NOW), flow.anna.id).unwrap();
    assert_eq!(listed.iter().map(|view| view.client.as_str()).collect::<Vec<_>>(), ["photos"]);
    assert_eq!(listed[0].scopes.len(), 3);
    assert_eq!(flow.house.idp.withdraw_consent(&flow.anna(NOW), flow.anna.id, &photos()).unwrap(), Change::Removed);
    assert_eq!(refused(flow.refresh(&token, NOW)), TokenRefusal::Refresh(RefreshRefusal::Unknown));
    assert!(flow.house.idp.list_consents(&flow.anna(NOW), flow.anna.id).unwrap().is_empty());
}

#[test]
fn a_flood_of_refusals_does_not_hide_that_tokens_were_ended() {
    let flow = Flow::new().trusted();
    let code = flow.code(NOW, &[("scope", "openid offline_access")]);
    flow.exchange(&code, NOW, &[]).unwrap();
    let reused = text(&flow.tokens("openid offline_access").refresh_token);
    flow.refresh(&reused, NOW).unwrap();
    while flow.house.idp.refusals.admit(&Actor::Anonymous, steady(NOW).uptime).is_some() {}
    let before = flow.house.events().len();
    refused(flow.exchange(&code, NOW, &[]));
    refused(flow.refresh(&reused, after(Span::seconds(10))));
    assert_eq!(flow.house.events().len(), before + 2);
    refused(flow.exchange(&code, NOW, &[]));
    assert_eq!(flow.house.events().len(), before + 2, "a second replay ends nothing more");
}
