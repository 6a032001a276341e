//! How results are printed: tables for people, JSON for programs.

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // Plain comments: a documented value makes clap print every help in its long form.
    // For people.
    Table,
    // For programs: fields are added between versions, never taken away.
    Json,
}

/// A table without lines: easy to read, to copy and to cut.
pub(super) fn table(width: Option<u16>, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(|title| title.to_uppercase()));
    fit(&mut table, width);
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(|cell| printable(&cell)).collect::<Vec<_>>()));
    text(&table)
}

/// One thing with its fields, one a line. Fields without a value are left out.
pub(super) fn sheet(width: Option<u16>, fields: impl IntoIterator<Item = (String, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    fit(&mut table, width);
    for (name, value) in fields {
        if !value.is_empty() {
            table.add_row([name, printable(&value)]);
        }
    }
    text(&table)
}

fn fit(table: &mut Table, width: Option<u16>) {
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(40)),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
}

fn text(table: &Table) -> String {
    // The first column begins at the edge, and no line ends with blanks.
    let lines = table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// Texts come from the people of the house; none of them may move somebody else's cursor.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// A JSON value as it fits in a cell: texts without their quotes, lists with commas.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// `yes` or `no`.
pub(super) fn yes_no(yes: bool) -> String {
    if yes { "yes".to_owned() } else { "no".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_send_commands_to_the_terminal() {
        let text = table(None, &["name"], [vec!["a\u{1b}[2Jb".to_owned()]]);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn a_table_fits_the_screen() {
        let text = table(Some(40), &["name", "what"], [vec!["anna".to_owned(), "word ".repeat(30)]]);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.lines().count() > 3);
    }
}
