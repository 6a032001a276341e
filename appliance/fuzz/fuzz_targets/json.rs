//! The depth of JSON: on everything that serde_json can read, we count like it does.
#![no_main]

#[path = "../../src/http/depth.rs"]
mod nesting;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let deep = nesting::too_deep(bytes);
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        assert_eq!(deep, depth(&value) > nesting::MAX_DEPTH);
    }
});

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
