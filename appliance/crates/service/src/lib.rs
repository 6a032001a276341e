//! The operations. Each one authorizes the actor, loads, lets the domain decide, saves, and writes the audit event, in ONE
//! transaction. `Idp` is the only public door and keeps its `Store` private.

mod account;
mod admission;
mod api_token;
mod app;
mod attempts;
mod audit;
mod authorize;
mod certificate;
mod clock;
mod codes;
mod consent;
mod context;
mod credential;
pub mod device;
mod device_authorization;
mod device_codes;
mod discovery;
mod doctor;
mod dpop;
mod error;
mod forward;
mod founding;
mod group;
mod invite;
mod keys;
mod known;
mod logout;
mod moving;
mod nameplate;
mod oauth;
mod operation;
mod page;
mod page_origin;
pub mod path;
mod pending;
mod picture;
mod presence;
mod proof;
mod provisioning;
mod recovery;
mod refusals;
mod registration;
mod session;
mod setup;
mod sign_in;
mod ssh_key;
mod status;
mod token;
mod trial;
mod upkeep;
mod userinfo;

use std::path::Path;
use std::sync::Arc;

use domain::clock::Moment;
use domain::entropy::Entropy;
use domain::house::{Address, House};
pub use store::OpenError;
use store::Store;

pub use account::{AccountView, MAX_PERSONS, MAX_SERVICE_ACCOUNTS, Whose};
pub use api_token::NewApiToken;
pub use app::{
    AppAmendment, AppItem, AppKind, AppTile, AppView, ClaimRuleView, MAX_ACCESS, MAX_APPS, MAX_CLAIM_VALUES,
    MAX_EXTRA_SCOPES, NewApp,
};
pub use authorize::{
    Authorization, AuthorizationAnswer, AuthorizationRequest, AuthorizeRefusal, ConsentNeeded, ErrorCode, PushAnswer,
    PushRefusal, PushRequest, ResponseMode, ScopeView, SignInNeeded, SignInReason,
};
pub use consent::ConsentView;
pub use context::{Context, Origin};
pub use credential::{PasskeyAnswer, TotpChallenge};
pub use device_authorization::{DeviceAnswer, DeviceQuestion, UserCodeRefusal};
pub use discovery::discovery;
pub use doctor::{Complaint, Diagnosis, Finding, Step};
pub use domain::permission::Actor;
pub use error::{Change, Fault, OpError, Refusal};
pub use forward::{ForwardRefusal, Gate, HandOver, PassCookie, Visitor, forward_digest};
pub use group::{GroupAmendment, GroupView, MAX_GROUPS, MAX_GROUPS_OF_ACCOUNT, MAX_MEMBERS, MAX_NESTED, Member, Reach};
pub use invite::{Accepted, InviteView, NewInvite, PasswordAnswer};
pub use keys::{KeyView, Rotation};
pub use logout::{Delivered, LoggedOut, Logout, LogoutCall, LogoutRefusal, LogoutRequest};
pub use moving::{DomainView, MAX_BEHIND, Resident};
pub use nameplate::{Asked, Nameplate, Settings};
pub use page::{MAX_PAGE, PAGE, Page, PageQuery};
pub use page_origin::AnswerFor;
pub use picture::{MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, PICTURE_SIDE};
pub use provisioning::Provisioned;
pub use recovery::{RecoveryAttempt, RecoveryRefusal, WayBack};
pub use registration::{
    DocumentsToFetch, FetchedDocuments, NewRegistrationToken, Registered, RegistrationRefusal, RegistrationTokenView,
};
pub use session::{NewSession, SignedIn};
pub use setup::{Naming, SetupRefusal, SetupView};
pub use sign_in::{PasskeyChallenge, SignInOutcome, SignInRefusal};
pub use status::Status;
pub use token::{
    ClientCredentials, DeviceAuthorizationRequest, KeyQuestion, KeysToFetch, TokenAnswer, TokenQuery, TokenRefusal,
    TokenRequest,
};
pub use trial::{TrialReport, TrialResult, TrialStart};
pub use upkeep::Examined;
pub use userinfo::{BearerRefusal, ShownToken, Userinfo};

/// The identity provider: every operation is a method of it.
pub struct Idp {
    store: Store,
    entropy: Arc<dyn Entropy>,
    nameplate: Arc<Nameplate>,
    /// What the configuration says, which the setup cannot change.
    given: Settings,
    pictures: picture::Gate,
    presence: presence::Presence,
    refusals: refusals::RefusalLog,
    sign_ins: sign_in::SignIns,
    oauth: oauth::OAuth,
    attempts: attempts::Attempts,
    known: known::Known,
    logouts: logout::Logouts,
}

impl Idp {
    /// Opens the household's database and makes what every house has.
    pub fn open(
        path: &Path,
        settings: Settings,
        entropy: Arc<dyn Entropy>,
        moment: Moment,
    ) -> Result<Self, StartError> {
        Self::start(Store::open(path)?, settings, entropy, moment)
    }

    /// A household that is gone when it is dropped.
    pub fn in_memory(settings: Settings, entropy: Arc<dyn Entropy>, moment: Moment) -> Result<Self, StartError> {
        Self::start(Store::in_memory()?, settings, entropy, moment)
    }

    fn start(store: Store, given: Settings, entropy: Arc<dyn Entropy>, moment: Moment) -> Result<Self, StartError> {
        let nameplate = Arc::new(setup::nameplate(&store, &given)?);
        let idp = Self {
            store,
            entropy,
            given,
            sign_ins: sign_in::SignIns::new(&nameplate.house())?,
            nameplate,
            pictures: picture::Gate::default(),
            presence: presence::Presence::default(),
            refusals: refusals::RefusalLog::new(moment.uptime),
            oauth: oauth::OAuth::default(),
            attempts: attempts::Attempts::default(),
            known: known::Known::default(),
            logouts: logout::Logouts::default(),
        };
        idp.found(moment)?;
        idp.start_oauth(moment)?;
        Ok(idp)
    }

    /// The names of the house as they are now.
    pub fn house(&self) -> Arc<House> {
        self.nameplate.house()
    }

    /// The issuer of all tokens and the origin of all pages.
    pub fn issuer(&self) -> String {
        self.house().issuer()
    }

    /// The name of the house by which the caller came: what is issued to them bears it.
    pub(crate) fn reached_at(&self, ctx: &Context) -> Address {
        ctx.origin.at.clone().unwrap_or_else(|| self.nameplate.address())
    }

    /// The names and whether there is an owner, to be looked at without an operation.
    pub fn nameplate(&self) -> Arc<Nameplate> {
        Arc::clone(&self.nameplate)
    }

    fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }
}

/// Why the provider could not start.
#[derive(Debug)]
pub enum StartError {
    /// The database was refused and left as it was.
    Open(OpenError),
    /// It opened, but could not be made ready.
    Fault(Fault),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<OpError<Refusal>> for StartError {
    fn from(error: OpError<Refusal>) -> Self {
        match error {
            OpError::Fault(fault) => Self::Fault(fault),
            OpError::Refused(refusal) => Self::Fault(Fault::unexpected(refusal)),
        }
    }
}

#[cfg(test)]
#[path = "../../../tests/support/authenticator.rs"]
mod authenticator;
#[cfg(test)]
mod door;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod house;
#[cfg(test)]
#[path = "../../../tests/support/moment.rs"]
#[expect(unreachable_pub, reason = "the integration tests use it too")]
mod moment;
#[cfg(test)]
#[path = "../../../tests/support/seeded.rs"]
#[expect(unreachable_pub, reason = "the integration tests use it too")]
mod testing;
