//! How deeply JSON text is nested. Alone in its file so that its fuzz target builds in seconds.

/// Arrays and objects inside each other; no request of ours needs more than a few.
pub(super) const MAX_DEPTH: usize = 32;

/// Whether brackets nest deeper than [`MAX_DEPTH`], looking at bytes only: no allocation, no recursion.
pub(super) fn too_deep(text: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in text {
        if in_string {
            match (escaped, byte) {
                (true, _) => escaped = false,
                (false, b'\\') => escaped = true,
                (false, b'"') => in_string = false,
                (false, _) => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_text_do_not_count() {
        let text = format!(r#"{{"a":"{}\"["}}"#, "[".repeat(100));
        assert!(!too_deep(text.as_bytes()));
    }

    #[test]
    fn deep_nesting_is_noticed() {
        assert!(!too_deep("[".repeat(MAX_DEPTH).as_bytes()));
        assert!(too_deep("[".repeat(MAX_DEPTH + 1).as_bytes()));
        assert!(too_deep(r#"{"a":"#.repeat(100_000).as_bytes()));
    }
}
