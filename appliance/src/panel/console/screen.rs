//! What the console shows, as text. Words of the server are made harmless: they come from the people of the house.

use crate::api::{ClockSet, Invite, Status};
use crate::cli::qr;

use super::desk::Facts;
use super::menu::CHOICES;

/// Everything shown is cut to this.
const WIDTH: usize = 79;
/// Where values begin.
const NAME: usize = 14;
/// The longest text that the server tells, in characters.
const LONGEST: usize = 400;

/// How the box is and what can be chosen.
pub(super) fn banner(facts: &Facts) -> String {
    let mut text = format!("\n--- Latchkey {} ---\n", env!("CARGO_PKG_VERSION"));
    for state in &facts.states {
        text.push_str(&field("state", state));
    }
    if let Some(address) = &facts.address {
        text.push_str(&field("address", address));
    }
    text.push_str(&field("this machine", &numbers(facts)));
    if let Some((code, url)) = &facts.code {
        text.push_str(&field("claim code", &format!("{code}   to be typed at {url}")));
    }
    let fingerprint = facts.fingerprint.as_deref().unwrap_or("not known yet");
    text.push_str(&field("certificate", fingerprint));
    text.push('\n');
    text.push_str(CHOICES);
    text
}

fn numbers(facts: &Facts) -> String {
    if facts.numbers.is_empty() {
        return "no network".to_owned();
    }
    facts.numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ")
}

/// How the house is.
pub(super) fn status(status: &Status) -> String {
    let mut text = String::new();
    for state in &status.states {
        text.push_str(&field("state", &state.text));
    }
    for (name, value) in [
        ("house", status.house.clone()),
        ("address", status.issuer.clone()),
        ("version", status.version.clone()),
        ("persons", status.persons.to_string()),
        ("apps", status.apps.to_string()),
        ("signed in", status.sessions.to_string()),
        ("database", format!("{} KiB", status.database_bytes / 1024)),
    ] {
        text.push_str(&field(name, &value));
    }
    text
}

/// What time it is, and whether that can be trusted.
pub(super) fn clock(status: &Status) -> String {
    let waits = status.states.iter().any(|state| state.name == "clock-not-trusted");
    let trust = if waits { "not trusted yet: no time server has answered" } else { "trusted" };
    field("time", &format!("{} UTC", status.now.short())) + &field("clock", trust)
}

/// What setting the clock came to.
pub(super) fn clock_set(set: &ClockSet) -> String {
    let whose = if set.machine { "The clock of the box" } else { "The server's own clock" };
    format!("{whose} is set to {} UTC, until the next start.\n", set.now.short())
}

/// The network of this machine.
pub(super) fn network(facts: &Facts, interfaces: &[(String, String)]) -> String {
    let mut text = field("address", facts.address.as_deref().unwrap_or("not known: the server does not answer"));
    text.push_str(&field("this machine", &numbers(facts)));
    for (name, state) in interfaces {
        text.push_str(&field(name, state));
    }
    text
}

/// A link, and its QR code where the screen has room for it.
pub(super) fn link(name: &str, invite: &Invite, width: usize) -> String {
    let mut text = format!(
        "With this link {name} can add a new passkey; it works once, until {} UTC:\n\n{}\n\n",
        invite.expires_at.short(),
        plain(&invite.url)
    );
    let fits = |code: &String| code.lines().all(|line| line.chars().count() < width);
    if let Some(code) = qr::drawing(&invite.url, false).filter(fits) {
        text.push_str(&code);
        text.push('\n');
    }
    text
}

/// What went wrong.
pub(super) fn trouble(why: &str) -> String {
    format!("That did not work: {}\n", plain(why))
}

/// A name and its value, in lines that fit.
fn field(name: &str, value: &str) -> String {
    let (mut text, mut line) = (String::new(), format!("{:NAME$}", plain(name)));
    let mut empty = true;
    let value = plain(value);
    for word in value.split(' ').flat_map(parts) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(NAME);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    text + line.trim_end() + "\n"
}

/// A word that no line holds, as a fingerprint, in parts that one does: 16 bytes each.
fn parts(word: &str) -> impl Iterator<Item = String> {
    const PART: usize = 48;
    let letters: Vec<char> = word.chars().collect();
    let size = if letters.len() <= WIDTH - NAME { letters.len().max(1) } else { PART };
    let parts: Vec<String> = letters.chunks(size).map(|part| part.iter().collect()).collect();
    parts.into_iter()
}

/// Without anything that moves a cursor, and not too long.
fn plain(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_tells_what_somebody_at_the_box_needs() {
        let facts = Facts {
            states: vec!["Nobody owns this box yet".to_owned()],
            address: Some("https://latchkey.local".to_owned()),
            numbers: vec!["192.168.1.5".parse().unwrap()],
            code: Some(("ABCD-EFGH".to_owned(), "https://latchkey.local/claim".to_owned())),
            fingerprint: Some(["AB"; 32].join(":")),
        };
        let text = banner(&facts);
        for part in
            ["Nobody owns", "https://latchkey.local", "192.168.1.5", "ABCD-EFGH", &"AB:".repeat(16), "\n  1  status"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let nothing = banner(&Facts::default());
        assert!(!nothing.contains("claim code") && nothing.contains("not known yet"));
    }

    #[test]
    fn a_name_cannot_move_the_cursor_or_fill_the_screen() {
        let text = field("state", &format!("\u{1b}[2Ja\nb {}", "x ".repeat(5000)));
        assert!(!text.contains('\u{1b}') && text.len() < 1000, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn a_link_has_its_code_only_where_there_is_room() {
        let invite = Invite {
            url: "https://id.example.net/invite/lk_i_abcdefghijklmnop".to_owned(),
            expires_at: domain::time::Timestamp::from_unix(1_800_000_000).into(),
        };
        assert!(link("anna", &invite, 80).contains('█'));
        let narrow = link("anna", &invite, 20);
        assert!(narrow.contains(&invite.url) && !narrow.contains('█'));
    }
}
