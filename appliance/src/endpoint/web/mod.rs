//! The pages that people see. No policy here: handlers parse, operate and render.

mod consent;
mod dashboard;
mod devices;
mod forward;
mod granted;
mod invite;
mod logout;
mod moved;
pub(in crate::endpoint) mod next;
mod picture;
mod profile;
mod qr;
mod recover;
mod sign_in;
mod ssh_keys;
mod trouble;
pub(crate) mod view;
pub(in crate::endpoint) mod visit;
mod ways_in;

pub(crate) use consent::{ROUTES as CONSENT, app_confused, ask as ask_consent};
pub(crate) use dashboard::ROUTES as DASHBOARD;
pub(crate) use devices::ROUTES as DEVICES;
pub(crate) use forward::ROUTES as FORWARD;
pub(crate) use granted::ROUTES as GRANTED;
pub(crate) use invite::ROUTES as INVITE;
pub(crate) use logout::ROUTES as LOGOUT;
pub(crate) use moved::ROUTES as MOVED;
pub(crate) use picture::ROUTES as PICTURE;
pub(crate) use profile::ROUTES as PROFILE;
pub(crate) use recover::ROUTES as RECOVER;
pub(crate) use sign_in::ROUTES as SIGN_IN;
pub(crate) use ssh_keys::ROUTES as SSH_KEYS;
pub(crate) use trouble::in_plain_sight;
pub(crate) use ways_in::ROUTES as WAYS_IN;
