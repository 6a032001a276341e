//! The certificates over years and accidents.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use domain::certificate::Validity;
use domain::clock::Trust;
use domain::time::{Span, Timestamp};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{ServerName, UnixTime};
use serde_json::json;

use super::*;
use crate::api::{CertificateHealth, CertificateKind};
use crate::testing::{self, Folder, NOW, steady};

const HOST: &str = "id.example";

struct House {
    folder: Folder,
    certificates: Certificates,
    plan: Plan,
}

impl House {
    fn new(config: &str, hosts: &[&str]) -> Self {
        Self::within(Folder::new(), config, hosts)
    }

    fn within(folder: Folder, config: &str, hosts: &[&str]) -> Self {
        let mut config = Config::parse(config).unwrap();
        config.data_dir = folder.path().to_owned();
        let certificates = Certificates::new(&config, testing::idp(&config).nameplate());
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let usual = hosts[0].clone();
        let choice = CertificateChoice::OwnCa;
        let plan = Plan { hosts, usual, house: "Bauer".to_owned(), choice, addresses: Vec::new() };
        Self { folder, certificates, plan }
    }

    /// The same house after a restart.
    fn restarted(self) -> Self {
        let hosts: Vec<&str> = self.plan.hosts.iter().map(String::as_str).collect();
        let again = Self::within(self.folder, "host = \"id.example\"", &hosts);
        Self { plan: self.plan, ..again }
    }

    fn own() -> Self {
        let house = Self::new("host = \"id.example\"", &[HOST]);
        house.follow(NOW);
        house
    }

    fn follow(&self, now: Timestamp) {
        self.certificates.follow(&self.plan, steady(now));
    }

    fn shown(&self, name: &str) -> CertificateDer<'static> {
        self.certificates.shown.find(Some(name)).unwrap().cert.first().unwrap().clone()
    }

    fn leaf(&self) -> CertificateDer<'static> {
        self.shown(HOST)
    }

    fn status(&self, now: Timestamp) -> crate::api::Certificate {
        self.certificates.status(json!(null), now).unwrap()
    }

    fn tls(&self) -> PathBuf {
        self.folder.path().join(FOLDER)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn files(&mut self, certificate: &Path, key: &Path) {
        let choice = json!({"kind": "files", "certificate": certificate, "key": key});
        self.plan.choice = serde_json::from_value(choice).unwrap();
    }
}

fn wanted<'a>(folder: &'a Path, host: &'a str) -> Wanted<'a> {
    Wanted { folder, host, house: "Bauer", addresses: &[], at: steady(NOW) }
}

/// Whether a client that trusts `authority` takes the certificate for that name.
fn trusted(
    authority: &CertificateDer<'_>,
    leaf: &CertificateDer<'_>,
    name: &str,
    now: Timestamp,
) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now.unix().unsigned_abs()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(leaf, &[], &name, &[], time).map(drop).map_err(|error| format!("{error:?}"))
}

/// A certificate by the authority of `HOST` for whatever it is asked for.
fn forged(folder: &Path, names: &[&str]) -> CertificateDer<'static> {
    let text = fs::read(own_ca::path(folder, HOST)).unwrap();
    let authority = CertificateDer::from_pem_slice(&text).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(&text).unwrap();
    let key = rcgen::KeyPair::try_from(&key).unwrap();
    let mut issuer = rcgen::CertificateParams::default();
    issuer.distinguished_name = rcgen::DistinguishedName::new();
    issuer.distinguished_name.push(rcgen::DnType::CommonName, Facts::read(&authority).unwrap().subject);
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    own_ca::date(&mut params, Validity::self_made(NOW));
    params.signed_by(&rcgen::KeyPair::generate().unwrap(), &rcgen::Issuer::new(issuer, key)).unwrap().into()
}

#[test]
fn the_authority_vouches_for_its_one_host_and_for_no_other() {
    let house = House::own();
    let authority = house.certificates.authority(HOST).unwrap();
    assert_eq!(authority.facts.subject, "Latchkey Bauer (id.example)");
    trusted(&authority.der, &house.leaf(), HOST, NOW).unwrap();
    assert!(trusted(&authority.der, &house.leaf(), "other.example", NOW).is_err());
    for names in
        [&["bank.example"][..], &["id.example", "bank.example"], &["192.0.2.7"], &["2001:db8::7"], &["example"]]
    {
        let forged = forged(&house.tls(), names);
        let error = trusted(&authority.der, &forged, names.last().unwrap(), NOW).unwrap_err();
        assert!(error.contains("NameConstraint"), "{names:?}: {error}");
    }
    // RFC 5280 section 4.2.1.10: names below the host are permitted with it.
    trusted(&authority.der, &forged(&house.tls(), &["a.id.example"]), "a.id.example", NOW).unwrap();
}

#[test]
fn openssl_sees_the_same() {
    let house = House::own();
    let openssl = |arguments: &[&str]| {
        let run = Command::new("openssl").args(arguments).output().ok()?;
        Some((run.status.success(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned()))
    };
    if openssl(&["version"]).is_none() {
        return;
    }
    let authority = own_ca::public_path(&house.tls(), HOST);
    let authority = authority.to_str().unwrap();
    let at = NOW.unix().to_string();
    let verify = |leaf: &CertificateDer<'_>, name: &str| {
        let path = house.file("leaf.pem", &pem(leaf));
        let path = path.to_str().unwrap();
        let purpose = ["-purpose", "sslserver", "-x509_strict", "-verify_hostname", name, "-attime", at.as_str(), path];
        openssl(&[&["verify", "-no-CAfile", "-no-CApath", "-trusted", authority][..], &purpose].concat()).unwrap()
    };
    let (good, said) = verify(&house.leaf(), HOST);
    assert!(good, "{said}");
    let (good, said) = verify(&forged(&house.tls(), &["bank.example"]), "bank.example");
    assert!(!good && said.contains("permitted subtree violation"), "{said}");
    let (good, said) = verify(&forged(&house.tls(), &["id.example", "192.0.2.7"]), "id.example");
    assert!(!good && said.contains("excluded subtree violation"), "{said}");
    let (_, text) = openssl(&["x509", "-in", authority, "-noout", "-text"]).unwrap();
    for part in [
        "X509v3 Name Constraints: critical",
        "DNS:id.example",
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
        "prime256v1",
        "X509v3 Subject Key Identifier",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let leaf = house.file("leaf.pem", &pem(&house.leaf()));
    let (_, text) = openssl(&["x509", "-in", leaf.to_str().unwrap(), "-noout", "-text"]).unwrap();
    for part in ["TLS Web Server Authentication", "DNS:id.example", "CA:FALSE", "X509v3 Authority Key Identifier"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn keys_are_for_the_server_alone_and_public_files_hold_none() {
    let house = House::own();
    for path in [own_ca::path(&house.tls(), HOST), own_ca::leaf_path(&house.tls(), HOST)] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        assert!(fs::read_to_string(&path).unwrap().contains("PRIVATE KEY"));
    }
    assert_eq!(fs::metadata(house.tls()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!fs::read_to_string(own_ca::public_path(&house.tls(), HOST)).unwrap().contains("PRIVATE"));
}

#[test]
fn a_restart_changes_nothing() {
    let house = House::own();
    let (leaf, authority) = (house.leaf(), house.certificates.authority(HOST).unwrap().der);
    let house = house.restarted();
    house.follow(NOW + Span::days(3));
    assert_eq!((house.leaf(), house.certificates.authority(HOST).unwrap().der), (leaf, authority));
}

#[test]
fn a_certificate_is_renewed_when_a_third_of_its_life_is_left_by_the_same_authority() {
    let house = House::own();
    let (first, authority) = (house.leaf(), house.certificates.authority(HOST).unwrap().der);
    house.follow(NOW + Span::days(58));
    assert_eq!(house.leaf(), first);
    let later = NOW + Span::days(60);
    house.follow(later);
    assert_ne!(house.leaf(), first);
    assert_eq!(house.certificates.authority(HOST).unwrap().der, authority);
    trusted(&authority, &house.leaf(), HOST, later + Span::days(60)).unwrap();
    assert_eq!(house.status(later).health, CertificateHealth::Good);
}

#[test]
fn a_clock_at_the_floor_makes_what_lasts_until_the_time_is_known() {
    let house = House::new("host = \"id.example\"", &[HOST]);
    let floor = Moment { trust: Trust::Floor, ..steady(NOW) };
    house.certificates.follow(&house.plan, floor);
    let (first, authority) = (house.leaf(), house.certificates.authority(HOST).unwrap().der);
    let real = NOW + Span::days(400);
    trusted(&authority, &first, HOST, real).unwrap();
    house.certificates.follow(&house.plan, floor);
    assert_eq!(house.leaf(), first, "nothing is made twice while the clock stands");
    house.follow(real);
    assert_ne!(house.leaf(), first);
    trusted(&authority, &house.leaf(), HOST, real).unwrap();
    assert!(trusted(&authority, &house.leaf(), HOST, real + Span::days(90)).is_err());
}

#[test]
fn a_damaged_authority_is_told_and_never_replaced_in_silence() {
    for damage in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let house = House::own();
        let (leaf, path) = (house.leaf(), own_ca::path(&house.tls(), HOST));
        fs::write(&path, damage).unwrap();
        let house = house.restarted();
        house.follow(NOW);
        assert_eq!(house.leaf(), leaf, "phones go on trusting what they know");
        let failure = house.status(NOW).last_failure.unwrap();
        assert!(failure.what.contains("authority is damaged") && failure.hint.contains("--new-ca"), "{failure:?}");
        house.certificates.renew(&house.plan, steady(NOW)).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), damage);
        house.certificates.renew_authority(&house.plan, steady(NOW)).unwrap();
        assert_eq!(house.status(NOW).health, CertificateHealth::Good);
        let authority = house.certificates.authority(HOST).unwrap().der;
        trusted(&authority, &house.leaf(), HOST, NOW).unwrap();
    }
}

#[test]
fn a_lost_authority_is_told_even_when_its_certificate_is_over() {
    let house = House::own();
    fs::remove_file(own_ca::path(&house.tls(), HOST)).unwrap();
    let house = house.restarted();
    let later = NOW + Span::days(200);
    house.follow(later);
    let status = house.status(later);
    assert_eq!(status.health, CertificateHealth::Ended);
    assert!(status.last_failure.unwrap().what.contains("missing"));
    assert!(!own_ca::path(&house.tls(), HOST).exists());
}

#[test]
fn the_key_of_another_authority_is_noticed() {
    let (house, other) = (House::own(), House::own());
    let part = |house: &House, begin: &str| {
        let text = fs::read_to_string(own_ca::path(&house.tls(), HOST)).unwrap();
        let at = text.find("-----BEGIN PRIVATE KEY").unwrap();
        if begin == "key" { text[at..].to_owned() } else { text[..at].to_owned() }
    };
    fs::write(own_ca::path(&house.tls(), HOST), part(&house, "certificate") + &part(&other, "key")).unwrap();
    let error = house.certificates.renew(&house.plan, steady(NOW)).unwrap_err();
    assert!(error.what.contains("another one's"), "{error}");
}

#[test]
fn a_crash_between_a_new_authority_and_its_certificate_is_mended() {
    let house = House::own();
    let old = house.leaf();
    own_ca::replace(&wanted(&house.tls(), HOST)).unwrap();
    let house = house.restarted();
    house.follow(NOW);
    assert_ne!(house.leaf(), old);
    trusted(&house.certificates.authority(HOST).unwrap().der, &house.leaf(), HOST, NOW).unwrap();
}

#[test]
fn an_owner_is_told_a_year_before_the_authority_ends() {
    let house = House::own();
    let late = NOW + Span::days(3652 - 360);
    house.follow(late);
    let status = house.status(late);
    assert!(status.warnings.iter().any(|warning| warning.what.contains("authority ends")), "{status:?}");
    assert_eq!(house.status(NOW).warnings, []);
}

#[test]
fn names_that_are_nobodys_own_get_no_authority() {
    for host in ["localhost", "latchkey.local"] {
        let mut house = House::new("", &[host]);
        house.plan.addresses = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        house.follow(NOW);
        assert!(house.certificates.authority(host).is_none());
        assert_eq!(house.status(NOW).kind, CertificateKind::SelfMade);
        let leaf = house.shown(host);
        assert!(facts::is_for(&leaf, host) && !facts::is_for(&leaf, "id.example"));
        assert_eq!(facts::is_for(&leaf, "192.0.2.7"), host == "latchkey.local");
        house.follow(NOW + Span::days(1));
        assert_eq!(house.shown(host), leaf);
        house.plan.addresses = vec!["192.0.2.8".parse().unwrap()];
        house.follow(NOW + Span::days(1));
        let moved = facts::is_for(&house.shown(host), "192.0.2.8");
        assert_eq!(moved, host == "latchkey.local", "the machine has moved to another address");
        house.follow(NOW + Span::days(4000));
        assert_ne!(house.shown(host), leaf);
        assert_eq!(house.status(NOW + Span::days(4000)).health, CertificateHealth::Good);
    }
}

#[test]
fn two_names_are_served_at_once_and_strangers_get_the_usual_one() {
    let mut house = House::new("", &["new.example", "old.example"]);
    house.follow(NOW);
    for name in ["new.example", "old.example"] {
        assert!(facts::is_for(&house.shown(name), name));
    }
    assert_eq!(house.shown("OLD.example"), house.shown("old.example"));
    assert_eq!(house.shown("other.example"), house.shown("new.example"));
    house.plan.usual = "old.example".to_owned();
    house.follow(NOW);
    assert_eq!(house.shown("192.0.2.7"), house.shown("old.example"));
    assert_eq!(house.status(NOW).host, "new.example");
    assert_eq!(house.status(NOW).others[0].host, "old.example");
    house.plan.hosts.pop();
    house.follow(NOW);
    assert_eq!(house.shown("old.example"), house.shown("new.example"));
}

fn made(host: &str, validity: Validity) -> (String, String) {
    self_made::make(host, &[], validity).unwrap()
}

#[test]
fn files_that_would_not_work_are_refused_with_what_to_do() {
    let mut house = House::own();
    let (good, key) = made(HOST, Validity::self_made(NOW));
    let (_, other_key) = made(HOST, Validity::self_made(NOW));
    let (ended, ended_key) = made(HOST, Validity::self_made(NOW - Span::days(4000)));
    let (ahead, ahead_key) = made(HOST, Validity::self_made(NOW + Span::days(40)));
    let (other, key_of_other) = made("bank.example", Validity::self_made(NOW));
    let file = |name: &str, text: &str| house.file(name, text);
    let (good, key) = (file("good.pem", &good), file("key.pem", &key));
    let cases = [
        (good.clone(), file("other-key.pem", &other_key), "not the one of the certificate"),
        (file("other.pem", &other), file("key-of-other.pem", &key_of_other), "not for id.example"),
        (file("ended.pem", &ended), file("ended-key.pem", &ended_key), "ended on"),
        (file("ahead.pem", &ahead), file("ahead-key.pem", &ahead_key), "begins on"),
        (house.folder.path().join("nowhere.pem"), key.clone(), "nowhere.pem"),
        (good.clone(), house.folder.path().join("nowhere.key"), "nowhere.key"),
        (house.folder.path().to_owned(), key.clone(), "cannot be read"),
        (file("empty.pem", ""), key.clone(), "no certificate"),
        (good.clone(), file("empty.key", ""), "no private key"),
        (file("long.pem", &"x".repeat(70_000)), key.clone(), "64 KiB"),
        (
            file("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            key.clone(),
            "cannot be read",
        ),
    ];
    let before = house.leaf();
    for (certificate, key, said) in cases {
        house.files(&certificate, &key);
        let error = house.certificates.try_out(&house.plan, steady(NOW)).unwrap_err();
        assert!(error.what.contains(said) && !error.hint.is_empty(), "{said}: {error}");
        assert_eq!(house.leaf(), before);
    }
    house.files(&good, &key);
    house.certificates.try_out(&house.plan, steady(NOW)).unwrap();
    assert_eq!(house.leaf(), before, "trying is not choosing");
    house.follow(NOW);
    assert_eq!(house.status(NOW).kind, CertificateKind::Files);
    assert_eq!(house.status(NOW).next_renewal, None);
}

#[test]
fn a_key_that_everybody_can_read_and_a_lonely_certificate_are_pointed_out() {
    let mut house = House::own();
    let text = fs::read_to_string(own_ca::leaf_path(&house.tls(), HOST)).unwrap();
    let path = house.file("both.pem", &text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    house.files(&path, &path);
    house.follow(NOW);
    let warnings = house.status(NOW).warnings;
    assert!(warnings.iter().any(|warning| warning.hint.starts_with("chmod o=")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.hint.contains("fullchain")), "{warnings:?}");
}

#[test]
fn files_are_read_again_when_they_change_and_broken_ones_are_not_used() {
    let mut house = House::own();
    let (first, key) = made(HOST, Validity::self_made(NOW));
    let (certificate, key) = (house.file("a.pem", &first), house.file("a.key", &key));
    house.files(&certificate, &key);
    house.follow(NOW);
    let old = house.leaf();
    let touch = |path: &Path, seconds| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    };
    fs::write(&certificate, "no certificate").unwrap();
    touch(&certificate, 1);
    house.follow(NOW);
    assert_eq!(house.leaf(), old);
    assert_eq!(house.certificates.health(NOW), CertificateHealth::Failing);
    let (ended, ended_key) = made(HOST, Validity::self_made(NOW - Span::days(4000)));
    fs::write(&certificate, ended).unwrap();
    fs::write(&key, ended_key).unwrap();
    touch(&certificate, 2);
    house.follow(NOW);
    assert_eq!(house.leaf(), old, "one that has ended does not replace one that works");
    let (fresh, fresh_key) = made(HOST, Validity::self_made(NOW));
    fs::write(&certificate, fresh).unwrap();
    fs::write(&key, fresh_key).unwrap();
    touch(&certificate, 3);
    house.follow(NOW);
    assert_ne!(house.leaf(), old);
    assert_eq!(house.certificates.health(NOW), CertificateHealth::Good);
}

#[test]
fn a_start_without_the_chosen_files_shows_what_phones_know() {
    let mut house = House::own();
    house.files(Path::new("/nowhere/a.pem"), Path::new("/nowhere/a.key"));
    let leaf = house.leaf();
    let house = house.restarted();
    house.follow(NOW);
    assert_eq!(house.leaf(), leaf);
    let status = house.status(NOW);
    assert_eq!((status.kind, status.health), (CertificateKind::OwnCa, CertificateHealth::Failing));
    assert!(status.last_failure.unwrap().what.contains("/nowhere/a.pem"));
}

#[test]
fn files_of_the_configuration_win() {
    let folder = Folder::new();
    let (certificate, key) = made(HOST, Validity::self_made(NOW));
    let (chain, private) = (folder.path().join("a.pem"), folder.path().join("a.key"));
    fs::write(&chain, certificate).unwrap();
    fs::write(&private, key).unwrap();
    let text = format!("host = \"id.example\"\n[tls]\ncertificate = {chain:?}\nkey = {private:?}\n");
    let house = House::within(folder, &text, &[HOST]);
    house.certificates.check_configured().unwrap();
    house.follow(NOW);
    let status = house.status(NOW);
    assert!(status.configured && status.kind == CertificateKind::Files);
    assert!(!own_ca::path(&house.tls(), HOST).exists());
    fs::write(&private, "").unwrap();
    house.certificates.check_configured().unwrap_err();
}

#[test]
fn a_full_card_is_told_and_tried_again_after_an_hour() {
    let house = House::own();
    let leaf = house.leaf();
    let blocked = own_ca::leaf_path(&house.tls(), HOST).with_extension("pem.new");
    fs::create_dir_all(blocked.join("in the way")).unwrap();
    let due = NOW + Span::days(61);
    house.follow(due);
    assert_eq!(house.leaf(), leaf);
    assert_eq!(house.status(due).health, CertificateHealth::Failing);
    fs::remove_dir_all(&blocked).unwrap();
    house.follow(due + Span::minutes(59));
    assert_eq!(house.leaf(), leaf);
    house.follow(due + Span::minutes(60));
    assert_ne!(house.leaf(), leaf);
    assert_eq!(house.status(due).health, CertificateHealth::Good);
}

#[test]
fn what_a_phone_lists_is_short_and_plain() {
    let folder = Folder::new();
    let host = format!("{}.example", "a".repeat(60));
    for (house, host) in [("Ba\u{1b}[2Juer\nx", HOST), (&*"Ä".repeat(200), HOST), ("Bauer", host.as_str())] {
        let wanted = Wanted { house, ..wanted(folder.path(), host) };
        own_ca::replace(&wanted).unwrap();
        let made = own_ca::provide(&wanted, true);
        let name = made.authority.unwrap().facts.subject;
        assert!(name.starts_with("Latchkey ") && name.chars().count() <= 64, "{name:?}");
        assert!(!name.chars().any(char::is_control), "{name:?}");
        assert!(facts::is_for(made.held.unwrap().leaf().unwrap(), host));
    }
}
