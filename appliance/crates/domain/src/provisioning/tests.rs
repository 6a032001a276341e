use super::*;

const EXAMPLE: &str = include_str!("../../../../docs/latchkey.toml.example");
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGMBwr0iwjSCUcqCo/WXRpnhgJKINJyTaazk+t1zt1UY anna@laptop";
const PASSWORD: &str = "WifiHush!1";
const TOKEN: &str = "T0kHush!2";

fn read(text: &str) -> Result<Provisioning, ProvisioningError> {
    text.parse()
}

fn full() -> String {
    format!(
        "host = \"id\"\ndomain = \"example.org\"\nhouse = \"Holm\"\ntime_zone = \"Europe/Vienna\"\nlocale = \"de-at\"\n\
         [wifi]\nssid = \"Home\"\npassword = \"{PASSWORD}\" # from the router\ncountry = \"AT\"\n\
         [admin]\nssh_keys = [\n  \"{KEY}\",\n]\n\
         [certificate]\nkind = \"acme\"\ndns = {{ kind = \"desec\", token = \"{TOKEN}\" }}\n\
         [owner]\nname = \"Jörg Bauer\"\n"
    )
}

#[test]
fn the_example_is_a_good_file_in_all_its_parts() {
    read(EXAMPLE).unwrap();
    let all: String = EXAMPLE.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n").collect();
    let file = read(&all).unwrap();
    assert!(file.host.is_some() && file.house.is_some() && file.time_zone.is_some() && file.locale.is_some());
    assert!(file.wifi.is_some() && file.certificate.is_some() && file.owner.is_some() && file.admin_keys.len() == 1);
}

#[test]
fn a_file_says_everything_that_a_box_needs() {
    let file = read(&full()).unwrap();
    assert_eq!(file.host.unwrap().as_str(), "id.example.org");
    assert_eq!(file.locale.unwrap().as_str(), "de_AT.UTF-8");
    assert_eq!(file.admin_keys[0].comment.as_ref().unwrap().as_str(), "anna@laptop");
    assert_eq!(file.owner.unwrap().username().as_str(), "joerg");
    assert!(matches!(file.certificate, Some(CertificateChoice::Acme(_))));
}

#[test]
fn an_empty_file_asks_for_nothing() {
    assert_eq!(read("").unwrap(), Provisioning::default());
}

#[test]
fn a_name_is_given_whole_or_in_two_parts() {
    for text in [
        "host = \"id.example.org\"",
        "host = \"id\"\ndomain = \"example.org\"",
        "host = \"id.example.org\"\ndomain = \"example.org\"",
    ] {
        assert_eq!(read(text).unwrap().host.unwrap().as_str(), "id.example.org", "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, line, word) in [
        ("hots = \"a\"", 1, "hots"),
        ("house = \"a\"\nhouse = \"b\"", 2, "duplicate"),
        ("house = \"a\n", 1, "string"),
        ("\nhost = \"id\"", 2, "domain"),
        ("domain = \"example.org\"", 1, "host"),
        ("host = \"ID.example.org\"", 1, "lower case"),
        ("host = \"192.168.1.5\"", 1, "address"),
        ("host = \"latchkey.local\"", 1, "choose another"),
        ("house = \"\"", 1, "name"),
        ("house = 5", 1, "double quotes"),
        ("time_zone = \"../etc\"", 1, "Europe/Vienna"),
        ("locale = \"german\"", 1, "de_AT"),
        ("[wifi]\nssid = \"\"\ncountry = \"AT\"", 2, "network"),
        ("[wifi]\nssid = \"a\"\npassword = \"short\"\ncountry = \"AT\"", 3, "8 to 63"),
        ("[wifi]\nssid = \"a\"\npassword = 12345678\ncountry = \"AT\"", 3, "double quotes"),
        ("[wifi]\nssid = \"a\"", 1, "country"),
        ("[wifi]\nssid = \"a\"\ncountry = \"Austria\"", 3, "two letters"),
        ("[admin]\nssh_keys = [\n\"hello\",\n]", 3, ".pub"),
        ("[certificate]\nkind = \"magic\"", 2, "magic"),
        ("[certificate]\nkind = \"own-ca\"\ndays = 3", 3, "days"),
        ("host = \"a.b\"\n[certificate]\nkind = \"acme\"", 2, "dns"),
        ("\n[certificate]\nkind = \"acme\"\ndns = { kind = \"desec\", token = \"t\" }", 2, "host"),
        ("[owner]\nname = \"\"", 2, "name"),
        ("[owner]\nname = \"a\"\npassword = \"b\"", 3, "password"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.line == Some(line) && error.what.contains(word), "{text}: {error}");
    }
}

#[test]
fn too_many_keys_are_refused_at_the_first_extra_one() {
    let keys = format!("\"{KEY}\",\n").repeat(MAX_KEYS + 1);
    let error = read(&format!("[admin]\nssh_keys = [\n{keys}]")).unwrap_err();
    assert_eq!(error.line, Some(MAX_KEYS + 3));
}

#[test]
fn a_file_that_is_no_text_is_told_what_to_be() {
    assert!(text_of(&vec![b'#'; MAX_FILE + 1]).unwrap_err().what.contains("64 KiB"));
    assert!(text_of(b"\xff\xfeh\0").unwrap_err().what.contains("UTF-8"));
    assert_eq!(text_of(b"a\n\xe4").unwrap_err().line, Some(2));
    let marked = format!("\u{feff}{}", full().replace('\n', "\r\n"));
    assert_eq!(read(text_of(marked.as_bytes()).unwrap()).unwrap(), read(&full()).unwrap());
}

#[test]
fn no_damage_to_the_file_makes_an_error_tell_a_secret() {
    let file = full();
    let tells = |text: &str| [PASSWORD, TOKEN].iter().any(|secret| text.contains(&secret[..5]));
    assert!(!tells(&format!("{:?}", read(&file).unwrap())));
    for (place, c) in file.char_indices() {
        let without = format!("{}{}", &file[..place], &file[place + c.len_utf8()..]);
        for damaged in [&file[..place], &without] {
            if let Err(error) = read(damaged) {
                assert!(!tells(&error.to_string()), "{error}");
            }
        }
    }
    for text in ["[certificate.dns]\ntoken = 12345", "[wifi]\npassword = [\"WifiHush!1\"]", "password = \"WifiHush!1\""]
    {
        assert!(!tells(&read(text).unwrap_err().to_string()));
    }
}

#[test]
fn secrets_are_taken_out_and_the_rest_stays_as_it_was_written() {
    let clean = without_secrets(&full(), "2026-11-23").unwrap();
    assert!(!clean.contains(PASSWORD) && !clean.contains(TOKEN));
    assert!(
        clean.contains("password = \"(removed on 2026-11-23, after it was applied)\" # from the router\n"),
        "{clean}"
    );
    assert_eq!(clean.lines().count(), full().lines().count());
    let plain = "house = \"Holm\" # hello\n";
    assert_eq!(without_secrets(plain, "2026-11-23").unwrap(), plain);
    let tsig = "[certificate]\nkind = \"acme\"\n[certificate.dns]\nkind = \"rfc2136\"\nkey = '''aHVzaA'''\n";
    assert!(!without_secrets(tsig, "today").unwrap().contains("aHVzaA"));
}

#[test]
fn a_file_that_was_applied_is_not_taken_for_a_new_one() {
    let clean = without_secrets(&full(), "2026-11-23").unwrap();
    let error = read(&clean).unwrap_err();
    assert!(error.what.contains("write it again") && error.line == Some(16), "{error}");
    let wifi = clean.split("[certificate]").next().unwrap();
    assert!(read(wifi).unwrap_err().what.contains("write it again"));
}
