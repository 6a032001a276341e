use std::fs;
use std::os::unix::fs::PermissionsExt;

use service::{Context, Naming};

use super::outcome::{Now, text, write};
use super::steps::Step;
use super::*;
use crate::config::Config;
use crate::testing::{Folder, NOW, steady, unclaimed};

const TEXT: &str = "host = \"id.example.org\"\nhouse = \"Holm\"\ntime_zone = \"UTC\"\nlocale = \"de_AT\"\n\
    [wifi]\nssid = \"Home\"\npassword = \"WifiHush!1\"\ncountry = \"AT\"\n\
    [admin]\nssh_keys = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGMBwr0iwjSCUcqCo/WXRpnhgJKINJyTaazk+t1zt1UY a@b\"]\n\
    [certificate]\nkind = \"acme\"\ndns = { kind = \"desec\", token = \"T0kHush!2\" }\n\
    [owner]\nname = \"Anna Bauer\"\n";

/// A box and its card.
struct Rig {
    _folder: Folder,
    card: Card,
    idp: Idp,
}

impl Rig {
    fn new() -> Self {
        let folder = Folder::new();
        let (boot, data) = (folder.path().join("boot"), folder.path().join("data"));
        fs::create_dir(&boot).unwrap();
        fs::create_dir(&data).unwrap();
        Self { _folder: folder, card: Card { boot, data }, idp: unclaimed(&Config::parse("").unwrap()) }
    }

    fn with(text: &str) -> Self {
        let rig = Self::new();
        rig.put(text.as_bytes());
        rig
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(self.card.file(), bytes).unwrap();
    }

    fn start(&self) -> Began {
        begin(&self.idp, &self.card, steady(NOW))
    }

    fn boot(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.card.boot.join(name)).ok()
    }

    fn system(&self, name: &str) -> String {
        fs::read_to_string(self.card.data.join("system").join(name)).unwrap()
    }

    fn claim(&self) {
        self.idp.claim_here(&Context::console(steady(NOW))).unwrap();
    }

    /// The box is as the file wanted it, and the card holds no secret.
    fn assert_done(&self, why: &str) {
        assert_eq!(self.idp.issuer(), "https://id.example.org", "{why}");
        assert_eq!(self.system("locale.conf"), "LANG=de_AT.UTF-8\n", "{why}");
        assert!(self.boot(FILE).is_none(), "{why}");
        let applied = self.boot(APPLIED).unwrap();
        assert!(applied.contains("ssid = \"Home\"") && applied.contains("(removed on 2027-01-15"), "{why}: {applied}");
        for entry in fs::read_dir(&self.card.boot).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("Hush!"), "{why}");
        }
    }
}

fn outcome(began: &Began, claimed: bool) -> String {
    let code = (!claimed).then(|| Secret::new("KLMN-PQRS".to_owned()));
    text(
        began,
        &Now {
            claimed,
            addresses: vec!["https://id.example.org".to_owned()],
            code,
            fingerprints: vec![("id.example.org".to_owned(), "AB:CD".to_owned())],
        },
    )
    .expose()
    .clone()
}

#[test]
fn a_good_file_is_applied_and_its_secrets_leave_the_card() {
    let rig = Rig::with(TEXT);
    let began = rig.start();
    rig.assert_done("once");
    assert_eq!(rig.system("timezone"), "UTC\n");
    assert!(rig.system("wifi.conf").contains("psk=") && !rig.system("wifi.conf").contains("Hush"));
    assert!(rig.system("authorized_keys").ends_with(" a@b\n"));
    for (name, mode) in [("wifi.conf", 0o600), ("authorized_keys", 0o600), ("timezone", 0o644)] {
        let found = fs::metadata(rig.card.data.join("system").join(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
    let said = outcome(&began, false);
    assert!(said.contains("  - the first owner: Anna Bauer, who signs in as anna\r\n"), "{said}");
    assert!(said.contains("KLMN-PQRS") && said.contains("AB:CD") && !said.contains("Hush"));
    assert!(said.lines().count() == said.matches("\r\n").count());
}

#[test]
fn a_second_start_does_nothing_and_still_knows_what_was_applied() {
    let rig = Rig::with(TEXT);
    rig.start();
    let before = rig.boot(APPLIED);
    let began = rig.start();
    assert!(began.problem.is_none() && began.applied.unwrap().applied.len() == 8);
    assert_eq!(rig.boot(APPLIED), before);
}

#[test]
fn a_power_cut_after_any_step_is_made_good_by_the_next_start() {
    for cut in 0..=ALL.len() {
        let rig = Rig::with(TEXT);
        run(&rig.idp, &rig.card, steady(NOW), &ALL[..cut]).unwrap();
        let began = rig.start();
        assert!(began.problem.is_none(), "{:?}", &ALL[..cut]);
        rig.assert_done(&format!("{:?}", &ALL[..cut]));
        assert_eq!(began.applied.unwrap().applied.len(), 8);
    }
}

#[test]
fn a_power_cut_in_the_middle_of_the_wiping_is_made_good_even_after_the_claim() {
    let to = |step| ALL.iter().position(|known| *known == step).unwrap();
    let partly_zeros = [&[0; 100], &TEXT.as_bytes()[100..]].concat();
    let clean = without_secrets(TEXT, "2027-01-15").unwrap();
    let partly_clean = [&clean.as_bytes()[..64], &[0; 200]].concat();
    for left in [&partly_zeros[..], &partly_clean, &clean.as_bytes()[..64], clean.as_bytes(), b""] {
        let rig = Rig::with(TEXT);
        run(&rig.idp, &rig.card, steady(NOW), &ALL[..to(Step::Blank)]).unwrap();
        rig.put(left);
        rig.claim();
        assert!(rig.start().problem.is_none());
        rig.assert_done("wiped again");
    }
}

#[test]
fn a_wrong_file_changes_nothing_and_is_told_with_its_line() {
    for (wrong, word) in [
        (TEXT.replace("ssid", "sid"), "line 6"),
        (TEXT.replace("\"UTC\"", "\"Europe/Nowhere\""), "time_zone"),
        (TEXT.replace("[owner]", "[owner"), "line 14"),
        ("x".repeat(70_000), "64 KiB"),
    ] {
        if word == "time_zone" && !Path::new(ZONES).is_dir() {
            continue;
        }
        let rig = Rig::with(&wrong);
        let began = rig.start();
        assert!(began.problem.as_ref().is_some_and(|why| why.contains(word)), "{word}: {began:?}");
        assert_eq!(rig.boot(FILE).unwrap(), wrong);
        assert_eq!(rig.idp.issuer(), "https://latchkey.local");
        assert_eq!(fs::read_dir(&rig.card.data).unwrap().count(), 0);
        let said = outcome(&began, false);
        assert!(said.contains("Mend") && said.contains(word) && !said.contains("Hush"), "{said}");
    }
}

#[test]
fn a_box_with_an_owner_refuses_a_file_and_says_so() {
    let rig = Rig::with(TEXT);
    let naming = Naming { host: Some("home.example.org".parse().unwrap()), house: None };
    rig.idp.name_house(&Context::console(steady(NOW)), &naming).unwrap();
    rig.claim();
    let began = rig.start();
    assert_eq!(rig.idp.issuer(), "https://home.example.org");
    assert_eq!(rig.boot(FILE).as_deref(), Some(TEXT));
    assert!(!rig.card.data.join("system").exists());
    let said = outcome(&began, true);
    assert!(said.contains("owner") && said.contains("delete it") && !said.contains("Mend"), "{said}");
}

#[test]
fn a_better_file_before_the_claim_is_applied_too() {
    let rig = Rig::with("house = \"Holm\"\n");
    rig.start();
    rig.put(b"house = \"Wald\"\n");
    assert!(rig.start().problem.is_none());
    assert_eq!(rig.idp.house().name, "Wald");
}

#[test]
fn a_card_without_a_file_only_gets_the_outcome() {
    let rig = Rig::new();
    let began = rig.start();
    assert!(began.problem.is_none() && began.applied.is_none());
    let now = |claimed| Now {
        claimed,
        addresses: vec!["https://latchkey.local".to_owned()],
        code: (!claimed).then(|| Secret::new("KLMN-PQRS".to_owned())),
        fingerprints: Vec::new(),
    };
    write(&rig.card, &began, &now(false)).unwrap();
    assert!(rig.boot("latchkey-setup.txt").unwrap().contains("KLMN-PQRS"));
    write(&rig.card, &began, &now(true)).unwrap();
    assert!(!rig.boot("latchkey-setup.txt").unwrap().contains("KLMN-PQRS"), "the code goes when the box has an owner");
    assert_eq!(fs::read_dir(&rig.card.boot).unwrap().count(), 1);
}

#[test]
fn a_card_that_is_gone_is_a_problem_and_no_panic() {
    let mut rig = Rig::new();
    rig.card.boot = "/nowhere".into();
    assert!(rig.start().problem.is_none());
    let rig = Rig::new();
    fs::create_dir(rig.card.file()).unwrap();
    assert!(rig.start().problem.is_some());
}
