//! Every page, rendered with a sample household.

use super::account::{
    Apps, Authenticator, Codes, CodesAre, ConsentRow, Devices, Field, Mail, Passkey, Password, Profile, RecoveryCodes,
    SessionRow, SshKey, SshKeys, Tab, WaysIn,
};
use super::apps::{
    AppTile, CertificateNews, Consent, Dashboard, DeviceAnswered, DeviceCode, DeviceQuestion, FormPost, Forward, Share,
    UpdateNews,
};
use super::part::{Chrome, Done, Face, Icon, Me, News, Notice, When};
use super::setup::{Begin, Certificate, Clock, Door, Names, OnToTheName, Owner};
use super::sign_in::{
    Choose, Invite, InvitePassword, LogOut, Moved, Reauthenticate, Recover, SecondFactor, SignIn, SignOut, SignedOut,
    Svg,
};
use super::trouble::{Trouble, TroublePage};
use crate::endpoint::trust::platform::{AndroidBrowser, Platform};
use crate::endpoint::trust::view::{ArrivalPage, Handout, InTheClearPage, Reach, TrustPage};
use askama::Template;
use domain::attribute::{ATTRIBUTES, Edit};
use domain::time::{Span, Timestamp};
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);

fn outside() -> Chrome {
    Chrome { house: "Miller home".to_owned(), host: "id.miller.home".to_owned(), me: None }
}

fn inside() -> Chrome {
    Chrome { house: "Miller home".to_owned(), host: "id.miller.home".to_owned(), me: Some(Me::new("Mia Miller", None)) }
}

fn ago(minutes: i64) -> When {
    When::new(NOW - Span::minutes(minutes), NOW)
}

fn says(news: News) -> Option<Notice> {
    Some(Notice::of(news))
}

fn qr() -> Svg {
    Svg(r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29"><path d="M4 4h7v7H4zM18 4h7v7h-7zM4 18h7v7H4zM14 14h2v2h-2z" fill="#000"/></svg>"##.to_owned())
}

const KEY: &str = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP";

fn rendered(pages: &mut BTreeMap<String, String>, name: &str, page: &impl Template) {
    pages.insert(name.to_owned(), page.render().unwrap());
}

pub(super) fn sample_pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    setting_up(&mut pages);
    at_the_door(&mut pages);
    invited(&mut pages);
    apps(&mut pages);
    on_the_way_to_an_app(&mut pages);
    other_device(&mut pages);
    behind_a_proxy(&mut pages);
    about_me(&mut pages);
    ways_in(&mut pages);
    other_tabs(&mut pages);
    trouble(&mut pages);
    trust(&mut pages);
    pages
}

fn setting_up(pages: &mut BTreeMap<String, String>) {
    let begin = |door| Begin { chrome: outside(), notice: None, door };
    rendered(pages, "setup_begin", &begin(Door::Closed));
    rendered(pages, "setup_begin_open", &begin(Door::Open));
    rendered(pages, "setup_begin_taken", &begin(Door::Taken { by: "Firefox on Linux at 192.168.1.30".to_owned() }));
    let notice = says(News::Refused { why: "\"Id\" is not a DNS name in lower case".to_owned() });
    rendered(
        pages,
        "setup_names",
        &Names { chrome: outside(), notice, house: Some("Home".to_owned()), host: Some("Id".to_owned()) },
    );
    rendered(pages, "setup_clock", &Clock { chrome: outside(), notice: None });
    let certificate = |running| Certificate {
        chrome: outside(),
        notice: None,
        host: "id.miller.home".to_owned(),
        running,
        provider: "desec".to_owned(),
        alias: String::new(),
    };
    rendered(pages, "setup_certificate", &certificate(false));
    rendered(pages, "setup_certificate_running", &certificate(true));
    let reach = Reach {
        host: "id.miller.home".to_owned(),
        issuer: "https://id.miller.home".to_owned(),
        plain: None,
        from_plain: false,
    };
    let steps = Some("http://id.miller.home/trust".to_owned());
    let fingerprint = Some(["A1:B2:C3:D4"; 8].join(":"));
    rendered(pages, "setup_reach", &OnToTheName { chrome: outside(), reach, steps, fingerprint });
    let host = "id.miller.home".to_owned();
    let ssh_key = Some(String::new());
    rendered(pages, "setup_owner", &Owner { chrome: outside(), notice: None, name: String::new(), host, ssh_key });
}

fn trust(pages: &mut BTreeMap<String, String>) {
    let handout = Handout {
        name: "Latchkey Miller home (id.miller.home)".to_owned(),
        sha256: vec!["AB CD EF 01 23 45 67 89".to_owned(); 4],
        sha1: "ABCDEF0123456789ABCDEF0123456789ABCDEF01".to_owned(),
    };
    let reach = Reach {
        host: "id.miller.home".to_owned(),
        issuer: "https://id.miller.home".to_owned(),
        plain: Some("http://id.miller.home".to_owned()),
        from_plain: true,
    };
    let mut add = |name: &str, handout: Option<Handout>, platform: Option<Platform>| {
        let page = TrustPage {
            chrome: outside(),
            issuer: reach.issuer.clone(),
            plain: platform != Some(Platform::Linux),
            self_made: false,
            handout,
            platform,
            android_browser: AndroidBrowser::Firefox,
            reach: reach.clone(),
        };
        pages.insert(format!("trust_{name}"), page.render().unwrap());
    };
    add("nothing", None, None);
    add("which", Some(handout.clone()), None);
    for platform in Platform::ALL {
        add(platform.as_str(), Some(handout.clone()), Some(platform));
    }
    let fingerprint = handout.sha256.clone();
    let arrival = ArrivalPage {
        chrome: outside(),
        address: "https://latchkey.local/".to_owned(),
        fingerprint,
        handout: Some(handout),
    };
    pages.insert("trust_arrival".to_owned(), arrival.render().unwrap());
    let refused = InTheClearPage { chrome: outside(), issuer: reach.issuer };
    pages.insert("trust_in_the_clear".to_owned(), refused.render().unwrap());
}

pub(super) fn sign_in(notice: Option<Notice>, app: Option<&str>, username: &str) -> SignIn {
    SignIn {
        chrome: outside(),
        notice,
        app: app.map(str::to_owned),
        former: None,
        username: username.to_owned(),
        next: "/account?a=1&b=\"2\"".to_owned(),
    }
}

fn behind_a_proxy(pages: &mut BTreeMap<String, String>) {
    let page = Forward {
        chrome: outside(),
        place: "paper.miller.home".to_owned(),
        location: "https://paper.miller.home/.latchkey/callback?pass=p&to=%2F".to_owned(),
    };
    rendered(pages, "forward", &page);
}

fn at_the_door(pages: &mut BTreeMap<String, String>) {
    rendered(pages, "sign_in", &sign_in(None, None, ""));
    let former = Some("latchkey.miller.example".to_owned());
    rendered(pages, "sign_in_moved", &SignIn { former: former.clone(), ..sign_in(None, None, "") });
    for (name, days) in [("moved", Some(12)), ("moved_done", None)] {
        let page = Moved {
            chrome: inside(),
            notice: days.is_none().then(|| Notice::of(News::Done(Done::PasskeyAdded))),
            until: days.map(|days| When::new(NOW + Span::days(days), NOW)),
            next: "/authorize?client_id=photos".to_owned(),
        };
        rendered(pages, name, &page);
    }
    rendered(pages, "sign_in_wrong", &sign_in(says(News::WrongPassword), Some("Photos"), "mia"));
    rendered(pages, "sign_in_locked", &sign_in(says(News::Locked { minutes: 1 }), None, "mia"));
    rendered(pages, "sign_in_weak", &sign_in(says(News::TooWeak), None, "mia"));
    for (name, notice, recovery_open) in [
        ("second_factor", None, false),
        ("second_factor_wrong", says(News::WrongCode), false),
        ("second_factor_recovery", says(News::WrongRecoveryCode), true),
    ] {
        let page =
            SecondFactor { chrome: outside(), notice, attempt: "a1".to_owned(), recovery_open, next: String::new() };
        rendered(pages, name, &page);
    }
    for (name, notice, username) in [("recover", None, ""), ("recover_wrong", says(News::NotRecovered), "mia")] {
        rendered(pages, name, &Recover { chrome: outside(), notice, username: username.to_owned() });
    }
    for (name, has_password) in [("reauthenticate", true), ("reauthenticate_passkey", false)] {
        let page = Reauthenticate {
            chrome: inside(),
            notice: None,
            username: "mia".to_owned(),
            app: (!has_password).then(|| "Photos".to_owned()),
            stronger: !has_password,
            somebody_else: "/choose?next=%2F".to_owned(),
            has_password,
            former: former.clone().filter(|_| has_password),
            next: "/account/sign-in".to_owned(),
        };
        rendered(pages, name, &page);
    }
    rendered(pages, "sign_out", &SignOut { chrome: inside() });
    for (name, app) in [("log_out", Some("Photos")), ("log_out_nobody", None)] {
        let page = LogOut { chrome: inside(), app: app.map(str::to_owned), request: "/logout?state=\"1\"".to_owned() };
        rendered(pages, name, &page);
    }
    rendered(pages, "signed_out", &SignedOut { chrome: outside() });
}

fn invited(pages: &mut BTreeMap<String, String>) {
    for (name, again) in [("invite", false), ("invite_again", true)] {
        let page = Invite {
            chrome: outside(),
            notice: None,
            token: "t0k3n".to_owned(),
            name: "Mia Miller".to_owned(),
            username: "mia".to_owned(),
            face: Face::new("Mia Miller", None),
            again,
            until: When::new(NOW + Span::days(1), NOW),
            password_possible: again,
        };
        rendered(pages, name, &page);
    }
    let page = InvitePassword {
        chrome: outside(),
        notice: says(News::Refused {
            why: "this is on every attacker's list; use three or four unrelated words".to_owned(),
        }),
        token: "t0k3n".to_owned(),
        username: "mia".to_owned(),
        qr: qr(),
        key: KEY.to_owned(),
        ceremony: "c1".to_owned(),
    };
    rendered(pages, "invite_password", &page);
    for (name, first_time) in [("recovery_codes", false), ("recovery_codes_first", true)] {
        let page = RecoveryCodes {
            chrome: inside(),
            codes: (0..10).map(|n| format!("k7m{n}-x2pq-9fh{n}")).collect(),
            username: "mia".to_owned(),
            codes_are: if first_time { CodesAre::WithPresence } else { CodesAre::WithPassword },
            first_time,
            next: "/".to_owned(),
        };
        rendered(pages, name, &page);
    }
}

fn app(title: &str, place: &str) -> AppTile {
    let launch = (!place.is_empty()).then(|| format!("https://{place}/"));
    AppTile { title: title.to_owned(), icon: Icon::new(title, None), launch, place: place.to_owned() }
}

fn apps(pages: &mut BTreeMap<String, String>) {
    let tiles = vec![
        app("Photos", "photos.miller.home"),
        app("Film night", "jellyfin.miller.home"),
        app("Recipes & shopping", "kitchen.miller.home"),
        app("Documents", "paper.miller.home"),
        app("Home Assistant", ""),
        app("Music", "music.miller.home"),
    ];
    let mut page = Dashboard {
        chrome: inside(),
        notice: None,
        apps: tiles,
        passkey_due: None,
        only_one_way_in: true,
        codes_would_help: true,
        certificate: None,
        update: None,
        recovery_window: None,
    };
    rendered(pages, "dashboard", &page);
    page.only_one_way_in = false;
    let failure = Some((
        "the house's own authority is damaged: its key cannot be read".to_owned(),
        "put the file back from a backup".to_owned(),
    ));
    for (name, ended, failure) in
        [("dashboard_certificate", false, failure), ("dashboard_certificate_ended", true, None)]
    {
        page.certificate = Some(CertificateNews { ended, until: "28 February 2027".to_owned(), failure });
        rendered(pages, name, &page);
    }
    page.certificate = None;
    let reason = "the certificate page does not answer; 2 more".to_owned();
    let at = When::new(NOW - Span::days(1), NOW);
    page.update = Some(UpdateNews { runs: "0.1.0".to_owned(), failed: "0.2.0".to_owned(), reason, at });
    rendered(pages, "dashboard_rolled_back", &page);
    page.update = None;
    page.apps.clear();
    page.passkey_due = Some(When::new(NOW + Span::days(12), NOW));
    rendered(pages, "dashboard_empty", &page);
}

fn on_the_way_to_an_app(pages: &mut BTreeMap<String, String>) {
    for (name, again) in [("consent", false), ("consent_more", true)] {
        let page = Consent {
            chrome: inside(),
            request: "r1".to_owned(),
            app: "Photos".to_owned(),
            icon: Icon::new("Photos", None),
            place: "photos.miller.home".to_owned(),
            name: "Mia Miller".to_owned(),
            username: "mia".to_owned(),
            mail: "mia@miller.example".to_owned(),
            face: Face::new("Mia Miller", None),
            gets: vec![Share::Identity, Share::Profile, Share::Mail, Share::Groups, Share::Offline],
            has: if again { vec![Share::Other("shelf".to_owned())] } else { Vec::new() },
            again,
            policy: Some("https://photos.miller.home/policy".to_owned()),
            terms: again.then(|| "https://photos.miller.home/terms".to_owned()),
        };
        rendered(pages, name, &page);
    }
    let page = FormPost {
        chrome: outside(),
        place: "photos.miller.home".to_owned(),
        target: "https://photos.miller.home/cb".to_owned(),
        fields: vec![("code", "c1".to_owned()), ("state", "s1".to_owned())],
    };
    rendered(pages, "form_post", &page);
    for (name, somebody_else) in [("choose", false), ("choose_somebody_else", true)] {
        let page = Choose {
            chrome: inside(),
            username: "mia".to_owned(),
            app: Some("Photos".to_owned()),
            somebody_else,
            as_me: "/reauthenticate?next=%2F".to_owned(),
            next: "/".to_owned(),
        };
        rendered(pages, name, &page);
    }
}

fn other_device(pages: &mut BTreeMap<String, String>) {
    let code = |news: Option<News>| DeviceCode {
        chrome: inside(),
        code: if news.is_some() { "k7wm 3xpp".to_owned() } else { String::new() },
        notice: news.map(Notice::of),
    };
    rendered(pages, "device_code", &code(None));
    rendered(pages, "device_code_wrong", &code(Some(News::WrongUserCode)));
    rendered(pages, "device_code_over", &code(Some(News::UserCodeOver)));
    rendered(pages, "device_code_locked", &code(Some(News::UserCodesLocked { minutes: 9 })));
    let page = DeviceQuestion {
        chrome: inside(),
        code: "K7WM-3XPB".to_owned(),
        app: "Film night".to_owned(),
        icon: Icon::new("Film night", None),
        seen_as: "192.168.1.40".to_owned(),
        asked: ago(2),
        name: "Mia Miller".to_owned(),
        username: "mia".to_owned(),
        mail: String::new(),
        face: Face::new("Mia Miller", None),
        gets: vec![Share::Identity, Share::Profile, Share::Offline],
        policy: Some("https://film.miller.home/privacy".to_owned()),
        terms: Some("https://film.miller.home/terms".to_owned()),
    };
    rendered(pages, "device_question", &page);
    for (name, allowed) in [("device_allowed", true), ("device_refused", false)] {
        rendered(pages, name, &DeviceAnswered { chrome: inside(), app: "Film night".to_owned(), allowed });
    }
}

fn about_me(pages: &mut BTreeMap<String, String>) {
    let mail = |address: &str, primary| Mail { address: address.to_owned(), primary };
    for (name, full) in [("account_profile", true), ("account_profile_bare", false)] {
        let page = Profile {
            chrome: inside(),
            notice: full.then(|| Notice::of(News::Done(Done::Saved))),
            tab: Tab::Profile,
            username: "mia".to_owned(),
            fields: ATTRIBUTES
                .iter()
                .filter(|def| def.edit == Edit::Holder)
                .map(|def| Field { key: def.key, title: def.title, value: "Mia".to_owned() })
                .collect(),
            mails: if full { vec![mail("mia@miller.example", true), mail("m@work.example", false)] } else { vec![] },
            face: Face::new("Mia Miller", None),
            has_picture: full,
            groups: if full { vec!["family".to_owned(), "photo-friends".to_owned()] } else { vec![] },
        };
        rendered(pages, name, &page);
    }
}

fn passkey(id: &str, name: &str, synced: bool, used: Option<When>) -> Passkey {
    Passkey { id: id.to_owned(), name: name.to_owned(), created: ago(60 * 24 * 90), used, synced, suspect: !synced }
}

fn ways_in(pages: &mut BTreeMap<String, String>) {
    let page = WaysIn {
        chrome: inside(),
        notice: says(News::Done(Done::PasskeyAdded)),
        tab: Tab::SignIn,
        passkeys: vec![
            passkey("1", "Mia's iPhone", true, Some(ago(3))),
            passkey("2", "Blue key on the key ring", false, None),
        ],
        password_changed: Some(ago(60 * 24 * 200)),
        authenticator_added: Some(ago(60 * 24 * 3)),
        codes: Some(Codes { left: 9, made: ago(60 * 30) }),
        codes_are: CodesAre::NewPasskey,
    };
    rendered(pages, "account_sign_in", &page);
    let page = WaysIn {
        passkeys: vec![],
        notice: says(News::Refused { why: "this is your last way in; add another passkey first".to_owned() }),
        password_changed: None,
        authenticator_added: None,
        codes: None,
        codes_are: CodesAre::WithPresence,
        ..page
    };
    rendered(pages, "account_sign_in_bare", &page);
    for (name, replaces, notice) in
        [("account_password", false, None), ("account_password_short", true, says(News::PasswordsDiffer))]
    {
        let chrome = inside();
        let username = "mia".to_owned();
        rendered(pages, name, &Password { chrome, notice, tab: Tab::SignIn, username, replaces, least: 10 });
    }
    let page = Authenticator {
        chrome: inside(),
        notice: None,
        tab: Tab::SignIn,
        qr: qr(),
        key: KEY.to_owned(),
        ceremony: "c1".to_owned(),
    };
    rendered(pages, "account_authenticator", &page);
}

fn session(id: &str, device: &str, hand_held: bool, this_one: bool) -> SessionRow {
    let device = device.to_owned();
    let place = "192.168.1.20".to_owned();
    SessionRow { id: id.to_owned(), device, hand_held, place, since: ago(60 * 26), seen: ago(12), this_one }
}

fn other_tabs(pages: &mut BTreeMap<String, String>) {
    let sessions = vec![
        session("1", "Safari on iPhone", true, true),
        session("2", "Firefox on Windows", false, false),
        session("3", "Chrome on Android", true, false),
    ];
    rendered(pages, "account_devices", &Devices { chrome: inside(), notice: None, tab: Tab::Devices, sessions });
    let sessions = vec![session("1", "Safari on iPhone", true, true)];
    rendered(pages, "account_devices_one", &Devices { chrome: inside(), notice: None, tab: Tab::Devices, sessions });

    let consents = ["Photos", "Recipes & shopping"]
        .map(|title| ConsentRow {
            id: title.chars().filter(char::is_ascii_lowercase).collect(),
            title: title.to_owned(),
            icon: Icon::new(title, None),
            gets: vec![Share::Identity, Share::Mail, Share::Other("shelf".to_owned())],
            since: ago(60 * 24 * 12),
        })
        .into();
    rendered(pages, "account_apps", &Apps { chrome: inside(), notice: None, tab: Tab::Apps, consents });
    rendered(pages, "account_apps_empty", &Apps { chrome: inside(), notice: None, tab: Tab::Apps, consents: vec![] });

    let key = SshKey {
        name: "mia@laptop".to_owned(),
        kind: "ED25519".to_owned(),
        fingerprint: "SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE".to_owned(),
        added: ago(60 * 24 * 40),
    };
    let page = SshKeys { chrome: inside(), notice: None, tab: Tab::SshKeys, keys: vec![key], draft: String::new() };
    rendered(pages, "account_ssh_keys", &page);
    let notice = says(News::Refused { why: "that is a private key; keep it, and paste the public one".to_owned() });
    let draft = "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned();
    let page = SshKeys { chrome: inside(), notice, tab: Tab::SshKeys, keys: vec![], draft };
    rendered(pages, "account_ssh_keys_empty", &page);
}

fn trouble(pages: &mut BTreeMap<String, String>) {
    for (name, trouble) in [
        ("trouble_not_found", Trouble::NotFound),
        ("trouble_moved", Trouble::Moved { issuer: "https://id.miller.example".to_owned() }),
        ("trouble_bad_request", Trouble::BadRequest),
        ("trouble_not_from_here", Trouble::NotFromHere),
        ("trouble_not_allowed", Trouble::NotAllowed),
        ("trouble_holds_office", Trouble::HoldsOffice),
        (
            "trouble_link_over",
            Trouble::LinkOver {
                why: "this link was used, replaced or is too old; ask the person who sent it for a new one".to_owned(),
            },
        ),
        ("trouble_account_closed", Trouble::AccountClosed),
        ("trouble_app_confused", Trouble::AppConfused { detail: "redirect_uri is not registered".to_owned() }),
        ("trouble_fault", Trouble::Fault { id: "7F3K-20QX".to_owned() }),
        ("trouble_clock", Trouble::ClockNotSet { seconds: 10, again: "/signin".to_owned() }),
        ("trouble_busy", Trouble::Busy { seconds: 5, again: "/signin".to_owned() }),
    ] {
        rendered(pages, name, &TroublePage { chrome: outside(), trouble });
    }
}
