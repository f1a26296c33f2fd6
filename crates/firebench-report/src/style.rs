//! How text for a terminal is laid out and coloured.

use firebench_text as text;

/// The widest line that is ever written.
pub const MAX_WIDTH: usize = 100;

/// No sentence is wrapped to less.
const NARROWEST: usize = 30;

/// How a terminal wants its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour may be written.
    pub color: bool,
    /// Width of the terminal; more than [`MAX_WIDTH`] is not used.
    pub width: usize,
}

impl Style {
    /// The style for a stream: colour only on a terminal, and not when `NO_COLOR` is set to anything but nothing
    /// (no-color.org).
    pub fn for_stream(is_terminal: bool, no_color: Option<&std::ffi::OsStr>, width: Option<usize>) -> Self {
        let color = is_terminal && no_color.is_none_or(|value| value.is_empty());
        Style { color, width: width.unwrap_or(MAX_WIDTH) }
    }

    /// The width of sentences.
    pub(super) fn prose(self) -> usize {
        self.width.clamp(NARROWEST, MAX_WIDTH)
    }

    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Head => "1",
            Paint::Dim => "2",
            Paint::Warning => "1;33",
            Paint::Failure => "1;31",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A sentence, wrapped behind its lead, with the end of its last line.
    pub(super) fn sentence(self, paint: Option<Paint>, lead: &str, sentence: &str) -> String {
        let wrapped = text::wrap(lead, &text::line(sentence), self.prose());
        paint.map_or(wrapped.clone(), |paint| self.paint(paint, &wrapped)) + "\n"
    }
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Paint {
    Head,
    Dim,
    Warning,
    Failure,
}
