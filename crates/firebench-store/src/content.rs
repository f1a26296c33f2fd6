//! What kind of file somebody named: the content decides, and the name where it ends in `.md`. Pure.

use std::path::Path;

use firebench_model::markdown_block::MARKER;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a text is.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing but space.
    Empty,
    /// An object of JSON; an error where the JSON is broken.
    Object(serde_json::Result<Object>),
    /// A report for people, `report.md`.
    Markdown,
    /// A list of JSON, or an experiment in TOML that begins with the name of a table.
    Bracket,
    /// A list of numbers, one a line.
    Numbers,
    /// An experiment in TOML, or figures in a CSV: whoever reads it knows which of the two was asked for.
    Lines,
}

/// Whose object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    /// A `report.json`.
    Report,
    /// What `hyperfine --export-json` writes.
    Hyperfine,
    /// Another program's.
    Unknown,
}

/// Which fields an object has.
#[derive(Deserialize)]
struct Fields {
    schema: Option<IgnoredAny>,
    results: Option<IgnoredAny>,
}

/// What the text of the file with this name is, and the text without the mark with which some programs begin one.
pub(crate) fn of<'a>(text: &'a str, name: &Path) -> (Content, &'a str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_markdown = || name.extension().is_some_and(|e| e == "md") || text.lines().any(|line| line.trim() == MARKER);
    let content = match text.trim_start().chars().next() {
        Some('{') => Content::Object(object(text)),
        _ if is_markdown() => Content::Markdown,
        None => Content::Empty,
        Some('[') => Content::Bracket,
        Some(_) if has_numbers(text) => Content::Numbers,
        Some(_) => Content::Lines,
    };
    (content, text)
}

/// Whether the first line that is no comment is a number, which the first line of a CSV or of an experiment never is.
fn has_numbers(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(is_number)
}

/// Whether a text is a number in digits: not `inf` or `nan`.
pub(crate) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) && text.parse::<f64>().is_ok()
}

fn object(text: &str) -> serde_json::Result<Object> {
    Ok(match serde_json::from_str(text)? {
        Fields { schema: Some(_), .. } => Object::Report,
        Fields { results: Some(_), .. } => Object::Hyperfine,
        Fields { .. } => Object::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use firebench_model::markdown_block::MARKER;

    use super::{Content, Object, of};

    #[test]
    fn the_content_decides_what_a_file_is() {
        let kind = |name: &str, text: &str| match of(text, Path::new(name)).0 {
            Content::Empty => "empty",
            Content::Object(Ok(Object::Report)) => "report",
            Content::Object(Ok(Object::Hyperfine)) => "hyperfine",
            Content::Object(Ok(Object::Unknown)) => "unknown",
            Content::Object(Err(_)) => "broken",
            Content::Markdown => "markdown",
            Content::Bracket => "bracket",
            Content::Numbers => "numbers",
            Content::Lines => "lines",
        };
        let marked = format!("# A run\n  {MARKER}\n");
        for (name, text, expected) in [
            ("x", " \n", "empty"),
            ("x.csv", "{\"schema\": 1, \"results\": []}", "report"),
            ("x.md", "\u{feff}\n {\"results\": []}", "hyperfine"),
            ("x.json", "{}", "unknown"),
            ("x.json", "{\"schema\": ", "broken"),
            ("x.md", "", "markdown"),
            ("x.txt", &marked, "markdown"),
            ("x", "[design]\n", "bracket"),
            ("x.json", "workload = \"memory\"\n", "lines"),
            ("x", "contender,boot\n", "lines"),
            ("x.csv", "# ms\n\n 808.5 \n", "numbers"),
            ("x.txt", "1,2\n", "lines"),
            ("x.txt", "nan\n", "lines"),
        ] {
            assert_eq!(kind(name, text), expected, "{name}: {text}");
        }
    }
}
