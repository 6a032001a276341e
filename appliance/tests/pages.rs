//! The pages as a browser without scripts sees them: who gets in, what is asked again, what is never followed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "support/authenticator.rs"]
mod authenticator;
mod harness;

use appliance::system::Clock;
use authenticator::Authenticator;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::time::Timestamp;
use harness::{Answer, Call, START, Server};
use ring::hmac;
use serde_json::{Value, json};
use service::{Change, Context};

const COOKIE: &str = "__Host-latchkey";

/// Anna in front of her browser.
struct Anna {
    server: Server,
    device: Authenticator,
    cookie: String,
}

impl Anna {
    /// A house in which Anna has a link and nothing else.
    fn invited() -> (Self, String) {
        Self::invited_to(Server::start())
    }

    fn invited_to(server: Server) -> (Self, String) {
        let url = server.operate(|idp| {
            let (ctx, anna) = (Context::console(harness::steady(START)), "anna".parse().unwrap());
            let made = idp.create_account(&ctx, AccountKind::Person, &anna, &Amendment::default()).unwrap();
            assert_eq!(made, Change::Created);
            idp.create_invite(&ctx, &anna, None, None).unwrap().url.expose().clone()
        });
        let path = url.strip_prefix(&server.issuer).unwrap().to_owned();
        let device = Authenticator::new(&server.issuer);
        (Self { server, device, cookie: String::new() }, path)
    }

    /// The same for an owner; links from before the office are void.
    fn invited_owner() -> (Self, String) {
        Self::invited_owner_of(Server::start())
    }

    fn invited_owner_of(server: Server) -> (Self, String) {
        let (anna, _) = Self::invited_to(server);
        anna.give_office();
        let url = anna.server.operate(|idp| {
            let invite =
                idp.create_invite(&Context::console(harness::steady(START)), &"anna".parse().unwrap(), None, None);
            invite.unwrap().url.expose().clone()
        });
        let path = url.strip_prefix(&anna.server.issuer).unwrap().to_owned();
        (anna, path)
    }

    /// A house in which Anna followed her link.
    fn at_home() -> Self {
        let (mut anna, link) = Self::invited();
        let answer = anna.accept(&link);
        assert_eq!(answer.status, 200, "{}", answer.text());
        anna
    }

    fn accept(&mut self, link: &str) -> Answer {
        let options = self.ask(&format!("{link}/passkey/options"), &[("display_name", "Anna Bauer")]);
        let credential = self.device.create(&options).to_string();
        let answer = self.post(
            &format!("{link}/passkey"),
            &[("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)],
        );
        self.keep(&answer);
        answer
    }

    /// What the page's script fetches before it asks the device.
    fn ask(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let call = self.call(Call::post(path)).origin(&self.server.issuer).header("Accept", "application/json");
        let answer = self.server.send(&call.form(fields));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn sign_in_with_passkey(&mut self, next: &str) -> Answer {
        let options = self.ask("/signin/passkey/options", &[]);
        let credential = self.device.get(&options).to_string();
        let ceremony = options["ceremony"].as_str().unwrap();
        let answer =
            self.post("/signin/passkey", &[("ceremony", ceremony), ("credential", &credential), ("next", next)]);
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some(cookie) = answer.set_cookie(COOKIE) {
            cookie.clone_into(&mut self.cookie);
        }
    }

    fn call(&self, call: Call) -> Call {
        if self.cookie.is_empty() { call } else { call.cookie(COOKIE, &self.cookie) }
    }

    fn get(&self, path: &str) -> Answer {
        self.server.send(&self.call(Call::get(path)).header("Accept", "text/html"))
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, "/")
    }

    /// Sends a form that stands on the page `from`.
    fn post_from(&self, path: &str, fields: &[(&str, &str)], from: &str) -> Answer {
        let issuer = &self.server.issuer;
        let call = self.call(Call::post(path)).origin(issuer).header("Accept", "text/html,*/*");
        self.server.send(&call.header("Referer", format!("{issuer}{from}")).form(fields))
    }
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap()
}

#[test]
fn a_link_leads_over_a_passkey_to_recovery_codes_and_a_session() {
    let (mut anna, link) = Anna::invited();
    assert!(anna.get(&link).text().contains("come in"));
    let answer = anna.accept(&link);
    assert_eq!(answer.text().matches("data-code>").count(), 10);
    let cookie = answer.all("set-cookie").join("");
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(anna.get("/").text().contains("Hello, Anna Bauer"));
}

#[test]
fn a_link_works_once() {
    let (mut anna, link) = Anna::invited();
    anna.accept(&link);
    let again = anna.get(&link);
    assert_eq!(again.status, 410);
    assert!(again.text().contains("This link does not work"));
}

#[test]
fn looking_at_a_link_does_not_use_it_up() {
    let (mut anna, link) = Anna::invited();
    for _ in 0..3 {
        assert_eq!(anna.get(&link).status, 200);
    }
    assert_eq!(anna.accept(&link).status, 200);
}

#[test]
fn a_link_that_never_was_is_answered_like_a_used_one() {
    let (anna, _) = Anna::invited();
    for bad in ["/invite/x", "/invite/lk_i_AAAA", "/invite/%00", "/invite/../etc"] {
        let answer = anna.get(bad);
        assert!(matches!(answer.status, 410 | 404), "{bad}: {}", answer.status);
    }
}

#[test]
fn who_is_not_signed_in_is_sent_to_the_door_and_back() {
    let mut anna = Anna::at_home();
    let cookie = std::mem::take(&mut anna.cookie);
    assert_eq!(location(&anna.get("/account/devices")), "/signin?next=%2Faccount%2Fdevices");
    let answer = anna.sign_in_with_passkey("/account/devices");
    assert_eq!(location(&answer), "/account/devices");
    assert_ne!(anna.cookie, cookie);
    assert_eq!(anna.get("/account/devices").status, 200);
}

#[test]
fn a_sign_in_never_leads_to_another_site() {
    let mut anna = Anna::at_home();
    for bad in ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"] {
        anna.cookie.clear();
        assert_eq!(location(&anna.sign_in_with_passkey(bad)), "/", "{bad}");
        let encoded = form_urlencoded::Serializer::new(String::new()).append_pair("next", bad).finish();
        assert_eq!(location(&anna.get(&format!("/signin?{encoded}"))), "/", "{bad}");
    }
}

#[test]
fn a_form_from_another_site_changes_nothing_and_is_told_so() {
    let anna = Anna::at_home();
    let call = anna.call(Call::post("/signout")).origin("https://evil.example").header("Accept", "text/html");
    let answer = anna.server.send(&call.form(&[("a", "b")]));
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("That came from another page"), "{}", answer.text());
    assert_eq!(anna.get("/account").status, 200);
}

#[test]
fn after_ten_minutes_a_change_asks_who_it_is_and_then_goes_on() {
    let mut anna = Anna::at_home();
    anna.server.clock.advance(601);
    let fields = [("password", PASSWORD), ("repeat", PASSWORD)];
    let answer = anna.post_from("/account/password", &fields, "/account/password");
    let proof = location(&answer).to_owned();
    assert_eq!(proof, "/reauthenticate?next=%2Faccount%2Fpassword%3Fsaid%3Dproven");
    assert!(anna.get(&proof).text().contains("Just to be sure it is you"));
    let answer = anna.sign_in_with_passkey("/account/password?said=proven");
    let back = location(&answer).to_owned();
    assert!(anna.get(&back).text().contains("You may go on now."));
    assert_eq!(location(&anna.post("/account/password", &fields)), "/account/sign-in?said=password-set");
}

#[test]
fn a_script_that_may_not_is_told_where_to_go_first() {
    let anna = Anna::at_home();
    anna.server.clock.advance(601);
    let issuer = &anna.server.issuer;
    let call = anna.call(Call::post("/account/passkeys/options")).origin(issuer).header("Accept", "application/json");
    let answer = anna.server.send(&call.header("Referer", format!("{issuer}/account/sign-in")).form(&[("a", "b")]));
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["location"], "/reauthenticate?next=%2Faccount%2Fsign-in%3Fsaid%3Dproven");
}

#[test]
fn a_second_passkey_is_added_named_and_removed_but_never_the_last_one() {
    let mut anna = Anna::at_home();
    anna.server.clock.advance(5);
    let mut second = Authenticator::new(&anna.server.issuer);
    let options = anna.ask("/account/passkeys/options", &[]);
    let credential = second.create(&options).to_string();
    let ceremony = options["ceremony"].as_str().unwrap();
    let answer = anna.post("/account/passkeys", &[("ceremony", ceremony), ("credential", &credential)]);
    assert_eq!(location(&answer), "/account/sign-in?said=passkey-added");

    let page = anna.get("/account/sign-in").text();
    let numbers: Vec<String> = page
        .split("/account/passkeys/")
        .skip(1)
        .filter_map(|rest| rest.split_once("/remove\"").map(|(number, _)| number.to_owned()))
        .filter(|number| !number.contains('"'))
        .collect();
    assert_eq!(numbers.len(), 2, "{page}");
    let named = anna.post(&format!("/account/passkeys/{}/rename", numbers[1]), &[("name", "Blue <key>")]);
    assert_eq!(location(&named), "/account/sign-in?said=passkey-renamed");
    assert!(anna.get("/account/sign-in").text().contains("Blue &#60;key&#62;"));

    let removed = anna.post(&format!("/account/passkeys/{}/remove", numbers[1]), &[("a", "b")]);
    assert_eq!(location(&removed), "/account/sign-in?said=passkey-removed");
    let last = anna.post(&format!("/account/passkeys/{}/remove", numbers[0]), &[("a", "b")]);
    assert_eq!(last.status, 409);
    assert!(last.text().contains("last way in"), "{}", last.text());
    anna.cookie.clear();
    assert_eq!(location(&anna.sign_in_with_passkey("/")), "/");
}

#[test]
fn unknown_and_known_names_get_the_same_page() {
    let mut anna = Anna::at_home();
    anna.cookie.clear();
    let page = |name: &str| {
        let answer = anna.post("/signin/password", &[("username", name), ("password", "wrong one")]);
        assert_eq!(answer.status, 403);
        answer.text().replace(name, "NAME")
    };
    assert_eq!(page("anna"), page("nobody"));
}

impl Anna {
    /// Sets a password and connects an authenticator app; gives its key.
    fn with_password(&self, password: &str) -> String {
        let set = self.post("/account/password", &[("password", password), ("repeat", password)]);
        assert_eq!(location(&set), "/account/sign-in?said=password-set");
        let page = self.get("/account/authenticator").text();
        let between = |from: &str, to: &str| {
            let (_, rest) = page.split_once(from).unwrap();
            rest.split_once(to).unwrap().0.to_owned()
        };
        let key = between("id=\"totp-key\">", "<").replace(' ', "");
        let ceremony = between("name=\"ceremony\" value=\"", "\"");
        let code = totp(&key, self.server.clock.now());
        let set = self.post("/account/authenticator", &[("ceremony", &ceremony), ("code", &code)]);
        assert_eq!(location(&set), "/account/sign-in?said=authenticator-set");
        key
    }

    /// The name of the attempt on the page that asks for the second proof.
    fn half_way(&self, password: &str, next: &str) -> String {
        let fields = [("username", "anna"), ("password", password), ("next", next)];
        let page = self.post("/signin/password", &fields).text();
        let (_, rest) = page.split_once("name=\"attempt\" value=\"").unwrap_or_else(|| panic!("{page}"));
        rest.split('"').next().unwrap().to_owned()
    }
}

const PASSWORD: &str = "otter lantern sixty moss";

/// The six digits of an authenticator app (RFC 6238).
fn totp(key: &str, now: Timestamp) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = key
        .bytes()
        .map(|letter| format!("{:05b}", ALPHABET.iter().position(|known| *known == letter).unwrap()))
        .collect();
    let secret: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let mac = hmac::sign(&key, &(now.unix() / 30).to_be_bytes());
    let at = usize::from(mac.as_ref()[19] & 15);
    let number = u32::from_be_bytes(mac.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[test]
fn password_and_code_lead_to_where_it_was_wanted() {
    let mut anna = Anna::at_home();
    let key = anna.with_password(PASSWORD);
    anna.cookie.clear();
    anna.server.clock.advance(60);
    let attempt = anna.half_way(PASSWORD, "/account/devices");
    let code = totp(&key, anna.server.clock.now());
    let answer = anna.post("/signin/second", &[("attempt", &attempt), ("code", &code), ("next", "/account/devices")]);
    assert_eq!(location(&answer), "/account/devices");
    anna.keep(&answer);
    assert_eq!(anna.get("/account/devices").status, 200);
    let again = anna.post("/signin/second", &[("attempt", &attempt), ("code", &code)]);
    assert_eq!(again.status, 403, "an attempt is good once");
}

#[test]
fn a_password_alone_opens_nothing() {
    let mut anna = Anna::at_home();
    anna.with_password(PASSWORD);
    anna.cookie.clear();
    let answer = anna.post("/signin/password", &[("username", "anna"), ("password", PASSWORD)]);
    assert!(answer.set_cookie(COOKIE).is_none());
    assert!(answer.text().contains("One more step"));
}

#[test]
fn too_many_wrong_codes_are_told_and_the_passkey_still_works() {
    let mut anna = Anna::at_home();
    anna.with_password(PASSWORD);
    anna.cookie.clear();
    let attempt = anna.half_way(PASSWORD, "/");
    let told = (0..10).find_map(|_| {
        let page = anna.post("/signin/second", &[("attempt", &attempt), ("code", "000000")]).text();
        page.contains("Too many tries").then_some(page)
    });
    assert!(told.unwrap().contains("A passkey works right away"));
    assert_eq!(location(&anna.sign_in_with_passkey("/")), "/");
}

#[test]
fn a_lost_phone_is_replaced_by_a_link_which_signs_the_old_one_out() {
    let mut anna = Anna::at_home();
    let lost = std::mem::take(&mut anna.cookie);
    let url = anna.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        idp.create_invite(&ctx, &"anna".parse().unwrap(), None, None).unwrap().url.expose().clone()
    });
    let link = url.strip_prefix(&anna.server.issuer).unwrap().to_owned();
    assert!(anna.get(&link).text().contains("Welcome back"));
    anna.device = Authenticator::new(&anna.server.issuer);
    let answer = anna.accept(&link);
    assert_eq!(location(&answer), "/account/sign-in?said=back-again");
    assert!(anna.get("/account/sign-in?said=back-again").text().contains("remove its passkey"));
    anna.cookie = lost;
    assert!(location(&anna.get("/account")).starts_with("/signin"));
}

#[test]
fn when_everybody_comes_at_once_the_rest_is_asked_to_wait() {
    let anna = Anna::at_home();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let call = || anna.post("/signin/password", &[("username", "anna"), ("password", "wrong one")]);
        let threads: Vec<_> = (0..60).map(|_| scope.spawn(call)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let busy: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty(), "nobody had to wait");
    for answer in busy {
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert!(answer.text().contains("One moment, please"));
    }
    assert!(answers.iter().all(|answer| matches!(answer.status, 403 | 503)));
}

#[test]
fn reloading_the_answer_to_a_form_leads_back_to_its_page() {
    let anna = Anna::at_home();
    for (path, page) in [
        ("/account/passkeys", "/account/sign-in"),
        ("/account/recovery-codes", "/account/sign-in"),
        ("/account/profile", "/account"),
        ("/consent", "/"),
        ("/signin/password", "/signin"),
    ] {
        assert_eq!(location(&anna.get(path)), page, "{path}");
    }
}

#[test]
fn weak_and_unequal_passwords_are_refused_with_what_to_do() {
    let anna = Anna::at_home();
    for (password, repeat, told) in [
        ("short", "short", "at least 10 characters"),
        ("password123", "password123", "use three or four"),
        (PASSWORD, "otter lantern sixty mess", "not the same"),
    ] {
        let answer = anna.post("/account/password", &[("password", password), ("repeat", repeat)]);
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains(told), "{password}: {}", answer.text());
        assert!(!answer.text().contains(password), "a password came back");
    }
}

/// The recovery codes on a page.
fn codes_on(page: &str) -> Vec<String> {
    page.split("data-code>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
}

/// Anna with codes on paper and a browser that knows nothing.
fn anna_with_a_paper() -> (Anna, Vec<String>) {
    let (mut anna, link) = Anna::invited();
    let codes = codes_on(&anna.accept(&link).text());
    assert_eq!(codes.len(), 10);
    anna.cookie.clear();
    (anna, codes)
}

impl Anna {
    fn recover(&self, name: &str, code: &str) -> Answer {
        self.post_from("/recover", &[("username", name), ("recovery", code)], "/recover")
    }

    fn give_office(&self) {
        self.server.operate(|idp| {
            let member = service::Member::Account("anna".parse().unwrap());
            idp.add_member(&Context::console(harness::steady(START)), &"owners".parse().unwrap(), &member).unwrap();
        });
    }
}

#[test]
fn who_has_only_a_recovery_code_makes_a_new_passkey_with_it() {
    let (mut anna, codes) = anna_with_a_paper();
    assert!(anna.get("/signin").text().contains("href=\"/recover\""));
    assert_eq!(anna.get("/recover").status, 200);
    let link = location(&anna.recover("anna", &codes[0])).to_owned();
    assert!(link.starts_with("/invite/"), "{link}");
    assert!(anna.get(&link).text().contains("Welcome back"));
    anna.device = Authenticator::new(&anna.server.issuer);
    assert_eq!(location(&anna.accept(&link)), "/account/sign-in?said=back-again");
    assert!(anna.get("/account/sign-in").text().contains("9 left"));
    anna.cookie.clear();
    assert_eq!(location(&anna.sign_in_with_passkey("/")), "/");
}

#[test]
fn a_recovery_that_fails_looks_the_same_for_everybody() {
    let (anna, codes) = anna_with_a_paper();
    let used = location(&anna.recover("anna", &codes[0])).to_owned();
    assert!(!used.is_empty());
    let answers: Vec<String> =
        [("anna", codes[0].as_str()), ("anna", "0000-0000-0000-0000"), ("bert", &codes[1]), ("", ""), ("<b>", "\0")]
            .into_iter()
            .map(|(name, code)| {
                let answer = anna.recover(name, code);
                assert_eq!(answer.status, 403, "{name}");
                let text = answer.text();
                assert!(code.len() < 2 || !text.contains(code), "a code came back");
                let (_, alert) = text.split_once("role=\"alert\"").unwrap();
                alert.split("</div>").next().unwrap().to_owned()
            })
            .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[test]
fn who_looks_after_the_house_is_told_what_it_takes_only_after_a_right_code() {
    let (anna, codes) = anna_with_a_paper();
    anna.give_office();
    let wrong = anna.recover("anna", "0000-0000-0000-0000");
    assert!(!wrong.text().contains("look after Latchkey here"), "{}", wrong.text());
    for _ in 0..2 {
        let right = anna.recover("anna", &codes[0]);
        assert_eq!(right.status, 403);
        assert!(right.text().contains("latchkey person recover"), "the code stays good: {}", right.text());
    }
}

#[test]
fn a_recovery_form_that_is_broken_or_from_elsewhere_is_refused() {
    let (anna, codes) = anna_with_a_paper();
    let twice = [("username", "anna"), ("username", "anna"), ("recovery", codes[0].as_str())];
    assert_eq!(anna.post("/recover", &twice).status, 400);
    let elsewhere = Call::post("/recover").origin("https://evil.example");
    let elsewhere = anna.server.send(&elsewhere.form(&[("username", "anna"), ("recovery", &codes[0])]));
    assert_eq!(elsewhere.status, 403);
    assert!(location(&anna.recover("anna", &codes[0])).starts_with("/invite/"));
}

#[test]
fn an_owners_codes_say_that_they_go_with_the_button() {
    let (mut anna, link) = Anna::invited_owner();
    let sheet = anna.accept(&link).text();
    assert_eq!(codes_on(&sheet).len(), 10);
    assert!(sheet.contains("hold the button of the box"), "{sheet}");
    let page = anna.get("/account/sign-in").text();
    assert!(page.contains("while you hold the button") && page.contains("ten new codes"), "{page}");
}

#[test]
fn codes_that_need_the_password_say_so() {
    let (mut anna, link) = Anna::invited_owner();
    anna.accept(&link);
    let password = "otter lantern sixty moss";
    anna.post("/account/password", &[("password", password), ("repeat", password)]);
    assert!(anna.get("/account/sign-in").text().contains("together with your password"));
    let sheet = anna.post("/account/recovery-codes", &[("a", "b")]).text();
    assert_eq!(codes_on(&sheet).len(), 10);
    assert!(sheet.contains("together with your password"), "{sheet}");
}

#[test]
fn a_device_that_is_signed_out_from_afar_is_out_at_once() {
    let mut anna = Anna::at_home();
    let first = std::mem::take(&mut anna.cookie);
    anna.sign_in_with_passkey("/");
    let page = anna.get("/account/devices").text();
    let (_, rest) = page.split_once("/account/devices/").unwrap();
    let number = rest.split('/').next().unwrap().to_owned();
    let ended = anna.post(&format!("/account/devices/{number}/remove"), &[("a", "b")]);
    assert_eq!(location(&ended), "/account/devices?said=device-signed-out");
    anna.cookie = first;
    assert!(location(&anna.get("/account")).starts_with("/signin"));
}

#[test]
fn signing_out_ends_the_session_and_takes_the_cookie() {
    let anna = Anna::at_home();
    let answer = anna.post("/signout", &[("a", "b")]);
    assert_eq!(answer.set_cookie(COOKIE), Some(""));
    assert!(location(&anna.get("/account")).starts_with("/signin"));
}

#[test]
fn what_a_person_may_change_is_saved_and_what_cannot_be_is_told() {
    let anna = Anna::at_home();
    let saved = anna.post("/account/profile", &[("display_name", "Anna B."), ("locale", "de-AT")]);
    assert_eq!(location(&saved), "/account?said=saved");
    let page = anna.get("/account").text();
    assert!(page.contains("value=\"Anna B.\"") && page.contains("value=\"de-AT\""), "{page}");
    let refused = anna.post("/account/profile", &[("display_name", "Anna B."), ("locale", "not a language!")]);
    assert_eq!(refused.status, 422);
}

#[test]
fn nobody_gives_themselves_a_mail_address_or_a_group() {
    let anna = Anna::at_home();
    anna.post("/account/profile", &[("display_name", "Anna"), ("mail", "boss@house.example"), ("groups", "owners")]);
    let page = anna.get("/account").text();
    assert!(!page.contains("boss@house.example") && !page.contains("owners"), "{page}");
}

/// A picture of one colour (PNG).
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mPgzU4gCTGMahjVMHw1AACDZtgBDpyhjgAAAABJRU5ErkJggg==";

#[test]
fn a_picture_is_shown_once_it_is_there_and_gone_once_it_is_removed() {
    let anna = Anna::at_home();
    let set = anna.post("/account/picture", &[("picture", PICTURE)]);
    assert_eq!(location(&set), "/account?said=picture-set");
    let page = anna.get("/").text();
    let (_, rest) = page.split_once("<img src=\"").unwrap();
    let address = rest.split('"').next().unwrap().to_owned();
    let picture = anna.server.send(&Call::get(address.clone()));
    assert_eq!(picture.status, 200);
    assert!(picture.header("content-type").unwrap().starts_with("image/"));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(location(&anna.post("/account/picture/remove", &[("a", "b")])), "/account?said=picture-removed");
    assert_eq!(anna.server.send(&Call::get(address)).status, 404);
}

#[test]
fn what_is_no_picture_is_refused_with_what_to_do() {
    let anna = Anna::at_home();
    let svg = STANDARD.encode("<svg xmlns='http://www.w3.org/2000/svg'/>");
    let refused = anna.post("/account/picture", &[("picture", &svg)]);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("PNG"), "{}", refused.text());
    assert_eq!(anna.post("/account/picture", &[("picture", "not base64!")]).status, 400);
    let large = "A".repeat(600 * 1024);
    assert_eq!(anna.post("/account/picture", &[("picture", &large)]).status, 413);
}

#[test]
fn an_ssh_key_is_added_and_removed_and_a_private_one_is_refused() {
    let anna = Anna::at_home();
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ anna@laptop";
    assert_eq!(location(&anna.post("/account/ssh-keys", &[("key", line)])), "/account/ssh-keys?said=ssh-key-added");
    let page = anna.get("/account/ssh-keys").text();
    assert!(page.contains("anna@laptop"), "{page}");
    let (_, rest) = page.split_once("name=\"fingerprint\" value=\"").unwrap();
    let fingerprint = rest.split('"').next().unwrap().replace("&#43;", "+").replace("&#61;", "=");
    let removed = anna.post("/account/ssh-keys-remove", &[("fingerprint", &fingerprint)]);
    assert_eq!(location(&removed), "/account/ssh-keys?said=ssh-key-removed");
    assert!(!anna.get("/account/ssh-keys").text().contains("anna@laptop"));
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----";
    assert_eq!(anna.post("/account/ssh-keys", &[("key", private)]).status, 422);
}

#[test]
fn every_page_is_locked_down_and_never_cached() {
    let anna = Anna::at_home();
    for path in
        ["/", "/account", "/account/sign-in", "/account/devices", "/account/apps", "/account/ssh-keys", "/signout"]
    {
        let answer = anna.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
}

#[test]
fn a_wrong_address_is_a_page_for_people_and_a_line_for_programs() {
    let anna = Anna::at_home();
    let person = anna.get("/nothing/here");
    assert_eq!(person.status, 404);
    assert!(person.text().contains("There is nothing here"));
    let program = anna.server.send(&Call::get("/nothing/here"));
    assert_eq!(program.text().lines().count(), 1);
}

#[test]
fn a_cookie_that_is_not_ours_is_nobody() {
    let mut anna = Anna::at_home();
    for bad in ["x", "lk_s_AAAA", &anna.cookie.clone()[..20], &format!("{}A", anna.cookie)] {
        bad.clone_into(&mut anna.cookie);
        assert!(location(&anna.get("/account")).starts_with("/signin"), "{bad}");
    }
}

#[test]
fn bad_fields_are_refused_and_break_nothing() {
    let anna = Anna::at_home();
    let issuer = &anna.server.issuer;
    let deep = "[".repeat(1000);
    for (path, fields) in [
        ("/signin/passkey", vec![("credential", deep.as_str())]),
        ("/signin/passkey", vec![("credential", "not json")]),
        ("/signin/password", vec![("username", "anna"), ("username", "anna")]),
        ("/account/passkeys", vec![]),
        ("/consent", vec![("request", "/authorize?client_id=a"), ("answer", "perhaps")]),
        ("/consent", vec![("request", "https://evil.example"), ("answer", "allow")]),
    ] {
        let answer = anna.post(path, &fields);
        assert_eq!(answer.status, 400, "{path} {fields:?}: {}", answer.text());
    }
    for path in ["/account/passkeys/one/remove", "/account/devices/-/remove", "/account/apps/%00/remove"] {
        assert_eq!(anna.post(path, &[("a", "b")]).status, 404, "{path}");
    }
    let json = anna.call(Call::post("/account/profile")).origin(issuer).json(&json!({ "display_name": "x" }));
    assert_eq!(anna.server.send(&json).status, 415);
}

/// What root wrote about an update that did not work.
const ROLLED_BACK: &str = r#"{"slot":"A","version":"0.1.0","state":"rolled-back","other_version":"0.2.0","reason":"<b> did not answer","at":1799990000}"#;

#[test]
fn owners_read_that_an_update_was_taken_back_and_why_and_others_do_not() {
    let folder = std::env::temp_dir().join(format!("latchkey-pages-update-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("state.json"), ROLLED_BACK).unwrap();
    let server = || Server::start_with(&format!("update_dir = {folder:?}"));
    let (mut anna, link) = Anna::invited_owner_of(server());
    anna.accept(&link);
    let page = anna.get("/").text();
    assert!(page.contains("The last update did not work") && page.contains("Version 0.2.0 was taken back"), "{page}");
    assert!(!page.contains("<b> did not") && page.contains("did not answer"));
    std::fs::write(folder.join("state.json"), "{}").unwrap();
    assert!(!anna.get("/").text().contains("The last update"), "what is not understood is not shown");
    std::fs::write(folder.join("state.json"), ROLLED_BACK).unwrap();
    let (mut anna, link) = Anna::invited_to(server());
    anna.accept(&link);
    assert!(!anna.get("/").text().contains("The last update"));
    std::fs::remove_dir_all(&folder).unwrap();
}
