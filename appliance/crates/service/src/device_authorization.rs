//! A device asks to be let in, and a person answers on another screen (RFC 8628). Whoever made the person type a code may sit
//! elsewhere: the question says which app it is, what it gets and from where it was asked (section 5.4), and is asked every time.

use std::fmt;
use std::sync::Arc;

use domain::admission::NotAdmitted;
use domain::claim::RequestedClaims;
use domain::consent::Consent;
use domain::grant::authorization_code::{Authentication, Granted};
use domain::grant::device_code::{self, DeviceAuthorization};
use domain::id::{AccountId, SessionNumber};
use domain::name::{ClientName, Label};
use domain::permission::{Actor, Denied, Need};
use domain::redirect_uri::LaunchUrl;
use domain::scope::Scopes;
use domain::secret::Secret;
use domain::session::Session;
use serde_json::json;
use store::Reader;

use crate::admission;
use crate::device_codes::Found;
use crate::doctor::{Asked, Step};
use crate::known::KnownApp;
use crate::operation::{Abort, Refuses};
use crate::presence::seen_as;
use crate::token::{DEVICE_CODE, DeviceAuthorizationRequest, TokenRefusal};
use crate::{Context, Idp, OpError, ScopeView};

/// Where people go with the code of a device.
const PAGE: &str = "/device";

/// The same with the code in it, short enough to be scanned from across a room.
const SHORT: &str = "/d";

/// The device authorization response (RFC 8628 section 3.2).
#[derive(Debug)]
pub struct DeviceAnswer {
    /// For the token endpoint.
    pub device_code: Secret<String>,
    /// For the person to type.
    pub user_code: Secret<String>,
    /// Where to type it.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// How long both codes are good, in seconds.
    pub expires_in: i64,
    /// How long to wait between two questions, in seconds.
    pub interval: i64,
}

/// What a person is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceQuestion {
    /// The code, as the device shows it.
    pub user_code: String,
    /// The app.
    pub client: ClientName,
    /// What people call it.
    pub app: Label,
    /// What it gets.
    pub scopes: Vec<ScopeView>,
    /// From where it was asked, in words.
    pub seen_as: String,
    /// How many seconds ago.
    pub asked_ago: i64,
    /// What the app says about the data that it gets.
    pub policy_uri: Option<LaunchUrl>,
    /// Its terms of use.
    pub terms_uri: Option<LaunchUrl>,
}

/// Why a code is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserCodeRefusal {
    /// Whoever asks is not signed in.
    Denied(Denied),
    /// There is none like it.
    Wrong,
    /// It was answered before, or waited for too long.
    Over,
    /// Too many wrong ones.
    TooMany {
        /// How long to wait.
        minutes: u64,
    },
    /// The person may not use the app, or not with this sign-in.
    NotAdmitted {
        /// The app.
        client: ClientName,
        /// What people call it.
        app: Label,
        /// Why.
        why: NotAdmitted,
    },
}

impl Refuses for UserCodeRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl fmt::Display for UserCodeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(_) => f.write_str("sign in first"),
            Self::Wrong => f.write_str("no device waits with this code; compare it with the device's"),
            Self::Over => f.write_str("this code was used or is too old; let the device show a new one"),
            Self::TooMany { minutes } => write!(f, "too many wrong codes; try again in {minutes} minutes"),
            Self::NotAdmitted { app, why, .. } => write!(f, "{app}: {why}"),
        }
    }
}

type Refused = OpError<UserCodeRefusal>;

/// A device that waits, and the person who may answer it.
struct Case {
    device: Box<DeviceAuthorization>,
    app: Arc<KnownApp>,
    session: Session,
    scopes: Scopes,
    consent: Option<Consent>,
}

impl Idp {
    /// A device asks for codes. Nothing is written: they are held in memory only.
    pub fn authorize_device(
        &self,
        ctx: &Context,
        request: &DeviceAuthorizationRequest,
    ) -> Result<DeviceAnswer, OpError<TokenRefusal>> {
        let scope = request.scope.as_deref();
        let looked = self.read(ctx, Need::Nothing, |op| {
            let app = self.authenticate(ctx, op, &request.client).map_err(Abort::into_error)?;
            if !app.client.settings.device {
                return Err(OpError::Refused(TokenRefusal::NoDevices));
            }
            let scopes = scope.unwrap_or_default().parse().map_err(|_| OpError::Refused(TokenRefusal::InvalidScope))?;
            Ok::<(Arc<KnownApp>, Scopes), _>((app, scopes))
        });
        let asked = Asked { scope, grant_type: DEVICE_CODE, ..Asked::by(&request.client, Step::DeviceAuthorization) };
        let (app, scopes) = self.bounded(ctx, &asked, looked)?;
        let at = self.reached_at(ctx);
        let asked = device_code::DeviceRequest {
            client: app.client.id,
            host: at.host().clone(),
            scopes,
            seen_as: seen_as(&ctx.origin),
        };
        let issued = self.oauth.devices.issue(asked, ctx.origin.address, self.entropy(), ctx.uptime)?;
        let issuer = at.issuer();
        Ok(DeviceAnswer {
            verification_uri: format!("{issuer}{PAGE}"),
            verification_uri_complete: format!("{issuer}{SHORT}/{}", issued.user_code.expose()),
            device_code: issued.device_code,
            user_code: issued.user_code,
            expires_in: device_code::LIFETIME.as_seconds(),
            interval: device_code::INTERVAL.as_seconds(),
        })
    }

    /// What the code of a device asks the person.
    pub fn device_question(&self, ctx: &Context, user_code: &str) -> Result<DeviceQuestion, Refused> {
        let (account, _) = person(ctx)?;
        let found = self.read(ctx, Need::SeeSelf(account), |op| self.case(op, ctx, user_code));
        if let Err(OpError::Refused(UserCodeRefusal::NotAdmitted { client, why, .. })) = &found
            && !matches!(why, NotAdmitted::TooWeak { .. })
        {
            self.write(ctx, Need::Nothing, |op| {
                op.record_refusal("app.sign_in", client.as_str(), json!({ "why": why.to_string() }))?;
                Ok::<_, Abort<UserCodeRefusal>>(())
            })?;
        }
        let Case { device, app, scopes, consent, .. } = found?;
        let known = |scope: &str| consent.as_ref().is_some_and(|consent| consent.scopes.has(scope));
        let view = |scope: &domain::scope::Scope| ScopeView {
            scope: scope.to_string(),
            meaning: admission::meaning(scope),
            new: !known(scope.as_str()),
        };
        let settings = &app.client.settings;
        Ok(DeviceQuestion {
            user_code: device.user_code().shown().expose().clone(),
            client: app.client.name.clone(),
            app: app.client.display_name.clone(),
            scopes: scopes.iter().map(view).collect(),
            seen_as: device.request().seen_as.clone(),
            asked_ago: i64::try_from(ctx.uptime.since(device.issued_at()).as_secs()).unwrap_or(i64::MAX),
            policy_uri: settings.policy_uri.clone(),
            terms_uri: settings.terms_uri.clone(),
        })
    }

    /// The person said yes: the device gets its tokens when it asks the next time.
    pub fn grant_device(&self, ctx: &Context, user_code: &str) -> Result<Label, Refused> {
        let (account, _) = person(ctx)?;
        let case = self.write(ctx, Need::ActForSelf(account), |op| {
            let case = self.case(op, ctx, user_code).map_err(Abort::Undo)?;
            let before = case.consent.as_ref().map(|consent| consent.scopes.clone()).unwrap_or_default();
            let (client, scopes) = (&case.app.client, before.with(&case.scopes));
            op.put_consent(account, &Consent { client: client.id, scopes, granted_at: ctx.now })?;
            let detail = json!({ "scopes": case.scopes, "device": case.device.request().seen_as });
            op.record("device.grant", client.name.as_str(), detail)?;
            Ok(case)
        })?;
        let Case { device, app, session, scopes, .. } = case;
        let granted = Granted {
            account,
            client: app.client.id,
            scopes,
            authentication: Authentication {
                session: Some(session.number),
                strength: session.strength,
                factors: session.factors,
                at: session.authenticated_at,
            },
            claims: RequestedClaims::default(),
        };
        self.answer_device(&device, Some(granted), ctx)?;
        Ok(app.client.display_name.clone())
    }

    /// The person said no.
    pub fn refuse_device(&self, ctx: &Context, user_code: &str) -> Result<Label, Refused> {
        let (account, _) = person(ctx)?;
        let (device, app) = self.write(ctx, Need::ActForSelf(account), |op| {
            let (device, app) = self.waiting_device(op, ctx, user_code).map_err(Abort::Undo)?;
            let detail = json!({ "device": device.request().seen_as });
            op.record_refusal("device.grant", app.client.name.as_str(), detail)?;
            Ok((device, app))
        })?;
        self.answer_device(&device, None, ctx)?;
        Ok(app.client.display_name.clone())
    }

    fn answer_device(
        &self,
        device: &DeviceAuthorization,
        granted: Option<Granted>,
        ctx: &Context,
    ) -> Result<(), Refused> {
        if self.oauth.devices.answer(device.user_code(), granted, ctx.uptime) {
            Ok(())
        } else {
            Err(OpError::Refused(UserCodeRefusal::Over))
        }
    }

    /// The device that waits with this code, and whether this person may answer it.
    fn case(&self, reader: &Reader<'_>, ctx: &Context, user_code: &str) -> Result<Case, Refused> {
        let (account, number) = person(ctx)?;
        let session = reader.session(account, number)?.filter(|session| session.alive(ctx.now));
        let session = session.ok_or(OpError::Refused(UserCodeRefusal::Denied(Denied::NotSignedIn)))?;
        let (device, app) = self.waiting_device(reader, ctx, user_code)?;
        let admitted = self.known.admit(reader, &app, account, (session.strength, ctx.now))?.map_err(|why| {
            let (client, app) = (app.client.name.clone(), app.client.display_name.clone());
            OpError::Refused(UserCodeRefusal::NotAdmitted { client, app, why })
        })?;
        let scopes = admitted.grantable(&device.request().scopes);
        let consent = reader.consent(account, app.client.id)?;
        Ok(Case { device, app, session, scopes, consent })
    }

    fn waiting_device(
        &self,
        reader: &Reader<'_>,
        ctx: &Context,
        user_code: &str,
    ) -> Result<(Box<DeviceAuthorization>, Arc<KnownApp>), Refused> {
        let (account, _) = person(ctx)?;
        let refuse = |refusal| Err(OpError::Refused(refusal));
        let device = match self.oauth.devices.find(user_code, account, ctx.uptime) {
            Found::Waiting(device) => device,
            Found::Over => return refuse(UserCodeRefusal::Over),
            Found::Wrong => return refuse(UserCodeRefusal::Wrong),
            Found::Blocked(wait) => {
                return refuse(UserCodeRefusal::TooMany { minutes: wait.as_secs().div_ceil(60).max(1) });
            }
        };
        // The app was removed meanwhile, or may do this no more.
        match self.known.app(reader, device.request().client)? {
            Some(app) if app.client.settings.device => Ok((device, app)),
            Some(_) | None => refuse(UserCodeRefusal::Over),
        }
    }
}

fn person(ctx: &Context) -> Result<(AccountId, SessionNumber), Refused> {
    match ctx.actor {
        Actor::Person { account, session, .. } => Ok((account, session)),
        Actor::Anonymous | Actor::Console | Actor::Service { .. } | Actor::System => {
            Err(OpError::Refused(UserCodeRefusal::Denied(Denied::NotSignedIn)))
        }
    }
}

#[cfg(test)]
mod tests;
