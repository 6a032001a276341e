//! One field of a merge patch (RFC 7396).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Leave it, clear it, or set it. Needs `#[serde(default, skip_serializing_if = "Patch::is_keep")]` at its field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Absent: it stays as it is.
    #[default]
    Keep,
    /// `null`: it goes.
    Clear,
    /// A value: it becomes this.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether nothing is asked for.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same in the words of the operations: `None` keeps, `Some(None)` clears.
    pub fn into_options(self) -> Option<Option<T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }

    /// The same of something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(f(value)),
        }
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Thing {
        #[serde(default, skip_serializing_if = "Patch::is_keep")]
        field: Patch<u8>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_different_wishes() {
        for (text, field) in
            [("{}", Patch::Keep), (r#"{"field":null}"#, Patch::Clear), (r#"{"field":7}"#, Patch::Set(7))]
        {
            let thing: Thing = serde_json::from_str(text).unwrap();
            assert_eq!(thing, Thing { field });
            assert_eq!(serde_json::to_string(&thing).unwrap(), text);
        }
    }
}
