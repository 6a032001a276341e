//! The `claims` parameter (OpenID Connect Core section 5.5): claims by name, and demands on `sub` and `acr`.

use std::collections::BTreeMap;

use domain::claim::{MAX_CLAIM_NAME, RequestedClaims};
use domain::strength::Strength;
use serde::Deserialize;
use serde_json::{Map, Value};

const MALFORMED: &str = "claims is not a JSON object as in OpenID Connect Core section 5.5";

/// Most bytes of the parameter.
const MAX_CLAIMS: usize = 4096;

/// Most claims in one place.
const MAX_NAMES: usize = 64;

/// Most values of one demand.
const MAX_VALUES: usize = 16;

/// What the parameter asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Claims by name.
    pub(super) claims: RequestedClaims,
    /// Who the person must be, if the app says so: one of these.
    pub(super) subjects: Option<Vec<String>>,
    /// How strongly they must prove it.
    pub(super) acr: Acr,
}

/// Levels that the app wants to see one of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Acr {
    /// Those that we know, the best liked first.
    levels: Vec<Strength>,
    /// Whether none of them is a failed sign-in (OpenID Connect Core section 5.5.1.1).
    pub(super) essential: bool,
}

impl Acr {
    /// Without insisting: `acr_values`. Levels that we do not know are left out.
    pub(super) fn preferred<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { levels: names.into_iter().filter_map(|name| name.parse().ok()).collect(), essential: false }
    }

    /// Whether the app does not care.
    pub(super) fn is_indifferent(&self) -> bool {
        self.levels.is_empty() && !self.essential
    }

    /// The best liked level that this proof reaches.
    pub(super) fn reached(&self, proven: Strength) -> Option<Strength> {
        self.levels.iter().copied().find(|level| proven >= *level)
    }
}

type Place = BTreeMap<String, Option<Demand>>;

/// Members that are not understood are ignored (section 5.5.1).
#[derive(Deserialize)]
struct Demand {
    #[serde(default)]
    essential: bool,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    values: Option<Vec<Value>>,
}

impl Demand {
    /// The texts that it may be; `None` when any will do. Something else than a text fits nobody.
    fn wanted(&self) -> Option<Vec<String>> {
        if self.value.is_none() && self.values.is_none() {
            return None;
        }
        let all = self.value.iter().chain(self.values.iter().flatten());
        Some(all.filter_map(|value| value.as_str().map(str::to_owned)).collect())
    }
}

/// Reads the parameter.
pub(super) fn parse(raw: &str) -> Result<Asked, &'static str> {
    if raw.len() > MAX_CLAIMS {
        return Err("claims is too long");
    }
    let mut parameter: Map<String, Value> = serde_json::from_str(raw).map_err(|_| MALFORMED)?;
    let (id_token, userinfo) = (place(parameter.remove("id_token"))?, place(parameter.remove("userinfo"))?);
    let mut asked = Asked::default();
    for place in [&id_token, &userinfo] {
        check(place)?;
        if let Some(Some(demand)) = place.get("sub")
            && let Some(wanted) = demand.wanted()
        {
            asked.subjects = Some(match asked.subjects {
                None => wanted,
                Some(before) => before.into_iter().filter(|one| wanted.contains(one)).collect(),
            });
        }
    }
    if let Some(Some(demand)) = id_token.get("acr")
        && let Some(wanted) = demand.wanted()
    {
        asked.acr = Acr { essential: demand.essential, ..Acr::preferred(wanted.iter().map(String::as_str)) };
    }
    asked.claims.id_token = id_token.into_keys().collect();
    asked.claims.userinfo = userinfo.into_keys().collect();
    Ok(asked)
}

/// The claims of one place. Members of the parameter that are not understood are ignored (section 5.5).
fn place(value: Option<Value>) -> Result<Place, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(Place::new()),
        Some(Value::Object(claims)) => claims.into_iter().map(|(name, demand)| Ok((name, read(demand)?))).collect(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => Err(MALFORMED),
    }
}

fn read(demand: Value) -> Result<Option<Demand>, &'static str> {
    match demand {
        Value::Null => Ok(None),
        demand @ Value::Object(_) => serde_json::from_value(demand).map(Some).map_err(|_| MALFORMED),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Err(MALFORMED),
    }
}

fn check(place: &Place) -> Result<(), &'static str> {
    if place.len() > MAX_NAMES {
        return Err("claims asks for too many claims");
    }
    if place.keys().any(|name| name.len() > MAX_CLAIM_NAME) {
        return Err("claims has a name that is too long");
    }
    if place.values().flatten().any(|demand| demand.values.as_ref().is_some_and(|all| all.len() > MAX_VALUES)) {
        return Err("claims has too many values for one claim");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_standard_is_read() {
        let raw = r#"{
            "userinfo": {
                "given_name": {"essential": true}, "nickname": null, "email": {"essential": true},
                "email_verified": {"essential": true}, "picture": null, "http://example.info/claims/groups": null
            },
            "id_token": {"auth_time": {"essential": true}, "acr": {"values": ["urn:mace:incommon:iap:silver"]}}
        }"#;
        let asked = parse(raw).unwrap();
        assert_eq!(asked.claims.userinfo.len(), 6);
        assert_eq!(asked.claims.id_token, ["acr", "auth_time"]);
        assert!(asked.acr.is_indifferent(), "a level that we do not know, and not essential");
        assert_eq!(asked.subjects, None);
    }

    #[test]
    fn demands_on_sub_and_acr_are_understood() {
        let raw =
            r#"{"id_token": {"sub": {"value": "a"}, "acr": {"essential": true, "values": ["passkey", "x", "mfa"]}}}"#;
        let asked = parse(raw).unwrap();
        assert_eq!(asked.subjects, Some(vec!["a".to_owned()]));
        assert_eq!(asked.acr.reached(Strength::Passkey), Some(Strength::Passkey));
        assert_eq!(asked.acr.reached(Strength::Mfa), Some(Strength::Mfa));
        assert_eq!(asked.acr.reached(Strength::Any), None);
        let both = parse(r#"{"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"values": ["b"]}}}"#).unwrap();
        assert_eq!(both.subjects, Some(vec![]), "nobody is both");
        let odd = parse(r#"{"id_token": {"sub": {"value": 7}, "acr": {"essential": true, "value": "x"}}}"#).unwrap();
        assert_eq!(odd.subjects, Some(vec![]));
        assert!(odd.acr.essential && odd.acr.reached(Strength::Passkey).is_none());
        assert!(parse(r#"{"id_token": {"acr": {"essential": true}}}"#).unwrap().acr.is_indifferent());
    }

    #[test]
    fn what_is_no_such_object_is_refused() {
        let many: Vec<_> = (0..65).map(|n| format!("\"c{n}\":null")).collect();
        for raw in [
            "",
            "x",
            "[]",
            "7",
            r#"{"userinfo": []}"#,
            r#"{"userinfo": {"email": true}}"#,
            r#"{"userinfo": {"email": [true]}}"#,
            r#"{"userinfo": {"email": {"essential": "yes"}}}"#,
            r#"{"userinfo": {"email": {"values": "x"}}}"#,
            r#"{"userinfo": {"email": null}"#,
            &format!("{{\"userinfo\":{{{}}}}}", many.join(",")),
            &format!("{{\"userinfo\":{{\"{}\":null}}}}", "x".repeat(129)),
            &format!("{{\"userinfo\":{{\"sub\":{{\"values\":[{}]}}}}}}", ["1"; 17].join(",")),
            &format!("{{\"userinfo\":{}{}}}", "[".repeat(2000), "]".repeat(2000)),
            &format!("{{\"x\":\"{}\"}}", "x".repeat(MAX_CLAIMS)),
        ] {
            assert!(parse(raw).is_err(), "{}", raw.chars().take(60).collect::<String>());
        }
        assert_eq!(parse(r#"{"verified_claims": {}, "userinfo": null}"#), Ok(Asked::default()));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(raw in "\\PC{0,80}") {
            let _ = parse(&raw);
        }
    }
}
