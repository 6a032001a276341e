//! How the values of several sources become one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How the values of several sources become one. The attribute comes before the groups, the groups in the order of the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// The first one there is.
    #[default]
    First,
    /// One list of all of them, each value once.
    Union,
    /// One object of all of them; of two equal keys the earlier wins, objects below are merged as well.
    Merge,
    /// One text of all of them with spaces between, each once.
    Join,
}

impl Combine {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Union => "union",
            Self::Merge => "merge",
            Self::Join => "join",
        }
    }
}

impl fmt::Display for Combine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Combine {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "first" => Ok(Self::First),
            "union" => Ok(Self::Union),
            "merge" => Ok(Self::Merge),
            "join" => Ok(Self::Join),
            _ => Err("values are combined by first, union, merge or join"),
        }
    }
}

/// Several values become one; `None` when there is none.
pub fn combine(how: Combine, values: Vec<Value>) -> Option<Value> {
    if values.is_empty() {
        return None;
    }
    match how {
        Combine::First => values.into_iter().next(),
        Combine::Union => {
            let mut list = Vec::new();
            for value in values {
                match value {
                    Value::Array(items) => items.into_iter().for_each(|item| add_once(&mut list, item)),
                    one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                        add_once(&mut list, one);
                    }
                }
            }
            Some(Value::Array(list))
        }
        Combine::Merge => {
            let mut whole = Map::new();
            for value in values {
                if let Value::Object(part) = value {
                    merge(&mut whole, part);
                }
            }
            Some(Value::Object(whole))
        }
        Combine::Join => {
            let mut list: Vec<String> = Vec::new();
            for word in values.iter().filter_map(words).flatten() {
                add_once(&mut list, word);
            }
            Some(list.join(" ").into())
        }
    }
}

fn add_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn merge(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (key, value) in part {
        match whole.get_mut(&key) {
            None => {
                whole.insert(key, value);
            }
            Some(Value::Object(below)) => {
                if let Value::Object(more) = value {
                    merge(below, more);
                }
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {}
        }
    }
}

/// The value as texts to join; `None` for what has no plain text.
pub(super) fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(yes) => Some(vec![yes.to_string()]),
        Value::Array(items) => {
            let mut all = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    Value::Array(_) => return None,
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                        all.extend(words(item)?);
                    }
                }
            }
            Some(all)
        }
        Value::Null | Value::Object(_) => None,
    }
}
