//! Pure types and decisions of an identity provider. No I/O, no clock, no randomness: time and random bytes are arguments.

pub mod account;
pub mod admission;
pub mod amend;
pub mod api_token;
pub mod attribute;
pub mod certificate;
pub mod claim;
pub mod client;
pub mod clock;
pub mod consent;
pub mod credential;
pub mod document_uri;
pub mod entropy;
pub mod event;
pub mod forward;
pub mod grant;
pub mod group;
pub mod host;
pub mod house;
pub mod id;
pub mod indicator;
pub mod invite;
pub mod jwk;
pub mod lockout;
pub mod logout;
pub mod moving;
pub mod name;
pub mod pairwise;
pub mod panel;
pub mod permission;
pub mod picture;
pub mod presence;
pub mod proof;
pub mod provisioning;
pub mod reach;
pub mod redirect_uri;
pub mod registration;
pub mod scope;
pub mod secret;
pub mod session;
pub mod sign_in;
pub mod ssh_key;
pub mod strength;
pub mod time;
pub mod token;

#[cfg(test)]
extern crate self as domain;
#[cfg(test)]
#[path = "../../../tests/support/seeded.rs"]
#[expect(unreachable_pub, reason = "the integration tests use it too")]
mod testing;
