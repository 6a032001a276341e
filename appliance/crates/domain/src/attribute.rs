//! What is known about an account beyond its name: one table, from which storage, claims, LDAP, pages and CLI follow.
//!
//! Values are kept as JSON under their key; a value that is absent is not set. Each is parsed here and nowhere else.

use std::fmt;

use serde_json::Value;

use crate::name::{Label, NameError};

/// Most mail addresses of one account.
pub const MAX_MAILS: usize = 8;

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeDef {
    /// The key under which it is stored, typed and exported.
    pub key: &'static str,
    /// What people see it called.
    pub title: &'static str,
    /// Its LDAP name.
    pub ldap: &'static str,
    /// Its standard OpenID Connect claim (Core section 5.1).
    pub claim: &'static str,
    /// What its values look like.
    pub kind: AttributeKind,
    /// Who may change it.
    pub edit: Edit,
    /// Whether service accounts have it as well.
    pub service: bool,
}

/// What the values of an attribute look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// One line of text.
    Label,
    /// Mail addresses, the primary one first; a JSON array of strings.
    MailList,
    /// A language tag (BCP 47).
    Locale,
    /// A time zone's name (`Europe/Vienna`).
    Zone,
    /// A telephone number (E.164).
    Phone,
}

/// Who may change an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The person, and whoever manages persons.
    Holder,
    /// Only whoever manages persons: apps trust it to tell who somebody is.
    Admin,
}

/// The name that people see.
pub const DISPLAY_NAME: &str = "display_name";
/// The mail addresses, the primary one first.
pub const MAIL: &str = "mail";
/// The preferred language.
pub const LOCALE: &str = "locale";

/// All attributes, in the order in which they are shown.
pub const ATTRIBUTES: &[AttributeDef] = &[
    AttributeDef {
        key: DISPLAY_NAME,
        title: "Display name",
        ldap: "displayName",
        claim: "name",
        kind: AttributeKind::Label,
        edit: Edit::Holder,
        service: true,
    },
    AttributeDef {
        key: "given_name",
        title: "Given name",
        ldap: "givenName",
        claim: "given_name",
        kind: AttributeKind::Label,
        edit: Edit::Holder,
        service: false,
    },
    AttributeDef {
        key: "family_name",
        title: "Family name",
        ldap: "sn",
        claim: "family_name",
        kind: AttributeKind::Label,
        edit: Edit::Holder,
        service: false,
    },
    AttributeDef {
        key: MAIL,
        title: "Mail addresses",
        ldap: "mail",
        claim: "email",
        kind: AttributeKind::MailList,
        edit: Edit::Admin,
        service: true,
    },
    AttributeDef {
        key: LOCALE,
        title: "Language",
        ldap: "preferredLanguage",
        claim: "locale",
        kind: AttributeKind::Locale,
        edit: Edit::Holder,
        service: false,
    },
    AttributeDef {
        key: "zoneinfo",
        title: "Time zone",
        ldap: "timezone",
        claim: "zoneinfo",
        kind: AttributeKind::Zone,
        edit: Edit::Holder,
        service: false,
    },
    AttributeDef {
        key: "phone_number",
        title: "Phone",
        ldap: "telephoneNumber",
        claim: "phone_number",
        kind: AttributeKind::Phone,
        edit: Edit::Holder,
        service: false,
    },
];

/// The attribute of that key.
pub fn by_key(key: &str) -> Option<&'static AttributeDef> {
    ATTRIBUTES.iter().find(|def| def.key == key)
}

/// Why a value was not taken. `Display` says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeError {
    /// Not a text, or not a list of texts where a list is meant.
    Shape(AttributeKind),
    /// A text that is not a good line.
    Text(NameError),
    /// Not a mail address.
    Mail(String),
    /// More addresses than there may be.
    TooManyMails,
    /// Not a language tag.
    Locale,
    /// Not a time zone's name.
    Zone,
    /// Not a telephone number.
    Phone,
}

impl fmt::Display for AttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(AttributeKind::MailList) => f.write_str("give a list of mail addresses"),
            Self::Shape(AttributeKind::Label | AttributeKind::Locale | AttributeKind::Zone | AttributeKind::Phone) => {
                f.write_str("give a text")
            }
            Self::Text(why) => why.fmt(f),
            Self::Mail(raw) => write!(f, "{raw:?} is not a mail address; write it like anna@example.org"),
            Self::TooManyMails => write!(f, "keep at most {MAX_MAILS} addresses"),
            Self::Locale => f.write_str("write a language tag like en, de-AT or zh-Hant-TW"),
            Self::Zone => f.write_str("write a time zone like Europe/Vienna or UTC"),
            Self::Phone => f.write_str("write the number with its country code, like +43 1 234567"),
        }
    }
}

impl std::error::Error for AttributeError {}

impl AttributeDef {
    /// Reads a value. `None` unsets: that is what null, an empty text and an empty list mean.
    ///
    /// Mail addresses come as an array, or as one text separated by commas, semicolons or white space.
    pub fn parse(&self, value: &Value) -> Result<Option<Value>, AttributeError> {
        if let AttributeKind::MailList = self.kind {
            let mails = self.mails(value)?;
            return Ok(if mails.is_empty() { None } else { Some(mails.into()) });
        }
        let text = match value {
            Value::Null => return Ok(None),
            Value::String(text) => text.trim(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(AttributeError::Shape(self.kind));
            }
        };
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = match self.kind {
            AttributeKind::Label | AttributeKind::MailList => {
                text.parse::<Label>().map(String::from).map_err(AttributeError::Text)
            }
            AttributeKind::Locale => locale(text).ok_or(AttributeError::Locale),
            AttributeKind::Zone => zone(text).ok_or(AttributeError::Zone),
            AttributeKind::Phone => phone(text).ok_or(AttributeError::Phone),
        };
        parsed.map(|text| Some(text.into()))
    }

    fn mails(&self, value: &Value) -> Result<Vec<String>, AttributeError> {
        let raw: Vec<&str> = match value {
            Value::Null => Vec::new(),
            Value::String(text) => text
                .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
                .filter(|part| !part.is_empty())
                .collect(),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().ok_or(AttributeError::Shape(self.kind)))
                .collect::<Result<_, _>>()?,
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err(AttributeError::Shape(self.kind)),
        };
        let mut mails: Vec<String> = Vec::new();
        for one in raw {
            let mail = mail(one.trim()).ok_or_else(|| AttributeError::Mail(one.chars().take(64).collect()))?;
            if !mails.iter().any(|known| known.eq_ignore_ascii_case(&mail)) {
                mails.push(mail);
            }
            if mails.len() > MAX_MAILS {
                return Err(AttributeError::TooManyMails);
            }
        }
        Ok(mails)
    }
}

/// RFC 5321 section 4.1.2, without quoted strings and address literals, which no household needs. The domain in lower case.
pub(crate) fn mail(raw: &str) -> Option<String> {
    if raw.len() > 254 {
        return None;
    }
    let (local, domain) = raw.rsplit_once('@')?;
    let atom = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if local.len() > 64 || !local.split('.').all(atom) || !domain.split('.').all(host_label) {
        return None;
    }
    Some(format!("{local}@{}", domain.to_ascii_lowercase()))
}

fn host_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// RFC 5646 section 2.1: language, script, region, variants; in the case that section 2.1.1 recommends. Extensions and private
/// use are refused: no app of a household reads them.
fn locale(raw: &str) -> Option<String> {
    if raw.len() > 35 {
        return None;
    }
    let mut parts = raw.split(['-', '_']).peekable();
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    let language = parts.next().filter(|part| matches!(part.len(), 2 | 3) && letters(part))?;
    let mut tag = language.to_ascii_lowercase();
    if let Some(script) = parts.next_if(|part| part.len() == 4 && letters(part)) {
        tag.push('-');
        tag.push_str(&script[..1].to_ascii_uppercase());
        tag.push_str(&script[1..].to_ascii_lowercase());
    }
    let region = |part: &&str| {
        (part.len() == 2 && letters(part)) || (part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit()))
    };
    if let Some(region) = parts.next_if(region) {
        tag.push('-');
        tag.push_str(&region.to_ascii_uppercase());
    }
    for variant in parts {
        let digit_first = variant.len() == 4 && variant.starts_with(|c: char| c.is_ascii_digit());
        if !(digit_first || (5..=8).contains(&variant.len())) || !variant.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        tag.push('-');
        tag.push_str(&variant.to_ascii_lowercase());
    }
    Some(tag)
}

/// The shape of a name in the tz database: the house does not carry the database itself.
pub(crate) fn zone(raw: &str) -> Option<String> {
    let part = |part: &str| {
        (1..=14).contains(&part.len())
            && part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    let parts: Vec<&str> = raw.split('/').take(4).collect();
    (parts.len() <= 3 && parts.into_iter().all(part)).then(|| raw.to_owned())
}

/// E.164: at most 15 digits after the plus sign; what people put between the digits is dropped.
fn phone(raw: &str) -> Option<String> {
    let digits = raw.strip_prefix('+')?;
    let kept: String = digits.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let good = (5..=15).contains(&kept.len()) && !kept.starts_with('0') && kept.bytes().all(|b| b.is_ascii_digit());
    good.then(|| format!("+{kept}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(key: &str, value: &Value) -> Result<Option<Value>, AttributeError> {
        by_key(key).unwrap().parse(value)
    }

    #[test]
    fn no_two_attributes_share_a_key_a_claim_or_an_ldap_name() {
        for (index, one) in ATTRIBUTES.iter().enumerate() {
            for other in &ATTRIBUTES[index + 1..] {
                assert!(one.key != other.key && one.claim != other.claim && one.ldap != other.ldap, "{}", one.key);
            }
        }
    }

    #[test]
    fn nothing_unsets_an_attribute() {
        for def in ATTRIBUTES {
            assert_eq!(def.parse(&Value::Null), Ok(None));
            assert_eq!(def.parse(&json!("  ")), Ok(None));
        }
        assert_eq!(parse(MAIL, &json!([])), Ok(None));
    }

    #[test]
    fn a_parsed_value_parses_to_itself() {
        for (key, raw) in [
            (DISPLAY_NAME, " Zoë 李 "),
            (MAIL, "Anna@Example.ORG, b@example.org"),
            (LOCALE, "DE_at"),
            ("zoneinfo", "Europe/Vienna"),
            ("phone_number", "+43 (1) 234-567"),
        ] {
            let once = parse(key, &json!(raw)).unwrap().unwrap();
            assert_eq!(parse(key, &once), Ok(Some(once.clone())), "{key}");
        }
    }

    #[test]
    fn the_first_address_is_the_primary_one_and_none_comes_twice() {
        let mails = parse(MAIL, &json!(["anna@example.org", "a.b+c@mail.example.org", "Anna@EXAMPLE.org"]));
        assert_eq!(mails, Ok(Some(json!(["anna@example.org", "a.b+c@mail.example.org"]))));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in [
            "anna",
            "@example.org",
            "anna@",
            ".a@example.org",
            "a..b@example.org",
            "a@-x.org",
            "a@x..org",
            "ä@example.org",
            "a@exämple.org",
            "a\u{0}@example.org",
            "\"a\"@example.org",
            "a@[127.0.0.1]",
        ] {
            assert!(parse(MAIL, &json!([raw])).is_err(), "{raw}");
        }
        assert!(parse(MAIL, &json!([format!("{}@example.org", "a".repeat(65))])).is_err());
        assert!(parse(MAIL, &json!(["Anna Bauer <anna@example.org>"])).is_err());
        assert!(parse(MAIL, &json!([1])).is_err());
        assert!(parse(MAIL, &json!({"a": 1})).is_err());
    }

    #[test]
    fn nine_addresses_are_too_many() {
        let many: Vec<String> = (0..9).map(|n| format!("a{n}@example.org")).collect();
        assert_eq!(parse(MAIL, &json!(many)), Err(AttributeError::TooManyMails));
    }

    #[test]
    fn language_tags_get_their_usual_case() {
        for (raw, tag) in [
            ("EN", "en"),
            ("de_at", "de-AT"),
            ("ZH-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("de-CH-1996", "de-CH-1996"),
        ] {
            assert_eq!(parse(LOCALE, &json!(raw)), Ok(Some(json!(tag))));
        }
        for raw in ["e", "english", "en-", "en-u-ca-buddhist", "de-AT-x", "12", "en US", "é"] {
            assert!(parse(LOCALE, &json!(raw)).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_zone_or_a_number_that_is_none_is_refused() {
        for raw in ["../etc/passwd", "/UTC", "Europe/", "1/2", "a/b/c/d", "Europe/Vienna\n"] {
            let zone = parse("zoneinfo", &json!(raw));
            assert!(zone.is_err() || zone == Ok(Some(json!(raw.trim()))), "{raw}");
        }
        assert!(parse("zoneinfo", &json!("../etc")).is_err());
        for raw in ["0123456", "+", "+43abc", "+0123456", "+1234567890123456"] {
            assert!(parse("phone_number", &json!(raw)).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_text_longer_than_a_line_is_refused() {
        assert!(parse(DISPLAY_NAME, &json!("x".repeat(129))).is_err());
        assert!(parse(DISPLAY_NAME, &json!("a\nb")).is_err());
        assert!(parse(DISPLAY_NAME, &json!(7)).is_err());
    }
}
