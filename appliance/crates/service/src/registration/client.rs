//! An app registers itself (RFC 7591 section 3), and looks at, changes and removes what it registered (RFC 7592 section 2).

use crate::AppAmendment;
use std::fmt;

use domain::client::{Client, ClientSettings};
use domain::document_uri::DocumentUri;
use domain::entropy;
use domain::id::{ClientId, RegistrationTokenNumber};
use domain::name::ClientName;
use domain::pairwise::Sector;
use domain::permission::{Denied, Need};
use domain::picture::Picture;
use domain::registration::{Registration, RegistrationToken};
use domain::secret::{Digest, Secret};
use domain::token::{OpaqueToken, TokenKind};
use serde_json::{Map, Value, json};
use store::Reader;

use super::NO_ACCOUNT;
use super::metadata::{CODE, DEVICE, Metadata, REFRESH, text};
use crate::app::MAX_APPS;
use crate::operation::{Abort, Refuses};
use crate::{Context, Fault, Idp, OpError, Refusal, path};

/// What a request to change a registration must not bring (RFC 7592 section 2.2).
const NOT_TO_CHANGE: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

/// An app that registered itself.
#[derive(Debug)]
pub struct Registered {
    /// The app.
    pub client: Client,
    /// What it holds.
    pub registration: Registration,
    /// Its secret. After the registration it cannot be read any more.
    pub secret: Option<Secret<String>>,
    /// By what it changes its registration.
    pub token: Secret<String>,
    /// Where it does so.
    pub uri: String,
}

impl Registered {
    /// The grants that it may use.
    pub fn grant_types(&self) -> Vec<&'static str> {
        let codes = self.registration.uses_codes.then_some(CODE);
        let device = self.client.settings.device.then_some(DEVICE);
        codes.into_iter().chain(device).chain([REFRESH]).collect()
    }
}

/// Why an app is not registered, or its registration not shown or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationRefusal {
    /// No token, or one that is good for nothing.
    InvalidToken,
    /// An address that cannot be taken.
    InvalidRedirectUri(String),
    /// Something else that cannot be taken.
    InvalidMetadata(String),
    /// There are as many apps as there may be.
    Full,
    /// Cannot happen: the operation needs nothing.
    Denied(Denied),
}

impl Refuses for RegistrationRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl fmt::Display for RegistrationRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidToken => {
                f.write_str("the token is unknown, used up or too old; an admin makes one with: latchkey app registration-token create")
            }
            Self::InvalidRedirectUri(why) | Self::InvalidMetadata(why) => f.write_str(why),
            Self::Full => write!(f, "there are {MAX_APPS} apps here, which is the limit; remove one first"),
            Self::Denied(_) => f.write_str("not allowed"),
        }
    }
}

impl From<Refusal> for RegistrationRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::InvalidMetadata(refusal.to_string())
    }
}

/// What has to be fetched before an app is registered, or its registration replaced.
#[derive(Debug)]
pub struct DocumentsToFetch {
    /// The list of redirect URIs of its sector.
    pub sector: Option<DocumentUri>,
    /// Its logo.
    pub logo: Option<DocumentUri>,
}

/// What was fetched. An address that was not asked for is passed over.
#[derive(Debug, Default)]
pub struct FetchedDocuments {
    /// The list.
    pub sector: Option<Vec<u8>>,
    /// A picture.
    pub logo: Option<Vec<u8>>,
}

type Refused = OpError<RegistrationRefusal>;

/// What an app may not take back by itself: whoever holds its token may have stolen it.
fn keep_what_protects(client: &Client, amendment: &mut AppAmendment) -> Result<(), RegistrationRefusal> {
    let settings = &client.settings;
    amendment.par_required = amendment.par_required.map(|wanted| wanted || settings.par_required);
    amendment.dpop_required = amendment.dpop_required.map(|wanted| wanted || settings.dpop_required);
    let keys = amendment.keys.as_ref().is_some_and(|keys| *keys != settings.keys);
    if keys && settings.acts_as.is_some() {
        let why = "jwks: the app acts as a service account, so its keys stay; an admin changes them with: latchkey app set NAME --jwks";
        return Err(RegistrationRefusal::InvalidMetadata(why.to_owned()));
    }
    if amendment.subject.is_some_and(|subject| subject != settings.subject) {
        let why = "subject_type: it stays as it is, or everybody would be a stranger to the app; register anew";
        return Err(RegistrationRefusal::InvalidMetadata(why.to_owned()));
    }
    Ok(())
}

impl Idp {
    /// What to fetch before the app is registered, or before the registration of the app of that name is replaced. An operation
    /// fetches nothing itself, since it runs within a transaction; nothing is fetched for whoever may not register.
    pub fn documents_to_fetch(
        &self,
        ctx: &Context,
        (name, token): (Option<&str>, &str),
        said: &Map<String, Value>,
    ) -> Result<DocumentsToFetch, Refused> {
        self.read(ctx, Need::Nothing, |op| {
            let (known, has_other_icon) = match name {
                Some(name) => {
                    let known = own(op, name, token)?.0;
                    let has_icon = op.client_icon(known.id)?.is_some();
                    // An icon of an admin's stays.
                    let has_other = has_icon && known.settings.logo_uri.is_none();
                    (known.settings.logo_uri, has_other)
                }
                None => initial(op, token, ctx).map(|_| (None, false)).map_err(Abort::into_error)?,
            };
            let metadata = Metadata::read(said).map_err(OpError::Refused)?;
            let sector = metadata.sector_document().cloned();
            let logo = metadata.logo_uri.filter(|uri| known.as_ref() != Some(uri) && !has_other_icon);
            Ok(DocumentsToFetch { sector, logo })
        })
    }

    /// Registers an app for the members of the token's group.
    pub fn register_client(
        &self,
        ctx: &Context,
        token: &str,
        said: &Map<String, Value>,
        fetched: &FetchedDocuments,
    ) -> Result<Registered, Refused> {
        let logo = self.logo(ctx, fetched)?;
        let done = self.write(ctx, Need::Nothing, |op| {
            let permit = initial(op, token, ctx)?;
            let mut metadata = Metadata::read(said)?;
            metadata.take(fetched, logo.is_some(), None)?;
            if op.count_clients()? >= MAX_APPS {
                return Err(RegistrationRefusal::Full.into());
            }
            let name = self.new_client_name(op)?;
            let secret = (!metadata.authentication.is_public()).then(|| self.client_secret());
            let bare = Client {
                id: ClientId(0),
                display_name: crate::app::usual_name(&name).map_err(RegistrationRefusal::from)?,
                secret: secret.as_ref().map(|(_, digest)| *digest),
                retired_secret: None,
                settings: ClientSettings::default(),
                created_at: ctx.now,
                updated_at: ctx.now,
                name,
            };
            let (mut client, _) = metadata.amendment.apply(&bare, None).map_err(RegistrationRefusal::from)?;
            client.id = op.insert_client(&client)?;
            if let Some(logo) = &logo {
                op.put_client_icon(client.id, logo)?;
            }
            op.allow_client_group(client.id, permit.group)?;
            let token = OpaqueToken::random(NO_ACCOUNT, client.id.0, self.entropy());
            let (authentication, uses_codes) = (metadata.authentication, metadata.uses_codes);
            let registration = Registration { client: client.id, digest: token.digest(), authentication, uses_codes };
            op.put_client_registration(&registration)?;
            let (number, uses_left) = (permit.number, permit.uses_left - 1);
            if uses_left == 0 {
                op.delete_registration_token(number)?;
            } else {
                op.put_registration_token(&RegistrationToken { uses_left, ..permit })?;
            }
            let detail = json!({ "token": number, "display_name": client.display_name, "uses_left": uses_left });
            op.record("app.register", client.name.as_str(), detail)?;
            let uri = self.registration_uri(ctx, &client.name);
            let token = token.encode(TokenKind::ClientConfiguration);
            let told = secret.filter(|_| authentication.has_secret());
            Ok(Registered { client, registration, secret: told.map(|(text, _)| text), token, uri })
        })?;
        self.prepare_keys_of(&done.client, ctx)?;
        Ok(done)
    }

    /// What the app has registered.
    pub fn registered_client(&self, ctx: &Context, name: &str, token: &str) -> Result<Registered, Refused> {
        self.read(ctx, Need::Nothing, |op| {
            let (client, registration) = own(op, name, token)?;
            Ok(self.registered(ctx, client, registration, token))
        })
    }

    /// Puts other metadata in place of what the app has registered; what an admin set besides stays.
    pub fn replace_registration(
        &self,
        ctx: &Context,
        (name, token): (&str, &str),
        said: &Map<String, Value>,
        fetched: &FetchedDocuments,
    ) -> Result<Registered, Refused> {
        let logo = self.logo(ctx, fetched)?;
        let done = self.write(ctx, Need::Nothing, |op| {
            let (client, known) = own(op, name, token).map_err(Abort::Undo)?;
            same_client(&client, said)?;
            let mut metadata = Metadata::read(said)?;
            let (before, next) = (known.authentication, metadata.authentication);
            if (before.is_public(), before.has_secret()) != (next.is_public(), next.has_secret()) {
                let why =
                    "token_endpoint_auth_method: an app with a secret, with keys or with neither stays one; register anew";
                return Err(RegistrationRefusal::InvalidMetadata(why.to_owned()).into());
            }
            if metadata.amendment.display_name.is_none() {
                let usual = crate::app::usual_name(&client.name).map_err(RegistrationRefusal::from)?;
                metadata.amendment.display_name = Some(usual);
            }
            if said.get("subject_type").is_none_or(Value::is_null) {
                metadata.amendment.subject = None;
            }
            if metadata.sector_document().is_none() && matches!(client.settings.sector, Some(Sector::Host(_))) {
                metadata.amendment.sector = None;
            }
            keep_what_protects(&client, &mut metadata.amendment)?;
            metadata.take(fetched, logo.is_some(), client.settings.logo_uri.as_ref())?;
            let (mut next, changed) = metadata.amendment.apply(&client, None).map_err(RegistrationRefusal::from)?;
            match (&logo, &next.settings.logo_uri, &client.settings.logo_uri) {
                (Some(logo), Some(_), _) => op.put_client_icon(client.id, logo)?,
                (None, None, Some(_)) => drop(op.delete_client_icon(client.id)?),
                _ => {}
            }
            if changed.iter().any(|what| ["redirect_uris", "keys"].contains(what)) {
                // People agreed to what stood at the old addresses, and had the old keys.
                op.delete_consents_of_client(client.id)?;
            }
            let (authentication, uses_codes) = (metadata.authentication, metadata.uses_codes);
            let registration = Registration { authentication, uses_codes, ..known.clone() };
            if !changed.is_empty() || registration != known {
                next.updated_at = ctx.now;
                op.update_client(&next)?;
                op.put_client_registration(&registration)?;
                op.record("app.set", next.name.as_str(), json!({ "changed": changed, "by": "the app itself" }))?;
            }
            Ok(self.registered(ctx, next, registration, token))
        })?;
        self.prepare_keys_of(&done.client, ctx)?;
        Ok(done)
    }

    /// The app removes itself.
    pub fn unregister_client(&self, ctx: &Context, name: &str, token: &str) -> Result<(), Refused> {
        self.write(ctx, Need::Nothing, |op| {
            let (client, _) = own(op, name, token).map_err(Abort::Undo)?;
            op.delete_client(client.id)?;
            op.record("app.delete", client.name.as_str(), json!({ "by": "the app itself" }))?;
            Ok(())
        })
    }

    /// The picture that was fetched, as it is kept; one that cannot be read keeps no app from registering.
    fn logo(&self, ctx: &Context, fetched: &FetchedDocuments) -> Result<Option<Picture>, Refused> {
        let Some(bytes) = fetched.logo.as_deref() else { return Ok(None) };
        match self.normalise("logo_uri", bytes, ctx.now) {
            Ok(picture) => Ok(Some(picture)),
            Err(OpError::Refused(why)) => {
                tracing::info!(%why, "the logo of an app that registers itself is no picture");
                Ok(None)
            }
            Err(OpError::Fault(fault)) => Err(OpError::Fault(fault)),
        }
    }

    fn registered(&self, ctx: &Context, client: Client, registration: Registration, token: &str) -> Registered {
        let uri = self.registration_uri(ctx, &client.name);
        Registered { client, registration, secret: None, token: Secret::new(token.to_owned()), uri }
    }

    fn registration_uri(&self, ctx: &Context, name: &ClientName) -> String {
        format!("{}{}/{name}", self.reached_at(ctx).issuer(), path::REGISTRATION)
    }

    /// A name that no app has.
    fn new_client_name(&self, op: &Reader<'_>) -> Result<ClientName, Abort<RegistrationRefusal>> {
        loop {
            let chance: [u8; 8] = entropy::bytes(self.entropy());
            let text: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
            let name = format!("app-{text}").parse().map_err(Fault::unexpected)?;
            if op.client_by_name(&name)?.is_none() {
                return Ok(name);
            }
        }
    }

    /// The keys that the app needs are made now, so that nobody waits for them at a sign-in.
    fn prepare_keys_of(&self, client: &Client, ctx: &Context) -> Result<(), Refused> {
        let ClientSettings { algorithm, userinfo, .. } = client.settings;
        for algorithm in [Some(algorithm), userinfo].into_iter().flatten() {
            self.prepare_key(algorithm, ctx.moment()).map_err(|error| match error {
                OpError::Fault(fault) => OpError::Fault(fault),
                OpError::Refused(refusal) => OpError::Fault(Fault::unexpected(refusal)),
            })?;
        }
        Ok(())
    }
}

/// The token that lets the app in.
fn initial(op: &Reader<'_>, token: &str, ctx: &Context) -> Result<RegistrationToken, Abort<RegistrationRefusal>> {
    let no = || Abort::refuse(RegistrationRefusal::InvalidToken);
    let offered = OpaqueToken::decode(TokenKind::Registration, token).ok_or_else(no)?;
    let known = op.registration_token(RegistrationTokenNumber(offered.row))?.ok_or_else(no)?;
    if known.digest != offered.digest() || !known.good(ctx.now) {
        return Err(no());
    }
    Ok(known)
}

/// The app of that name, if the token is its own. Every no sounds alike (RFC 7592 section 2.1).
fn own(op: &Reader<'_>, name: &str, token: &str) -> Result<(Client, Registration), Refused> {
    let no = || OpError::Refused(RegistrationRefusal::InvalidToken);
    let offered = OpaqueToken::decode(TokenKind::ClientConfiguration, token).ok_or_else(no)?;
    let registration = op.client_registration(ClientId(offered.row))?.ok_or_else(no)?;
    let client = op.client(registration.client)?.ok_or_else(no)?;
    if registration.digest != offered.digest() || client.name.as_str() != name {
        return Err(no());
    }
    Ok((client, registration))
}

/// RFC 7592 section 2.2: the request names the app, may repeat its secret, and leaves out what the house decides.
fn same_client(client: &Client, said: &Map<String, Value>) -> Result<(), RegistrationRefusal> {
    let wrong = |name: &str, why: &str| Err(RegistrationRefusal::InvalidMetadata(format!("{name}: {why}")));
    if let Some(name) = NOT_TO_CHANGE.into_iter().find(|name| said.contains_key(*name)) {
        return wrong(name, "leave it out; the house decides it");
    }
    if text(said, "client_id")? != Some(client.name.as_str()) {
        return wrong("client_id", "it is the one that was registered");
    }
    match (text(said, "client_secret")?, &client.secret) {
        (None, _) => Ok(()),
        (Some(given), Some(known)) if *known == Digest::of(given.as_bytes()) => Ok(()),
        (Some(_), _) => wrong("client_secret", "it is the one that was given out, or left out"),
    }
}
