//! The docs describe what is there: each path that they name exists.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that a path in the docs may start from, beside the document's own.
const BASES: &[&str] = &["", "appliance", "appliance/src", "appliance/crates"];

/// Endings by which a word in backticks is known as a file.
const FILES: &[&str] = &["html", "js", "json", "md", "mjs", "rs", "sh", "sql", "toml"];

#[test]
fn each_path_named_in_the_docs_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf();
    let mut missing = Vec::new();
    for doc in documents(&root) {
        let text = fs::read_to_string(&doc).unwrap();
        let folder = doc.parent().unwrap();
        for path in paths_named_in(&text) {
            let found = folder.join(&path).exists() || BASES.iter().any(|base| root.join(base).join(&path).exists());
            if !found {
                missing.push(format!("{}: {path}", doc.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(missing.is_empty(), "docs name what is not there:\n{}", missing.join("\n"));
}

#[test]
fn a_made_up_path_would_be_noticed() {
    let text = "See `appliance/src/nowhere.rs`, [a page](docs/none.md#top) and `make test`, https://example.org/x.rs.";
    assert_eq!(paths_named_in(text), ["appliance/src/nowhere.rs", "docs/none.md"]);
}

#[test]
fn each_test_named_in_the_conformance_table_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let table = fs::read_to_string(root.join("appliance/docs/conformance.md")).unwrap();
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.split('|').collect();
        let (kept, shown) = (in_ticks(cells[3]), in_ticks(cells[4]));
        let (file, name) = (shown.get(1).unwrap_or(&kept[0]), shown[0]);
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {name}(")) || text.contains(&format!("\"{name}\"")), "no {name} in {file}");
    }
}

fn in_ticks(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn documents(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.join("README.md"), root.join("appliance/CHANGELOG.md")];
    let mut folders = vec![root.join("appliance/docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Words in backticks that look like a path, and the targets of links that are not URLs.
fn paths_named_in(text: &str) -> Vec<String> {
    let ticks = in_ticks(text).into_iter().filter(|word| looks_like_a_path(word));
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let links = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    ticks.chain(links).map(|path| path.split('#').next().unwrap_or(path).to_owned()).collect()
}

fn looks_like_a_path(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let file = Path::new(word).extension().is_some_and(|ending| FILES.iter().any(|known| ending == *known));
    let folder = ["appliance/", "src/", "crates/", ".ci/", ".cargo/"].iter().any(|top| word.starts_with(top));
    plain && (file || folder)
}
