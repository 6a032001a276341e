//! Whether the box works, for whoever decides whether it is to be believed.

use serde::{Deserialize, Serialize};

/// What the server found when it looked at itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The version of the server.
    pub version: String,
    /// Another one after each start.
    pub start: String,
    /// What is wrong with the database; absent when nothing is.
    #[serde(default)]
    pub database: Option<String>,
    /// The number of the database's schema.
    pub schema: i64,
    /// The number of the newest schema that the server knows.
    pub newest_schema: i64,
    /// The name of the house.
    pub host: String,
    /// The port that browsers use.
    pub port: u16,
    /// The issuer of all tokens.
    pub issuer: String,
    /// The SHA-256 of the certificate that is shown under that name; absent before there is one.
    #[serde(default)]
    pub certificate: Option<String>,
}
