//! The configuration profile by which iPhones, iPads and Macs learn of the house's own authority (Apple, Configuration Profile
//! Reference: `com.apple.security.root`).
//!
//! It is not signed: nothing that a phone trusts before could sign it, so the phone says "Not Verified". Its names and numbers
//! follow from the authority, so that installing it again replaces it and a new authority comes beside the old one.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::house::House;
use ring::digest;
use uuid::Uuid;

use crate::certificate::Authority;

#[derive(Template)]
#[template(path = "trust/profile.xml")]
struct Profile<'a> {
    house: &'a str,
    host: &'a str,
    authority: &'a str,
    identifier: String,
    profile: Uuid,
    payload: Uuid,
    lines: Vec<String>,
}

/// The profile as text.
///
/// # Errors
/// When the template cannot be filled.
pub(super) fn of(house: &House, authority: &Authority) -> askama::Result<String> {
    let host = house.host.as_str();
    let text = STANDARD.encode(&authority.der);
    let mut lines = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        lines.push(line.to_owned());
        rest = more;
    }
    let reversed = host.rsplit('.').collect::<Vec<_>>().join(".");
    let profile = Profile {
        house: &house.name,
        host,
        authority: &authority.facts.subject,
        identifier: format!("{reversed}.latchkey.trust"),
        profile: number(b"profile", &authority.der),
        payload: number(b"payload", &authority.der),
        lines,
    };
    profile.render()
}

/// A number that is the same for the same authority (RFC 9562 section 5.8).
fn number(of: &[u8], der: &[u8]) -> Uuid {
    let digest = digest::digest(&digest::SHA256, &[of, b" of ", der].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.as_ref().get(..16).unwrap_or(&[0; 16]));
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
