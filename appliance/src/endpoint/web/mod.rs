//! The pages that people see. No policy here: handlers parse, operate and render.

mod next;
mod qr;
pub(crate) mod view;
