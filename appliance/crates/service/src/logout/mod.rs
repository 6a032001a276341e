//! The end of a session that an app asks for (OpenID Connect RP-Initiated Logout 1.0), and telling apps of the end of a session by
//! whatever way (OpenID Connect Back-Channel Logout 1.0).
//!
//! A link alone must not sign anybody out: nobody is asked only where the ID token in it was made for the very session that the
//! browser is in, which nobody but that app has.

mod delivery;
mod request;

use std::fmt;
use std::sync::{Arc, OnceLock};

use domain::grant::authorization_code::Granted;
use domain::house::Address;
use domain::name::{ClientName, Label};
use domain::permission::{Actor, Denied, Need};
use serde::Deserialize;
use serde_json::json;
use store::Reader;

pub use delivery::{Delivered, LogoutCall};
pub use request::LogoutRequest;

use crate::keys::OwnToken;
use crate::known::KnownApp;
use crate::operation::{Refuses, Writing};
use crate::{Context, Idp, OpError};

/// Wakes whoever tells the apps.
#[derive(Default)]
pub(crate) struct Logouts(OnceLock<Box<dyn Fn() + Send + Sync>>);

impl Logouts {
    /// To be called when what there is to tell is on the card.
    pub(crate) fn ring(&self) {
        if let Some(bell) = self.0.get() {
            bell();
        }
    }
}

/// What comes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logout {
    /// The person is signed out, or was not signed in.
    Done(LoggedOut),
    /// The person is to be asked.
    Ask {
        /// The app that asks, if it said which one it is.
        app: Option<Label>,
        /// Where the browser goes afterwards.
        location: Option<String>,
    },
}

/// Where the browser goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// The app's address with the `state`; a page of ours without one.
    pub location: Option<String>,
}

/// A request that can be answered.
struct Checked {
    app: Option<Arc<KnownApp>>,
    /// The session that the ID token was made for.
    sid: Option<String>,
    location: Option<String>,
}

/// What an ID token says of who is to be signed out where.
#[derive(Deserialize)]
struct Hint {
    aud: String,
    #[serde(default)]
    sid: Option<String>,
}

impl Idp {
    /// Answers a request to `end_session_endpoint`: ends the session that the browser is in, if the request proves that it comes
    /// from there; else the person is to be asked, and [`Self::confirm_logout`] called.
    pub fn logout(&self, ctx: &Context, request: &LogoutRequest) -> Result<Logout, OpError<LogoutRefusal>> {
        let checked = self.check_logout(ctx, request)?;
        let Actor::Person { account, session, .. } = ctx.actor else {
            return Ok(Logout::Done(LoggedOut { location: checked.location }));
        };
        let key = self.oauth.access_key()?;
        let here = checked.app.as_ref().map(|app| key.session_name(account, session, app.client.id));
        if checked.sid.is_some() && checked.sid == here {
            return self.log_out(ctx, checked).map(Logout::Done);
        }
        let app = checked.app.map(|app| app.client.display_name.clone());
        Ok(Logout::Ask { app, location: checked.location })
    }

    /// The person has said yes.
    pub fn confirm_logout(&self, ctx: &Context, request: &LogoutRequest) -> Result<LoggedOut, OpError<LogoutRefusal>> {
        let checked = self.check_logout(ctx, request)?;
        self.log_out(ctx, checked)
    }

    fn log_out(&self, ctx: &Context, checked: Checked) -> Result<LoggedOut, OpError<LogoutRefusal>> {
        let detail = checked.app.map_or_else(|| json!({}), |app| json!({ "app": app.client.name }));
        self.leave::<LogoutRefusal>(ctx, detail)?;
        Ok(LoggedOut { location: checked.location })
    }

    fn check_logout(&self, ctx: &Context, request: &LogoutRequest) -> Result<Checked, OpError<LogoutRefusal>> {
        request.check()?;
        let hint = match request.id_token_hint() {
            Some(token) => Some(self.read_hint(token).ok_or(LogoutRefusal::BadHint)?),
            None => None,
        };
        let client_id = match (request.client_id(), &hint) {
            (Some(given), Some(hint)) if given != hint.aud => return Err(LogoutRefusal::OtherClient.into()),
            (Some(given), _) => Some(given),
            (None, Some(hint)) => Some(hint.aud.as_str()),
            (None, None) => None,
        };
        let app = match client_id {
            Some(client_id) => Some(self.read(ctx, Need::Nothing, |op| self.app_to_leave(op, client_id))?),
            None => None,
        };
        let location = match (request.post_logout_redirect_uri(), &app) {
            (None, _) => None,
            (Some(_), None) => return Err(LogoutRefusal::NoClient.into()),
            (Some(given), Some(app)) => Some(request.answer(registered(app, given)?)),
        };
        Ok(Checked { app, sid: hint.and_then(|hint| hint.sid), location })
    }

    fn app_to_leave(&self, op: &Reader<'_>, client_id: &str) -> Result<Arc<KnownApp>, OpError<LogoutRefusal>> {
        let app = match client_id.parse::<ClientName>() {
            Ok(name) => self.known.app_by_name(op, &name)?,
            Err(_) => None,
        };
        app.ok_or_else(|| LogoutRefusal::UnknownClient { client_id: client_id.to_owned() }.into())
    }

    /// An ID token of ours; it may be over (section 2).
    fn read_hint(&self, token: &str) -> Option<Hint> {
        let OwnToken::Ours(claims) = self.own_token(token) else { return None };
        serde_json::from_value(claims.into()).ok()
    }

    /// Whom to wake when an app is to be told that a session has ended. Only the first one counts.
    pub fn on_logouts(&self, bell: impl Fn() + Send + Sync + 'static) {
        let _there_is_one = self.logouts.0.set(Box::new(bell));
    }
}

/// Character by character (section 3.1).
fn registered<'a>(app: &KnownApp, given: &'a str) -> Result<&'a str, LogoutRefusal> {
    let known = app.client.settings.post_logout_redirect_uris.iter().any(|uri| uri.as_str() == given);
    let app = || app.client.display_name.clone();
    if known { Ok(given) } else { Err(LogoutRefusal::UnknownAddress { app: app(), uri: given.to_owned() }) }
}

/// Remembers, in the transaction of a sign-in to an app, that the app is to be told when the session ends.
pub(crate) fn note_sign_in(
    op: &Writing<'_>,
    app: &KnownApp,
    granted: &Granted,
    at: &Address,
) -> Result<(), store::Fault> {
    match (granted.authentication.session, &app.client.settings.backchannel_logout_uri) {
        (Some(session), Some(_)) => op.note_session_client(granted.account, session, app.client.id, &at.issuer()),
        (Some(_) | None, _) => Ok(()),
    }
}

/// Why a request is answered with a page and never with a redirect: what it says is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutRefusal {
    /// Cannot happen: the operation needs nothing.
    Denied(Denied),
    /// A parameter came twice.
    Repeated(&'static str),
    /// Longer than any sensible request.
    TooLong,
    /// The ID token is none of ours.
    BadHint,
    /// The ID token is another app's.
    OtherClient,
    /// An address, but nobody whose it is.
    NoClient,
    /// An app that the house does not know.
    UnknownClient {
        /// What was given.
        client_id: String,
    },
    /// An address that is not registered for the app.
    UnknownAddress {
        /// What people call the app.
        app: Label,
        /// What was given.
        uri: String,
    },
}

impl Refuses for LogoutRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<LogoutRefusal> for OpError<LogoutRefusal> {
    fn from(refusal: LogoutRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for LogoutRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(_) => f.write_str("sign in first"),
            Self::Repeated(name) => write!(f, "{name} was given more than once"),
            Self::TooLong => f.write_str("the request is too long"),
            Self::BadHint => {
                f.write_str("id_token_hint is no ID token of this house, or one whose key is not published any more")
            }
            Self::OtherClient => f.write_str("client_id and id_token_hint are of two apps"),
            Self::NoClient => f.write_str(
                "post_logout_redirect_uri was given, but neither id_token_hint nor client_id to say whose it is",
            ),
            Self::UnknownClient { client_id } => write!(f, "there is no app {client_id:?} here"),
            Self::UnknownAddress { app, uri } => write!(
                f,
                "{app} wants to return to {uri:?}, which is not registered for it; an owner can add exactly this address \
                 with: latchkey app set NAME --post-logout-redirect-uri URL"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
