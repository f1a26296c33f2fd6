//! Text that outside data goes through before anybody's terminal or Markdown reader sees it, and numbers as people
//! read them.

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

/// JSON with escapes in place of the characters that [`line()`] replaces: its strings stay what they are. Line ends between
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
pub(crate) fn is_hidden(c: char) -> bool {
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

/// Seconds for a column of eight characters, where other columns are in seconds too: short times get more decimals.
pub fn seconds(value: f64) -> String {
    match value.abs() {
        size if size > 0.0 && size < 1e-4 => format!("{value:.2e}"),
        size if size > 0.0 && size < 0.1 => format!("{value:.6}"),
        _ => Unit::Seconds.number(value),
    }
}

/// The unit in which times are shown: one for a whole table, so that its columns can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// s
    Seconds,
    /// ms
    Milliseconds,
    /// µs
    Microseconds,
}

impl Unit {
    /// The largest unit of which the smallest of these times (in seconds) has one at least; seconds where there is none.
    pub fn of(times: impl IntoIterator<Item = f64>) -> Unit {
        let smallest = times.into_iter().filter(|time| time.is_finite() && *time > 0.0).reduce(f64::min);
        match smallest {
            Some(time) if time < 1e-3 => Unit::Microseconds,
            Some(time) if time < 1.0 => Unit::Milliseconds,
            _ => Unit::Seconds,
        }
    }

    /// Its sign.
    pub fn sign(self) -> &'static str {
        match self {
            Unit::Seconds => "s",
            Unit::Milliseconds => "ms",
            Unit::Microseconds => "µs",
        }
    }

    /// Its name, for a head.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
            Unit::Microseconds => "microseconds",
        }
    }

    fn scale(self) -> f64 {
        match self {
            Unit::Seconds => 1.0,
            Unit::Milliseconds => 1e3,
            Unit::Microseconds => 1e6,
        }
    }

    /// A time in this unit, without its sign, for a column of eight characters.
    pub fn number(self, seconds: f64) -> String {
        let value = seconds * self.scale();
        match value.abs() {
            // There is no smaller unit.
            size if size > 0.0 && size < 1e-3 && self == Unit::Microseconds => format!("{value:.2e}"),
            size if size < 1e3 => format!("{value:.3}"),
            size if size < 1e5 => format!("{value:.1}"),
            size if size < LARGE => format!("{value:.0}"),
            _ => format!("{value:.3e}"),
        }
    }

    /// A time in this unit with three significant digits, and the sign.
    fn short(self, seconds: f64) -> String {
        let value = seconds * self.scale();
        if value != 0.0 && value.abs() < 1e-3 && self == Unit::Microseconds {
            return format!("{value:.2e} {}", self.sign());
        }
        let decimals = match value.abs() {
            size if size < 9.995 => 2,
            size if size < 99.95 => 1,
            _ => 0,
        };
        if value.abs() >= LARGE {
            return format!("{value:.2e} {}", self.sign());
        }
        format!("{value:.decimals$} {}", self.sign())
    }
}

/// From here on, numbers are written with an exponent: nobody counts their digits.
const LARGE: f64 = 1e8;

/// A ratio with so many decimals; with an exponent where these say nothing of it.
pub fn ratio(ratio: f64, decimals: usize) -> String {
    if (1e-2..1e4).contains(&ratio.abs()) || ratio == 0.0 {
        format!("{ratio:.decimals$}")
    } else {
        format!("{ratio:.2e}")
    }
}

/// A time in the unit that fits it: `12.9 s`, `562 ms`, `7.12 ms`.
pub fn duration(seconds: f64) -> String {
    Unit::of([seconds.abs()]).short(seconds)
}

/// A difference of times, with its sign: `+115 ms`, `-1.20 s`, `+0.00 s`.
pub fn difference(seconds: f64) -> String {
    let text = duration(seconds);
    if text.starts_with('-') { text } else { format!("+{text}") }
}

/// Bytes with a unit of 1024 and, where it does not divide, two decimals: `1 GiB`, `1.50 GiB`, `512 MiB`, `100 B`.
pub fn bytes(value: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match UNITS.into_iter().find(|(_, shift)| value >> shift > 0) {
        Some((name, shift)) if value.trailing_zeros() >= shift => format!("{} {name}", value >> shift),
        Some((name, shift)) => format!("{:.2} {name}", value as f64 / (1u64 << shift) as f64),
        None => format!("{value} B"),
    }
}

/// `1 boot`, `2 boots`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A share as a percentage without decimals.
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// A share that somebody told, and that may be of any size: with one decimal.
pub fn told_percent(share: f64) -> String {
    if share < 10.0 { format!("{:.1}%", share * 100.0) } else { "more than 1000%".to_owned() }
}

/// A share as a percentage with as many decimals as it has, two at most: `1%`, `0.5%`.
pub fn exact_percent(share: f64) -> String {
    format!("{}%", (share * 1e4).round() / 1e2)
}

/// A share as a percentage with three significant digits and no zeros at its end, rounded as said: `0.97%`, `16.2%`.
pub fn significant_percent(share: f64, round: fn(f64) -> f64) -> String {
    let percent = share * 100.0;
    if !(percent.is_finite() && percent > 0.0) {
        return format!("{percent}%");
    }
    let decimals = (2.0 - percent.log10().floor()).clamp(0.0, 9.0);
    let scale = 10_f64.powf(decimals);
    format!("{}%", round(percent * scale) / scale)
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(words: &[String]) -> String {
    match words {
        [] => "nobody".to_owned(),
        [only] => only.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}
