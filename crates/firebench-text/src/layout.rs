//! Text in lines of a width.

use crate::printable::line;

/// The beginning of what may be long, on one line and safe to print: at most `width` characters.
pub fn excerpt(text: &str, width: usize) -> String {
    // What is cut off need not be looked at.
    let start: String = text.chars().take(width.saturating_add(1)).collect();
    cut(&line(&start), width)
}

/// `text` cut to `width` characters, with an ellipsis where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `text` in lines of at most `width` characters, the first one after `lead`, the others indented as far. A word
/// longer than a line is broken.
pub fn wrap(lead: &str, text: &str, width: usize) -> String {
    let indent = lead.chars().count();
    let room = width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0_usize;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(room) {
            match lines.last_mut() {
                Some(line) if length.saturating_add(piece.len()) < room => {
                    line.push(' ');
                    line.extend(piece);
                    length = length.saturating_add(piece.len()).saturating_add(1);
                }
                _ => {
                    lines.push(piece.iter().collect());
                    length = piece.len();
                }
            }
        }
    }
    format!("{lead}{}", lines.join(&format!("\n{:indent$}", "")))
}

/// Stands before a command or an excerpt that takes a line of its own.
pub const VERBATIM: &str = "    ";

/// Lines, of which those that are wider are wrapped by words, the rest of them four columns further in. What is set in by
/// [`VERBATIM`] stays as it is, so that it can be copied.
pub fn fit(text: &str, width: usize) -> String {
    const FURTHER: usize = 4;
    let fitted = |line: &str| {
        if line.chars().count() <= width || line.starts_with(VERBATIM) {
            return line.to_owned();
        }
        let indent = line.len().saturating_sub(line.trim_start_matches(' ').len());
        let wrapped = wrap(&" ".repeat(indent.saturating_add(FURTHER)), line, width);
        wrapped.get(FURTHER..).unwrap_or_default().to_owned()
    };
    let lines: String = text.lines().map(|line| fitted(line) + "\n").collect();
    if text.ends_with('\n') { lines } else { lines.trim_end_matches('\n').to_owned() }
}
