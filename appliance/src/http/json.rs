//! JSON of bounded depth. serde_json itself stops at 128 levels.

use serde::de::DeserializeOwned;

use super::depth::too_deep;
use super::request::BadRequest;

/// Reads JSON text of bounded depth; its size was bounded with the body.
///
/// # Errors
/// When it is nested too deeply or does not fit `T`; the text says where.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, BadRequest> {
    if too_deep(text) {
        return Err(BadRequest::new("The JSON is nested too deeply."));
    }
    serde_json::from_slice(text).map_err(|error| BadRequest::new(format!("The JSON does not fit: {error}.")))
}
