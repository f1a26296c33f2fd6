//! Text that a terminal may be given.

use firebench_analysis::findings::Findings;
use firebench_model::record::Report;
use firebench_report::terminal::{self, Style};
use firebench_report::{json, markdown};
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
    clean("the terminal's report", &terminal::render(&Findings::of(report), Style { color: false, width: 80 }));
    let coloured = terminal::render(&Findings::of(report), Style { color: true, width: 120 });
    let plain = OWN.iter().fold(coloured, |text, sequence| text.replace(sequence, ""));
    clean("the terminal's report in colour", &plain);
    let page = markdown::render(&Findings::of(report));
    clean("report.md", &page);
    let text = json::to_json(&Findings::of(report)).expect("its paths are text");
    clean("report.json", &text);
    let again = firebench_model::json::from_json(&text).expect("what is written is read");
    assert_eq!(&again, report, "report.json is read as it was written");
    page
}
