//! From a box without an owner to one with an owner, over HTTP: who gets there, and who must not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/authenticator.rs"]
#[expect(dead_code, reason = "an owner only moves in here")]
mod authenticator;
mod harness;

use std::net::IpAddr;

use appliance::system::Clock;
use authenticator::Authenticator;
use domain::clock::Trust;
use domain::event::EventFilter;
use domain::presence::WindowKind;
use harness::{Answer, Call, Server};
use service::{Context, Idp};

/// A box whose names the configuration says.
const NAMED: &str = "host = \"id.example\"\nhouse = \"Holm\"";
const COOKIE: &str = "__Host-latchkey-presence";

/// Somebody with a browser near a box.
struct Browser<'s> {
    server: &'s Server,
    from: IpAddr,
    authority: String,
    held: String,
}

impl<'s> Browser<'s> {
    fn at(server: &'s Server, last: u8) -> Self {
        Self { server, from: [192, 168, 1, last].into(), authority: server.authority(), held: String::new() }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send(Call::get(path).header("Accept", "text/html"))
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("https://{}", self.authority);
        self.send(Call::post(path).origin(&origin).header("Accept", "text/html").form(fields))
    }

    fn send(&mut self, call: Call) -> Answer {
        let call = if self.held.is_empty() { call } else { call.cookie(COOKIE, &self.held) };
        let answer = self.server.send_to(&self.authority, &call.from(self.from));
        if let Some(held) = answer.set_cookie(COOKIE) {
            held.clone_into(&mut self.held);
        }
        answer
    }

    fn begin(&mut self) -> Answer {
        self.post("/setup", &[("code", "")])
    }

    fn begin_with(&mut self, code: &str) -> Answer {
        self.post("/setup", &[("code", code)])
    }

    fn state(&mut self) -> String {
        self.get("/setup/state").json()["state"].as_str().unwrap().to_owned()
    }

    /// Lets the box vouch for itself.
    fn settle(&mut self) {
        assert_eq!(self.post("/setup/certificate", &[("way", "own-ca")]).status, 303);
    }

    /// Names the owner; the link to the first passkey.
    fn name_owner(&mut self, name: &str) -> String {
        let answer = self.post("/setup/owner", &[("name", name)]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        location(&answer).strip_prefix(&self.server.names().issuer()).unwrap().to_owned()
    }

    /// Follows the link to the end.
    fn move_in(&mut self, link: &str) -> Answer {
        let mut device = Authenticator::new(&self.server.names().issuer());
        let asked = self.post(&format!("{link}/passkey/options"), &[("display_name", "Mira Holm")]);
        assert_eq!(asked.status, 200, "{}", asked.text());
        let options = asked.json();
        let credential = device.create(&options).to_string();
        let ceremony = options["ceremony"].as_str().unwrap();
        self.post(&format!("{link}/passkey"), &[("ceremony", ceremony), ("credential", &credential)])
    }
}

fn location(answer: &Answer) -> &str {
    answer.header("location").unwrap()
}

/// Does something as the console of the box.
fn console<T: Send + 'static>(server: &Server, op: impl FnOnce(&Idp, &Context) -> T + Send + 'static) -> T {
    let moment = server.clock.moment();
    server.operate(move |idp| op(idp, &Context::console(moment)))
}

fn tap(server: &Server) {
    console(server, |idp, ctx| idp.open_window(ctx, WindowKind::Claim)).unwrap();
}

fn code(server: &Server) -> String {
    console(server, |idp, ctx| idp.presence_code(ctx)).unwrap().expose().clone()
}

#[test]
fn a_box_without_an_owner_serves_only_its_setup() {
    let server = Server::unclaimed(NAMED);
    let mut anna = Browser::at(&server, 7);
    for path in ["/", "/signin", "/account", "/recover", "/authorize?client_id=x"] {
        let answer = anna.get(path);
        assert_eq!((answer.status, location(&answer)), (303, "/setup"), "{path}");
    }
    for call in [
        Call::post("/token").form(&[("grant_type", "authorization_code")]),
        Call::get("/userinfo"),
        Call::get("/api/v1/status"),
    ] {
        let answer = server.send(&call);
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("/setup") && answer.header("retry-after").is_some());
    }
    assert_eq!(anna.get("/setup").status, 200);
    assert_eq!(server.send(&Call::get("/api/v1/status").on_console()).status, 200);
}

#[test]
fn a_tap_a_name_and_a_passkey_make_an_owner() {
    let server = Server::unclaimed(NAMED);
    let mut anna = Browser::at(&server, 7);
    assert_eq!(anna.state(), "closed");
    tap(&server);
    assert_eq!(anna.state(), "open");
    let answer = anna.begin();
    assert_eq!((answer.status, location(&answer)), (303, "/setup/next"));
    assert_eq!(location(&anna.get("/setup/next")), "/setup/certificate");
    anna.settle();
    assert_eq!(location(&anna.get("/setup/next")), "/setup/owner");
    assert!(anna.get("/setup/owner").text().contains("is called <strong>id.example</strong> for good"));
    let link = anna.name_owner("Mira Holm");
    let sheet = anna.move_in(&link);
    assert!(sheet.text().contains("Your recovery codes"), "{}", sheet.text());
    // The setup is over, for this browser too.
    assert_eq!(location(&anna.get("/setup")), "/");
    assert_eq!(anna.get("/signin").status, 200);
    let log = console(&server, |idp, ctx| idp.list_events(ctx, &EventFilter::default(), None, None)).unwrap();
    assert!(log.items.iter().any(|event| event.action == "house.claim" && event.actor == "mira"));
}

#[test]
fn nothing_goes_on_without_somebody_at_the_box() {
    let server = Server::unclaimed(NAMED);
    let mut eve = Browser::at(&server, 66);
    let refused = eve.begin();
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("press the button of the box first"), "{}", refused.text());
    for path in ["/setup/next", "/setup/names", "/setup/owner"] {
        assert_eq!(location(&eve.get(path)), "/setup", "{path}");
    }
    let answer = eve.post("/setup/owner", &[("name", "Eve")]);
    assert_eq!((answer.status, location(&answer)), (303, "/setup"));
    eve.held = "0".repeat(64);
    tap(&server);
    assert_eq!(location(&eve.post("/setup/owner", &[("name", "Eve")])), "/setup");
}

#[test]
fn a_second_browser_is_refused_and_told_who_began() {
    let server = Server::unclaimed(NAMED);
    let (mut anna, mut eve) = (Browser::at(&server, 7), Browser::at(&server, 66));
    tap(&server);
    anna.begin();
    assert_eq!(eve.state(), "taken");
    let refused = eve.begin();
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("192.168.1.7"), "{}", refused.text());
    // Not even with what the first one does not have any more.
    eve.held = "f".repeat(64);
    assert_eq!(location(&eve.get("/setup/owner")), "/setup");
    assert_eq!(anna.state(), "mine");
}

#[test]
fn a_claim_after_the_window_is_refused() {
    let server = Server::unclaimed(NAMED);
    let mut anna = Browser::at(&server, 7);
    tap(&server);
    server.clock.advance(120);
    assert_eq!((anna.begin().status, anna.state().as_str()), (403, "closed"));
}

#[test]
fn a_clock_that_jumps_neither_closes_nor_opens_a_window() {
    let server = Server::unclaimed(NAMED);
    let mut anna = Browser::at(&server, 7);
    tap(&server);
    server.clock.jump(365 * 86_400);
    assert_eq!(anna.state(), "open");
    server.clock.advance(120);
    server.clock.jump(-366 * 86_400);
    assert_eq!(anna.state(), "closed");
}

#[test]
fn a_code_works_once_and_wrong_ones_are_bounded() {
    let server = Server::unclaimed(NAMED);
    let (mut anna, mut eve) = (Browser::at(&server, 7), Browser::at(&server, 66));
    let code = code(&server);
    assert_eq!(eve.begin_with("AAAA-AAAA").status, 403);
    assert_eq!(anna.begin_with(&code.to_lowercase()).status, 303);
    let replayed = eve.begin_with(&code);
    assert_eq!(replayed.status, 403);
    assert!(replayed.text().contains("not the code"), "{}", replayed.text());
    assert_eq!(anna.state(), "mine");
    let tried: Vec<u16> = (0..10).map(|_| eve.begin_with("AAAA-AAAA").status).collect();
    assert_eq!(tried, [403, 403, 403, 403, 403, 403, 403, 403, 429, 429]);
    // Another address is not kept from its own tries.
    assert_eq!(Browser::at(&server, 8).begin_with("AAAA-AAAA").status, 403);
    server.clock.advance(61);
    assert_eq!(eve.begin_with(&"x".repeat(60_000)).status, 403);
}

#[test]
fn a_second_claim_of_a_house_with_an_owner_is_refused() {
    let server = Server::unclaimed(NAMED);
    let (mut anna, mut eve) = (Browser::at(&server, 7), Browser::at(&server, 66));
    let kept = code(&server);
    tap(&server);
    anna.begin();
    let link = anna.name_owner("Mira");
    anna.move_in(&link);
    assert!(console(&server, |idp, ctx| idp.open_window(ctx, WindowKind::Claim)).is_err());
    assert!(console(&server, |idp, ctx| idp.presence_code(ctx)).is_err());
    assert_eq!(location(&eve.begin_with(&kept)), "/");
    assert_eq!(location(&eve.get("/setup/owner")), "/");
    assert_eq!(eve.get(&link).status, 410);
}

#[test]
fn another_tap_gives_the_box_to_another_browser_and_voids_the_first_ones_link() {
    let server = Server::unclaimed(NAMED);
    let (mut eve, mut anna) = (Browser::at(&server, 66), Browser::at(&server, 7));
    tap(&server);
    eve.begin();
    let stolen = eve.name_owner("Eve");
    tap(&server);
    assert_eq!(anna.begin().status, 303);
    assert_eq!(eve.get(&stolen).status, 410);
    assert_eq!(location(&eve.get("/setup/owner")), "/setup");
    let link = anna.name_owner("Anna");
    anna.move_in(&link);
    // There is one owner, and it is not the one who was first.
    let persons = server.send(&Call::get("/api/v1/persons").on_console()).json();
    let names: Vec<&str> = persons["items"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["anna"]);
}

/// A box without a name, named by a browser that reached it by its address.
fn named(server: &Server) -> Browser<'_> {
    let mut anna = Browser::at(server, 7);
    anna.authority = "192.168.1.20".to_owned();
    tap(server);
    anna.begin();
    assert_eq!(location(&anna.get("/setup/next")), "/setup/names");
    let answer = anna.post("/setup/names", &[("house", "Holm"), ("host", "ID.example ")]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(server.names().issuer(), "https://id.example");
    anna
}

#[test]
fn a_tap_alone_takes_everything_from_the_browser_that_had_the_claim() {
    let server = Server::unclaimed("");
    let mut eve = named(&server);
    eve.settle();
    let ticket = location(&eve.post("/setup/reach", &[])).strip_prefix("https://id.example").unwrap().to_owned();
    eve.authority = "id.example".to_owned();
    let link = eve.name_owner("Eve");
    // Nobody has begun anew yet; the tap is enough.
    tap(&server);
    assert_eq!(eve.get(&link).status, 410);
    assert_eq!(location(&eve.post("/setup/owner", &[("name", "Eve")])), "/setup");
    let mut anna = Browser::at(&server, 7);
    anna.authority = "id.example".to_owned();
    assert_eq!(anna.begin().status, 303);
    let mut again = Browser::at(&server, 66);
    again.authority = "id.example".to_owned();
    assert_eq!(location(&again.get(&ticket)), "/setup");
    assert_eq!(anna.state(), "mine");
}

#[test]
fn a_claim_at_the_console_voids_what_a_browser_had_begun() {
    let server = Server::unclaimed(NAMED);
    let mut eve = Browser::at(&server, 66);
    tap(&server);
    eve.begin();
    let link = eve.name_owner("Eve");
    console(&server, |idp, ctx| idp.claim_here(ctx)).unwrap();
    assert_eq!(eve.get(&link).status, 410);
}

#[test]
fn the_first_owner_begins_with_a_passkey_and_no_password() {
    let server = Server::unclaimed(NAMED);
    let mut anna = Browser::at(&server, 7);
    tap(&server);
    anna.begin();
    let link = anna.name_owner("Mira");
    assert!(!anna.get(&link).text().contains("This device has no passkeys"));
    assert_eq!(anna.get(&format!("{link}/password")).status, 410);
    assert_eq!(anna.state(), "mine");
}

#[test]
fn a_setup_that_broke_off_goes_on_where_it_was() {
    let server = Server::unclaimed("");
    let mut anna = named(&server);
    // The phone went to sleep over lunch, and somebody has to be at the box again.
    server.clock.advance(3600);
    assert_eq!(location(&anna.get("/setup/owner")), "/setup");
    tap(&server);
    anna.begin();
    assert_eq!(location(&anna.get("/setup/next")), "/setup/certificate");
    assert_eq!(location(&anna.post("/setup/certificate", &[("way", "own-ca")])), "/setup/next");
    assert_eq!(location(&anna.get("/setup/next")), "/setup/reach");
    // What was decided stays decided.
    server.clock.advance(3600);
    tap(&server);
    anna.begin();
    assert_eq!(location(&anna.get("/setup/next")), "/setup/reach");
    anna.authority = "id.example".to_owned();
    assert_eq!(location(&anna.get("/setup/next")), "/setup/owner");
    let link = anna.name_owner("Mira");
    // The page was closed before the passkey was made.
    let again = anna.name_owner("Mira Holm");
    assert_eq!(anna.get(&link).status, 410);
    anna.move_in(&again);
    assert_eq!(anna.get("/signin").status, 200);
}

#[test]
fn a_power_cut_after_any_step_only_asks_for_presence_again() {
    let mut server = Server::unclaimed_on_card("");
    let mut held = String::new();
    let mut link = String::new();
    // What is done, under which name, and the step that is open after the lights are on again.
    for (step, authority, open) in [
        ("begin", "192.168.1.20", "/setup/names"),
        ("names", "192.168.1.20", "/setup/certificate"),
        ("certificate", "192.168.1.20", "/setup/reach"),
        ("owner", "id.example", "/setup/owner"),
    ] {
        let mut anna =
            Browser { server: &server, from: [192, 168, 1, 7].into(), authority: authority.to_owned(), held };
        tap(&server);
        assert_eq!(anna.begin().status, 303);
        match step {
            "names" => drop(anna.post("/setup/names", &[("house", "Holm"), ("host", "id.example")])),
            "certificate" => anna.settle(),
            "owner" => link = anna.name_owner("Mira"),
            _ => {}
        }
        assert_eq!(location(&anna.get("/setup/next")), open, "{step}");
        held = anna.held;
        server.cut_power();
        let mut anna =
            Browser { server: &server, from: [192, 168, 1, 7].into(), authority: authority.to_owned(), held };
        assert_eq!(location(&anna.get("/setup/next")), "/setup", "{step}");
        tap(&server);
        anna.begin();
        assert_eq!(location(&anna.get("/setup/next")), open, "{step}");
        held = anna.held;
    }
    let mut anna = Browser { server: &server, from: [192, 168, 1, 7].into(), authority: "id.example".to_owned(), held };
    assert_eq!(anna.get(&link).status, 410);
    let link = anna.name_owner("Mira Holm");
    anna.move_in(&link);
    server.cut_power();
    assert_eq!(server.send_to("id.example", &Call::get("/signin").header("Accept", "text/html")).status, 200);
}

#[test]
fn a_code_that_was_read_from_the_card_is_good_after_the_next_start_and_once() {
    let mut server = Server::unclaimed_on_card(NAMED);
    let shown = code(&server);
    server.cut_power();
    assert_eq!(code(&server), shown);
    let mut anna = Browser::at(&server, 7);
    assert_eq!(anna.begin_with(&shown).status, 303);
    server.cut_power();
    assert_eq!(Browser::at(&server, 7).begin_with(&shown).status, 403);
    assert_ne!(code(&server), shown);
}

#[test]
fn a_box_without_a_name_is_not_claimed_at_its_console_either() {
    let server = Server::unclaimed("");
    let refused = server.send(&Call::post("/api/v1/presence/claim").on_console());
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("latchkey domain move"), "{}", refused.text());
    let body = serde_json::json!({"host": "id.example", "former_days": 90});
    let named = server.send(&Call::new("PUT", "/api/v1/domain").on_console().json(&body));
    assert_eq!(named.status, 200, "{}", named.text());
    assert_eq!(server.send(&Call::post("/api/v1/presence/claim").on_console()).status, 200);
    assert_eq!(server.names().issuer(), "https://id.example");
}

#[test]
fn a_ticket_takes_the_claim_to_the_new_name_once() {
    let server = Server::unclaimed("");
    let mut anna = named(&server);
    anna.post("/setup/certificate", &[("way", "own-ca")]);
    let page = anna.get("/setup/reach").text();
    assert!(page.contains("On to id.example") && page.contains("data-issuer=\"https://id.example\""), "{page}");
    let address = location(&anna.post("/setup/reach", &[])).to_owned();
    let path = address.strip_prefix("https://id.example").unwrap();
    let mut there = Browser::at(&server, 7);
    there.authority = "id.example".to_owned();
    assert_eq!(location(&there.get("/setup/continue?ticket=0000")), "/setup");
    let address = location(&anna.post("/setup/reach", &[])).to_owned();
    let newer = address.strip_prefix("https://id.example").unwrap();
    assert_eq!(location(&there.get(path)), "/setup");
    let address = location(&anna.post("/setup/reach", &[])).to_owned();
    let newest = address.strip_prefix("https://id.example").unwrap();
    assert_eq!(location(&there.get(newest)), "/setup/next");
    assert_eq!(location(&there.get("/setup/next")), "/setup/owner");
    let mut eve = Browser::at(&server, 66);
    eve.authority = "id.example".to_owned();
    for used in [path, newer, newest] {
        assert_eq!(location(&eve.get(used)), "/setup");
    }
    // The browser is the same, but under the address it holds nothing any more.
    assert_eq!(location(&anna.get("/setup/owner")), "/setup");
}

#[test]
fn a_certificate_that_cannot_be_had_is_told_and_can_be_chosen_again() {
    let server = Server::unclaimed("");
    let mut anna = named(&server);
    for (fields, why) in [
        ([("provider", "nobody"), ("token", "t"), ("alias", "")], "who keeps the DNS"),
        ([("provider", "desec"), ("token", "a b"), ("alias", "")], "token"),
        ([("provider", "desec"), ("token", "t"), ("alias", "no name")], "no name"),
    ] {
        let answer = anna.post("/setup/certificate", &fields);
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains(why), "{why}: {}", answer.text());
    }
    assert_eq!(location(&anna.get("/setup/next")), "/setup/certificate");
}

#[test]
fn a_box_that_does_not_know_the_time_asks_the_one_who_claims_it() {
    let server = Server::unclaimed(NAMED);
    server.clock.set_trust(Trust::Floor);
    let mut anna = Browser::at(&server, 7);
    assert_eq!(location(&anna.get("/setup/clock")), "/setup");
    tap(&server);
    assert_eq!(anna.begin().status, 303);
    assert_eq!(location(&anna.get("/setup/next")), "/setup/clock");
    for bad in ["soon", "9223372036854775807", "4102444801", "-1"] {
        assert_eq!(anna.post("/setup/clock", &[("now", bad)]).status, 422, "{bad}");
    }
    let now = (server.clock.now() + domain::time::Span::days(30)).unix().to_string();
    let mut eve = Browser::at(&server, 66);
    assert_eq!(location(&eve.post("/setup/clock", &[("now", &now)])), "/setup");
    assert_eq!(location(&anna.post("/setup/clock", &[("now", &now)])), "/setup/next");
    assert_eq!(location(&anna.get("/setup/next")), "/setup/certificate");
    anna.post("/setup/certificate", &[("way", "own-ca")]);
    assert_eq!(location(&anna.get("/setup/next")), "/setup/owner");
}

#[test]
fn names_that_cannot_be_are_refused_with_what_to_do() {
    let server = Server::unclaimed("");
    let mut anna = Browser::at(&server, 7);
    tap(&server);
    anna.begin();
    for (house, host, why) in [
        ("", "id.example", "give a name"),
        ("Holm", "", "such as id.example.net"),
        ("Holm", "192.168.1.20", "passkeys need a name"),
        ("Holm", "latchkey.local", "for setting up only"),
        ("Holm", "latchkey-2.local", "for setting up only"),
        ("Holm", "org", "not a whole name"),
        (&"x".repeat(129), "id.example", "at most 128"),
    ] {
        let answer = anna.post("/setup/names", &[("house", house), ("host", host)]);
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains(why), "{why}: {}", answer.text());
    }
    assert_eq!(server.names().issuer(), "https://latchkey.local");
}

#[test]
fn a_form_of_another_site_or_under_another_name_sets_nothing_up() {
    let server = Server::unclaimed(NAMED);
    let mut anna = Browser::at(&server, 7);
    tap(&server);
    let call = Call::post("/setup").origin("https://evil.example").form(&[("code", "")]);
    assert_eq!(anna.send(call).status, 403);
    assert_eq!(anna.send(Call::post("/setup").form(&[("code", "")])).status, 403);
    anna.authority = "evil.example".to_owned();
    assert_eq!(anna.begin().status, 421);
    assert_eq!(anna.get("/setup").status, 421);
    anna.authority = "192.168.1.20".to_owned();
    assert_eq!(anna.begin().status, 303);
}

#[test]
fn presence_cannot_be_shown_over_the_network() {
    let server = Server::start();
    let moment = server.clock.moment();
    let token = server.operate(move |idp| {
        let ctx = Context::console(moment);
        let robot = "robot".parse().unwrap();
        let amendment = domain::amend::Amendment::default();
        idp.create_account(&ctx, domain::account::AccountKind::Service, &robot, &amendment).unwrap();
        idp.add_member(&ctx, &"owners".parse().unwrap(), &service::Member::Account(robot.clone())).unwrap();
        idp.create_api_token(&ctx, &robot, &"test".parse().unwrap(), None).unwrap().token.expose().clone()
    });
    let body = serde_json::json!({"window": "recovery"});
    let refused = server.send(&Call::post("/api/v1/presence").bearer(&token).json(&body));
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(server.send(&Call::post("/api/v1/presence").on_console().json(&body)).status, 200);
    let bad = serde_json::json!({"window": "door"});
    assert_eq!(server.send(&Call::post("/api/v1/presence").on_console().json(&bad)).status, 400);
}

const ADMIN_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGMBwr0iwjSCUcqCo/WXRpnhgJKINJyTaazk+t1zt1UY anna@laptop";

/// A box of its own, whose data is mounted.
fn appliance() -> Server {
    Server::unclaimed(&format!("{NAMED}\ndata_mount = \"/\""))
}

fn authorized(server: &Server) -> String {
    std::fs::read_to_string(server.data_dir().join("system/authorized_keys")).unwrap_or_default()
}

/// The way of a browser up to its link.
fn with_key(browser: &mut Browser<'_>, key: &str) -> String {
    tap(browser.server);
    assert_eq!(browser.begin().status, 303);
    browser.settle();
    let answer = browser.post("/setup/owner", &[("name", "Mira Holm"), ("ssh_key", key)]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    location(&answer).strip_prefix("https://id.example").unwrap().to_owned()
}

#[test]
fn the_admins_key_of_a_claim_counts_when_the_claim_is_complete() {
    let server = appliance();
    let mut anna = Browser::at(&server, 7);
    let link = with_key(&mut anna, ADMIN_KEY);
    assert!(anna.get("/setup/owner").text().contains("SSH key of the admin"));
    assert_eq!(authorized(&server), "", "there is no owner yet");
    anna.move_in(&link);
    assert_eq!(authorized(&server), format!("{ADMIN_KEY}\n"));
    let log = console(&server, |idp, ctx| idp.list_events(ctx, &EventFilter::default(), None, None)).unwrap();
    assert!(log.items.iter().any(|event| event.action == "house.admin_key" && event.target.starts_with("SHA256:")));
}

#[test]
fn a_key_of_somebody_who_lost_the_claim_lets_nobody_in() {
    let server = appliance();
    let (mut eve, mut anna) = (Browser::at(&server, 66), Browser::at(&server, 7));
    with_key(&mut eve, ADMIN_KEY);
    let link = with_key(&mut anna, "");
    anna.move_in(&link);
    assert_eq!(authorized(&server), "");
    let server = appliance();
    let mut eve = Browser::at(&server, 66);
    with_key(&mut eve, ADMIN_KEY);
    console(&server, |idp, ctx| idp.claim_here(ctx)).unwrap();
    assert_eq!(authorized(&server), "");
}

#[test]
fn a_bad_key_is_refused_with_what_to_do_and_what_was_typed_stays() {
    let server = appliance();
    let mut anna = Browser::at(&server, 7);
    tap(&server);
    anna.begin();
    anna.settle();
    for (key, expected) in [
        ("anna", "not an SSH public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        (&format!("{ADMIN_KEY}\n{ADMIN_KEY}"), "one key at a time"),
        (&format!("command=\"sh\" {ADMIN_KEY}"), "not an SSH public key"),
        (&"x".repeat(5000), "at most"),
    ] {
        let answer = anna.post("/setup/owner", &[("name", "Mira Holm"), ("ssh_key", key)]);
        assert_eq!(answer.status, 422, "{key}");
        assert!(answer.text().contains(expected) && answer.text().contains("Mira Holm"), "{}", answer.text());
    }
}

#[test]
fn a_machine_that_somebody_else_administers_asks_for_no_key() {
    let server = Server::unclaimed(NAMED);
    let mut anna = Browser::at(&server, 7);
    let link = with_key(&mut anna, ADMIN_KEY);
    assert!(!anna.get("/setup/owner").text().contains("SSH key"));
    anna.move_in(&link);
    assert_eq!(authorized(&server), "");
}
