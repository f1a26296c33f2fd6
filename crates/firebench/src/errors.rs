//! Errors as people read them.

use std::error::Error;

use miette::Diagnostic;

use crate::report::text;

/// An error and its causes in one sentence, each said once.
pub fn sentence<E: Error + ?Sized>(error: &E) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// An error as the terminal shows it: `error: ...`, and `hint: ...` where there is one. A guest, a VMM or a file may have had a
/// say in it: nothing that it holds reaches the terminal but printable characters and ends of lines.
pub fn render(error: &(dyn Diagnostic + 'static)) -> String {
    let mut shown = format!("error: {}\n", text::block(&sentence(error)));
    if let Some(hint) = error.help() {
        shown.push_str(&format!("hint: {}\n", text::block(&hint.to_string())));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{render, sentence};

    #[derive(Debug, thiserror::Error, miette::Diagnostic)]
    #[error("cannot read the plan")]
    #[diagnostic(help("write one"))]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_and_hints_come_last() {
        let error = Outer(std::io::Error::other("no such thing"));
        assert_eq!(sentence(&error), "cannot read the plan: no such thing");
        assert_eq!(render(&error), "error: cannot read the plan: no such thing\nhint: write one\n");
    }

    #[test]
    fn no_escape_sequence_gets_through() {
        let error = Outer(std::io::Error::other("red \x1b[31m\nand \u{9b}2J"));
        let shown = render(&error);
        assert_eq!(shown, "error: cannot read the plan: red \u{fffd}[31m\nand \u{fffd}2J\nhint: write one\n");
    }
}
