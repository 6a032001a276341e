//! The endpoints: each one parses, operates and renders.

pub(crate) mod admin;
pub(crate) mod forward_auth;
pub(crate) mod health;
pub(crate) mod oauth;
mod presence;
pub(crate) mod reach;
pub(crate) mod related_origins;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod static_files;
pub(crate) mod trust;
pub(crate) mod web;
