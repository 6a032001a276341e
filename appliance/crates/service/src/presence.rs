//! Windows that somebody at the box opens, and the code that only the box shows. Windows are in memory only: a start closes them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::event::EventFilter;
use domain::permission::Need;
use domain::presence::{Asker, PresenceCode, Tries, View, Window, WindowKind, WindowRefusal};
use domain::secret::{self, Digest, Secret};
use domain::time::{Span, Timestamp, Uptime};
use serde_json::json;
use store::Reader;

use crate::operation::Abort;
use crate::setup::{SetupRefusal, claimed, void_owners_link};
use crate::{Context, Idp, OpError, Origin, Refusal};

/// The setting that keeps the code of a box without an owner.
pub(crate) const CODE: &str = "claim_code";
/// The event of a window that was opened.
const WINDOW: &str = "presence.window";
/// How long owners are told of a recovery window.
const NEWS: Span = Span::days(7);

/// How long the ticket lives that takes a claim from one address of the box to another.
const TICKET: Span = Span::minutes(10);

/// What is known of presence.
#[derive(Default)]
pub(crate) struct Presence(Mutex<State>);

struct State {
    window: Option<Window>,
    tries: Tries,
    recoveries: Tries,
    ticket: Option<Ticket>,
}

/// What takes a claim to another address of the box.
struct Ticket {
    digest: Digest,
    made: Uptime,
    /// Whose claim it is.
    holder: Digest,
}

impl Default for State {
    fn default() -> Self {
        let (tries, recoveries) = (Tries::of_codes(), Tries::of_recoveries());
        Self { window: None, tries, recoveries, ticket: None }
    }
}

impl State {
    /// Another window: whoever had the one before has nothing any more.
    fn put(&mut self, window: Window) {
        self.window = Some(window);
        self.ticket = None;
    }
}

impl Presence {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a browser holds, as it is recognised by.
fn key_of(held: &str) -> Digest {
    Digest::of(held.as_bytes())
}

impl Idp {
    /// Opens a window in place of the one that was: somebody is at the box.
    pub fn open_window(&self, ctx: &Context, kind: WindowKind) -> Result<(), OpError<Refusal>> {
        self.write(ctx, Need::Own, |op| {
            let claimed = claimed(op)?;
            match kind {
                WindowKind::Claim if claimed => {
                    return Err(Refusal::Conflict("this box has an owner already".into()).into());
                }
                WindowKind::Recovery if !claimed => {
                    return Err(Refusal::Conflict("this box has no owner yet; claim it".into()).into());
                }
                WindowKind::Recovery if !self.presence.lock().recoveries.admit(None, ctx.uptime) => {
                    let why = "a recovery window opens three times an hour at most; wait a while";
                    return Err(Refusal::Conflict(why.into()).into());
                }
                WindowKind::Claim => void_owners_link(op)?,
                WindowKind::Recovery => {}
            }
            op.record(WINDOW, kind.as_str(), json!({}))?;
            // While nobody else can write: a step of the browser that had the claim comes before all this, or not at all.
            self.presence.lock().put(Window::open(kind, ctx.uptime));
            Ok::<(), Abort<Refusal>>(())
        })
    }

    /// The one-time code for the claim, to be shown where only somebody at the box can read it. It stays the same until it is used,
    /// also over a start: whoever reads it from the card has switched the box off.
    pub fn presence_code(&self, ctx: &Context) -> Result<Secret<String>, OpError<Refusal>> {
        let kept = self.read::<_, Refusal>(ctx, Need::Own, |op| Ok(kept_code(op)?))?;
        if self.nameplate().claimed() {
            return Err(Refusal::Conflict("this box has an owner already".into()).into());
        }
        if let Some(code) = kept {
            return Ok(code.shown());
        }
        self.write(ctx, Need::Own, |op| {
            // Somebody may have been quicker.
            let code = match kept_code(op)? {
                Some(code) => code,
                None => {
                    let code = PresenceCode::random(self.entropy());
                    op.put_setting(CODE, code.shown().expose(), op.ctx.now)?;
                    code
                }
            };
            Ok::<_, Abort<Refusal>>(code.shown())
        })
    }

    /// The kind of the window that waits for a browser, for the panel: what somebody was quick enough to use waits no more.
    pub fn window(&self, now: Uptime) -> Option<WindowKind> {
        let state = self.presence.lock();
        let window = state.window.as_ref()?;
        match window.view(None, now) {
            View::Open(_) => Some(window.kind()),
            View::Closed | View::Mine | View::Taken(_) => None,
        }
    }

    /// When somebody at the box last opened a recovery window, for owners and within a week: they should know of it.
    pub fn recovery_window_of_late(&self, ctx: &Context) -> Result<Option<Timestamp>, OpError<Refusal>> {
        if !self.is_owner(ctx)? {
            return Ok(None);
        }
        let filter = EventFilter {
            action: Some(WINDOW.to_owned()),
            target: Some(WindowKind::Recovery.as_str().to_owned()),
            since: Some(ctx.now - NEWS),
            ..EventFilter::default()
        };
        Ok(self.list_events(ctx, &filter, None, Some(1))?.items.first().map(|event| event.at))
    }

    /// How the window of that kind looks to the browser that holds this.
    pub fn see_window(&self, ctx: &Context, kind: WindowKind, held: Option<&str>) -> View {
        let state = self.presence.lock();
        let window = state.window.as_ref().filter(|window| window.kind() == kind);
        window.map_or(View::Closed, |window| window.view(held.map(key_of), ctx.uptime))
    }

    /// Binds the open claim window to the browser that asks, or with the right code a new one. Answers what the browser shall
    /// hold from now on.
    pub fn begin_claim(
        &self,
        ctx: &Context,
        held: Option<&str>,
        code: Option<&str>,
    ) -> Result<Secret<String>, OpError<SetupRefusal>> {
        if self.nameplate().claimed() {
            return Err(SetupRefusal::Claimed.into());
        }
        let held = held.map_or_else(|| self.something_to_hold(), |held| Secret::new(held.to_owned()));
        let asker = asker(ctx, held.expose());
        match code {
            Some(typed) => self.claim_by_code(ctx, typed, &asker)?,
            None => bind(&mut self.presence.lock(), WindowKind::Claim, &asker, ctx.uptime)?,
        }
        tracing::info!(by = asker.seen_as, "somebody claims this box");
        Ok(held)
    }

    /// Uses up the code, if it is the one: a window opens and is this browser's, before any other can ask for it.
    fn claim_by_code(&self, ctx: &Context, typed: &str, asker: &Asker) -> Result<(), OpError<SetupRefusal>> {
        if !self.presence.lock().tries.admit(ctx.origin.address, ctx.uptime) {
            return Err(SetupRefusal::TooManyTries.into());
        }
        // A box that does not know the time can be claimed all the same.
        self.write(&Context::system(ctx.moment()), Need::System, |op| {
            if !kept_code(op)?.is_some_and(|code| code.is(typed)) {
                return Err(Abort::refuse(SetupRefusal::WrongCode));
            }
            op.delete_setting(CODE)?;
            void_owners_link(op)?;
            let mut window = Window::open(WindowKind::Claim, ctx.uptime);
            window.ask(asker, ctx.uptime).map_err(refused)?;
            self.presence.lock().put(window);
            Ok(())
        })
    }

    /// Binds the open recovery window to the browser that asks.
    pub(crate) fn use_recovery_window(&self, ctx: &Context, held: &str) -> bool {
        let asker = asker(ctx, held);
        bind(&mut self.presence.lock(), WindowKind::Recovery, &asker, ctx.uptime).is_ok()
    }

    /// Something new for a browser to be recognised by.
    pub fn something_to_hold(&self) -> Secret<String> {
        let key = secret::random_key(self.entropy());
        Secret::new(URL_SAFE_NO_PAD.encode(key.expose()))
    }

    /// Whether the claim is this browser's.
    pub(crate) fn holds_claim(&self, ctx: &Context, held: Option<&str>) -> Result<(), SetupRefusal> {
        let Some(held) = held else { return Err(SetupRefusal::NotBegun) };
        let asker = asker(ctx, held);
        let mut state = self.presence.lock();
        match state.window.as_ref().map_or(View::Closed, |window| window.view(Some(asker.key), ctx.uptime)) {
            View::Mine => bind(&mut state, WindowKind::Claim, &asker, ctx.uptime),
            View::Open(_) | View::Closed => Err(SetupRefusal::NotBegun),
            View::Taken(by) => Err(SetupRefusal::Taken(by)),
        }
    }

    /// A ticket that takes the claim to another address of the box, where the browser holds nothing yet. Good once.
    pub fn claim_ticket(&self, ctx: &Context, held: Option<&str>) -> Result<Secret<String>, SetupRefusal> {
        self.holds_claim(ctx, held)?;
        let (ticket, holder) = (self.something_to_hold(), key_of(held.unwrap_or_default()));
        self.presence.lock().ticket = Some(Ticket { digest: key_of(ticket.expose()), made: ctx.uptime, holder });
        Ok(ticket)
    }

    /// Takes the claim along: the browser with the ticket has it from now on, and holds what this answers. It was taken away from a
    /// browser whose ticket this is not any more.
    pub fn redeem_claim_ticket(&self, ctx: &Context, ticket: &str) -> Result<Secret<String>, SetupRefusal> {
        let held = self.something_to_hold();
        let asker = asker(ctx, held.expose());
        let mut state = self.presence.lock();
        let good = state.ticket.take_if(|known| known.digest == key_of(ticket));
        let young = |known: &Ticket| ctx.uptime < known.made + TICKET;
        let Some(Ticket { holder, .. }) = good.filter(young) else { return Err(SetupRefusal::NotBegun) };
        let window = state.window.as_mut().filter(|window| window.kind() == WindowKind::Claim);
        let window = window.ok_or(SetupRefusal::NotBegun)?;
        window.hand_over(holder, &asker, ctx.uptime).map_err(refused)?;
        Ok(held)
    }

    /// What the window was for is done.
    pub(crate) fn close_window(&self) {
        let mut state = self.presence.lock();
        state.window = None;
        state.ticket = None;
    }
}

/// The code of a box without an owner, if one was shown and not used.
fn kept_code(reader: &Reader<'_>) -> Result<Option<PresenceCode>, store::Fault> {
    Ok(reader.setting::<String>(CODE)?.map(|text| PresenceCode::read(&text)))
}

fn bind(state: &mut State, kind: WindowKind, asker: &Asker, now: Uptime) -> Result<(), SetupRefusal> {
    let window = state.window.as_mut().filter(|window| window.kind() == kind).ok_or(SetupRefusal::NotBegun)?;
    window.ask(asker, now).map_err(refused)
}

fn refused(refusal: WindowRefusal) -> SetupRefusal {
    match refusal {
        WindowRefusal::Closed => SetupRefusal::NotBegun,
        WindowRefusal::Taken(by) => SetupRefusal::Taken(by),
    }
}

/// The browser that holds this, as it asks for a window.
fn asker(ctx: &Context, held: &str) -> Asker {
    Asker { key: key_of(held), seen_as: seen_as(&ctx.origin) }
}

/// How a browser looks to others.
pub(crate) fn seen_as(origin: &Origin) -> String {
    match (&*origin.device, origin.address) {
        ("", None) => "the console".to_owned(),
        (device, None) => device.to_owned(),
        ("", Some(address)) => address.to_string(),
        (device, Some(address)) => format!("{device} at {address}"),
    }
}
