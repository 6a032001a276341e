//! What reverse proxies ask about each request to an app (forward auth): Traefik's `ForwardAuth` and Caddy's `forward_auth` show the
//! browser what we answer; nginx's `auth_request` knows yes and no only, and leads the browser to `enter`.
//!
//! Each way has an address of its own, so that nobody chooses by a header of theirs which header is believed. What is believed is
//! what the proxy says of the request; who it is, the pass in the cookie says, and it is good for that one name.

use std::fmt;
use std::sync::Arc;

use domain::host::Host;
use form_urlencoded::Serializer;
use service::{Context, ForwardRefusal, Gate, Idp, OpError, PassCookie, Visitor};
use url::Url;

use super::oauth::fault;
use super::session;
use super::web::next::Next;
use crate::http::{App, Cookie, Form, Kind, Method, Request, Response, Route, handler};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Protocol, "/forward-auth", handler!(forwarded)),
    Route::get(Kind::Protocol, "/forward-auth/nginx", handler!(nginx)),
    Route::get(Kind::Protocol, "/forward-auth/nginx/enter", handler!(nginx_enter)),
    Route::post(Kind::Protocol, "/forward-auth/nginx/enter", handler!(nginx_enter)),
];

/// The cookie at the app's name.
const PASS: &str = "__Host-latchkey-pass";
/// The cookie there of a browser that fetches a pass: only it can use it.
const STATE: &str = "__Host-latchkey-enter";
/// For how long it may fetch it: somebody may have to sign in meanwhile.
const STATE_SECONDS: i64 = 15 * 60;
/// How long the text in it is.
const STATE_LENGTH: usize = 22;
/// Where browsers bring their pass, at the app's name.
const CALLBACK: &str = "/.latchkey/callback";
/// Longer places within an app are forgotten over a sign-in: they would have to fit, escaped twice, into an address.
const MAX_TARGET: usize = 1024;
/// Most bytes of a header that says something of the person; groups beyond are left out.
const MAX_HEADER: usize = 4096;

/// The request that the proxy asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Original {
    /// The name of the app.
    pub(super) host: Host,
    /// The same with the port, if it is not the usual one.
    pub(super) authority: String,
    /// Path and query.
    target: String,
}

/// Why it is not known what the proxy asks about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotAnAddress {
    /// A header is missing, came twice or is no address.
    Malformed,
    /// Cookies of the kind that is needed exist on TLS only.
    Insecure,
}

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the proxy does not say which address was asked for; see docs/forward-auth.md",
            Self::Insecure => "an app behind a proxy has to be shown over https",
        })
    }
}

impl Original {
    /// Reads the whole address.
    pub(super) fn read(raw: &str) -> Result<Self, NotAnAddress> {
        let url = Url::parse(raw).map_err(|_| NotAnAddress::Malformed)?;
        if url.scheme() != "https" {
            return Err(NotAnAddress::Insecure);
        }
        let host = url.host_str().unwrap_or_default().parse::<Host>().map_err(|_| NotAnAddress::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotAnAddress::Malformed);
        }
        let authority = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Ok(Self { host, authority, target })
    }

    fn forwarded(request: &Request) -> Result<Self, NotAnAddress> {
        let header = |name| request.header(name).ok_or(NotAnAddress::Malformed);
        let (proto, host, uri) =
            (header("x-forwarded-proto")?, header("x-forwarded-host")?, header("x-forwarded-uri")?);
        if !uri.starts_with('/') || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
        {
            return Err(NotAnAddress::Malformed);
        }
        // Traefik calls a websocket by its own scheme.
        let proto = match proto {
            "wss" => "https",
            other => other,
        };
        Self::read(&format!("{proto}://{host}{uri}"))
    }

    fn nginx(request: &Request) -> Result<Self, NotAnAddress> {
        Self::read(request.header("x-original-url").ok_or(NotAnAddress::Malformed)?)
    }

    /// Where the browser brings the pass.
    pub(super) fn callback(&self, pass: &str) -> String {
        let fields = [("pass", pass), ("to", &self.target)];
        format!("https://{}{CALLBACK}?{}", self.authority, Serializer::new(String::new()).extend_pairs(fields).finish())
    }

    /// What the browser brought, if it did.
    fn brought(&self) -> Option<(String, Next)> {
        let query = self.target.strip_prefix(CALLBACK)?.strip_prefix('?')?;
        let fields = Form::parse(query).ok()?;
        let pass = fields.one("pass").ok()??.to_owned();
        Some((pass, Next::read(fields.one("to").ok()?.unwrap_or_default())))
    }

    fn at(&self, next: &Next) -> String {
        format!("https://{}{}", self.authority, next.path())
    }

    /// The same address, short enough to be kept over a sign-in.
    fn to_keep(&self) -> String {
        let target = if self.target.len() > MAX_TARGET { "/" } else { &self.target };
        format!("https://{}{target}", self.authority)
    }
}

/// What the proxy does with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// Anything but a yes is shown to the browser; whether that would go somewhere else.
    Browser { page: bool },
    /// It is looked at for its status only.
    Nobody,
}

async fn forwarded(app: Arc<App>, request: Request) -> Response {
    let get = request.header("x-forwarded-method").is_none_or(|method| matches!(method, "GET" | "HEAD"));
    let shown = Shown::Browser { page: get && wants_page(&request) };
    answer(&app, &request, Original::forwarded(&request), shown).await
}

async fn nginx(app: Arc<App>, request: Request) -> Response {
    answer(&app, &request, Original::nginx(&request), Shown::Nobody).await
}

/// Where nginx leads a browser that was not let through, and everything below `/.latchkey/`.
async fn nginx_enter(app: Arc<App>, request: Request) -> Response {
    let original = Original::nginx(&request);
    let shown = Shown::Browser { page: request.method == Method::Get && wants_page(&request) };
    let back = original.as_ref().ok().map(|original| original.to_keep());
    let answer = answer(&app, &request, original, shown).await;
    match (answer.status(), back) {
        // Let through meanwhile, in another tab.
        (200, Some(back)) => Response::redirect303(&back),
        (_, _) => answer,
    }
}

fn wants_page(request: &Request) -> bool {
    request.header("accept").is_some_and(|accept| accept.contains("text/html"))
}

/// What was decided.
enum Decided {
    /// The browser brought a good pass.
    Arrived(PassCookie, Next),
    /// The browser brought one that is not good.
    Late,
    Gate(Gate),
    /// The browser is to fetch one: what it holds meanwhile.
    Begin(String),
}

async fn answer(app: &App, request: &Request, original: Result<Original, NotAnAddress>, shown: Shown) -> Response {
    let original = match original {
        Ok(original) => original,
        Err(why) => return Response::text(400, format!("This request cannot be checked: {why}.")),
    };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    let pass = request.cookie(PASS).map(str::to_owned);
    let state = request.cookie(STATE).filter(|state| state.len() == STATE_LENGTH).map(str::to_owned);
    let brought = if shown == Shown::Nobody { None } else { original.brought() };
    let host = original.host.clone();
    let op = move |idp: &Idp| decide(idp, &ctx, &host, Held { pass, state, brought });
    match app.bridge.run(op).await {
        Ok(Ok(decided)) => render(request, &original, decided, shown),
        Ok(Err(OpError::Refused(refusal))) => Response::text(403, format!("{refusal}.")),
        Ok(Err(OpError::Fault(error))) => fault(app, &error),
        Err(busy) => busy.into(),
    }
}

/// What the browser holds and brings.
struct Held {
    pass: Option<String>,
    state: Option<String>,
    brought: Option<(String, Next)>,
}

fn decide(idp: &Idp, ctx: &Context, host: &Host, held: Held) -> Result<Decided, OpError<ForwardRefusal>> {
    let gate = idp.forward_check(ctx, host, held.pass.as_deref())?;
    match (gate, held.brought) {
        (Gate::Fetch, Some((pass, next))) => {
            let state = held.state.unwrap_or_default();
            let arrived = idp.forward_arrive(ctx, host, (&pass, &state))?;
            Ok(arrived.map_or(Decided::Late, |cookie| Decided::Arrived(cookie, next)))
        }
        // One that began in another tab goes on: both bring what they fetch for the same.
        (Gate::Fetch, None) => Ok(Decided::Begin(held.state.unwrap_or_else(|| idp.forward_state().0))),
        (gate @ (Gate::Open(_) | Gate::Shut(_)), _) => Ok(Decided::Gate(gate)),
    }
}

fn render(request: &Request, original: &Original, decided: Decided, shown: Shown) -> Response {
    match (decided, shown) {
        (Decided::Arrived(cookie, next), _) => Response::redirect303(&original.at(&next))
            .set_cookie(&Cookie::new(PASS, cookie.value).max_age(cookie.seconds))
            .set_cookie(&Cookie::remove(STATE)),
        (Decided::Late, _) => {
            let again = format!("https://{}/", original.authority);
            Response::text(400, format!("This sign-in took too long, or began in another browser. Open {again} again."))
        }
        (Decided::Gate(Gate::Open(visitor)), Shown::Browser { .. } | Shown::Nobody) => match original.brought() {
            // Somebody reloaded the address at which they arrived.
            Some((_, next)) => Response::redirect303(&original.at(&next)),
            None => open(&visitor),
        },
        (Decided::Gate(Gate::Shut(why)), _) => Response::text(403, format!("{why}.")),
        (Decided::Begin(state), Shown::Browser { page: true }) => {
            let digest = service::forward_digest(&state);
            let fields = [("to", original.to_keep()), ("state", digest)];
            let query = Serializer::new(String::new()).extend_pairs(fields).finish();
            Response::redirect303(&format!("{}/forward-auth/start?{query}", request.at.issuer()))
                .set_cookie(&Cookie::new(STATE, state).max_age(STATE_SECONDS))
        }
        (Decided::Begin(_), Shown::Browser { page: false } | Shown::Nobody) | (Decided::Gate(Gate::Fetch), _) => {
            Response::text(401, "Sign in first: open this address in a browser.")
                .header("WWW-Authenticate", format!("Latchkey realm=\"{}\"", original.host))
        }
    }
}

/// A yes, and who it is. Every header is there, empty if need be, so that no proxy lets one through that the browser has sent.
fn open(visitor: &Visitor) -> Response {
    Response::empty(200)
        .header("Remote-User", readable(&visitor.user))
        .header("Remote-Groups", groups(&visitor.groups))
        .header("Remote-Email", readable(&visitor.mail))
        .header("Remote-Name", readable(&visitor.name))
}

/// Separated by commas, which no group's name has.
fn groups(names: &[String]) -> String {
    let mut text = String::new();
    for name in names.iter().map(|name| readable(name)) {
        if text.len() + name.len() + 1 > MAX_HEADER {
            break;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text += &name;
    }
    text
}

/// As it is, if it is printable ASCII; else in UTF-8 with percent signs, as a whole: a header holds ASCII (RFC 9110 section 5.5), and a
/// line end in it would begin another header.
fn readable(text: &str) -> String {
    let plain = |byte: u8| matches!(byte, b' '..=b'~');
    let mut value = if text.bytes().all(plain) {
        text.to_owned()
    } else {
        let escaped = |byte: u8| match byte {
            b'%' => "%25".to_owned(),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(escaped).collect()
    };
    value.truncate(MAX_HEADER);
    value.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_begin_another_header() {
        assert_eq!(readable("Mia 50% Miller"), "Mia 50% Miller");
        assert_eq!(readable("Jürg 50%"), "J%C3%BCrg 50%25");
        assert_eq!(readable("a\r\nRemote-User: root"), "a%0D%0ARemote-User: root");
        for text in ["a\r\nb", "é", "\0", &"ä".repeat(9000)] {
            assert_eq!(Response::empty(200).header("Remote-Name", readable(text)).status(), 200);
        }
    }

    #[test]
    fn no_more_groups_are_told_than_a_header_holds() {
        let many: Vec<String> = (0..2000).map(|n| format!("group-{n}")).collect();
        let text = groups(&many);
        assert!(text.len() <= MAX_HEADER && text.ends_with(|c: char| c.is_ascii_digit()));
        assert!(many.contains(&text.rsplit(',').next().unwrap().to_owned()), "no half names");
    }

    #[test]
    fn an_address_that_could_lead_elsewhere_is_none() {
        let read = |raw: &str| Original::read(raw).map(|original| original.to_keep());
        assert_eq!(read("https://a.example/x?y=1#z").unwrap(), "https://a.example/x?y=1");
        assert_eq!(read("https://A.example:8443").unwrap(), "https://a.example:8443/");
        assert_eq!(read(&format!("https://a.example/{}", "x".repeat(2000))).unwrap(), "https://a.example/");
        assert_eq!(read("http://a.example/"), Err(NotAnAddress::Insecure));
        for bad in [
            "",
            "/x",
            "https://",
            "https://me@a.example/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://a_b.example/",
        ] {
            assert_eq!(read(bad), Err(NotAnAddress::Malformed), "{bad}");
        }
        let callback = |to: &str| Original::read(&format!("https://a.example{CALLBACK}?pass=p&to={to}")).unwrap();
        for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil.example", "", "%2F%2Fevil.example"] {
            let original = callback(elsewhere);
            let (_, next) = original.brought().unwrap();
            assert_eq!(original.at(&next), "https://a.example/", "{elsewhere}");
        }
    }
}
