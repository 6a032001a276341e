//! The appliance: sockets, protocols, pages, command line and front panel around `service`.

mod addresses;
pub mod api;
mod backup;
mod bridge;
pub mod certificate;
pub mod cli;
mod clock;
pub mod config;
mod demo;
mod endpoint;
mod http;
pub mod listen;
mod log;
mod logouts;
mod lookup;
mod mdns;
mod panel;
mod provisioning;
mod reach;
pub mod serve;
mod signals;
pub mod system;
mod tend;
mod update;

#[cfg(test)]
mod testing;
