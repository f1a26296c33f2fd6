//! What a guest says reaches people as text that does nothing: no control character, no markup.

use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::support::common::Lab;
use crate::support::invocation::Outcome;

/// Ways in which firebench tells of a run in its store.
const TOLD: [&[&str]; 7] = [
    &["show"],
    &["show", "--format", "markdown"],
    &["show", "--format", "json"],
    &["export", "--format", "json"],
    &["export", "--format", "csv"],
    &["export", "--format", "jsonl"],
    &["runs"],
];

/// Looks for what should not have got through: in what a run printed, in its report in `out`, and in everything that
/// firebench tells of it later.
#[track_caller]
pub fn assert_clean(lab: &Lab, outcome: &Outcome) {
    let mut texts = vec![("stdout".to_owned(), outcome.stdout.clone()), ("stderr".to_owned(), outcome.stderr.clone())];
    for name in ["report.md", "report.json"] {
        let text = std::fs::read_to_string(lab.path("out").join(name)).expect("a report");
        texts.push((name.to_owned(), text));
    }
    for args in TOLD {
        let told = lab.firebench(args).run().ok();
        texts.push((args.join(" "), told.stdout));
    }
    for (name, text) in &texts {
        let bad = text.chars().position(|c| c != '\n' && c != '\t' && (c.is_control() || reorders(c)));
        let around = bad.map(|at| text.chars().skip(at.saturating_sub(40)).take(80).collect::<String>());
        assert_eq!(around, None, "{name}");
        if name.ends_with("md") || name.ends_with("markdown") {
            assert_no_markup(name, text);
        }
    }
}

/// The characters that make a line read in another order than it is written.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Neither HTML nor links or images: firebench writes none of its own but a comment that marks the experiment.
#[track_caller]
fn assert_no_markup(name: &str, text: &str) {
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                assert!(html.trim() == firebench_model::markdown_block::MARKER, "{name}: {html}");
            }
            Event::Start(tag @ (Tag::Link { .. } | Tag::Image { .. })) => panic!("{name}: {tag:?}"),
            _ => {}
        }
    }
}
