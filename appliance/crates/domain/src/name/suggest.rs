//! From what a person is called to what they sign in with.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{MAX_NAME, Username};

/// What somebody is called whose name holds no letter that a username may.
const LAST_RESORT: &str = "person";

impl Username {
    /// A username for somebody who is called that: the first name where it makes one, else all names with dots between them.
    /// Always a good name; whether it is free is for the house to say.
    pub fn suggest(display_name: &str) -> Self {
        let words: Vec<String> = words(display_name).collect();
        let first = words.first().map(String::as_str).unwrap_or_default();
        let candidates = [first.to_owned(), words.join("."), format!("{LAST_RESORT}.{first}"), LAST_RESORT.to_owned()];
        let good = candidates.iter().find_map(|candidate| fit(candidate).parse().ok());
        good.unwrap_or_else(|| Self(LAST_RESORT.to_owned()))
    }
}

/// The words of a name in the letters of a username, titles (`Dr.`) left out unless there is nothing else.
fn words(display_name: &str) -> impl Iterator<Item = String> {
    let raw: Vec<&str> = display_name.split_whitespace().collect();
    let titles_only = raw.iter().all(|word| word.ends_with('.'));
    let kept = raw.into_iter().filter(move |word| titles_only || !word.ends_with('.')).map(plain).collect::<Vec<_>>();
    kept.into_iter().filter(|word| !word.is_empty())
}

/// One word in `a-z 0-9 -`, beginning with a letter.
fn plain(word: &str) -> String {
    let mut text = String::new();
    for c in word.nfc().flat_map(char::to_lowercase) {
        match spelled(c) {
            Some(spelled) => text.push_str(spelled),
            None => text.extend(std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c))),
        }
    }
    text.retain(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
    text.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-').to_owned()
}

/// Letters that lose more than an accent when they become ASCII, as their owners spell them.
const fn spelled(c: char) -> Option<&'static str> {
    Some(match c {
        'ä' | 'æ' => "ae",
        'ö' | 'œ' => "oe",
        'ø' => "o",
        'ü' => "ue",
        'ß' => "ss",
        'ð' | 'đ' => "d",
        'þ' => "th",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        'ŋ' => "ng",
        _ => return None,
    })
}

/// Not longer than a name may be, and with an end that it may have.
fn fit(text: &str) -> &str {
    text.get(..MAX_NAME).unwrap_or(text).trim_end_matches(['.', '-'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_first_name_makes_the_username() {
        for (called, name) in [
            ("Anna Bauer", "anna"),
            ("  jörg  ", "joerg"),
            ("Zoë", "zoe"),
            ("Jo\u{308}rg", "joerg"),
            ("Łukasz Żak", "lukasz"),
            ("Søren Ågård", "soren"),
            ("José-María García", "jose-maria"),
            ("Şeyma Işık", "seyma"),
            ("Nguyễn Văn Đức", "nguyen"),
            ("O'Brien", "obrien"),
            ("Dr. Eva Groß", "eva"),
            ("Groß", "gross"),
            ("李 Anna", "anna"),
            ("2Pac", "pac"),
        ] {
            assert_eq!(Username::suggest(called).as_str(), name, "{called}");
        }
    }

    #[test]
    fn what_makes_no_name_or_a_reserved_one_gets_another() {
        for (called, name) in [
            ("Root Bauer", "root.bauer"),
            ("Guest", "person.guest"),
            ("李小龙", "person"),
            ("", "person"),
            ("...", "person"),
            ("123", "person"),
        ] {
            assert_eq!(Username::suggest(called).as_str(), name, "{called}");
        }
        assert_eq!(Username::suggest(&"x".repeat(99)).as_str().len(), MAX_NAME);
    }

    proptest! {
        #[test]
        fn any_name_gets_a_good_username(called in any::<String>()) {
            let name = Username::suggest(&called);
            prop_assert_eq!(name.as_str().parse::<Username>().unwrap(), name);
        }
    }
}
