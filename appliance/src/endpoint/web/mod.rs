//! The pages that people see. No policy here: handlers parse, operate and render.

pub(crate) mod view;
