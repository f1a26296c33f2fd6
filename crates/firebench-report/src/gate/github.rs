//! Annotations for GitHub: workflow commands, one a line.
//!
//! Format: `::error title=TITLE::MESSAGE`. Source: `packages/core/src/command.ts` in `actions/toolkit` writes it,
//! `src/Runner.Common/ActionCommand.cs` in `actions/runner` reads it, from standard output and standard error alike.

use std::fmt::Write as _;

use firebench_analysis::gate::Outcome;
use firebench_stats::verdict::Gate;
use firebench_text as text;

/// An error for each gate that failed or compares unlike things, a warning for each that is undecided, a notice for each that passed.
pub fn github(outcomes: &[Outcome]) -> String {
    outcomes.iter().fold(String::new(), |mut text, outcome| {
        let command = match outcome.gate {
            Gate::Beyond | Gate::Unfair => "error",
            Gate::Undecided => "warning",
            Gate::Within => "notice",
        };
        let title = property(&text::line(&format!("{} {}", outcome.limit, outcome.word())));
        let message = data(&text::line(&outcome.judged.to_string()));
        // Writing to a String does not fail.
        let _ = writeln!(text, "::{command} title={title}::{message}");
        text
    })
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn nothing_ends_a_value_early() {
        assert_eq!(data("50%0A\r\n::a, b"), "50%250A%0D%0A::a, b");
        assert_eq!(property("50%0A\r\n::a, b"), "50%250A%0D%0A%3A%3Aa%2C b");
    }
}
