//! Promises about every page. `LATCHKEY_PREVIEW=<directory> cargo test -p appliance preview` also writes the pages to
//! files for looking at.

use super::samples::{sample_pages, sign_in};
use askama::Template;
use std::collections::BTreeSet;

/// The start tags of a page, each as one string.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter(|rest| !rest.starts_with(['/', '!']))
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

fn name_of(tag: &str) -> &str {
    tag.split([' ', '\n', '/']).next().unwrap_or_default()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    tags(html).into_iter().filter_map(|tag| attribute(tag, name)).collect()
}

#[test]
fn every_page_can_be_written_down_for_looking_at() {
    let pages = sample_pages();
    let Ok(directory) = std::env::var("LATCHKEY_PREVIEW") else {
        return;
    };
    for (name, html) in pages {
        std::fs::write(format!("{directory}/{name}.html"), html).unwrap();
    }
}

#[test]
fn no_page_has_inline_script_or_style() {
    for (page, html) in sample_pages() {
        for tag in tags(&html) {
            assert_ne!(name_of(tag), "style", "{page}");
            assert!(attribute(tag, "style").is_none(), "{page}: {tag}");
            assert!(!tag.split(' ').any(|word| word.starts_with("on") && word.contains("=\"")), "{page}: {tag}");
            assert!(name_of(tag) != "script" || attribute(tag, "src").is_some(), "{page}: {tag}");
        }
        assert!(!html.contains("javascript:"), "{page}");
    }
}

#[test]
fn no_page_loads_anything_from_elsewhere() {
    for (page, html) in sample_pages() {
        for tag in tags(&html) {
            let loads = match name_of(tag) {
                "a" => None,
                "link" => attribute(tag, "href"),
                // It takes the answer to the app, and its policy names that one origin.
                "form" if tag.contains("data-sends-itself") => None,
                "form" => attribute(tag, "action"),
                _ => attribute(tag, "src"),
            };
            assert!(loads.is_none_or(|url| url.starts_with('/') && !url.starts_with("//")), "{page}: {tag}");
        }
    }
}

#[test]
fn every_id_stands_once_and_every_reference_finds_one() {
    for (page, html) in sample_pages() {
        let ids = attributes(&html, "id");
        let known: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), known.len(), "{page}: {ids:?}");
        for reference in ["for", "aria-describedby", "aria-labelledby"] {
            for id in attributes(&html, reference).into_iter().flat_map(str::split_whitespace) {
                assert!(known.contains(id), "{page}: {reference}={id}");
            }
        }
    }
}

#[test]
fn every_field_has_a_label_and_a_length() {
    for (page, html) in sample_pages() {
        let labels = attributes(&html, "for");
        for tag in tags(&html) {
            if !matches!(name_of(tag), "input" | "textarea") || attribute(tag, "type") == Some("hidden") {
                continue;
            }
            let labelled = attribute(tag, "id").is_some_and(|id| labels.contains(&id));
            assert!(labelled || attribute(tag, "aria-label").is_some(), "{page}: {tag}");
            let typed = attribute(tag, "type") != Some("file") && !tag.contains(" readonly");
            assert!(!typed || attribute(tag, "maxlength").is_some(), "{page}: {tag}");
        }
    }
}

#[test]
fn every_page_has_one_first_heading_a_title_and_a_language() {
    for (page, html) in sample_pages() {
        assert_eq!(tags(&html).into_iter().filter(|tag| name_of(tag) == "h1").count(), 1, "{page}");
        assert!(html.contains("<html lang=\"en\">"), "{page}");
        assert!(!html.contains("<title> ·"), "{page}");
    }
}

#[test]
fn trouble_is_announced_and_good_news_is_polite() {
    let pages = sample_pages();
    assert!(pages["sign_in_wrong"].contains("role=\"alert\" aria-live=\"assertive\""));
    assert!(pages["account_profile"].contains("role=\"status\" aria-live=\"polite\""));
}

#[test]
fn every_svg_in_a_page_is_decoration_or_named() {
    for (page, html) in sample_pages() {
        for svg in html.split("<svg").skip(1) {
            let hidden = svg.starts_with(" aria-hidden=\"true\"");
            assert!(hidden || svg.contains("viewBox=\"0 0 29 29\""), "{page}: {}", &svg[..40]);
        }
    }
}

#[test]
fn what_a_person_typed_comes_back_as_text() {
    let html = sign_in(None, Some("<b>App</b>"), "\"><script>").render().unwrap();
    assert!(!html.contains("<b>App") && !html.contains("\"><script>"), "{html}");
}
