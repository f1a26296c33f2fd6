//! Text that outside data goes through before anybody's terminal or Markdown reader sees it.

/// What a character that must not be printed becomes, unless its format can say it otherwise.
const REPLACEMENT: char = '\u{fffd}';

/// One line that is safe to print: no control characters (so no escape sequences and no line ends), and none of the
/// invisible characters that reorder or hide text. A tab or a line end becomes a blank.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { ' ' } else { printable(c) }).collect()
}

/// Like [`line()`], line by line: line ends stay, tabs too.
pub fn block(text: &str) -> String {
    let safe = |l: &str| l.chars().map(|c| if c == '\t' { c } else { printable(c) }).collect::<String>();
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// Text as it is, but for the characters that [`line()`] does not let through; line ends and tabs stay.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { printable(c) }).collect()
}

/// JSON with escapes instead of the characters that [`line()`] replaces: its strings stay what they are. Line ends between
/// its strings stay, too.
pub fn json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_hidden(c) {
            safe.push(c);
        } else {
            safe.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    safe
}

fn printable(c: char) -> char {
    if is_hidden(c) { REPLACEMENT } else { c }
}

/// Whether nobody sees the character: a control character, or one that reorders or hides text.
pub fn is_hidden(c: char) -> bool {
    let invisible = matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || invisible
}
