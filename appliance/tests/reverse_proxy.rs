//! Forward auth with the real programs: nginx, Caddy and Traefik run with the examples of the docs, a browser asks them, and an app behind
//! them notes what arrives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/anna.rs"]
#[expect(unreachable_pub, dead_code, reason = "each test file uses its own part")]
mod anna;
#[path = "support/authenticator.rs"]
mod authenticator;
#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/fake_http.rs"]
#[expect(unreachable_pub, reason = "each test file uses its own part")]
mod fake_http;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;
#[path = "support/proxy.rs"]
#[expect(unreachable_pub, reason = "the lint sees no reader outside of a test")]
mod proxy;

use anna::Anna;
use appliance::system::Clock;
use domain::account::AccountKind;
use domain::amend::Amendment;
use fake_http::{Asked, FakeHttp, Said};
use harness::{Answer, Call, Server};
use proxy::{NAME, Place, Proxy};
use serde_json::json;
use service::{AppAmendment, Context, Idp};

const PASS: &str = "__Host-latchkey-pass";
const STATE: &str = "__Host-latchkey-enter";

/// What a browser says of itself, and of its request: nothing of it may be believed, however it is spelled.
const FORGED: &[(&str, &str)] = &[
    ("Remote-User", "forged"),
    ("Remote-Groups", "forged"),
    ("Remote-Email", "forged"),
    ("Remote-Name", "forged"),
    ("Remote_User", "forged"),
    ("Remote_Groups", "forged"),
    ("remote_email", "forged"),
    ("REMOTE_NAME", "forged"),
    ("Remote.User", "forged"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "notes.localhost"),
    ("X-Forwarded-Uri", "/elsewhere"),
    ("X-Forwarded-Method", "DELETE"),
    ("X-Original-URL", "https://notes.localhost/elsewhere"),
];

#[test]
fn nginx_of_debian_lets_in_whom_the_house_lets_in() {
    Street::with(proxy::nginx).keeps_its_promises();
}

#[test]
fn caddy_of_debian_lets_in_whom_the_house_lets_in() {
    Street::with(proxy::caddy).keeps_its_promises();
}

#[test]
#[ignore = "Debian has no Traefik; TRAEFIK says where there is one: cargo test --test reverse_proxy -- --ignored"]
fn traefik_lets_in_whom_the_house_lets_in() {
    Street::with(proxy::traefik).keeps_its_promises();
}

/// A house with Anna in it, an app, and a proxy before the app.
struct Street {
    anna: Anna,
    app: FakeHttp,
    proxy: Proxy,
}

impl Street {
    fn with(program: fn(Place) -> Proxy) -> Self {
        let app = FakeHttp::start(|_| Said::This(200, Vec::new(), "the app".into()));
        let settings = AppAmendment { forward_hosts: Some(vec![NAME.parse().unwrap()]), ..AppAmendment::default() };
        let anna = Anna::at(Server::listen(), settings);
        let proxy = program(Place::new(&anna.server, &app.url("")));
        let street = Self { anna, app, proxy };
        let attributes = [("mail".to_owned(), json!(["anna@example.org"]))].into();
        let with_mail = Amendment { attributes, ..Amendment::default() };
        let set = move |idp: &Idp, ctx: &Context| {
            idp.set_account(ctx, AccountKind::Person, &"anna".parse().unwrap(), &with_mail).unwrap()
        };
        street.operate(set);
        street
    }

    fn keeps_its_promises(&self) {
        let pass = self.a_stranger_signs_in_and_comes_back();
        self.nothing_but_a_page_leads_to_the_sign_in();
        self.the_app_learns_who_it_is(&pass);
        self.a_form_arrives_as_it_was_sent(&pass);
        self.who_may_not_is_refused(&pass);
        self.who_signs_out_is_out(&pass);
    }

    fn a_stranger_signs_in_and_comes_back(&self) -> String {
        let sent = self.page("/album?year=2026&x=%20", "");
        let start = location(&sent).strip_prefix(&self.anna.server.issuer).unwrap().to_owned();
        let here = format!("https://{}", self.proxy.authority());
        assert_eq!(anna::parameter(&start, "to").unwrap(), format!("{here}/album?year=2026&x=%20"));
        let state = sent.set_cookie(STATE).unwrap().to_owned();

        let call = Call::get(start).cookie(moving_in::COOKIE, &self.anna.cookie).header("Sec-Fetch-Site", "cross-site");
        let callback = location(&self.anna.server.send(&call)).strip_prefix(&here).unwrap().to_owned();
        assert_eq!(self.page(&callback, "").status, 400, "brought by another browser");
        let arrived = self.page(&callback, &format!("{STATE}={state}"));
        assert_eq!(location(&arrived), format!("{here}/album?year=2026&x=%20"));
        assert!(self.app.seen().is_empty(), "nothing of it gets to the app");
        format!("{PASS}={}", arrived.set_cookie(PASS).unwrap())
    }

    fn nothing_but_a_page_leads_to_the_sign_in(&self) {
        for call in [Call::get("/api"), Call::post("/api").header("Accept", "text/html").form(&[("a", "b")])] {
            let answer = self.ask(call);
            assert_eq!((answer.status, answer.header("location")), (401, None));
        }
        assert!(self.app.seen().is_empty());
    }

    fn the_app_learns_who_it_is(&self, pass: &str) {
        let shown = self.page("/album?year=2026&x=%20", pass);
        assert_eq!((shown.status, shown.text().as_str()), (200, "the app"));
        let seen = self.last_seen(1);
        assert_eq!(seen.line, "GET /album?year=2026&x=%20");
        let said = [("user", "anna"), ("groups", "everyone"), ("email", "anna@example.org"), ("name", "Anna Bauer")];
        assert_eq!(identity(&seen), said.map(|(name, value)| (format!("remote-{name}"), value.to_owned())));
    }

    fn a_form_arrives_as_it_was_sent(&self, pass: &str) {
        let posted = self.ask(Call::post("/upload").header("Cookie", pass).form(&[("title", "Lake")]));
        assert_eq!(posted.status, 200);
        let seen = self.last_seen(2);
        assert_eq!((seen.line.as_str(), seen.body.as_str()), ("POST /upload", "title=Lake"));
        assert_eq!(identity(&seen)[0].1, "anna");
    }

    fn who_may_not_is_refused(&self, pass: &str) {
        let everyone = || ("photos".parse().unwrap(), "everyone".parse().unwrap());
        self.operate(move |idp, ctx| idp.deny_group(ctx, &everyone().0, &everyone().1).unwrap());
        assert_eq!(self.page("/", pass).status, 403);
        self.last_seen(2);
        self.operate(move |idp, ctx| idp.allow_group(ctx, &everyone().0, &everyone().1).unwrap());
        assert_eq!(self.page("/", pass).status, 200);
        self.last_seen(3);
    }

    fn who_signs_out_is_out(&self, pass: &str) {
        self.anna.post("/signout", &[]);
        assert_eq!(self.page("/", pass).status, 303);
        self.last_seen(3);
    }

    /// A page, asked for by a browser with these cookies.
    fn page(&self, path: &str, cookies: &str) -> Answer {
        let call = Call::get(path).header("Accept", "text/html");
        self.ask(if cookies.is_empty() { call } else { call.header("Cookie", cookies) })
    }

    /// The same with more that is not true.
    fn ask(&self, call: Call) -> Answer {
        let call = FORGED.iter().fold(call, |call, (name, value)| call.header(name, *value));
        self.proxy.connect().unwrap().send(&call)
    }

    fn operate<T: Send + 'static>(&self, op: impl FnOnce(&Idp, &Context) -> T + Send + 'static) {
        let moment = self.anna.server.clock.moment();
        self.anna.server.operate(move |idp| op(idp, &Context::console(moment)));
    }

    /// The last request that got to the app, and how many got there.
    fn last_seen(&self, number: usize) -> Asked {
        let mut seen = self.app.seen();
        assert_eq!(seen.len(), number);
        seen.pop().unwrap()
    }
}

/// What the app is told of the person, as a program reads it that takes `_` and `.` for `-` (CGI, WSGI, PHP).
fn identity(seen: &Asked) -> Vec<(String, String)> {
    let order = ["remote-user", "remote-groups", "remote-email", "remote-name"];
    let headers = seen.headers.iter().map(|(name, value)| (name.replace(['_', '.'], "-"), value.clone()));
    let mut told: Vec<_> = headers.filter(|(name, _)| name.starts_with("remote-")).collect();
    told.sort_by_key(|(name, _)| order.iter().position(|known| known == name));
    told
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap()
}
