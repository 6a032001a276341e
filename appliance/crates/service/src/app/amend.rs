//! Changes to an app's settings.

use domain::client::{Algorithm, Client, ConsentMode, Lifetimes, MAX_REDIRECT_URIS};
use domain::name::Label;
use domain::redirect_uri::{LaunchUrl, RedirectUri};
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
}

impl AppAmendment {
    /// The app with this done to it, and what is different.
    pub(super) fn apply(&self, client: &Client) -> Result<(Client, Vec<&'static str>), Refusal> {
        let mut next = client.clone();
        let mut changed = Vec::new();
        let settings = &mut next.settings;
        replace(&mut next.display_name, self.display_name.as_ref(), "display_name", &mut changed);
        replace(&mut settings.launch_url, self.launch_url.as_ref(), "launch_url", &mut changed);
        replace(&mut settings.redirect_uris, self.uris()?.as_ref(), "redirect_uris", &mut changed);
        replace(&mut settings.pkce_required, self.pkce_required.as_ref(), "pkce_required", &mut changed);
        replace(&mut settings.consent, self.consent.as_ref(), "consent", &mut changed);
        replace(&mut settings.algorithm, self.algorithm.as_ref(), "algorithm", &mut changed);
        let lifetimes = self.lifetimes(settings.lifetimes)?;
        replace(&mut settings.lifetimes, Some(&lifetimes), "lifetimes", &mut changed);
        Ok((next, changed))
    }

    /// Each once, in the order given.
    fn uris(&self) -> Result<Option<Vec<RedirectUri>>, Refusal> {
        let Some(given) = &self.redirect_uris else { return Ok(None) };
        let mut uris: Vec<RedirectUri> = Vec::new();
        for uri in given {
            if !uris.contains(uri) {
                uris.push(uri.clone());
            }
        }
        if uris.len() > MAX_REDIRECT_URIS {
            return Err(Refusal::TooMany { what: "redirect URIs of an app", limit: MAX_REDIRECT_URIS });
        }
        Ok(Some(uris))
    }

    fn lifetimes(&self, now: Lifetimes) -> Result<Lifetimes, Refusal> {
        let access = self.access.unwrap_or(now.access());
        let idle = self.refresh_idle.unwrap_or(now.refresh_idle());
        let absolute = self.refresh_absolute.unwrap_or(now.refresh_absolute());
        Lifetimes::new(access, idle, absolute)
            .map_err(|why| Refusal::Invalid { what: "lifetimes".to_owned(), why: why.to_owned() })
    }
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
