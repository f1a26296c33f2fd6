//! What the terminal of this process is like.

use firebench_report::style::Style;

/// How a terminal of this process wants its text.
pub(crate) fn style(is_terminal: bool) -> Style {
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Style::for_stream(is_terminal, std::env::var_os("NO_COLOR").as_deref(), width)
}
