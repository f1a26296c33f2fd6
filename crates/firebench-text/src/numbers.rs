//! Numbers as people read them: times, ratios, bytes and shares.

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

/// Beyond this, and below one over it, numbers are not told apart: not much more is a number to a computer.
const MOST: f64 = 1e300;

/// A ratio of what is above zero, with so many decimals; with an exponent where these say nothing of it.
pub fn ratio(ratio: f64, decimals: usize) -> String {
    if ratio > MOST {
        ">1e300".to_owned()
    } else if ratio < MOST.recip() {
        "<1e-300".to_owned()
    } else if (1e-2..1e4).contains(&ratio) {
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

/// Bytes a second with a unit of 1000: `56.1 MB/s`, `2.03 GB/s`.
pub fn rate(bytes: f64) -> String {
    if bytes < 1e9 { format!("{:.1} MB/s", bytes / 1e6) } else { format!("{:.2} GB/s", bytes / 1e9) }
}

/// A share as a percentage without decimals.
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// A change as a percentage with so many decimals and its sign: `+1.8%`. One of any size is short, and finite.
pub fn change_percent(share: f64, decimals: usize) -> String {
    let sign = if share.is_sign_negative() { '-' } else { '+' };
    format!("{sign}{}", size_percent(share, decimals))
}

/// The size of a change as a percentage with so many decimals: `1.8%`. One of any size is short, and finite.
pub fn size_percent(share: f64, decimals: usize) -> String {
    match share.abs() * 100.0 {
        size if size > MOST => "more than 1e300%".to_owned(),
        size if size >= LARGE => format!("{size:.2e}%"),
        size => format!("{size:.decimals$}%"),
    }
}

/// A share that somebody reported and that may be of any size: with one decimal.
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
    if !(percent > 0.0 && percent < LARGE) {
        return size_percent(share, 0);
    }
    let decimals = (2.0 - percent.log10().floor()).clamp(0.0, 9.0);
    let scale = 10_f64.powf(decimals);
    format!("{}%", round(percent * scale) / scale)
}
