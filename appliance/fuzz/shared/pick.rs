//! Inputs that get past the first look: half of them are words that mean something, the others any text.

use serde_json::{Map, Value};

/// The number of a word, and the text that stands there if there is none of that number.
pub type Pick<'a> = (u8, &'a str);

/// The word, or the text.
pub fn word<'a>((number, text): Pick<'a>, words: &[&'a str]) -> &'a str {
    words.get(usize::from(number) % (2 * words.len())).copied().unwrap_or(text)
}

/// The object with these members: a word that can be read as JSON is that, and any other a text.
pub fn object<'a>(members: &[(Pick<'a>, Pick<'a>)], names: &[&'a str], words: &[&'a str]) -> Map<String, Value> {
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    members.iter().map(|(name, said)| (word(*name, names).to_owned(), value(word(*said, words)))).collect()
}
