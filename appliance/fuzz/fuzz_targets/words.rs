//! Everything in the domain that is read from text: no text makes it panic, and what was read reads back as itself.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use domain::document_uri::DocumentUri;
use domain::host::Host;
use domain::name::{ClientName, GroupName, Label, Username};
use domain::pairwise::Sector;
use domain::redirect_uri::{LaunchUrl, RedirectUri};
use domain::scope::{Scope, Scopes};
use domain::token::{OpaqueToken, TokenKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (text, other) = texts;
    reads_back::<Username>(text);
    reads_back::<GroupName>(text);
    reads_back::<ClientName>(text);
    reads_back::<Label>(text);
    reads_back::<RedirectUri>(text);
    reads_back::<LaunchUrl>(text);
    reads_back::<DocumentUri>(text);
    reads_back::<Sector>(text);
    reads_back::<Host>(text);
    reads_back::<Scope>(text);
    reads_back::<Scopes>(text);
    for kind in [TokenKind::Session, TokenKind::Refresh, TokenKind::Api, TokenKind::Invite] {
        if let Some(token) = OpaqueToken::decode(kind, text) {
            assert_eq!(token.encode(kind).expose(), text);
        }
    }
    if let Ok(uri) = text.parse::<RedirectUri>() {
        assert!(uri.matches(text, false));
        assert!(!uri.matches(other, false) || other == text);
        uri.matches(other, true);
    }
});

fn reads_back<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert!(value.to_string().parse().is_ok_and(|again: T| again == value), "{text:?}");
    }
}
