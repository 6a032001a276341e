//! The command line against a real server on its control socket, and over TLS with a token.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod harness;

use std::io::Cursor;
use std::path::PathBuf;

use appliance::cli::{self, Terminal};
use domain::clock::Trust;
use domain::time::Timestamp;
use harness::{Call, SeededEntropy, Server};
use serde_json::Value;

/// What a command said, and how it left.
struct Said {
    code: u8,
    out: String,
    err: String,
}

/// A server and somebody who types.
struct House {
    server: Server,
}

impl House {
    fn new() -> Self {
        Self { server: Server::listen_with_control() }
    }

    /// Runs the words of a line on the control socket; a word in '...' may hold blanks.
    fn run(&self, line: &str) -> Said {
        self.typed(line, None)
    }

    /// The same with somebody there who answers questions.
    fn typed(&self, line: &str, answer: Option<&str>) -> Said {
        let socket = self.server.socket().to_str().unwrap().to_owned();
        let mut words = vec!["latchkey".to_owned(), "--socket".to_owned(), socket];
        words.extend(split(line));
        run(words, answer)
    }

    /// Runs a line that has to go well; what it printed.
    fn ok(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, 0, "{line}: {}{}", said.out, said.err);
        said.out
    }

    /// Runs a line that has to go well and print JSON.
    fn json(&self, line: &str) -> Value {
        let out = self.ok(&format!("--output json {line}"));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{line}: {error}: {out}"))
    }

    /// Runs a line that has to leave with that code; what it said about it.
    fn fails(&self, code: u8, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, code, "{line}: {}{}", said.out, said.err);
        assert_eq!(said.out, "", "{line}: a failure says nothing on stdout");
        said.err
    }

    /// The same line twice: the first does something, the second finds nothing to do; both leave with 0.
    fn twice(&self, line: &str, word: &str) {
        let first = self.ok(line);
        assert!(first.starts_with(word), "{line}: {first}");
        let second = self.ok(line);
        assert!(second.starts_with("unchanged "), "{line}: {second}");
    }

    /// A file of the test's own.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.server.data_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The options for the same server over TLS, with that token.
    fn remote(&self, token: &str) -> String {
        let token = self.file("token", token.as_bytes());
        let roots = self.file("roots.pem", self.server.certificate());
        let url = &self.server.issuer;
        format!("--url {url} --token-file {} --ca-file {}", token.display(), roots.display())
    }
}

fn run(words: Vec<String>, answer: Option<&str>) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut terminal = Terminal {
        out: &mut out,
        err: &mut err,
        input: &mut Cursor::new(answer.unwrap_or_default().as_bytes().to_vec()),
        interactive: answer.is_some(),
        screen: false,
        width: None,
        now: Timestamp::from_unix(1_800_000_000),
        entropy: &SeededEntropy::new(7),
    };
    let code = cli::run(words.into_iter().map(Into::into), &mut terminal);
    Said { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn split(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn a_person_is_made_shown_changed_and_removed() {
    let house = House::new();
    let said = house.ok("person create anna --display-name 'Anna Bauer' --mail anna@example.org --mail a@example.org");
    assert_eq!(said, "created person anna\n");
    let shown = house.ok("person show anna");
    for part in ["Anna Bauer", "anna@example.org, a@example.org", "everyone", "active"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(house.ok("person set anna --family-name Bauer --clear display-name"), "changed person anna\n");
    let person = house.json("person show anna");
    assert_eq!(person["attributes"]["family_name"], "Bauer");
    assert!(person["attributes"].get("display_name").is_none());
    assert_eq!(house.ok("person rename anna anna.b"), "changed person anna.b\n");
    assert_eq!(house.ok("person delete anna.b --yes"), "removed person anna.b\n");
    assert_eq!(house.json("person list"), serde_json::json!([]));
}

#[test]
fn saying_it_again_is_unchanged_and_no_failure() {
    let house = House::new();
    house.ok("person create anna");
    house.ok("person create ben");
    house.ok("group create kids");
    house.twice("group create family --description Us --strength mfa --or-update", "created");
    house.twice("person create eva --locale de --or-update", "created");
    house.twice("person set anna --locale de-AT --valid-until 2030-01-01", "changed");
    house.twice("person lock ben", "changed");
    house.twice("person unlock ben", "changed");
    house.twice("group add family anna", "changed");
    house.twice("group add family --group kids", "changed");
    house.twice("group set family --strength passkey", "changed");
    house.twice("group remove family --group kids", "changed");
    house.twice("group remove family anna", "changed");
    house.twice("service-account create backup --or-update", "created");
    house.twice("service-account set backup --display-name Backup", "changed");
    house.twice("service-account delete backup --yes", "removed");
    house.twice("group delete family --yes", "removed");
    house.twice("person delete anna --yes", "removed");
}

#[test]
fn a_set_that_sets_nothing_is_a_mistake() {
    let house = House::new();
    house.ok("person create anna");
    house.ok("app create wiki");
    for line in ["person set anna", "group set family", "service-account set robot", "app set wiki"] {
        assert!(house.fails(2, line).contains("say what to change"), "{line}");
    }
}

#[test]
fn a_secret_comes_out_even_if_something_after_it_fails() {
    let house = House::new();
    for (format, sign) in [("table", "client_secret"), ("json", "\"client_secret\": \"lk_")] {
        let said = house.run(&format!("--output {format} app create wiki-{format} --allow nothing"));
        assert_eq!(said.code, 4);
        assert!(said.out.contains(sign), "{}", said.out);
    }
}

#[test]
fn each_kind_of_failure_has_its_own_exit_code() {
    let house = House::new();
    house.ok("person create anna");
    house.ok("group add owners anna");
    assert!(house.fails(1, "person create anna").contains("--or-update"));
    assert!(house.fails(1, "person lock anna").contains("without an owner"));
    assert!(house.fails(2, "person create root").contains("reserved"));
    assert!(house.fails(2, "person set anna --locale 'not a tag'").contains("de-AT"));
    assert!(house.fails(4, "person show nobody.here").contains("latchkey person list"));
    assert!(house.fails(4, "group show nothing").contains("latchkey group list"));
    assert!(house.fails(4, "service-account show anna").contains("latchkey service-account list"));
    let nowhere = vec!["latchkey", "--socket", "/nowhere/latchkey.sock", "status"];
    let said = run(nowhere.into_iter().map(str::to_owned).collect(), None);
    assert_eq!((said.code, said.out.as_str()), (3, ""));
    assert!(said.err.contains("LATCHKEY_SOCKET"), "{}", said.err);
}

#[test]
fn a_circle_of_groups_is_refused_and_named() {
    let house = House::new();
    for group in ["a", "b", "c"] {
        house.ok(&format!("group create {group}"));
    }
    house.ok("group add a --group b");
    house.ok("group add b --group c");
    let said = house.fails(1, "group add c --group a");
    assert!(said.contains(" > "), "{said}");
}

#[test]
fn members_come_through_other_groups_too() {
    let house = House::new();
    house.ok("person create anna");
    house.ok("group create kids");
    house.ok("group create family");
    house.ok("group add kids anna");
    house.ok("group add family --group kids");
    let members = house.json("group members family");
    assert_eq!(members[0]["name"], "anna");
    let family = house.json("group show family");
    assert_eq!((&family["accounts"], &family["groups"]), (&serde_json::json!([]), &serde_json::json!(["kids"])));
    assert!(house.ok("group show everyone").contains("every person of the house"));
}

#[test]
fn what_cannot_be_undone_is_asked_for() {
    let house = House::new();
    house.ok("person create anna");
    assert!(house.fails(2, "person delete anna").contains("--yes"));
    let wrong = house.typed("person delete anna", Some("ana\n"));
    assert_eq!((wrong.code, wrong.out.as_str()), (1, ""));
    let right = house.typed("person delete anna", Some("anna\n"));
    assert_eq!((right.code, right.out.as_str()), (0, "removed person anna\n"));
}

#[test]
fn an_invite_link_is_all_that_goes_to_stdout() {
    let house = House::new();
    house.ok("person create anna");
    let said = house.run("person invite anna --expires-in 7d");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with(&house.server.issuer) && said.out.lines().count() == 1, "{}", said.out);
    assert!(said.err.contains("works once"));
    let drawn = house.ok("person recover anna --qr");
    assert!(drawn.contains('█') && drawn.lines().count() > 10, "{drawn}");
    assert_eq!(house.ok("person uninvite anna"), "removed invite of anna\n");
    assert_eq!(house.ok("person uninvite anna"), "unchanged invite of anna\n");
    assert!(house.fails(2, "person invite anna --expires-in 10s").contains("one minute"));
    assert!(house.fails(4, "person invite nobody.here").contains("person list"));
}

#[test]
fn a_person_without_credentials_or_sessions_is_told_so() {
    let house = House::new();
    house.ok("person create anna");
    for (line, hint) in [("session list anna", "not signed in"), ("person credential list anna", "person invite anna")]
    {
        let said = house.run(line);
        assert_eq!((said.code, said.out.as_str()), (0, ""));
        assert!(said.err.contains(hint), "{}", said.err);
        assert_eq!(house.json(line), serde_json::json!([]));
    }
    assert!(house.ok("session revoke anna --all").starts_with("unchanged"));
    assert!(house.ok("session revoke anna 7").starts_with("unchanged"));
    assert!(house.ok("person credential remove anna 7").starts_with("unchanged"));
}

#[test]
fn the_audit_log_tells_who_did_what() {
    let house = House::new();
    house.ok("person create anna");
    house.ok("person set anna --locale de");
    house.ok("group create family");
    let all = house.json("audit");
    assert_eq!(all[0]["action"], "group.create");
    let one = house.json("audit --action person.set --actor console --target anna --outcome success");
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0]["origin"], "console");
    assert_eq!(house.json("audit --limit 1").as_array().unwrap().len(), 1);
    assert_eq!(house.json("audit --action person.delete"), serde_json::json!([]));
    assert!(house.ok("audit --action person").contains("person.create"));
    assert!(house.fails(2, "audit --since whenever").contains("2026-12-24"));
}

#[test]
fn the_status_counts_the_house() {
    let house = House::new();
    house.ok("person create anna");
    let status = house.json("status");
    assert_eq!(status["persons"], 1);
    assert_eq!(status["groups"], 5);
    assert_eq!(status["issuer"], house.server.issuer);
    assert_eq!(status["you"], "console");
}

#[test]
fn long_lists_come_whole() {
    let house = House::new();
    for number in 0..7 {
        house.ok(&format!("person create p{number}"));
    }
    assert_eq!(house.json("person list").as_array().unwrap().len(), 7);
    assert_eq!(house.json("person list --limit 3").as_array().unwrap().len(), 3);
    assert_eq!(house.json("person list --prefix p6").as_array().unwrap().len(), 1);
}

#[test]
fn the_fields_of_the_json_output_stay_the_same() {
    let house = House::new();
    house.ok("person create anna");
    house.ok("group create family");
    for (line, fields) in [
        ("person list", "created_at display_name name state"),
        (
            "person show anna",
            "attributes created_at credentials display_name groups locked name picture state subject updated_at \
             valid_from valid_until",
        ),
        ("group list", "builtin description name strength"),
        (
            "group show family",
            "accounts builtin created_at description effective_strength groups member_of more_accounts name strength \
             updated_at",
        ),
        ("audit", "action actor at detail number origin outcome target"),
        ("person set anna --locale de", "change kind name"),
        ("person invite anna", "expires_at url"),
        ("person create ben --group family --invite", "change invite kind members name"),
        ("group add family anna", "change kind name"),
        ("app create wiki --allow family", "access change client_id client_secret endpoints"),
        ("app allow wiki owners", "change kind name"),
        (
            "app show wiki",
            "access_token access_token_seconds acts_as algorithm allow backchannel_logout_uri claims consent \
             created_at device display_name dpop_required endpoints forward_hosts icon jwks jwks_uri launch_url name \
             old_secret_until par_required pkce_required policy_uri post_logout_redirect_uris public redirect_uris \
             refresh_idle_seconds refresh_seconds scopes sector service_accounts strength subject terms_uri updated_at \
             userinfo_algorithm",
        ),
        ("app list", "allow display_name launch_url name public"),
        ("key list", "algorithm created_at expires_at kid retired_at state"),
    ] {
        let value = house.json(line);
        let value = value.get(0).unwrap_or(&value);
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.join(" "), fields, "{line}");
    }
}

#[test]
fn a_token_works_from_afar_as_far_as_its_groups_go() {
    let house = House::new();
    house.ok("service-account create robot");
    let made = house.run("service-account token create robot --label nightly --expires-in 30d");
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.starts_with("lk_t_") && made.out.lines().count() == 1);
    assert!(!made.err.contains("lk_t_"), "the secret goes to stdout only");
    let afar = house.remote(&made.out);
    assert!(house.fails(5, &format!("{afar} person list")).contains("owner"));
    house.ok("group add people_admins robot");
    assert!(
        house.fails(5, &format!("{afar} person list")).contains("token"),
        "it was made before the office was given"
    );
    let made = house.run("service-account token create robot --label nightly --expires-in 30d");
    let afar = house.remote(&made.out);
    assert_eq!(house.ok(&format!("{afar} person create anna")), "created person anna\n");
    assert!(house.fails(5, &format!("{afar} group add owners anna")).contains("not allowed"));
    let event = house.json("audit --action person.create");
    assert_eq!((&event[0]["actor"], &event[0]["origin"]), (&"robot".into(), &"127.0.0.1".into()));
    let tokens = house.json("service-account token list robot");
    assert!(!tokens.to_string().contains("lk_t_"), "{tokens}");
    let number = tokens[0]["number"].as_i64().unwrap();
    house.twice(&format!("service-account token revoke robot {number}"), "removed");
    assert!(house.fails(5, &format!("{afar} person list")).contains("token"));
}

#[test]
fn from_afar_a_token_is_needed_and_a_certificate_that_is_trusted() {
    let house = House::new();
    let url = house.server.issuer.clone();
    assert!(house.fails(2, &format!("--url {url} status")).contains("--token-file"));
    let empty = house.file("empty", b"\n");
    assert!(house.fails(2, &format!("--url {url} --token-file {} status", empty.display())).contains("no API token"));
    let afar = house.remote("lk_t_rubbish");
    assert!(house.fails(5, &format!("{afar} status")).contains("token"));
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
    let other = house.file("other.pem", other.as_bytes());
    let stranger = format!("{afar} --ca-file {}", other.display());
    assert_eq!(house.run(&format!("{stranger} status")).code, 2, "an option is given once");
    let token = house.file("token", b"lk_t_rubbish");
    let line = format!("--url {url} --token-file {} --ca-file {} status", token.display(), other.display());
    assert!(house.fails(3, &line).contains("--ca-file"));
}

#[test]
fn completions_name_every_noun() {
    for shell in ["bash", "zsh", "fish"] {
        let said = run(["latchkey", "completions", shell].map(str::to_owned).to_vec(), None);
        assert_eq!(said.code, 0);
        for noun in ["person", "group", "service-account", "app", "session", "key", "audit", "status"] {
            assert!(said.out.contains(noun), "{shell} {noun}");
        }
    }
}

#[test]
fn an_app_is_made_with_a_secret_that_is_shown_once() {
    let house = House::new();
    house.ok("group create family");
    let line = "app create wiki --redirect-uri https://wiki.home/callback --allow family";
    let made = house.run(line);
    assert_eq!(made.code, 0, "{}", made.err);
    let secret = made.out.lines().find_map(|line| line.strip_prefix("client_secret")).unwrap().trim().to_owned();
    assert!(secret.len() >= 40, "{secret}");
    assert!(made.out.contains("changed access of family to wiki"), "{}", made.out);
    assert!(!made.err.contains(&secret));
    assert!(!house.ok("app show wiki").contains(&secret));
    assert!(house.fails(1, line).contains("--or-update"));
    let again = house.ok(&format!("{line} --or-update"));
    assert_eq!(again, "unchanged app wiki\nunchanged access of family to wiki\n");
    let rotated = house.ok("app secret rotate wiki");
    assert!(rotated.trim().len() >= 40 && rotated.trim() != secret);
    assert_eq!(house.json("app list")[0]["allow"], serde_json::json!(["family"]));
}

#[test]
fn an_app_is_changed_by_words_and_the_same_words_change_nothing() {
    let house = House::new();
    house.ok("group create family");
    house.ok("app create wiki --redirect-uri https://wiki.home/callback");
    house.twice("app set wiki --display-name Wiki --launch-url https://wiki.home/ --consent skip", "changed");
    house.twice("app set wiki --algorithm RS256 --pkce false --access-lifetime 30m --refresh-idle 10d", "changed");
    house.twice("app set wiki --add-redirect-uri https://wiki.home/other", "changed");
    house.twice("app set wiki --remove-redirect-uri https://wiki.home/other", "changed");
    house.twice("app allow wiki family", "changed");
    house.twice("app scope add wiki family wiki:edit", "changed");
    house.twice("app claim set wiki role --group 'family={\"level\": [1, true]}' --combine merge", "created");
    let app = house.json("app show wiki");
    assert_eq!(app["claims"][0]["values"][0]["value"], serde_json::json!({"level": [1, true]}));
    assert_eq!(app["scopes"], serde_json::json!([{"group": "family", "scope": "wiki:edit"}]));
    assert_eq!((&app["access_token_seconds"], &app["pkce_required"]), (&1800.into(), &false.into()));
    let shown = house.ok("app show wiki");
    for part in ["wiki:edit for family", "role = merge", "30m", "RS256", "https://wiki.home/callback"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    house.twice("app set wiki --launch-url none", "changed");
    house.twice("app claim remove wiki role", "removed");
    house.twice("app scope remove wiki family wiki:edit", "changed");
    house.twice("app deny wiki family", "changed");
    house.twice("app delete wiki --yes", "removed");
}

#[test]
fn what_an_app_cannot_have_is_refused_with_a_reason() {
    let house = House::new();
    house.ok("group create family");
    house.ok("app create wiki");
    house.ok("app create phone --public --redirect-uri http://127.0.0.1/callback");
    house.fails(2, "app set wiki --redirect-uri http://wiki.home/callback");
    house.fails(2, "app set wiki --redirect-uri https://wiki.home/#part");
    house.fails(2, "app set wiki --access-lifetime 10s");
    house.fails(2, "app claim set wiki sub --group family=1");
    house.fails(2, "app claim set wiki role --group family={broken");
    house.fails(2, "app claim set wiki role --attribute colour");
    house.fails(2, "app scope add wiki family openid");
    assert!(house.fails(4, "app allow wiki nobody").contains("group list"));
    assert!(house.fails(4, "app show nothing").contains("app list"));
    house.fails(1, "app secret rotate phone");
    assert!(house.fails(1, "app create wiki --public --or-update").contains("delete it first"));
}

#[test]
fn ssh_keys_come_from_files_and_private_ones_stay_at_home() {
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ anna@laptop";
    let house = House::new();
    house.ok("person create anna");
    let file = house.file("id.pub", KEY.as_bytes());
    house.twice(&format!("person ssh-key add anna {}", file.display()), "created");
    let keys = house.json("person ssh-key list anna");
    assert_eq!(keys[0]["label"], "anna@laptop");
    let fingerprint = keys[0]["fingerprint"].as_str().unwrap().to_owned();
    assert!(fingerprint.starts_with("SHA256:"));
    house.twice(&format!("person ssh-key remove anna {fingerprint}"), "removed");
    let private = house.file("id", b"-----BEGIN OPENSSH PRIVATE KEY-----\n");
    assert!(house.fails(2, &format!("person ssh-key add anna {}", private.display())).contains(".pub"));
    let rubbish = house.file("rubbish", b"hello");
    assert!(house.fails(2, &format!("person ssh-key add anna {}", rubbish.display())).contains("ssh-ed25519"));
    house.fails(1, "person ssh-key add anna /nowhere/id.pub");
}

#[test]
fn pictures_go_in_and_come_out_and_other_files_do_not() {
    // A PNG of 16 by 16 black pixels.
    const PIXELS: &[u8] = &[
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
        0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x37, 0x88, 0xc2, 0xcc, 0x00, 0x00, 0x00,
        0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x60, 0x20, 0x0d, 0x00, 0x00, 0x00, 0x30, 0x00, 0x01, 0x28,
        0x74, 0x49, 0x7d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
    ];
    let house = House::new();
    house.ok("person create anna");
    house.ok("app create wiki");
    let picture = house.file("anna.png", PIXELS);
    house.twice(&format!("person picture set anna {}", picture.display()), "c");
    assert!(house.ok("person show anna").contains("picture") && house.json("person show anna")["picture"] == true);
    let saved = house.server.data_dir().join("saved");
    house.ok(&format!("person picture save anna {}", saved.display()));
    assert!(std::fs::read(&saved).unwrap().len() > 20);
    house.twice("person picture remove anna", "removed");
    assert!(house.fails(4, &format!("person picture save anna {}", saved.display())).contains("picture set"));
    house.twice(&format!("app icon set wiki {}", picture.display()), "c");
    house.twice("app icon remove wiki", "removed");
    let text = house.file("anna.txt", b"hello");
    assert!(house.fails(2, &format!("person picture set anna {}", text.display())).contains("PNG"));
    let huge = house.file("huge.png", &[PIXELS, &vec![0; 2 << 20]].concat());
    assert!(house.fails(2, &format!("person picture set anna {}", huge.display())).contains("1024 KiB"));
    let broken = house.file("broken.png", &PIXELS[..20]);
    house.fails(2, &format!("person picture set anna {}", broken.display()));
}

#[test]
fn the_clock_is_shown_and_set() {
    let house = House::new();
    assert_eq!(house.json("time")["level"], 2);
    house.server.clock.set_trust(Trust::Floor);
    let shown = house.ok("time");
    assert!(shown.contains("0 of 2") && shown.contains("nobody can sign in"), "{shown}");
    assert!(house.ok("status").contains("see latchkey time"));
    house.ok("person create anna");
    assert!(house.fails(6, "person invite anna").contains("latchkey time"));
    let said = house.run("time set 2027-03-01T12:00:00Z");
    assert_eq!((said.code, said.out.trim()), (0, "changed clock 2027-03-01T12:00:00Z"), "{}", said.err);
    assert!(said.err.contains("goes by its own"), "{}", said.err);
    assert!(house.ok("person invite anna").contains("/invite/"));
    assert!(house.ok("audit").contains("clock.set"));
}

#[test]
fn the_clock_takes_one_time_that_is_one() {
    let house = House::new();
    for line in
        ["time set", "time set noon", "time set 2027-03-01", "time set 2027-03-01T12:00:00Z --from-this-computer"]
    {
        house.fails(2, line);
    }
    assert!(house.fails(2, "time set 1999-01-01T00:00:00Z").contains("before this program was built"));
    // The terminal of these tests shows 2027-01-15.
    assert!(house.ok("time set --from-this-computer").starts_with("changed clock "));
}

#[test]
fn keys_are_listed_without_their_private_parts_and_replaced() {
    let house = House::new();
    let keys = house.json("key list");
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["state"]), (1, &"active".into()));
    // Keys of the same second are told in no order that means anything.
    house.server.clock.advance(1);
    let said = house.ok("key rotate");
    assert!(said.starts_with("created key "), "{said}");
    let keys = house.json("key list");
    let mut states: Vec<&str> = keys.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    // Both are of the same second.
    states.sort_unstable();
    assert_eq!(states, ["active", "upcoming"]);
    assert!(house.fails(2, "key rotate --emergency").contains("--yes"));
    house.ok("key rotate --emergency --yes");
    assert!(!house.ok("--output json key list").to_lowercase().contains("private"));
    assert!(house.fails(2, "key rotate --algorithm HS256").contains("ES256"));
}

#[test]
fn the_house_moves_when_somebody_says_so_and_tells_what_it_costs() {
    let house = House::new();
    let cost = house.fails(2, "domain move home.example.net");
    assert!(cost.contains("new passkey") && cost.contains("--yes"), "{cost}");
    let typed = house.typed("domain move home.example.net", Some("no\n"));
    assert_eq!((typed.code, house.json("domain status")["host"].as_str()), (1, Some("localhost")));
    let typed = house.typed("domain move home.example.net", Some("home.example.net\n"));
    assert_eq!((typed.code, typed.out.as_str()), (0, "changed domain home.example.net\n"));
    assert_eq!(house.ok("domain move home.example.net"), "unchanged domain home.example.net\n");
    assert_eq!(house.json("domain move home.example.net --keep-former 30")["change"], "changed");
    let shown = house.ok("domain status");
    assert!(shown.contains("served until") && shown.contains("localhost") && shown.contains("nobody"), "{shown}");
    assert!(house.fails(1, "domain move third.example --yes").contains("domain end"));
    assert!(house.fails(2, "domain end").contains("--yes"));
    house.twice("domain end --yes", "removed");
}

#[test]
fn a_copy_is_made_while_the_server_runs_and_written_down() {
    let house = House::new();
    assert!(house.run("backup list").err.contains("no backup yet"));
    let said = house.ok("backup create");
    let path = house.server.data_dir().join("backups");
    assert!(said.starts_with("created backup ") && said.contains(path.to_str().unwrap()), "{said}");
    house.ok("backup create --keep 1");
    let list = house.json("backup list");
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert!(list[0]["name"].as_str().unwrap().ends_with("-2.db"), "{list}");
    assert!(house.ok("audit").contains("house.backup"));
    let elsewhere = house.server.data_dir().join("stick");
    assert!(house.fails(2, &format!("backup create --to {}", elsewhere.display())).contains("no folder"));
    std::fs::create_dir(&elsewhere).unwrap();
    house.ok(&format!("backup create --to {}", elsewhere.display()));
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 1);
    house.fails(2, "backup create --keep 0");
    assert!(house.fails(2, "backup list --url https://id.example").contains("leave --url out"));
}

#[test]
fn a_house_with_an_owner_is_well_and_only_the_console_may_ask() {
    let house = House::new();
    let port = house.server.address();
    assert_eq!(house.ok(&format!("health --address {port}")), "healthy\n");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = house.run(&format!("health --address {nobody}"));
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("/health: cannot reach") && said.err.contains("openid-configuration"), "{}", said.err);
    let said = house.run(&format!("health --output json --address {nobody}"));
    assert!(said.code == 1 && said.out.contains("\"healthy\": false"), "{}", said.out);
    assert!(house.fails(2, "health --stable 3601").contains("3600"));
    assert!(house.fails(2, "health --url https://id.example").contains("leave --url out"));
    // Somebody else's TLS on that port is not this server's.
    let other = Server::listen_with_control();
    let said = house.run(&format!("health --address {}", other.address()));
    assert!(said.code == 1 && said.err.contains("certificate"), "{}", said.err);
    house.ok("service-account create backup");
    house.ok("group add owners backup");
    let token = house.json("service-account token create backup")["token"].as_str().unwrap().to_owned();
    let mut client = house.server.connect();
    let call = Call::get("/api/v1/health").header("Authorization", format!("Bearer {token}"));
    assert_eq!(client.send(&call).status, 403);
}

#[test]
fn the_doctor_says_why_a_login_was_refused_and_how_to_mend_it() {
    let house = House::new();
    house.ok("app create photos --redirect-uri https://photos.home/cb");
    let found = house.ok("app doctor photos");
    assert!(found.contains("nobody may sign in") && found.contains("latchkey app allow photos GROUP"), "{found}");
    house.ok("app allow photos everyone");
    assert!(house.ok("app doctor photos").contains("photos looks well"));
    let request = "/authorize?client_id=photos&response_type=code&redirect_uri=https%3A%2F%2Fphotos.home%2Fcallback";
    for _ in 0..2 {
        house.server.send(&Call::get(request));
    }
    let found = house.ok("app doctor photos");
    for words in [
        "2 times",
        "redirect_uri",
        "https://photos.home/cb",
        "--add-redirect-uri 'URL'",
        "https://photos.home/callback",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
    let json = house.json("app doctor photos");
    assert_eq!(json["refused"][0]["came"], "https://photos.home/callback");
    assert!(house.fails(4, "app doctor nothing").contains("nothing"));
}

#[test]
fn everything_to_paste_into_an_app_is_shown() {
    let house = House::new();
    house.ok("app create photos --redirect-uri https://photos.home/cb");
    let shown = house.ok("app show photos");
    for words in [
        "client_id",
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "offline_access",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn what_an_app_wants_of_the_protocol_is_set_and_shown() {
    let house = House::new();
    house.ok("app create photos --redirect-uri https://photos.home/cb");
    house.twice("app set photos --require-par true --access-token jwt --subject pairwise --strength mfa", "changed");
    house
        .twice("app set photos --backchannel-logout-uri https://photos.home/out --userinfo-algorithm RS256", "changed");
    let app = house.json("app show photos");
    assert_eq!((&app["par_required"], &app["access_token"]), (&true.into(), &"jwt".into()));
    assert_eq!(
        (&app["backchannel_logout_uri"], &app["userinfo_algorithm"]),
        (&"https://photos.home/out".into(), &"RS256".into())
    );
    house.twice("app set photos --backchannel-logout-uri none --userinfo-algorithm none", "changed");
    assert!(house.json("app show photos")["backchannel_logout_uri"].is_null());
    assert!(house.fails(2, "app set photos --post-logout-redirect-uri http://photos.home/").contains("use https"));
}

#[test]
fn an_app_gets_keys_a_service_account_and_a_secret_that_overlaps() {
    const KEY: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}"#;
    let house = House::new();
    let file = house.server.data_dir().join("jwks.json");
    let named = file.to_str().unwrap();
    std::fs::write(&file, KEY).unwrap();
    house.ok("service-account create robot");
    let made = house.ok(&format!("app create wiki --jwks {named}"));
    assert!(!made.contains("client_secret"), "it would open nothing: {made}");
    house.twice("app set wiki --acts-as robot", "changed");
    let shown = house.ok("app show wiki");
    assert!(shown.contains("1 of its own") && shown.contains("robot"), "{shown}");
    house.twice("app set wiki --jwks-uri https://wiki.home/jwks.json", "changed");
    assert_eq!(house.json("app show wiki")["jwks"], Value::Null, "one takes the place of the other");
    house.twice(&format!("app set wiki --jwks {named}"), "changed");
    house.twice("app set wiki --jwks none", "changed");
    house.twice("app set wiki --acts-as none", "changed");
    house.fails(2, &format!("app set wiki --jwks {named} --jwks-uri https://wiki.home/jwks.json"));
    house.fails(2, "app set wiki --jwks-uri http://wiki.home/jwks.json");
    assert!(house.fails(4, "app set wiki --acts-as stranger").contains("service account"));
    for (bad, why) in [("{", "is not JSON"), ("{}", "keys"), (&KEY.replace("\"kid\"", "\"d\""), "public half")] {
        std::fs::write(&file, bad).unwrap();
        let said = house.fails(2, &format!("app set wiki --jwks {named}"));
        assert!(said.contains(why), "{said}");
    }
    std::fs::write(&file, "x".repeat(17 * 1024)).unwrap();
    assert!(house.fails(2, &format!("app set wiki --jwks {named}")).contains("16 KiB"));
    let rotated = house.ok("app secret rotate wiki --keep-old 24h");
    assert!(rotated.trim().len() >= 40, "{rotated}");
    assert!(house.ok("app show wiki").contains("old secret"));
    house.fails(2, "app secret rotate wiki --keep-old 31d");
    house.ok("app secret rotate wiki");
    assert_eq!(house.json("app show wiki")["old_secret_until"], Value::Null);
}
