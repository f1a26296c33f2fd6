//! Text that a terminal may be given.

use firebench_analysis::findings::Findings;
use firebench_model::record::Report;
use firebench_report::style::Style;
use firebench_report::{formats, json, markdown, terminal};
use firebench_text::errors;
use miette::Diagnostic;

/// The escape sequences that firebench writes itself, for colour.
const OWN: [&str; 5] = ["\x1b[1m", "\x1b[2m", "\x1b[1;33m", "\x1b[1;31m", "\x1b[0m"];

/// Panics if `text` could do anything to a terminal but write to it, or reorders or hides a part of itself.
pub fn clean(what: &str, text: &str) {
    let hides =
        |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let bad = text.chars().find(|&c| (c.is_control() && c != '\n' && c != '\t') || hides(c));
    if let Some(bad) = bad {
        let line = text.lines().find(|line| line.contains(bad)).unwrap_or_default();
        panic!("{what} has the character {:?} in the line {line:?}", bad);
    }
}

/// Checks what an error says.
pub fn error(error: &(dyn Diagnostic + 'static)) {
    clean("the error", &errors::render(error));
}

/// Renders a report in every format and checks each; gives the Markdown.
pub fn report(report: &Report) -> String {
    let findings = Findings::of(report);
    for format in formats::ALL {
        let text = (format.render)(&findings, Style { color: false, width: 80 }).expect("its paths are text");
        clean(&format!("the report as {}", format.name), &text);
    }
    let coloured = terminal::render(&findings, Style { color: true, width: 120 });
    let plain = OWN.iter().fold(coloured, |text, sequence| text.replace(sequence, ""));
    clean("the terminal's report in colour", &plain);
    let text = json::to_json(&findings).expect("its paths are text");
    let again = firebench_model::json::from_json(&text).expect("what is written is read");
    assert_eq!(&again, report, "report.json is read as it was written");
    markdown::render(&findings)
}
