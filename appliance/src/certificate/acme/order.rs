//! One order (RFC 8555 section 7.4): the proof is published, the authority looks, the record goes, the certificate comes.

use domain::certificate::{AcmeChoice, DnsName};
use domain::secret::Secret;
use domain::time::Span;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData};
use serde_json::{Value, json};
use url::Url;

use super::conversation::{Answer, Conversation};
use super::error::{AcmeError, AcmeErrorKind, Problem};
use super::{Issued, chain};
use crate::certificate::dns::{Publisher, Record, World, check_delegation, wait_visible};
use crate::system;

/// Where the states of things stand in answers.
const STATUS: &str = "status";
/// The longest that we wait between two questions, whatever the authority would like.
const MAX_WAIT: Span = Span::seconds(30);

pub(super) async fn run(
    mut talk: Conversation<'_>,
    choice: &AcmeChoice,
    world: &World<'_>,
    replaces: Option<&str>,
) -> Result<Issued, AcmeError> {
    let host = talk.host;
    let name = DnsName::challenge(host).ok_or_else(|| too_long(host))?;
    if let Some(alias) = &choice.challenge_alias {
        check_delegation(&name, alias, world).await?;
    }
    let record_name = choice.challenge_alias.as_ref().unwrap_or(&name);
    let publisher = Publisher::new(&choice.dns, world)?;
    talk.sign_in(choice.contact.as_ref().map(domain::certificate::Contact::as_str)).await?;
    let order = place(&mut talk, replaces).await?;
    let address = order.location.ok_or_else(|| AcmeError::down(&"it does not say where our order is"))?;
    for authorization in order.value["authorizations"].as_array().into_iter().flatten().take(1) {
        let authorization = talk.own(Some(authorization))?;
        prove(&mut talk, &authorization, record_name, (&publisher, world)).await?;
    }
    fetch(&mut talk, &address, world).await
}

/// Places the order. An authority that has seen the old certificate replaced already gets an order without it.
async fn place(talk: &mut Conversation<'_>, replaces: Option<&str>) -> Result<Answer, AcmeError> {
    let url = talk.directory.new_order.clone();
    let plain = json!({"identifiers": [{"type": "dns", "value": talk.host}]});
    if let (Some(_), Some(id)) = (&talk.directory.renewal_info, replaces.and_then(chain::certificate_id)) {
        let mut order = plain.clone();
        order["replaces"] = Value::from(id);
        match talk.post(&url, Some(&order)).await {
            Err(error) if error.kind == AcmeErrorKind::AuthorityRefused => {
                tracing::debug!(%error, "the order is placed without naming the certificate that it replaces");
            }
            other => return other,
        }
    }
    talk.post(&url, Some(&plain)).await
}

/// Publishes the proof, lets the authority look, and takes it away whatever came of it.
async fn prove(
    talk: &mut Conversation<'_>,
    authorization: &Url,
    name: &DnsName,
    (publisher, world): (&Publisher<'_>, &World<'_>),
) -> Result<(), AcmeError> {
    let answer = talk.post(authorization, None).await?;
    if answer.value[STATUS] == "valid" {
        return Ok(());
    }
    let challenges = answer.value["challenges"].as_array().map(Vec::as_slice).unwrap_or_default();
    let challenge = challenges.iter().find(|challenge| challenge["type"] == "dns-01").ok_or_else(|| {
        let words = "The certificate authority does not take a proof by DNS for this name. Choose another authority.";
        AcmeError::new(AcmeErrorKind::AuthorityRefused, words.to_owned())
    })?;
    let address = talk.own(challenge.get("url"))?;
    let token = challenge["token"].as_str().filter(|token| is_token(token));
    let value = talk.key.proof(token.ok_or_else(|| AcmeError::down(&"its challenge has no token"))?);
    let record = Record { name, value: &value };
    let published = publisher.present(record).await?;
    let proven = async {
        wait_visible(record, world).await?;
        talk.post(&address, Some(&json!({}))).await?;
        poll(talk, authorization, &["valid"], world).await
    };
    let proven = proven.await;
    if let Err(error) = publisher.remove(record, &published).await {
        tracing::warn!(%error, record = %name, "a record of the proof could not be taken away");
    }
    let proven = proven?;
    if proven[STATUS] == "valid" {
        return Ok(());
    }
    let refused = proven["challenges"].as_array().into_iter().flatten().find_map(|challenge| challenge.get("error"));
    Err(Problem::read(refused.unwrap_or(&Value::Null)).explain(talk.host, None, None))
}

/// RFC 8555 section 8: base64url, at least 128 bits.
fn is_token(token: &str) -> bool {
    (22..=256).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Makes the key, asks for the certificate and checks what comes.
async fn fetch(talk: &mut Conversation<'_>, address: &Url, world: &World<'_>) -> Result<Issued, AcmeError> {
    let ready = poll(talk, address, &["ready", "processing", "valid"], world).await?;
    let finalize = talk.own(ready.get("finalize"))?;
    let failed = |error: &dyn std::fmt::Display| AcmeError::storage(&format!("the key of the certificate: {error}"));
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let mut params = CertificateParams::new(vec![talk.host.to_owned()]).map_err(|error| failed(&error))?;
    // Without rcgen's own common name, which some authorities refuse.
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&key).map_err(|error| failed(&error))?;
    talk.post(&finalize, Some(&json!({"csr": super::account::base64(csr.der())}))).await?;
    let done = poll(talk, address, &["valid"], world).await?;
    if done[STATUS] != "valid" {
        return Err(Problem::read(done.get("error").unwrap_or(&Value::Null)).explain(talk.host, Some(400), None));
    }
    let place = talk.own(done.get("certificate"))?;
    let chain_pem = talk.text(&place).await?;
    let validity = chain::check(&chain_pem, talk.host, key.der_bytes(), world.now)?;
    Ok(Issued { chain_pem, key_pem: Secret::new(key.serialize_pem()), validity, window: None })
}

/// Asks until the thing is in one of these states, or in one that it does not leave; not for ever.
async fn poll(talk: &mut Conversation<'_>, url: &Url, wanted: &[&str], world: &World<'_>) -> Result<Value, AcmeError> {
    let end = system::monotonic() + world.pace.decided;
    loop {
        let answer = talk.post(url, None).await?;
        let status = answer.value[STATUS].as_str().unwrap_or_default();
        if wanted.contains(&status) {
            return Ok(answer.value);
        }
        match status {
            "pending" | "processing" | "ready" => {}
            "invalid" | "deactivated" | "expired" | "revoked" => return Ok(answer.value),
            _ => return Err(AcmeError::down(&"it names a state that there is not")),
        }
        let asked = answer.retry_after.unwrap_or_default().min(MAX_WAIT).as_seconds().unsigned_abs();
        let wait = world.pace.poll.max(std::time::Duration::from_secs(asked));
        if system::monotonic() + wait >= end {
            return Err(AcmeError::down(&"it does not come to a decision"));
        }
        system::after(wait).await;
    }
}

fn too_long(host: &str) -> AcmeError {
    AcmeError::new(
        AcmeErrorKind::BadName,
        format!("The name {host} is too long for a proof by DNS. Choose a shorter one."),
    )
}
