//! `latchkey app doctor`: what an app did wrong lately, for whoever sets it up: which parameter, what was expected, what came, and
//! how to mend it. What was refused is kept in memory only: it is worth nothing once it is mended, and strangers can make it.

mod wrong;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use domain::admission::NotAdmitted;
use domain::client::Client;
use domain::id::ClientId;
use domain::name::ClientName;
use domain::permission::Need;
use domain::redirect_uri::RedirectUri;
use domain::time::Timestamp;

use crate::authorize::{AuthorizationRequest, MUST_PUSH};
use crate::token::{ClientCredentials, TokenRefusal};
use crate::{Context, Idp, OpError, Refusal};
use wrong::{Wrong, cure_of_request, wrong_token};

/// Most that is remembered of one app; the oldest goes.
const PER_APP: usize = 8;
/// Most of those in which nobody proved to be the app.
const MOST_UNPROVEN: usize = 2;
/// What is wrong there.
const UNPROVEN: [&str; 2] = ["client_secret", "client_assertion"];
/// Most apps of which something is remembered.
const APPS: usize = 64;
/// Most characters of what came.
const MOST: usize = 256;

/// A refusal, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// When it happened last.
    pub at: Timestamp,
    /// How often in a row.
    pub times: u32,
    /// During what.
    pub step: Step,
    /// Which parameter is wrong.
    pub parameter: String,
    /// What it should have been.
    pub expected: String,
    /// What it was; never a secret.
    pub came: String,
    /// What to do about it.
    pub cure: String,
}

/// Where an app was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The browser came with a request of the app.
    Authorization,
    /// The app pushed its request first.
    PushedAuthorization,
    /// A device asked to be let in.
    DeviceAuthorization,
    /// The app came for its tokens.
    Token,
    /// The app asked about a token.
    Introspection,
    /// The app gave a token back.
    Revocation,
}

impl Step {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization request",
            Self::PushedAuthorization => "pushed authorization request",
            Self::DeviceAuthorization => "device authorization request",
            Self::Token => "token request",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
        }
    }
}

/// What a client asked, as far as anybody is told of it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// During what.
    pub(crate) step: Step,
    /// Who it says to be.
    pub(crate) client: &'a ClientCredentials,
    /// `grant_type`, or nothing elsewhere than at the token endpoint.
    pub(crate) grant_type: &'a str,
    /// `redirect_uri`.
    pub(crate) redirect_uri: Option<&'a str>,
    /// `scope`.
    pub(crate) scope: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// By that client, and nothing else to tell of.
    pub(crate) fn by(client: &'a ClientCredentials, step: Step) -> Self {
        Self { step, client, grant_type: "", redirect_uri: None, scope: None }
    }
}

/// Something about an app's settings that will not work, or that is weaker than it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub text: String,
    /// What to do about it.
    pub cure: String,
}

/// What the doctor found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// About the settings.
    pub findings: Vec<Finding>,
    /// What was refused since the server started, the latest first.
    pub complaints: Vec<Complaint>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Complaints(Mutex<HashMap<ClientId, VecDeque<Complaint>>>);

impl Complaints {
    fn add(&self, app: ClientId, step: Step, wrong: Wrong, at: Timestamp) {
        let Wrong { parameter, expected, came, cure } = wrong;
        // From outside: nothing in it may look like something else on a terminal.
        let shown =
            |c: char| if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { c.escape_unicode().to_string() };
        let came: String = came.chars().take(MOST).map(shown).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= APPS && !all.contains_key(&app) {
            let oldest = all.iter().min_by_key(|(_, list)| list.back().map(|last| last.at)).map(|(id, _)| *id);
            oldest.map(|id| all.remove(&id));
        }
        let list = all.entry(app).or_default();
        let same = |one: &Complaint| one.step == step && one.parameter == parameter && one.came == came;
        let before = list.iter().position(same).and_then(|place| list.remove(place));
        let times = before.map_or(1, |before| before.times.saturating_add(1));
        // Anybody can come with a wrong secret, and as often as they like: that pushes out two others at the most.
        let unproven = |one: &Complaint| UNPROVEN.contains(&one.parameter.as_str());
        let complaint = Complaint { at, times, step, parameter, expected, came, cure };
        if unproven(&complaint) && list.iter().filter(|one| unproven(one)).count() >= MOST_UNPROVEN {
            list.iter().position(unproven).and_then(|place| list.remove(place));
        } else if list.len() >= PER_APP {
            list.pop_front();
        }
        list.push_back(complaint);
    }

    fn of(&self, app: ClientId) -> Vec<Complaint> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&app).map(|list| list.iter().rev().cloned().collect()).unwrap_or_default()
    }
}

impl Idp {
    /// What is wrong with an app, as far as the house knows.
    pub fn diagnose_app(&self, ctx: &Context, name: &ClientName) -> Result<Diagnosis, OpError<Refusal>> {
        let view = self.show_app(ctx, name)?;
        self.read(ctx, Need::ManageApps, |_| {
            let complaints = self.oauth.complaints.of(view.client.id);
            Ok(Diagnosis { findings: findings(&view.client, view.access.is_empty()), complaints })
        })
    }

    /// The person's browser was not sent back to the app, since the address is none of its own.
    pub(crate) fn complain_of_address(&self, client: &Client, offered: Option<&str>, now: Timestamp) {
        let name = &client.name;
        let registered: Vec<&str> = client.settings.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let cure = match offered.map(str::parse::<RedirectUri>) {
            None => "the app has to send redirect_uri; look for its callback or redirect URL setting".to_owned(),
            // Anybody can make a browser come with any address, so it is no part of a command that somebody pastes.
            Some(Ok(_)) => format!(
                "if what came is the app's own address, as its settings show it, add it: latchkey app set {name} --add-redirect-uri 'URL'"
            ),
            Some(Err(why)) => format!("change the address in the app: {why}"),
        };
        let wrong = Wrong {
            parameter: "redirect_uri".to_owned(),
            expected: or_nothing(registered.join(" or ")),
            came: or_nothing(offered.unwrap_or_default().to_owned()),
            cure,
        };
        self.oauth.complaints.add(client.id, Step::Authorization, wrong, now);
    }

    /// The app was answered with an error.
    pub(crate) fn complain_of_request(
        &self,
        client: &Client,
        (step, request): (Step, &AuthorizationRequest),
        (error, why): (&str, &str),
        now: Timestamp,
    ) {
        // These are answers to a person, or to an app that only asked whether somebody is there.
        if ["access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required"]
            .contains(&error)
        {
            return;
        }
        let (parameter, came) = match error {
            "request_not_supported" => ("request", "a request object"),
            "request_uri_not_supported" => ("request_uri", "a request object somewhere else"),
            _ if why == MUST_PUSH => ("request_uri", "a request that was not pushed"),
            _ => request.named_in(why).unwrap_or((error, "")),
        };
        let wrong = Wrong {
            parameter: parameter.to_owned(),
            expected: why.to_owned(),
            came: or_nothing(came.to_owned()),
            cure: cure_of_request(&client.name, parameter),
        };
        self.oauth.complaints.add(client.id, step, wrong, now);
    }

    /// Somebody may not use the app.
    pub(crate) fn complain_of_person(&self, client: &Client, person: &str, why: NotAdmitted, now: Timestamp) {
        let name = &client.name;
        let (expected, cure) = match why {
            NotAdmitted::NoAccess => (
                "a member of a group that may use the app".to_owned(),
                format!("latchkey app allow {name} GROUP, or latchkey group add GROUP {person}"),
            ),
            NotAdmitted::TooWeak { demanded, .. } => (
                format!("a sign-in of strength {demanded}"),
                format!("{person} signs in with more, or latchkey app set {name} --strength any"),
            ),
            NotAdmitted::NoPerson | NotAdmitted::Unusable(_) => {
                ("an account that can be used".to_owned(), format!("latchkey person show {person}"))
            }
        };
        let wrong = Wrong { parameter: "person".to_owned(), expected, came: format!("{person}: {why}"), cure };
        self.oauth.complaints.add(client.id, Step::Authorization, wrong, now);
    }

    /// The app, or whoever says to be it, was refused something. It is told before anybody knows who that is, so it proves nothing.
    pub(crate) fn complain_of_client(&self, ctx: &Context, asked: &Asked<'_>, refusal: &TokenRefusal) {
        let named = self.read(ctx, Need::Nothing, |op| Ok::<_, OpError<TokenRefusal>>(self.named(op, asked.client)?));
        // Without an app there is nobody to tell, and an accident here is none of the client's.
        if let Ok(Some(app)) = named
            && let Some(mut wrong) = wrong_token(&app.client, asked, refusal)
        {
            // What the app itself is told names no app; here it is a command to paste.
            wrong.cure = wrong.cure.replace(" NAME ", &format!(" {} ", app.client.name));
            self.oauth.complaints.add(app.client.id, asked.step, wrong, ctx.now);
        }
    }
}

fn or_nothing(text: String) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text }
}

/// What in the app's settings will not work, or is weaker than it has to be.
fn findings(client: &Client, nobody: bool) -> Vec<Finding> {
    let (name, settings) = (&client.name, &client.settings);
    let mut found = Vec::new();
    let mut add = |holds: bool, text: &str, cure: String| {
        if holds {
            found.push(Finding { text: text.to_owned(), cure });
        }
    };
    // An app may have nobody to sign in: it acts for itself.
    let for_itself = settings.acts_as.is_some() && settings.redirect_uris.is_empty();
    add(nobody && !for_itself, "nobody may sign in", format!("latchkey app allow {name} GROUP"));
    add(
        settings.redirect_uris.is_empty() && settings.forward_hosts.is_empty() && !settings.device && !for_itself,
        "no address is registered to which people could return",
        format!("latchkey app set {name} --redirect-uri URL, with the callback address that the app shows"),
    );
    add(
        !client.requires_pkce(),
        "the app may do without PKCE, so a stolen code is worth more",
        format!("try it: latchkey app set {name} --pkce true, and sign in once"),
    );
    add(
        client.is_public() && !settings.dpop_required && settings.redirect_uris.iter().any(|uri| !uri.is_loopback()),
        "a public app keeps its tokens in a browser or on a phone, where they can be copied",
        format!(
            "if it runs on a server, make it anew without --public; if it can do DPoP: latchkey app set {name} --require-dpop true"
        ),
    );
    found
}

#[cfg(test)]
mod tests;
