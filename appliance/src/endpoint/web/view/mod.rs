//! What each page shows. A view is plain data beside a template of `appliance/pages`; every word a person reads
//! stands in the template, so that one place can be read aloud, corrected and translated.

pub(crate) mod account;
pub(crate) mod apps;
pub(crate) mod part;
#[cfg(test)]
mod preview;
#[cfg(test)]
mod samples;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod trouble;
