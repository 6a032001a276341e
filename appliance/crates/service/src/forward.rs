//! Apps behind a reverse proxy that asks about each request (forward auth): whether the browser may see the app, and who it is. The
//! groups and the strength of the app decide, as they do for its sign-ins. See [`domain::forward`] for how a session gets to
//! another name.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::account::Account;
use domain::admission::NotAdmitted;
use domain::attribute::MAIL;
use domain::entropy;
use domain::forward::{COOKIE, Pass, PassKind};
use domain::host::Host;
use domain::name::Label;
use domain::permission::{Actor, Denied, Need};
use domain::secret::Digest;
use serde_json::{Value, json};
use store::Reader;

use crate::admission::Admitted;
use crate::known::KnownApp;
use crate::operation::{Abort, Refuses};
use crate::{Context, Idp, OpError, SignInReason};

/// Whether a request goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It does, and this is who it is.
    Open(Visitor),
    /// The browser has no pass, or none that is good any more, or must prove more: it is to fetch one.
    Fetch,
    /// The person may not.
    Shut(NotAdmitted),
}

/// What the app behind the proxy is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The user name.
    pub user: String,
    /// The names of all groups, by name.
    pub groups: Vec<String>,
    /// The first mail address; empty without one.
    pub mail: String,
    /// The display name.
    pub name: String,
}

/// What somebody who wants a pass gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// To be brought to the app's name.
    Pass(String),
    /// They have to sign in first, or again.
    SignIn(SignInReason),
}

/// A cookie for the app's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassCookie {
    /// Its value.
    pub value: String,
    /// How long the browser keeps it, in seconds.
    pub seconds: i64,
}

impl Idp {
    /// Decides about one request to that name. Reads only.
    pub fn forward_check(
        &self,
        ctx: &Context,
        host: &Host,
        cookie: Option<&str>,
    ) -> Result<Gate, OpError<ForwardRefusal>> {
        let key = self.oauth.access_key()?;
        let pass = cookie.and_then(|text| Pass::decode(text, &key, (host, PassKind::Cookie), ctx.now));
        self.read(ctx, Need::Nothing, |op| {
            let app = self.app_behind(op, host)?;
            let Some(pass) = pass else { return Ok(Gate::Fetch) };
            let Some(session) = op.session(pass.account, pass.session)?.filter(|found| found.alive(ctx.now)) else {
                return Ok(Gate::Fetch);
            };
            Ok(match self.known.admit(op, &app, session.account, (session.strength, ctx.now))? {
                Ok(admitted) => Gate::Open(visitor(&admitted)),
                Err(NotAdmitted::TooWeak { .. }) => Gate::Fetch,
                Err(why) => Gate::Shut(why),
            })
        })
    }

    /// What a browser holds at the app's name while it fetches a pass, and what it brings to the house of that.
    pub fn forward_state(&self) -> (String, String) {
        let state = URL_SAFE_NO_PAD.encode(entropy::bytes::<16>(self.entropy()));
        let digest = forward_digest(&state);
        (state, digest)
    }

    /// A pass for the person of the session, for the browser that holds what `state` is the digest of.
    pub fn forward_hand_over(
        &self,
        ctx: &Context,
        host: &Host,
        state: &str,
    ) -> Result<HandOver, OpError<ForwardRefusal>> {
        let state = read_digest(state).ok_or(ForwardRefusal::BadState)?;
        let Actor::Person { account, session, .. } = ctx.actor else {
            self.read(ctx, Need::Nothing, |op| self.app_behind(op, host).map(drop))?;
            return Ok(HandOver::SignIn(SignInReason::NotSignedIn));
        };
        let key = self.oauth.access_key()?;
        let kind = PassKind::HandOver(&state);
        self.write(ctx, Need::Nothing, |op| {
            let app = self.app_behind(op, host).map_err(Abort::Undo)?;
            let Some(session) = op.session(account, session)?.filter(|found| found.alive(ctx.now)) else {
                return Ok(HandOver::SignIn(SignInReason::NotSignedIn));
            };
            let name = app.client.name.as_str();
            match self.known.admit(op, &app, session.account, (session.strength, ctx.now))? {
                Ok(_) => {}
                Err(NotAdmitted::TooWeak { demanded, .. }) => {
                    return Ok(HandOver::SignIn(SignInReason::Stronger(demanded)));
                }
                Err(why) => {
                    op.record_refusal("app.sign_in", name, json!({ "why": why.to_string(), "host": host }))?;
                    let app = app.client.display_name.clone();
                    return Err(ForwardRefusal::NotAdmitted { app, why }.commit());
                }
            }
            op.record("app.sign_in", name, json!({ "host": host, "strength": session.strength }))?;
            Ok(HandOver::Pass(Pass::new(account, session.number, kind, ctx.now).encode(&key, host, kind)))
        })
    }

    /// The cookie for a pass that a browser brings to the app's name; `None` when it is over, or another browser's.
    pub fn forward_arrive(
        &self,
        ctx: &Context,
        host: &Host,
        (pass, state): (&str, &str),
    ) -> Result<Option<PassCookie>, OpError<ForwardRefusal>> {
        let key = self.oauth.access_key()?;
        let state = Digest::of(state.as_bytes());
        let Some(pass) = Pass::decode(pass, &key, (host, PassKind::HandOver(&state)), ctx.now) else {
            return Ok(None);
        };
        ctx.timely()?;
        let kind = PassKind::Cookie;
        let value = Pass::new(pass.account, pass.session, kind, ctx.now).encode(&key, host, kind);
        Ok(Some(PassCookie { value, seconds: COOKIE.as_seconds() }))
    }

    fn app_behind(&self, op: &Reader<'_>, host: &Host) -> Result<Arc<KnownApp>, OpError<ForwardRefusal>> {
        let app = match op.client_of_host(host)? {
            Some(client) => self.known.app(op, client)?,
            None => None,
        };
        app.ok_or_else(|| OpError::Refused(ForwardRefusal::UnknownHost { host: host.clone() }))
    }
}

/// What a browser that holds `state` brings to the house.
pub fn forward_digest(state: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(state.as_bytes()).as_bytes())
}

fn read_digest(text: &str) -> Option<Digest> {
    Some(Digest::from_bytes(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
}

fn visitor(admitted: &Admitted) -> Visitor {
    let account = admitted.account();
    let mut groups = admitted.groups();
    groups.sort();
    Visitor {
        user: account.name.to_string(),
        groups,
        mail: first_mail(account).to_owned(),
        name: account.display_name().to_owned(),
    }
}

fn first_mail(account: &Account) -> &str {
    let listed = account.attributes.get(MAIL).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    listed.iter().find_map(Value::as_str).unwrap_or_default()
}

/// Why nobody is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardRefusal {
    /// Cannot happen: the operation needs nothing.
    Denied(Denied),
    /// No app is shown under that name.
    UnknownHost {
        /// The name.
        host: Host,
    },
    /// The request was not made by us.
    BadState,
    /// The person may not.
    NotAdmitted {
        /// What people call the app.
        app: Label,
        /// Why.
        why: NotAdmitted,
    },
}

impl Refuses for ForwardRefusal {
    fn denied(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<ForwardRefusal> for OpError<ForwardRefusal> {
    fn from(refusal: ForwardRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for ForwardRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(_) => f.write_str("sign in first"),
            Self::UnknownHost { host } => write!(
                f,
                "no app is shown as {host}; tell Latchkey which one it is with: latchkey app set NAME --forward-host {host}"
            ),
            Self::BadState => f.write_str("this is not how a sign-in begins; open the app again"),
            Self::NotAdmitted { why, .. } => why.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::id::SessionNumber;
    use domain::sign_in::{Factor, Factors};
    use domain::strength::Strength;
    use domain::time::{Span, Timestamp};

    use super::*;
    use crate::flow::{Flow, after, app, photos};
    use crate::house::{NOW, console, group};
    use crate::moment::steady;
    use crate::{AppAmendment, AppKind, Origin, Refusal};

    fn host(name: &str) -> Host {
        name.parse().unwrap()
    }

    fn behind(flow: &Flow, hosts: &[&str]) -> Result<crate::Change, OpError<Refusal>> {
        let hosts = Some(hosts.iter().map(|name| host(name)).collect());
        flow.house.idp.set_app(&console(), &photos(), &AppAmendment { forward_hosts: hosts, ..AppAmendment::default() })
    }

    fn flow() -> Flow {
        let flow = Flow::new();
        behind(&flow, &["photos.example.org"]).unwrap();
        flow
    }

    fn proxy(now: Timestamp) -> Context {
        Context::anonymous(steady(now), Origin::default())
    }

    fn cookie(flow: &Flow) -> String {
        let idp = &flow.house.idp;
        let (state, digest) = idp.forward_state();
        let HandOver::Pass(pass) =
            idp.forward_hand_over(&flow.anna(NOW), &host("photos.example.org"), &digest).unwrap()
        else {
            panic!("she is signed in")
        };
        let arrived = idp.forward_arrive(&proxy(NOW), &host("photos.example.org"), (&pass, &state)).unwrap();
        arrived.unwrap().value
    }

    fn check(flow: &Flow, now: Timestamp, name: &str, cookie: &str) -> Gate {
        flow.house.idp.forward_check(&proxy(now), &host(name), Some(cookie)).unwrap()
    }

    #[test]
    fn a_person_of_the_apps_groups_gets_through_with_their_name() {
        let flow = flow();
        let Gate::Open(visitor) = check(&flow, NOW, "photos.example.org", &cookie(&flow)) else { panic!() };
        assert_eq!((visitor.user.as_str(), visitor.mail.as_str()), ("anna", ""));
        assert_eq!(visitor.groups, ["everyone", "family"]);
        assert_eq!(check(&flow, NOW, "photos.example.org", "x"), Gate::Fetch);
    }

    #[test]
    fn a_pass_ends_with_its_session_at_once_and_by_itself_after_a_while() {
        let flow = flow();
        let cookie = cookie(&flow);
        assert_eq!(check(&flow, after(Span::hours(12)), "photos.example.org", &cookie), Gate::Fetch);
        flow.house.idp.sign_out(&flow.anna(NOW)).unwrap();
        assert_eq!(check(&flow, NOW, "photos.example.org", &cookie), Gate::Fetch);
    }

    #[test]
    fn a_pass_for_one_app_opens_no_other() {
        let flow = flow();
        app(&flow.house, "notes", AppKind::Confidential, "https://notes.example.org/cb");
        let hosts = Some(vec![host("notes.example.org")]);
        let amendment = AppAmendment { forward_hosts: hosts, ..AppAmendment::default() };
        flow.house.idp.set_app(&console(), &"notes".parse().unwrap(), &amendment).unwrap();
        assert_eq!(check(&flow, NOW, "notes.example.org", &cookie(&flow)), Gate::Fetch);
    }

    #[test]
    fn who_left_the_group_is_shut_out_at_once() {
        let flow = flow();
        let cookie = cookie(&flow);
        flow.house.idp.deny_group(&console(), &photos(), &group("family")).unwrap();
        assert_eq!(check(&flow, NOW, "photos.example.org", &cookie), Gate::Shut(NotAdmitted::NoAccess));
        let (_, digest) = flow.house.idp.forward_state();
        let refused = flow.house.idp.forward_hand_over(&flow.anna(NOW), &host("photos.example.org"), &digest);
        assert!(matches!(refused, Err(OpError::Refused(ForwardRefusal::NotAdmitted { .. }))));
    }

    #[test]
    fn a_session_too_weak_for_the_app_has_to_prove_more() {
        let flow = flow();
        flow.session(2, Factors::NONE.with(Factor::Password), NOW);
        flow.set(&AppAmendment { strength: Some(Strength::Passkey), ..AppAmendment::default() });
        let weak = Actor::Person { account: flow.anna.id, session: SessionNumber(2), fresh: true };
        let weak = Context::new(weak, steady(NOW), Origin::default());
        let (_, digest) = flow.house.idp.forward_state();
        let asked = flow.house.idp.forward_hand_over(&weak, &host("photos.example.org"), &digest).unwrap();
        assert_eq!(asked, HandOver::SignIn(SignInReason::Stronger(Strength::Passkey)));
        assert!(matches!(check(&flow, NOW, "photos.example.org", &cookie(&flow)), Gate::Open(_)));
    }

    #[test]
    fn a_hand_over_is_for_the_browser_that_began_and_for_a_minute() {
        let flow = flow();
        let idp = &flow.house.idp;
        let (state, digest) = idp.forward_state();
        let there = host("photos.example.org");
        let HandOver::Pass(pass) = idp.forward_hand_over(&flow.anna(NOW), &there, &digest).unwrap() else { panic!() };
        let arrive = |now, state: &str| idp.forward_arrive(&proxy(now), &there, (&pass, state)).unwrap();
        assert_eq!(arrive(NOW, &idp.forward_state().0), None, "somebody was sent here with another's pass");
        assert_eq!(arrive(after(Span::minutes(1)), &state), None);
        assert_eq!(check(&flow, NOW, "photos.example.org", &pass), Gate::Fetch, "it is no cookie");
        assert!(arrive(NOW, &state).is_some());
        let bad = idp.forward_hand_over(&flow.anna(NOW), &there, "x");
        assert!(matches!(bad, Err(OpError::Refused(ForwardRefusal::BadState))));
    }

    #[test]
    fn a_name_behind_a_proxy_is_one_apps_and_never_the_house() {
        let flow = flow();
        app(&flow.house, "notes", AppKind::Confidential, "https://notes.example.org/cb");
        let taken = AppAmendment { forward_hosts: Some(vec![host("photos.example.org")]), ..AppAmendment::default() };
        assert!(flow.house.idp.set_app(&console(), &"notes".parse().unwrap(), &taken).is_err());
        assert!(behind(&flow, &["id.example.org"]).is_err());
        let many: Vec<String> = (0..17).map(|n| format!("n{n}.example.org")).collect();
        assert!(behind(&flow, &many.iter().map(String::as_str).collect::<Vec<_>>()).is_err());
        behind(&flow, &[]).unwrap();
        assert!(flow.house.idp.set_app(&console(), &"notes".parse().unwrap(), &taken).is_ok(), "it is free now");
        let unknown = flow.house.idp.forward_check(&proxy(NOW), &host("evil.example"), None);
        assert!(matches!(unknown, Err(OpError::Refused(ForwardRefusal::UnknownHost { .. }))));
    }
}
