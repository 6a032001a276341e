//! What becomes of an authorization request.

use std::fmt;

use domain::name::{ClientName, Label};
use domain::permission::Denied;
use domain::redirect_uri::LaunchUrl;
use domain::strength::Strength;
use url::form_urlencoded::Serializer;

use crate::operation::Refuses;

/// What the browser does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// The person signs in first.
    SignIn(SignInNeeded),
    /// The person is asked.
    Consent(ConsentNeeded),
    /// Back to the app, with a code or an error.
    Answer(AuthorizationAnswer),
}

/// A sign-in that has to come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInNeeded {
    /// For which app.
    pub app: Label,
    /// Why.
    pub reason: SignInReason,
    /// Who it probably is (`login_hint`).
    pub login_hint: Option<String>,
    /// Where the person is sent afterwards.
    pub redirect_uri: String,
    /// Where it goes on: a path of ours with a query.
    pub next: String,
}

/// Why somebody has to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInReason {
    /// Nobody is.
    NotSignedIn,
    /// The app wants to see it done again.
    Again,
    /// What was proven is not enough here.
    Stronger(Strength),
    /// The person says whether it is them or somebody else who goes on.
    Choose,
    /// The app means somebody else than who is signed in.
    SomebodyElse,
}

/// A question to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentNeeded {
    /// The app.
    pub client: ClientName,
    /// What people call it.
    pub app: Label,
    /// What it asks for.
    pub scopes: Vec<ScopeView>,
    /// Where the person is sent afterwards, for the page to name.
    pub redirect_uri: String,
    /// What the app says about data that it gets.
    pub policy_uri: Option<LaunchUrl>,
    /// Its terms of use.
    pub terms_uri: Option<LaunchUrl>,
    /// The request, to be posted back with the answer: a path of ours with a query.
    pub request: String,
}

/// A scope as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeView {
    /// Its name.
    pub scope: String,
    /// What it means.
    pub meaning: String,
    /// Whether the person has not agreed to it before.
    pub new: bool,
}

/// How the answer gets to the app (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1, OAuth 2.0 Form Post Response
/// Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment, for apps that live in the browser.
    Fragment,
    /// In a form that the browser posts to it.
    FormPost,
}

impl ResponseMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// The value of `response_mode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

/// The authorization response (RFC 6749 section 4.1.2), with `iss` (RFC 9207).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationAnswer {
    /// The redirect URI that was asked for.
    pub redirect_uri: String,
    /// How the parameters get there.
    pub mode: ResponseMode,
    /// What the app is told.
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationAnswer {
    /// The address to send the browser to; for a form the parameters do not stand in it.
    pub fn location(&self) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in &self.parameters {
            query.append_pair(name, value);
        }
        match self.mode {
            ResponseMode::Query => {}
            // A redirect URI of ours has no fragment of its own.
            ResponseMode::Fragment => return format!("{}#{}", self.redirect_uri, query.finish()),
            ResponseMode::FormPost => return self.redirect_uri.clone(),
        }
        let separator = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }

    /// The value of one of the parameters.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Errors that the app is told (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// Something is missing, repeated or malformed.
    InvalidRequest,
    /// Another flow than the code flow.
    UnsupportedResponseType,
    /// A scope that cannot be one.
    InvalidScope,
    /// The person said no, or may not.
    AccessDenied,
    /// `prompt=none`, but a sign-in is needed.
    LoginRequired,
    /// `prompt=none`, but the person must be asked.
    ConsentRequired,
    /// `prompt=none`, but the person has to do something first that is no sign-in and no consent.
    InteractionRequired,
    /// `prompt=none`, but the person has to say who they are.
    AccountSelectionRequired,
    /// The app insists on a proof that the person cannot give (OpenID Connect Core Error Code
    /// unmet_authentication_requirements section 2).
    UnmetAuthenticationRequirements,
    /// A request object.
    RequestNotSupported,
    /// A request object by reference.
    RequestUriNotSupported,
    /// A registration in the request.
    RegistrationNotSupported,
}

impl ErrorCode {
    /// The value of `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
        }
    }
}

/// Why a request is answered with a page of ours and never with a redirect: app or address are not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizeRefusal {
    /// Nothing of this can be asked by who asks.
    Denied(Denied),
    /// No `client_id`, or several.
    NoClient,
    /// An app that the house does not know.
    UnknownClient {
        /// What was given.
        client_id: String,
    },
    /// No `redirect_uri`, or several.
    NoRedirectUri {
        /// What people call the app.
        app: Label,
    },
    /// An address that is not registered for the app.
    UnknownRedirectUri {
        /// What people call the app.
        app: Label,
        /// What was given.
        redirect_uri: String,
    },
    /// A name of a pushed request (RFC 9126) that is unknown, used, over, or another app's.
    PushedRequestGone,
    /// An answer to a question that does not need asking.
    NothingToAnswer,
}

impl Refuses for AuthorizeRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl fmt::Display for AuthorizeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(_) => f.write_str("sign in first"),
            Self::NoClient => f.write_str("the app did not say which one it is (client_id); check its settings"),
            Self::UnknownClient { client_id } => write!(
                f,
                "there is no app {client_id:?} here; compare the client ID in the app's settings with the app's name in Latchkey"
            ),
            Self::NoRedirectUri { app } => {
                write!(f, "{app} did not say where to return to (redirect_uri); check its settings")
            }
            Self::UnknownRedirectUri { app, redirect_uri } => write!(
                f,
                "{app} wants to return to {redirect_uri:?}, which is not registered for it; an owner can add exactly this address"
            ),
            Self::PushedRequestGone => f.write_str(
                "what the app wanted is not known here any more; go back to the app and sign in again from there",
            ),
            Self::NothingToAnswer => {
                f.write_str("this question is answered already; go back to the app and sign in again")
            }
        }
    }
}
