//! Apps: the clients of OAuth 2.0 (RFC 6749).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Where people may be sent after they signed out there.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that somebody signed out.
    pub backchannel_logout_uri: Option<String>,
    /// Whether it has to push its authorization requests (RFC 9126).
    pub par_required: bool,
    /// What its access tokens look like: `opaque` or `jwt`.
    pub access_token: String,
    /// Whether its tokens must be bound to a key (RFC 9449).
    pub dpop_required: bool,
    /// What userinfo is signed with; absent for plain JSON.
    pub userinfo_algorithm: Option<String>,
    /// What people are called there: `public` or `pairwise`.
    pub subject: String,
    /// For which host pairwise names are made, or where the document is that says so; absent for the only one of the redirect URIs.
    #[serde(default)]
    pub sector: Option<String>,
    /// How strongly people prove who they are to get in there: `any`, `mfa` or `passkey`.
    pub strength: String,
    /// Whether it may sign people in on a device without a keyboard (RFC 8628).
    pub device: bool,
    /// What it says about data that it gets.
    pub policy_uri: Option<String>,
    /// Its terms of use.
    pub terms_uri: Option<String>,
    /// The public keys that it proves itself by, in the place of its secret (RFC 7523).
    pub jwks: Option<Value>,
    /// Where it publishes them.
    pub jwks_uri: Option<String>,
    /// The service account that it is when it asks for itself (RFC 6749 section 4.4).
    pub acts_as: Option<String>,
    /// Whether service accounts that its groups let in get tokens for it by their own API tokens (RFC 8693).
    #[serde(default)]
    pub service_accounts: bool,
    /// Until when the secret before the current one works.
    pub old_secret_until: Option<Time>,
    /// The names under which a proxy shows it.
    #[serde(default)]
    pub forward_hosts: Vec<String>,
    /// The groups that may sign in; none means nobody.
    pub allow: Vec<String>,
    /// Which scopes beyond the standard ones go to which groups.
    pub scopes: Vec<ExtraScope>,
    /// Its own claims.
    pub claims: Vec<ClaimRule>,
    /// Whether there is an icon.
    pub icon: bool,
    /// How it went when it was last told that somebody had signed out; absent when it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backchannel_logout: Option<LogoutReport>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// What to type into the app.
    pub endpoints: Endpoints,
}

/// How it went when an app was last told that somebody had signed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutReport {
    /// When.
    pub at: Time,
    /// Whether the app knows.
    pub told: bool,
    /// Why not, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What to type into an app that does not read discovery documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The issuer.
    pub issuer: String,
    /// Where everything else is written down.
    pub discovery: String,
    /// What the discovery document says of addresses, by the names that it has there.
    #[serde(flatten)]
    pub others: BTreeMap<String, String>,
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
    /// Where people may be sent after they signed out there: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it is told that somebody signed out.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub backchannel_logout_uri: Patch<String>,
    /// Whether it has to push its authorization requests (RFC 9126).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub par_required: Option<bool>,
    /// `opaque` or `jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// Whether its tokens must be bound to a key (RFC 9449).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_required: Option<bool>,
    /// `ES256` or `RS256`; cleared for plain JSON.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub userinfo_algorithm: Patch<String>,
    /// `public` or `pairwise`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The host for which pairwise names are made; cleared for the only one of the redirect URIs.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub sector: Patch<String>,
    /// `any`, `mfa` or `passkey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<String>,
    /// Whether it may sign people in on a device without a keyboard (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<bool>,
    /// What it says about data that it gets.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub policy_uri: Patch<String>,
    /// Its terms of use.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub terms_uri: Patch<String>,
    /// The public keys that it proves itself by: a JWK Set (RFC 7517), in the place of its secret and of `jwks_uri`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub jwks: Patch<Value>,
    /// Where it publishes them, in the place of its secret and of `jwks`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub jwks_uri: Patch<String>,
    /// The service account that it is when it asks for itself (RFC 6749 section 4.4).
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub acts_as: Patch<String>,
    /// Whether service accounts get tokens for it by their own API tokens (RFC 8693).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<bool>,
    /// The names under which a proxy shows it: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_hosts: Option<Vec<String>>,
}

/// The answer to making an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCreated {
    /// What it did.
    pub change: super::Effect,
    /// To be typed into the app.
    pub client_id: String,
    /// To be typed into the app; shown this once. Absent for a public app, for one with keys, and for one that was there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// What else to type into the app.
    pub endpoints: Endpoints,
}

/// A wish for a new client secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// For how many seconds the old one still works; absent for not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_old_seconds: Option<i64>,
}

/// A new client secret, shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSecret {
    /// To be typed into the app.
    pub client_secret: String,
}

/// A sign-in to be tried in the place of the app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTrial {
    /// Where the answer is awaited: an address on the asker's own machine.
    pub redirect_uri: String,
    /// The scopes to ask for, separated by blanks.
    pub scope: String,
}

/// A sign-in that is being tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// To finish it with.
    pub trial: String,
    /// To be opened in a browser.
    pub url: String,
    /// The `state` that comes back.
    pub state: String,
}

/// What the browser brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishTrial {
    /// Which trial.
    pub trial: String,
    /// The authorization code; absent when an error came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialReport {
    /// The person got in.
    Released(Box<TrialResult>),
    /// The person did not.
    Refused {
        /// Why, in words.
        why: String,
    },
}

/// What the app would have learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Who signed in.
    pub person: String,
    /// How strongly.
    pub strength: String,
    /// The scopes that were granted, separated by blanks.
    pub scope: String,
    /// The claims of the ID token.
    pub id_token: Map<String, Value>,
    /// The answer of userinfo.
    pub userinfo: Map<String, Value>,
    /// Which rule produced which claim.
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

/// What is known to be wrong with an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// About its settings.
    pub findings: Vec<Finding>,
    /// What was refused since the server started, the latest first.
    pub refused: Vec<Complaint>,
}

/// Something about an app's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub text: String,
    /// What to do about it.
    pub cure: String,
}

/// A login that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// When it happened last.
    pub at: Time,
    /// How often in a row.
    pub times: u32,
    /// During what: `authorization request` or `token request`.
    pub step: String,
    /// Which parameter is wrong.
    pub parameter: String,
    /// What it should have been.
    pub expected: String,
    /// What it was.
    pub came: String,
    /// What to do about it.
    pub cure: String,
}
