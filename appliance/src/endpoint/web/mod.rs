//! The pages that people see. No policy here: handlers parse, operate and render.

mod next;
mod qr;
mod trouble;
pub(crate) mod view;

pub(crate) use trouble::in_plain_sight;
