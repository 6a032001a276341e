//! The request to `end_session_endpoint` (OpenID Connect RP-Initiated Logout 1.0 section 2), not yet believed.

use super::LogoutRefusal;
use crate::{AuthorizationAnswer, ResponseMode};

/// Most bytes of a request. It has to fit into the head of a request, escaped.
const MAX_REQUEST: usize = 6 * 1024;

/// What the parameters are called. `logout_hint` and `ui_locales` are read over: the session is known by its cookie, and pages
/// are in one language.
const NAMES: [&str; 6] =
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales"];

/// The parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    values: [Option<String>; NAMES.len()],
    repeated: Option<&'static str>,
    length: usize,
}

impl LogoutRequest {
    /// From the decoded pairs of a query or a form. Parameters that nobody knows are ignored, empty ones as well.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut request = Self::default();
        for (name, value) in pairs {
            request.length += name.len() + value.len() + 2;
            let Some(at) = NAMES.iter().position(|known| *known == name).filter(|_| !value.is_empty()) else {
                continue;
            };
            if request.values[at].is_some() {
                request.repeated = Some(NAMES[at]);
            }
            request.values[at] = Some(value.to_owned());
        }
        request
    }

    pub(super) fn check(&self) -> Result<(), LogoutRefusal> {
        match self.repeated {
            Some(name) => Err(LogoutRefusal::Repeated(name)),
            None if self.length > MAX_REQUEST => Err(LogoutRefusal::TooLong),
            None => Ok(()),
        }
    }

    pub(super) fn id_token_hint(&self) -> Option<&str> {
        self.get("id_token_hint")
    }

    pub(super) fn client_id(&self) -> Option<&str> {
        self.get("client_id")
    }

    pub(super) fn post_logout_redirect_uri(&self) -> Option<&str> {
        self.get("post_logout_redirect_uri")
    }

    /// That address with the `state`.
    pub(super) fn answer(&self, uri: &str) -> String {
        let Some(state) = self.get("state") else { return uri.to_owned() };
        let parameters = vec![("state", state.to_owned())];
        AuthorizationAnswer { redirect_uri: uri.to_owned(), mode: ResponseMode::Query, parameters }.location()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let at = NAMES.iter().position(|known| *known == name)?;
        self.values[at].as_deref()
    }
}
