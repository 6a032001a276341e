//! The only crate that names SQLite. Rows become domain types here and go back; nothing above sees a column.
//!
//! One writer, a few readers. A second engine must be able to run the same statements: what only SQLite has is in `open`.

mod account;
mod api_token;
mod client;
mod consent;
mod credential;
mod event;
mod fault;
mod group;
mod invite;
mod key;
mod logout;
mod member;
mod migrate;
mod open;
mod picture;
mod registration;
mod row;
mod session;
mod setting;
mod ssh_key;
mod status;
mod token_family;
mod tx;

pub use fault::{Fault, OpenError};
pub use key::SigningKeyRow;
pub use logout::EndedSession;
pub use migrate::NEWEST_SCHEMA;
pub use open::Store;
pub use status::Counts;
pub use tx::{Ending, Reader, Writer};
