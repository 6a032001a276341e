//! `application/x-www-form-urlencoded` fields, strictly: UTF-8 or nothing, and a repeated name is noticed.

use std::borrow::Cow;

use super::request::BadRequest;

/// More fields than any form of ours has.
const MAX_FIELDS: usize = 128;

/// The fields of a form or of a query, in their order.
#[derive(Debug, Default, Clone)]
pub(crate) struct Form(Vec<(String, String)>);

/// A name came more than once where the protocol allows it once (RFC 6749 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeated;

impl Form {
    /// Reads `a=1&b=2`.
    ///
    /// # Errors
    /// On broken percent escapes, text that is not UTF-8, or more than 128 fields.
    pub(crate) fn parse(text: &str) -> Result<Self, BadRequest> {
        let mut fields = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if fields.len() == MAX_FIELDS {
                return Err(BadRequest::new("The form has too many fields."));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            fields.push((decode(name)?, decode(value)?));
        }
        Ok(Self(fields))
    }

    /// The one value of a name, or that it came more than once.
    ///
    /// # Errors
    /// [`Repeated`] when the name came more than once.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.iter().filter(|(key, _)| *key == name).map(|(_, value)| value);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(Repeated),
        }
    }

    /// Every field in its order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn decode(raw: &str) -> Result<String, BadRequest> {
    let spaced = if raw.contains('+') { Cow::Owned(raw.replace('+', " ")) } else { Cow::Borrowed(raw) };
    percent_decode(&spaced).ok_or_else(|| BadRequest::new("The form is not valid UTF-8 in percent encoding."))
}

/// Undoes percent encoding; `None` for a broken escape or bytes that are not UTF-8.
pub(super) fn percent_decode(raw: &str) -> Option<String> {
    if !raw.contains('%') {
        return Some(raw.to_owned());
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = hex(rest.next()?)?;
            let low = hex(rest.next()?)?;
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_decoded_in_order() {
        let form = Form::parse("a=1+2&b=%C3%A9&empty=&bare").unwrap();
        let fields: Vec<_> = form.iter().collect();
        assert_eq!(fields, [("a", "1 2"), ("b", "é"), ("empty", ""), ("bare", "")]);
    }

    #[test]
    fn a_repeated_name_is_noticed() {
        let form = Form::parse("scope=a&scope=b").unwrap();
        assert_eq!(form.one("scope"), Err(Repeated));
        assert_eq!(form.one("state"), Ok(None));
    }

    #[test]
    fn broken_utf8_and_broken_escapes_are_refused() {
        for bad in ["a=%FF", "a=%C3", "a=%", "a=%4", "a=%zz", "%80=1"] {
            assert!(Form::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_form_with_very_many_fields_is_refused() {
        assert!(Form::parse(&"a=1&".repeat(129)).is_err());
    }

    proptest! {
        #[test]
        fn what_a_browser_encodes_comes_back(fields in proptest::collection::vec((".{0,20}", ".{0,20}"), 0..20)) {
            let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let form = Form::parse(&text).unwrap();
            let back: Vec<_> = form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            prop_assert_eq!(back, fields);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = Form::parse(&text);
        }
    }
}
