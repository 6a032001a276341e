//! How each promise is looked at.

pub(crate) mod boot;
pub(crate) mod clock;
pub(crate) mod cuts;
pub(crate) mod house;
pub(crate) mod idle;
pub(crate) mod limits;
pub(crate) mod panel;
pub(crate) mod reset;
pub(crate) mod update;
