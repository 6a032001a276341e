//! The file without its secrets, for what stays on the card.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How a secret begins that was taken out of an applied file.
pub(super) const REMOVED: &str = "(removed";

/// Where the secrets stand.
const SECRETS: &[&[&str]] = &[&["wifi", "password"], &["certificate", "dns", "token"], &["certificate", "dns", "key"]];

/// The text of a file with each secret replaced by a note of that day; everything else stays as its owner wrote it. `None` for a
/// text that is no TOML.
pub fn without_secrets(text: &str, day: &str) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    let mut places: Vec<_> =
        SECRETS.iter().filter_map(|path| value(table.get_ref(), path)).map(Spanned::span).collect();
    places.sort_by_key(|place| place.start);
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    for place in places {
        clean.push_str(text.get(done..place.start)?);
        clean.push_str(&format!("\"{REMOVED} on {day}, after it was applied)\""));
        done = place.end;
    }
    clean.push_str(text.get(done..)?);
    Some(clean)
}

/// Whether that value, as it stands in the file, is what [`without_secrets`] leaves.
pub(super) fn is_removed(value: &str) -> bool {
    value.strip_prefix('"').is_some_and(|text| text.starts_with(REMOVED))
}

fn value<'a, 'i>(table: &'a DeTable<'i>, path: &[&str]) -> Option<&'a Spanned<DeValue<'i>>> {
    let (first, rest) = path.split_first()?;
    let found = table.get(*first)?;
    if rest.is_empty() { Some(found) } else { value(found.get_ref().as_table()?, rest) }
}
