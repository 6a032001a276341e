//! Client metadata (RFC 7591 section 2, OpenID Connect Dynamic Client Registration 1.0 section 2): what of it there is here. What
//! nobody here knows is left out of the answer (RFC 7591 section 2); what cannot be kept is refused.

use std::fmt::Display;
use std::str::FromStr;
use url::Url;

use domain::client::{Algorithm, ClientKeys, SubjectType};
use domain::document_uri::DocumentUri;
use domain::jwk::JwkSet;
use domain::pairwise::Sector;
use domain::redirect_uri::{LaunchUrl, RedirectUri};
use domain::registration::AuthenticationMethod;
use serde_json::{Map, Value};

use super::RegistrationRefusal;
use super::client::FetchedDocuments;
use crate::AppAmendment;

pub(super) const CODE: &str = "authorization_code";
pub(super) const REFRESH: &str = "refresh_token";
pub(super) use crate::token::DEVICE_CODE as DEVICE;

/// Metadata that would change how the app is served, and that is not served.
const NOT_HERE: [(&str, &str); 3] = [
    ("id_token_encrypted_response_alg", "ID tokens are signed here and not encrypted"),
    ("userinfo_encrypted_response_alg", "the answer of userinfo is not encrypted here"),
    ("request_object_signing_alg", "there are no request objects here; push the request instead"),
];

const SECTOR: &str = "sector_identifier_uri";

/// What an app says of itself.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) amendment: AppAmendment,
    pub(super) authentication: AuthenticationMethod,
    pub(super) uses_codes: bool,
    /// Where its icon is.
    pub(super) logo_uri: Option<DocumentUri>,
}

impl Metadata {
    /// Everything that is served is set: to what was said, or to what RFC 7591 says for silence.
    pub(super) fn read(said: &Map<String, Value>) -> Result<Self, RegistrationRefusal> {
        for (name, why) in NOT_HERE {
            if said.get(name).is_some_and(|value| !value.is_null()) {
                return Err(invalid(name, why));
            }
        }
        let authentication = parsed(said, "token_endpoint_auth_method")?.unwrap_or_default();
        let grants = texts(said, "grant_types")?.unwrap_or_else(|| vec![CODE.to_owned()]);
        if let Some(unknown) = grants.iter().find(|grant| ![CODE, REFRESH, DEVICE].contains(&grant.as_str())) {
            return Err(invalid("grant_types", format!("{unknown:?} is none of {CODE}, {REFRESH} and {DEVICE}")));
        }
        let has = |grant: &str| grants.iter().any(|known| known == grant);
        let (uses_codes, device) = (has(CODE), has(DEVICE));
        if !uses_codes && !device {
            return Err(invalid("grant_types", format!("name {CODE} or {DEVICE}")));
        }
        let responses = texts(said, "response_types")?;
        let responses = responses.unwrap_or_else(|| if uses_codes { vec!["code".to_owned()] } else { Vec::new() });
        if responses.iter().any(|response| response != "code") || responses.is_empty() == uses_codes {
            return Err(invalid("response_types", format!("it is [\"code\"] with {CODE}, and empty without")));
        }
        let amendment = AppAmendment {
            display_name: parsed(said, "client_name")?,
            redirect_uris: Some(redirect_uris(said, "redirect_uris", uses_codes)?),
            post_logout_redirect_uris: Some(redirect_uris(said, "post_logout_redirect_uris", false)?),
            backchannel_logout_uri: Some(told_at(said)?),
            policy_uri: Some(parsed(said, "policy_uri")?),
            terms_uri: Some(parsed(said, "tos_uri")?),
            // OpenID Connect Registration section 2 says RS256 for silence.
            algorithm: Some(parsed(said, "id_token_signed_response_alg")?.unwrap_or(Algorithm::Rs256)),
            userinfo: Some(parsed(said, "userinfo_signed_response_alg")?),
            sector: Some(sector(said)?),
            subject: Some(parsed(said, "subject_type")?.unwrap_or(SubjectType::Public)),
            par_required: Some(flag(said, "require_pushed_authorization_requests")?),
            dpop_required: Some(flag(said, "dpop_bound_access_tokens")?),
            device: Some(device),
            keys: keys(said, authentication)?,
            ..AppAmendment::default()
        };
        // An app on a device may name any address as its own, and so the names that people have there.
        if device && amendment.subject == Some(SubjectType::Pairwise) && amendment.sector == Some(None) {
            return Err(invalid(
                "subject_type",
                "with the device grant it is public, or pairwise with sector_identifier_uri",
            ));
        }
        Ok(Self { amendment, authentication, uses_codes, logo_uri: logo(said) })
    }

    /// The address of the document that says what its hosts have in common.
    pub(super) fn sector_document(&self) -> Option<&DocumentUri> {
        match &self.amendment.sector {
            Some(Some(Sector::Document(uri))) => Some(uri),
            Some(Some(Sector::Host(_)) | None) | None => None,
        }
    }

    /// What was fetched for it counts: a sector that says yes, and a logo that is a picture, or the one that was fetched before.
    pub(super) fn take(
        &mut self,
        fetched: &FetchedDocuments,
        has_logo: bool,
        known_logo: Option<&DocumentUri>,
    ) -> Result<(), RegistrationRefusal> {
        if self.sector_document().is_some() {
            self.check_sector(fetched.sector.as_deref().ok_or(()))?;
        }
        let logo = self.logo_uri.take().filter(|uri| has_logo || known_logo == Some(uri));
        self.amendment.logo_uri = Some(logo);
        Ok(())
    }

    /// OpenID Connect Registration section 5: the document is a list of addresses, and each redirect URI is in it.
    fn check_sector(&self, document: Result<&[u8], ()>) -> Result<(), RegistrationRefusal> {
        let document = document.map_err(|()| invalid(SECTOR, "it cannot be fetched; the log of the house says why"))?;
        let listed: Vec<String> = serde_json::from_slice(document)
            .map_err(|_| invalid(SECTOR, "what is there is no JSON list of addresses"))?;
        let redirect_uris = self.amendment.redirect_uris.as_deref().unwrap_or_default();
        match redirect_uris.iter().find(|uri| listed.iter().all(|listed| listed != uri.as_str())) {
            Some(missing) => Err(invalid(SECTOR, format!("the list there lacks {missing}"))),
            None => Ok(()),
        }
    }
}

fn invalid(name: &str, why: impl Display) -> RegistrationRefusal {
    RegistrationRefusal::InvalidMetadata(format!("{name}: {why}"))
}

/// `null` is silence (RFC 7592 section 2.2).
fn value<'a>(said: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    said.get(name).filter(|value| !value.is_null())
}

pub(super) fn text<'a>(said: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, RegistrationRefusal> {
    let Some(value) = value(said, name) else { return Ok(None) };
    value.as_str().map(Some).ok_or_else(|| invalid(name, "it is a text"))
}

fn parsed<T: FromStr<Err: Display>>(said: &Map<String, Value>, name: &str) -> Result<Option<T>, RegistrationRefusal> {
    let Some(raw) = text(said, name)? else { return Ok(None) };
    raw.parse().map(Some).map_err(|why| invalid(name, why))
}

fn flag(said: &Map<String, Value>, name: &str) -> Result<bool, RegistrationRefusal> {
    let Some(value) = value(said, name) else { return Ok(false) };
    value.as_bool().ok_or_else(|| invalid(name, "it is true or false"))
}

fn texts(said: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, RegistrationRefusal> {
    let Some(value) = value(said, name) else { return Ok(None) };
    let list = value.as_array().and_then(|list| list.iter().map(|one| one.as_str().map(str::to_owned)).collect());
    list.map(Some).ok_or_else(|| invalid(name, "it is a list of texts"))
}

/// Where the app is told of sign-outs.
fn told_at(said: &Map<String, Value>) -> Result<Option<LaunchUrl>, RegistrationRefusal> {
    const NAME: &str = "backchannel_logout_uri";
    let Some(uri) = without_fragment(said, NAME)? else { return Ok(None) };
    if is_at_home(said, uri.as_str())? {
        return Ok(Some(uri));
    }
    Err(invalid(NAME, "it is an https address at the host and port of one of the redirect_uris"))
}

/// The keys of an app that proves itself by them. Other apps have keys for what there is not here: those are passed over.
fn keys(
    said: &Map<String, Value>,
    authentication: AuthenticationMethod,
) -> Result<Option<Option<ClientKeys>>, RegistrationRefusal> {
    if authentication != AuthenticationMethod::PrivateKeyJwt {
        return Ok(None);
    }
    let keys = match (value(said, "jwks"), parsed::<DocumentUri>(said, "jwks_uri")?) {
        (Some(_), Some(_)) => return Err(invalid("jwks", "and jwks_uri cannot both be given; choose one")),
        (Some(set), None) => ClientKeys::Jwks(JwkSet::given(set).map_err(|why| invalid("jwks", why))?),
        (None, Some(uri)) if is_at_home(said, uri.as_str())? => ClientKeys::JwksUri(uri),
        (None, Some(_)) => {
            return Err(invalid("jwks_uri", "it is an https address at the host and port of one of the redirect_uris"));
        }
        (None, None) => return Err(invalid("jwks", "private_key_jwt needs the app's public keys, or jwks_uri")),
    };
    Ok(Some(Some(keys)))
}

fn sector(said: &Map<String, Value>) -> Result<Option<Sector>, RegistrationRefusal> {
    let Some(uri) = parsed::<DocumentUri>(said, SECTOR)? else { return Ok(None) };
    if is_at_home(said, uri.as_str())? {
        return Ok(Some(Sector::Document(uri)));
    }
    Err(invalid(SECTOR, "it is an https address at the host and port of one of the redirect_uris"))
}

/// What is only shown keeps no app from registering.
fn logo(said: &Map<String, Value>) -> Option<DocumentUri> {
    let uri: DocumentUri = parsed(said, "logo_uri").ok()??;
    is_at_home(said, uri.as_str()).unwrap_or(false).then_some(uri)
}

/// Whether the address is `https` and of the same origin as one of the redirect URIs, so that nobody has us call somebody else's
/// services. An app on a person's device (`http://127.0.0.1`) is not on this machine, so it publishes nothing.
fn is_at_home(said: &Map<String, Value>, uri: &str) -> Result<bool, RegistrationRefusal> {
    let place = |uri: &str| Url::parse(uri).ok().filter(|url| url.scheme() == "https").map(|url| url.origin());
    let Some(asked) = place(uri) else { return Ok(false) };
    let own = redirect_uris(said, "redirect_uris", false)?;
    Ok(own.iter().any(|own| place(own.as_str()).as_ref() == Some(&asked)))
}

fn redirect_uris(said: &Map<String, Value>, name: &str, needed: bool) -> Result<Vec<RedirectUri>, RegistrationRefusal> {
    let wrong = |why: String| RegistrationRefusal::InvalidRedirectUri(format!("{name}: {why}"));
    let given = texts(said, name).map_err(|_| wrong("it is a list of addresses".to_owned()))?.unwrap_or_default();
    if needed && given.is_empty() {
        return Err(wrong("give at least one address".to_owned()));
    }
    let read = |raw: &String| {
        raw.parse::<RedirectUri>().map_err(|why| {
            let shown: String = raw.chars().take(64).collect();
            wrong(format!("{shown:?}: {why}"))
        })
    };
    given.iter().map(read).collect()
}

/// OpenID Connect Back-Channel Logout section 2.2: no fragment.
fn without_fragment(said: &Map<String, Value>, name: &str) -> Result<Option<LaunchUrl>, RegistrationRefusal> {
    if text(said, name)?.is_some_and(|raw| raw.contains('#')) {
        return Err(invalid(name, "leave out the part from # on"));
    }
    parsed(said, name)
}
