//! How an app is treated, as options of `latchkey app create` and `set`.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use domain::jwk::MAX_JWKS;
use domain::name::Label;
use serde_json::Value;

use crate::api::{AppPatch, Patch};

use super::failure::Failure;
use super::shell::read_file;
use super::value::Length;

const SIGN_IN: &str = "Signing in";
const TOKENS: &str = "Tokens";
const SIGN_OUT: &str = "Signing out";
const PROOF: &str = "How the app proves itself, and who else gets its tokens";
const PROXY: &str = "Behind a proxy";

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// What people call the app
    #[arg(long, value_name = "TEXT")]
    display_name: Option<Label>,
    /// Where its tile on the dashboard leads; `none` for no tile
    #[arg(long, value_name = "URL")]
    launch_url: Option<String>,
    /// Where the answer to a sign-in may go, exactly; may be repeated, and replaces all others
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// Whether the app must prove that a code is its own (PKCE); only an app that cannot gets `false`
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, help_heading = SIGN_IN)]
    pkce: Option<bool>,
    /// Whether people are asked before their data goes to the app
    #[arg(long, value_name = "MODE", value_parser = ["ask", "skip"], help_heading = SIGN_IN)]
    consent: Option<String>,
    /// What signs its ID tokens; RS256 only for apps that do not know ES256
    #[arg(long, value_name = "ALGORITHM", value_parser = ["ES256", "RS256"], help_heading = TOKENS)]
    algorithm: Option<String>,
    /// For how long an access token works
    #[arg(long, value_name = "LENGTH", help_heading = TOKENS)]
    access_lifetime: Option<Length>,
    /// After how long without use a sign-in ends
    #[arg(long, value_name = "LENGTH", help_heading = TOKENS)]
    refresh_idle: Option<Length>,
    /// After how long a sign-in ends in any case
    #[arg(long, value_name = "LENGTH", help_heading = TOKENS)]
    refresh_lifetime: Option<Length>,
    /// Where people may be sent after they signed out there, exactly; may be repeated, and replaces all others; `none` for nowhere
    #[arg(long = "post-logout-redirect-uri", value_name = "URL", help_heading = SIGN_OUT)]
    post_logout_redirect_uris: Vec<String>,
    /// Where the app is told that somebody signed out (back-channel logout); `none` for nowhere
    #[arg(long, value_name = "URL", help_heading = SIGN_OUT)]
    backchannel_logout_uri: Option<String>,
    /// Whether the app must push its requests first (PAR)
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, help_heading = SIGN_IN)]
    require_par: Option<bool>,
    /// Whether the app's tokens must be bound to a key of its own (DPoP)
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, help_heading = TOKENS)]
    require_dpop: Option<bool>,
    /// What its access tokens look like; jwt for servers that read them without asking
    #[arg(long, value_name = "FORMAT", value_parser = ["opaque", "jwt"], help_heading = TOKENS)]
    access_token: Option<String>,
    /// What signs the answer of userinfo; `none` for plain JSON, which most apps want
    #[arg(long, value_name = "ALGORITHM", value_parser = ["none", "ES256", "RS256"], help_heading = TOKENS)]
    userinfo_algorithm: Option<String>,
    /// Whether people have a name (sub) of their own in this app; changing it makes everybody a stranger there
    #[arg(long, value_name = "TYPE", value_parser = ["public", "pairwise"], help_heading = SIGN_IN)]
    subject: Option<String>,
    /// For an app with several hosts: the one for which the names of `--subject pairwise` are made; `none` for its only host
    #[arg(long, value_name = "HOST", help_heading = SIGN_IN)]
    sector: Option<String>,
    /// How strongly people prove who they are to get in there
    #[arg(long, value_name = "STRENGTH", value_parser = ["any", "mfa", "passkey"], help_heading = SIGN_IN)]
    strength: Option<String>,
    /// Whether it may sign people in on a television or another device without a keyboard
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, help_heading = SIGN_IN)]
    device: Option<bool>,
    /// What the app says about the data that it gets, for the page where people are asked; `none` for nothing
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// The app's terms of use, for the same page; `none` for nothing
    #[arg(long, value_name = "URL")]
    terms_uri: Option<String>,
    /// A file with the public keys (a JWK Set) that the app proves itself by, in the place of its secret; `none` for the secret
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri", help_heading = PROOF)]
    jwks: Option<PathBuf>,
    /// Where the app publishes those keys; `none` for the secret
    #[arg(long, value_name = "URL", help_heading = PROOF)]
    jwks_uri: Option<String>,
    /// The service account that the app is when it asks for itself (client_credentials); `none` for nobody
    #[arg(long, value_name = "ACCOUNT", help_heading = PROOF)]
    acts_as: Option<String>,
    /// Whether service accounts that its groups let in get tokens for it by their own API tokens (token exchange)
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, help_heading = PROOF)]
    service_accounts: Option<bool>,
    /// A name under which a proxy shows the app to those who may use it (forward auth); may be repeated, and replaces all others;
    /// `none` for nowhere
    #[arg(long = "forward-host", value_name = "HOST", help_heading = PROXY)]
    forward_hosts: Vec<String>,
}

impl Settings {
    pub(super) fn into_patch(self) -> Result<AppPatch, Failure> {
        let seconds = |length: Option<Length>| length.map(|Length(span)| span.as_seconds());
        Ok(AppPatch {
            display_name: self.display_name.map(String::from),
            launch_url: clearable(self.launch_url),
            redirect_uris: (!self.redirect_uris.is_empty()).then_some(self.redirect_uris),
            pkce_required: self.pkce,
            consent: self.consent,
            algorithm: self.algorithm,
            access_token_seconds: seconds(self.access_lifetime),
            refresh_idle_seconds: seconds(self.refresh_idle),
            refresh_seconds: seconds(self.refresh_lifetime),
            post_logout_redirect_uris: all_or_none(self.post_logout_redirect_uris),
            backchannel_logout_uri: clearable(self.backchannel_logout_uri),
            par_required: self.require_par,
            access_token: self.access_token,
            dpop_required: self.require_dpop,
            userinfo_algorithm: clearable(self.userinfo_algorithm),
            subject: self.subject,
            sector: clearable(self.sector),
            strength: self.strength,
            device: self.device,
            policy_uri: clearable(self.policy_uri),
            terms_uri: clearable(self.terms_uri),
            jwks: keys(self.jwks)?,
            jwks_uri: clearable(self.jwks_uri),
            acts_as: clearable(self.acts_as),
            service_accounts: self.service_accounts,
            forward_hosts: all_or_none(self.forward_hosts),
        })
    }
}

/// The keys in the file. What is wrong with them is for the server to say; only what is no JSON does not get there.
fn keys(file: Option<PathBuf>) -> Result<Patch<Value>, Failure> {
    let Some(file) = file else { return Ok(Patch::Keep) };
    if file.as_os_str() == "none" {
        return Ok(Patch::Clear);
    }
    let value = serde_json::from_slice(&read_file(&file, MAX_JWKS as u64)?);
    let shown = file.display();
    let wrong = |why| Failure::Usage(format!("{shown} is not JSON ({why}); give a JWK Set: {{\"keys\": [...]}}"));
    value.map(Patch::Set).map_err(wrong)
}

/// Nothing said keeps what is there; `none` takes all away.
fn all_or_none(values: Vec<String>) -> Option<Vec<String>> {
    match values {
        nothing if nothing.is_empty() => None,
        cleared if cleared == ["none"] => Some(Vec::new()),
        values => Some(values),
    }
}

/// `none` takes it away.
fn clearable(value: Option<String>) -> Patch<String> {
    match value {
        None => Patch::Keep,
        Some(none) if none == "none" => Patch::Clear,
        Some(value) => Patch::Set(value),
    }
}
