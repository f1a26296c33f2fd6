//! Sizes, shares and spans of time as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number of bytes. Read from `1GiB`, `512MiB`, `512M`, `1g`, `4096`; the units are powers of 1024, as QEMU and
/// Firecracker count. Written with the largest unit that divides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

/// Suffix and shift, largest first.
const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

/// Text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid size {0:?}: write it like 1GiB, 512MiB or 4096")]
pub struct SizeError(String);

impl Size {
    /// Whole MiB, if it is that and fits a u32.
    pub fn mib(self) -> Option<u32> {
        (self.0 % (1 << 20) == 0).then(|| u32::try_from(self.0 >> 20).ok()).flatten()
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || SizeError(text.to_owned());
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| error())?;
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kib" => 10,
            "m" | "mib" => 20,
            "g" | "gib" => 30,
            "t" | "tib" => 40,
            _ => return Err(error()),
        };
        number.checked_mul(1 << shift).map(Size).ok_or_else(error)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, shift)| self.0 != 0 && self.0.trailing_zeros() >= *shift);
        match unit {
            Some((name, shift)) => f.pad(&format!("{}{name}", self.0 >> shift)),
            None => f.pad(&self.0.to_string()),
        }
    }
}

impl TryFrom<String> for Size {
    type Error = SizeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

/// A share, in millionths. Read from `1%`, `0.5%`, `0.01`; written in percent. Where there is no percent sign, the number is a
/// part of one and below it: who writes 5 means 5%, not 500%.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(u32);

/// Text that is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not a number, or not a positive one.
    #[error("invalid share {0:?}: must be above 0, for example 1%")]
    Form(String),
    /// A number without a percent sign that is not below one.
    #[error(
        "invalid share {0:?}: did you mean {0}%? Without a percent sign it must be below 1, for example 0.05 for 5%"
    )]
    Bare(String),
    /// More than tenfold.
    #[error("invalid share {0:?}: must be at most 1000%")]
    TooLarge(String),
}

impl Share {
    /// `percent` percent.
    pub const fn percent(percent: u16) -> Share {
        Share((percent as u32).saturating_mul(10_000))
    }

    /// Such as 0.01.
    pub fn part(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// Twice as much.
    pub fn double(self) -> Share {
        Share(self.0.saturating_mul(2))
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || ShareError::Form(text.to_owned());
        let trimmed = text.trim();
        let (number, is_percent) = match trimmed.strip_suffix('%') {
            Some(percent) => (percent.trim_end(), true),
            None => (trimmed, false),
        };
        let value: f64 = number.parse().map_err(|_| form())?;
        let millionths = (value * if is_percent { 1e4 } else { 1e6 }).round();
        if millionths.is_nan() || millionths < 1.0 {
            return Err(form());
        }
        if !is_percent && value >= 1.0 && value.is_finite() {
            return Err(ShareError::Bare(number.to_owned()));
        }
        if millionths <= 1e7 { Ok(Share(millionths as u32)) } else { Err(ShareError::TooLarge(text.to_owned())) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", f64::from(self.0) / 1e4))
    }
}

impl TryFrom<String> for Share {
    type Error = ShareError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Share> for String {
    fn from(share: Share) -> String {
        share.to_string()
    }
}

/// A span of time in whole seconds. Read from `5m`, `90s`, `1h 30m`; written like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// Text that is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid time {0:?}: must be 1 s at least, for example 5m, 90s or 1h 30m")]
pub struct SpanError(String);

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Span {
        Span(seconds)
    }

    /// In seconds.
    pub fn as_secs(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match humantime::parse_duration(text.trim()).map(|duration| duration.as_secs()) {
            Ok(seconds) if seconds > 0 => Ok(Span(seconds)),
            _ => Err(SpanError(text.to_owned())),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&humantime::format_duration(Duration::from_secs(self.0)).to_string())
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Share, Size, Span};

    #[test]
    fn shares_and_spans_are_read_and_written() {
        for (text, part, written) in [("1%", 0.01, "1%"), ("0.5 %", 0.005, "0.5%"), ("0.02", 0.02, "2%")] {
            let share: Share = text.parse().expect("a share");
            assert_eq!((share.part(), share.to_string().as_str()), (part, written));
            assert_eq!(share.to_string().parse(), Ok(share));
        }
        for text in ["", "0", "-1%", "one", "1.5e9", "NaN", "inf", "%", "1001%", "inf%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        assert_eq!("500%".parse::<Share>().map(Share::part), Ok(5.0), "who says so means it");
        for (text, seconds, written) in [("5m", 300, "5m"), ("90s", 90, "1m 30s"), ("1h 30m", 5400, "1h 30m")] {
            let span: Span = text.parse().expect("a span");
            assert_eq!((span.as_secs(), span.to_string().as_str()), (seconds, written));
        }
        for text in ["", "5", "0s", "100ms", "-1m"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_number_from_1_is_taken_for_a_forgotten_percent_sign() {
        for (text, meant) in [("5", "5%"), ("1", "1%"), (" 1.5 ", "1.5%"), ("1e3", "1e3%")] {
            let said = text.parse::<Share>().expect_err(text).to_string();
            assert!(said.contains(&format!("did you mean {meant}?")), "{said}");
        }
        assert_eq!("0.999".parse::<Share>().map(Share::part), Ok(0.999));
    }

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in
            [("1GiB", 1 << 30), ("1g", 1 << 30), ("512M", 512 << 20), ("4096", 4096), (" 3 KiB ", 3072), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "GiB", "1.5GiB", "-1", "1GB", "99999999999999999999", "99999999T"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for bytes in [0, 1, 1023, 1024, 1536, 1 << 20, 3 << 30, (1 << 30) + 1, u64::MAX] {
            assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
        assert_eq!(Size(1 << 30).to_string(), "1GiB");
    }
}
