//! A certificate authority for tests that can lie. It believes every request and knows no clock.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SignatureAlgorithm,
};
use serde_json::{Value, json};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::fake_http::{Asked, FakeHttp, Said};

/// What the authority does other than it should.
#[derive(Clone)]
pub enum Lie {
    /// Nothing.
    Honest,
    /// A certificate for another key.
    WrongKey,
    /// A certificate for another name.
    WrongName,
    /// A certificate that has ended.
    Ended,
    /// Something that is no certificate.
    Garbage,
    /// A certificate without an end.
    EndlessChain,
    /// A directory without an end.
    EndlessDirectory,
    /// Orders get this problem: status, header lines, body.
    Problem(u16, Vec<String>, Value),
    /// Every nonce is refused.
    BadNonces,
    /// Addresses of another server.
    Elsewhere,
    /// The order is never finished.
    NeverReady,
    /// The old certificate was replaced already (RFC 9773 section 5).
    Replaced,
    /// The account must be made elsewhere.
    OwnAccounts,
}

/// Who the certificates are for, unless it lies.
pub const HOST: &str = "id.house.example";

/// The authority; its directory is at `/directory`.
pub fn start(lie: Lie) -> FakeHttp {
    let base: Arc<OnceLock<String>> = Arc::default();
    let told = Arc::clone(&base);
    let mut chain = None;
    let fake = FakeHttp::start(move |asked| answer(told.get().unwrap(), &lie, asked, &mut chain));
    base.set(fake.url("")).unwrap();
    fake
}

fn answer(base: &str, lie: &Lie, asked: &Asked, chain: &mut Option<String>) -> Said {
    let order = |status: &str| {
        json!({
            "status": status,
            "authorizations": [format!("{base}/authorization")],
            "finalize": format!("{base}/finalize"),
            "certificate": format!("{base}/certificate"),
        })
    };
    let refused = matches!(lie, Lie::BadNonces) && asked.line.starts_with("POST");
    if refused {
        return said(400, &[], &json!({"type": "urn:ietf:params:acme:error:badNonce"}));
    }
    match asked.line.as_str() {
        "GET /directory" if matches!(lie, Lie::EndlessDirectory) => Said::Endless,
        "GET /directory" => said(200, &[], &directory(base, lie)),
        "GET /nonce" => Said::This(204, vec!["Replay-Nonce: first".to_owned()], Vec::new()),
        "POST /account" => said(201, &[format!("Location: {base}/account/1")], &json!({"status": "valid"})),
        "POST /order" => {
            if let Lie::Problem(status, headers, body) = lie {
                return said(*status, headers, body);
            }
            if matches!(lie, Lie::Replaced) && payload(asked).get("replaces").is_some() {
                return said(409, &[], &json!({"type": "urn:ietf:params:acme:error:alreadyReplaced"}));
            }
            said(201, &[format!("Location: {base}/order/1")], &order("ready"))
        }
        "POST /authorization" => said(200, &[], &json!({"status": "valid"})),
        "POST /finalize" => {
            *chain = Some(certify(lie, payload(asked)["csr"].as_str().unwrap()));
            said(200, &[], &order("processing"))
        }
        "POST /order/1" if matches!(lie, Lie::NeverReady) => said(200, &[], &order("processing")),
        "POST /order/1" => said(200, &[], &order(if chain.is_some() { "valid" } else { "ready" })),
        "POST /certificate" if matches!(lie, Lie::EndlessChain) => Said::Endless,
        "POST /certificate" if matches!(lie, Lie::Garbage) => {
            Said::This(200, nonce(), "<html>Down for repair</html>".into())
        }
        "POST /certificate" => Said::This(200, nonce(), chain.clone().unwrap().into_bytes()),
        line if line.starts_with("GET /renewal/") => {
            let window = json!({"start": "2027-02-01T00:00:00Z", "end": "2027-02-03T00:00:00Z"});
            said(200, &["Retry-After: 21600".to_owned()], &json!({"suggestedWindow": window}))
        }
        line => said(404, &[], &json!({"detail": line})),
    }
}

fn directory(base: &str, lie: &Lie) -> Value {
    let base = if matches!(lie, Lie::Elsewhere) { "https://elsewhere.example" } else { base };
    json!({
        "newNonce": format!("{base}/nonce"),
        "newAccount": format!("{base}/account"),
        "newOrder": format!("{base}/order"),
        "renewalInfo": format!("{base}/renewal"),
        "meta": {"externalAccountRequired": matches!(lie, Lie::OwnAccounts)},
    })
}

fn nonce() -> Vec<String> {
    vec!["Replay-Nonce: another".to_owned()]
}

fn said(status: u16, headers: &[String], body: &Value) -> Said {
    Said::This(status, [nonce(), headers.to_vec()].concat(), body.to_string().into_bytes())
}

/// What a signed request holds.
pub fn payload(asked: &Asked) -> Value {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body["payload"].as_str().unwrap()).unwrap()).unwrap_or_default()
}

/// A public key as it came in a request.
struct Requested(Vec<u8>);

impl PublicKeyData for Requested {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn certify(lie: &Lie, csr: &str) -> String {
    let der = URL_SAFE_NO_PAD.decode(csr).unwrap();
    let (_, request) = X509CertificationRequest::from_der(&der).unwrap();
    let mut key = request.certification_request_info.subject_pki.subject_public_key.data.to_vec();
    if matches!(lie, Lie::WrongKey) {
        key = KeyPair::generate().unwrap().public_key_raw().to_vec();
    }
    let host = if matches!(lie, Lie::WrongName) { "elsewhere.example" } else { HOST };
    let mut leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    leaf.not_before = rcgen::date_time_ymd(2027, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(2027, if matches!(lie, Lie::Ended) { 1 } else { 4 }, 2);
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec!["ca.example".to_owned()]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    leaf.signed_by(&Requested(key), &Issuer::new(ca, ca_key)).unwrap().pem() + &ca_pem
}
