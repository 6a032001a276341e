//! Apps: the clients of OAuth 2.0 (RFC 6749).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Patch, Time};

/// An app in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppItem {
    /// Its name, which is its `client_id`.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// Whether it cannot keep a secret (a browser or a phone).
    pub public: bool,
    /// Where its tile leads.
    pub launch_url: Option<String>,
    /// The groups that may sign in.
    pub allow: Vec<String>,
}

/// Everything about one app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// Its name, which is its `client_id`.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// Whether it cannot keep a secret (a browser or a phone).
    pub public: bool,
    /// Where its tile leads.
    pub launch_url: Option<String>,
    /// Where the answer to a sign-in may go.
    pub redirect_uris: Vec<String>,
    /// Whether it must prove that the code is its own (RFC 7636).
    pub pkce_required: bool,
    /// Whether persons are asked before their data goes to it: `ask` or `skip`.
    pub consent: String,
    /// What signs its ID tokens: `ES256` or `RS256`.
    pub algorithm: String,
    /// For how many seconds an access token works.
    pub access_token_seconds: i64,
    /// For how many seconds a sign-in can be refreshed without being used.
    pub refresh_idle_seconds: i64,
    /// For how many seconds a sign-in can be refreshed at all.
    pub refresh_seconds: i64,
    /// The groups that may sign in; none means nobody.
    pub allow: Vec<String>,
    /// Which scopes beyond the standard ones go to which groups.
    pub scopes: Vec<ExtraScope>,
    /// Its own claims.
    pub claims: Vec<ClaimRule>,
    /// Whether there is an icon.
    pub icon: bool,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// What to type into the app.
    pub endpoints: Endpoints,
}

/// What to type into an app that does not read discovery documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The issuer.
    pub issuer: String,
    /// Where everything else is written down.
    pub discovery: String,
}

/// One scope that one group gets beyond the standard ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraScope {
    /// The group.
    pub group: String,
    /// The scope.
    pub scope: String,
}

/// How one claim of an app is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    /// Its name in the token.
    pub name: String,
    /// The attribute that it is taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What the members of these groups get, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<GroupValue>,
    /// How several values become one: `first`, `union`, `merge` or `join`.
    #[serde(default = "first")]
    pub combine: String,
    /// Where it goes: `both`, `id_token` or `userinfo`.
    #[serde(default = "both")]
    pub placement: String,
}

fn first() -> String {
    "first".to_owned()
}

fn both() -> String {
    "both".to_owned()
}

/// What the members of a group get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupValue {
    /// The group.
    pub group: String,
    /// Any JSON value.
    pub value: Value,
}

/// A new app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// Its name, which becomes its `client_id`.
    pub name: String,
    /// Whether it cannot keep a secret (a browser or a phone).
    #[serde(default)]
    pub public: bool,
    /// What else is known of it.
    #[serde(default)]
    pub set: AppPatch,
    /// Whether an app that is there already is to be made like this one instead of being refused.
    #[serde(default)]
    pub or_update: bool,
}

/// What is to be different about an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPatch {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Where its tile leads.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub launch_url: Patch<String>,
    /// Where the answer to a sign-in may go: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uris: Option<Vec<String>>,
    /// Whether it must prove that the code is its own (RFC 7636).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkce_required: Option<bool>,
    /// `ask` or `skip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// `ES256` or `RS256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// For how many seconds an access token works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_seconds: Option<i64>,
    /// For how many seconds a sign-in can be refreshed without being used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_idle_seconds: Option<i64>,
    /// For how many seconds a sign-in can be refreshed at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_seconds: Option<i64>,
}

/// The answer to making an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCreated {
    /// What it did.
    pub change: super::Effect,
    /// To be typed into the app.
    pub client_id: String,
    /// To be typed into the app; shown this once. Absent for a public app and for one that was there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// What else to type into the app.
    pub endpoints: Endpoints,
}

/// A new client secret, shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSecret {
    /// To be typed into the app.
    pub client_secret: String,
}

/// A sign-in to be tried as the app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTrial {
    /// The port on 127.0.0.1 where the answer is awaited.
    pub port: u16,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The S256 code challenge (RFC 7636) of a verifier that the asker keeps.
    pub code_challenge: String,
}

/// A sign-in that is being tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// To be opened in a browser.
    pub url: String,
    /// Where the browser ends, with `code` or `error`.
    pub redirect_uri: String,
    /// The `state` that comes back.
    pub state: String,
    /// Until when.
    pub expires_at: Time,
}

/// The answer that the browser brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishTrial {
    /// The address that the trial was given.
    pub redirect_uri: String,
    /// The authorization code.
    pub code: String,
    /// The verifier of the challenge.
    pub code_verifier: String,
}

/// What the app would have got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Who signed in.
    pub person: String,
    /// The ID token as the app gets it.
    pub id_token: String,
    /// The claims inside of it.
    pub id_token_claims: BTreeMap<String, Value>,
    /// What userinfo answers.
    pub userinfo: BTreeMap<String, Value>,
    /// Where each claim comes from.
    pub provenance: Vec<Provenance>,
}

/// Where a claim comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The claim.
    pub claim: String,
    /// The rule that made it, in words.
    pub rule: String,
}
