//! The appliance: sockets, protocols, pages, command line and front panel around `service`.

pub mod system;
