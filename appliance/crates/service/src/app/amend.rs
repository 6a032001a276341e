//! Changes to an app's settings.

use domain::client::{
    AccessTokenFormat, Algorithm, Client, ClientKeys, ConsentMode, Lifetimes, MAX_FORWARD_HOSTS, MAX_REDIRECT_URIS,
    SubjectType,
};
use domain::document_uri::DocumentUri;
use domain::host::Host;
use domain::id::AccountId;
use domain::name::{Label, Username};
use domain::pairwise::Sector;
use domain::redirect_uri::{LaunchUrl, RedirectUri};
use domain::strength::Strength;
use domain::time::Span;

use crate::Refusal;

/// What to change of an app; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppAmendment {
    /// What people see.
    pub display_name: Option<Label>,
    /// Where its tile leads; `Some(None)` takes the tile away.
    pub launch_url: Option<Option<LaunchUrl>>,
    /// Where answers may be sent: all of them, in place of those there.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// Whether a confidential app must use PKCE; a public one must in any case.
    pub pkce_required: Option<bool>,
    /// Whether people are asked.
    pub consent: Option<ConsentMode>,
    /// What its ID tokens are signed with.
    pub algorithm: Option<Algorithm>,
    /// How long an access token is good.
    pub access: Option<Span>,
    /// After how long without use a refresh token is over.
    pub refresh_idle: Option<Span>,
    /// After how long a refresh token is over in any case.
    pub refresh_absolute: Option<Span>,
    /// Where people may be sent after they signed out there: all of them.
    pub post_logout_redirect_uris: Option<Vec<RedirectUri>>,
    /// Where it is told that somebody signed out.
    pub backchannel_logout_uri: Option<Option<LaunchUrl>>,
    /// Whether it has to push its authorization requests.
    pub par_required: Option<bool>,
    /// What its access tokens look like.
    pub access_token: Option<AccessTokenFormat>,
    /// Whether its tokens must be bound to a key.
    pub dpop_required: Option<bool>,
    /// What userinfo is signed with.
    pub userinfo: Option<Option<Algorithm>>,
    /// What people are called there.
    pub subject: Option<SubjectType>,
    /// What the hosts of the app have in common.
    pub sector: Option<Option<Sector>>,
    /// How strongly people prove who they are to get in there.
    pub strength: Option<Strength>,
    /// Whether it may sign people in on a device without a keyboard.
    pub device: Option<bool>,
    /// Where its icon comes from.
    pub logo_uri: Option<Option<DocumentUri>>,
    /// What it says about data that it gets.
    pub policy_uri: Option<Option<LaunchUrl>>,
    /// Its terms of use.
    pub terms_uri: Option<Option<LaunchUrl>>,
    /// The keys that it proves itself by.
    pub keys: Option<Option<ClientKeys>>,
    /// The service account that it is when it asks for itself.
    pub acts_as: Option<Option<Username>>,
    /// Whether service accounts get tokens for it by their own API tokens.
    pub service_accounts: Option<bool>,
    /// The names under which a proxy shows it: all of them.
    pub forward_hosts: Option<Vec<Host>>,
}

impl AppAmendment {
    /// The app with this done to it, and what is different; `acts_as` is whom the name means.
    pub(crate) fn apply(
        &self,
        client: &Client,
        acts_as: Option<Option<AccountId>>,
    ) -> Result<(Client, Vec<&'static str>), Refusal> {
        let mut next = client.clone();
        let mut changed = Vec::new();
        let settings = &mut next.settings;
        replace(&mut next.display_name, self.display_name.as_ref(), "display_name", &mut changed);
        replace(&mut settings.launch_url, self.launch_url.as_ref(), "launch_url", &mut changed);
        let uris = distinct(self.redirect_uris.as_deref(), ("redirect URIs of an app", MAX_REDIRECT_URIS))?;
        replace(&mut settings.redirect_uris, uris.as_ref(), "redirect_uris", &mut changed);
        replace(&mut settings.pkce_required, self.pkce_required.as_ref(), "pkce_required", &mut changed);
        replace(&mut settings.consent, self.consent.as_ref(), "consent", &mut changed);
        replace(&mut settings.algorithm, self.algorithm.as_ref(), "algorithm", &mut changed);
        let lifetimes = self.lifetimes(settings.lifetimes)?;
        replace(&mut settings.lifetimes, Some(&lifetimes), "lifetimes", &mut changed);
        let uris = distinct(
            self.post_logout_redirect_uris.as_deref(),
            ("post-logout redirect URIs of an app", MAX_REDIRECT_URIS),
        )?;
        replace(&mut settings.post_logout_redirect_uris, uris.as_ref(), "post_logout_redirect_uris", &mut changed);
        let uri = self.backchannel_logout_uri.as_ref();
        if uri.is_some_and(|uri| uri.as_ref().is_some_and(|uri| uri.as_str().contains('#'))) {
            // OpenID Connect Back-Channel Logout 1.0 section 2.2.
            let why = "leave out the part from # on".to_owned();
            return Err(Refusal::Invalid { what: "backchannel_logout_uri".to_owned(), why });
        }
        replace(&mut settings.backchannel_logout_uri, uri, "backchannel_logout_uri", &mut changed);
        replace(&mut settings.par_required, self.par_required.as_ref(), "par_required", &mut changed);
        replace(&mut settings.access_token, self.access_token.as_ref(), "access_token", &mut changed);
        replace(&mut settings.dpop_required, self.dpop_required.as_ref(), "dpop_required", &mut changed);
        replace(&mut settings.userinfo, self.userinfo.as_ref(), "userinfo", &mut changed);
        replace(&mut settings.subject, self.subject.as_ref(), "subject", &mut changed);
        replace(&mut settings.sector, self.sector.as_ref(), "sector", &mut changed);
        replace(&mut settings.strength, self.strength.as_ref(), "strength", &mut changed);
        replace(&mut settings.device, self.device.as_ref(), "device", &mut changed);
        replace(&mut settings.logo_uri, self.logo_uri.as_ref(), "logo_uri", &mut changed);
        replace(&mut settings.policy_uri, self.policy_uri.as_ref(), "policy_uri", &mut changed);
        replace(&mut settings.terms_uri, self.terms_uri.as_ref(), "terms_uri", &mut changed);
        let hosts = distinct(self.forward_hosts.as_deref(), ("names of an app behind a proxy", MAX_FORWARD_HOSTS))?;
        replace(&mut settings.forward_hosts, hosts.as_ref(), "forward_hosts", &mut changed);
        replace(&mut settings.keys, self.keys.as_ref(), "keys", &mut changed);
        replace(&mut settings.acts_as, acts_as.as_ref(), "acts_as", &mut changed);
        let taken = self.service_accounts.as_ref();
        replace(&mut settings.service_accounts, taken, "service_accounts", &mut changed);
        if next.is_public() && (next.settings.keys.is_some() || next.settings.acts_as.is_some()) {
            let why =
                "a public app can prove nothing, so it has no keys and acts as nobody; make it again without public";
            return Err(Refusal::Conflict(why.to_owned()));
        }
        keep_names(client, &next)?;
        Ok((next, changed))
    }

    fn lifetimes(&self, now: Lifetimes) -> Result<Lifetimes, Refusal> {
        let access = self.access.unwrap_or(now.access());
        let idle = self.refresh_idle.unwrap_or(now.refresh_idle());
        let absolute = self.refresh_absolute.unwrap_or(now.refresh_absolute());
        Lifetimes::new(access, idle, absolute)
            .map_err(|why| Refusal::Invalid { what: "lifetimes".to_owned(), why: why.to_owned() })
    }
}

/// Pairwise names (OpenID Connect Core section 8.1) are made for the host of the app. While they are in use it stays the same:
/// under another one everybody would be a stranger to the app.
fn keep_names(before: &Client, next: &Client) -> Result<(), Refusal> {
    if next.settings.subject == SubjectType::Public {
        return Ok(());
    }
    let invalid = |why: String| Refusal::Invalid { what: "subject pairwise".to_owned(), why };
    let sector = next.sector().map_err(|why| invalid(why.to_owned()))?;
    match before.sector() {
        Ok(old) if before.settings.subject == SubjectType::Pairwise && old != sector => Err(invalid(format!(
            "people are known there by names made for {old}, and would be strangers at {sector}; set the subject to public \
             first, move the app, and set it back when everybody is to be known anew"
        ))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Each once, in the order given.
fn distinct<T: Clone + PartialEq>(
    given: Option<&[T]>,
    (what, limit): (&'static str, usize),
) -> Result<Option<Vec<T>>, Refusal> {
    let Some(given) = given else { return Ok(None) };
    let mut kept: Vec<T> = Vec::new();
    for one in given {
        if !kept.contains(one) {
            kept.push(one.clone());
        }
    }
    if kept.len() > limit {
        return Err(Refusal::TooMany { what, limit });
    }
    Ok(Some(kept))
}

fn replace<T: Clone + PartialEq>(
    current: &mut T,
    wanted: Option<&T>,
    what: &'static str,
    changed: &mut Vec<&'static str>,
) {
    if let Some(wanted) = wanted
        && wanted != current
    {
        *current = wanted.clone();
        changed.push(what);
    }
}
