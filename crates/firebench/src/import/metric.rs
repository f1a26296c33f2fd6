//! What the name of a metric says: firebench knows only times so far, in seconds, where less is better. Pure.

use firebench_text as text;

use super::ImportError;

/// What a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// A time in seconds.
    Seconds,
    /// A time in another unit.
    OtherUnit(&'static str),
    /// Work in a time, or a score: more is better.
    More,
    /// Nothing that is known here.
    Unknown,
}

/// Words for times.
const TIMES: [&str; 25] = [
    "real",
    "user",
    "sys",
    "system",
    "boot",
    "boots",
    "boottime",
    "time",
    "times",
    "elapsed",
    "wall",
    "walltime",
    "wallclock",
    "duration",
    "latency",
    "runtime",
    "delay",
    "startup",
    "seconds",
    "second",
    "secs",
    "sec",
    "s",
    "uptime",
    "cputime",
];

/// Words for units of time, at the end of a name.
const UNITS: [(&str, &[&str]); 5] = [
    ("milliseconds", &["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"]),
    ("microseconds", &["us", "µs", "usec", "usecs", "micros", "microsecond", "microseconds"]),
    ("nanoseconds", &["ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"]),
    ("minutes", &["minute", "minutes"]),
    ("hours", &["hour", "hours"]),
];

/// Words for rates and scores.
const RATES: [&str; 31] = [
    "bps",
    "kbps",
    "mbps",
    "gbps",
    "ops",
    "iops",
    "kiops",
    "qps",
    "rps",
    "tps",
    "fps",
    "pps",
    "ips",
    "flops",
    "mflops",
    "gflops",
    "mips",
    "bandwidth",
    "throughput",
    "score",
    "scores",
    "rate",
    "speed",
    "speedup",
    "hz",
    "khz",
    "mhz",
    "ghz",
    "hits",
    "index",
    "performance",
];

/// Words for work: so many of them in a second are a rate (`mb_s`, `requests/sec`).
const WORK: [&str; 20] = [
    "b",
    "kb",
    "mb",
    "gb",
    "kib",
    "mib",
    "gib",
    "byte",
    "bytes",
    "bit",
    "bits",
    "op",
    "ops",
    "operations",
    "req",
    "reqs",
    "requests",
    "queries",
    "transactions",
    "events",
];

fn meaning(name: &str) -> Meaning {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_second = |word: &str| ["s", "sec", "secs", "second", "seconds"].contains(&word);
    let per_second = words.iter().zip(words.iter().skip(1)).any(|(word, next)| {
        // Seconds an operation are a time, operations a second are not.
        is_second(next) && (*word == "per" || WORK.contains(word))
    });
    let is_rate = |word: &&str| RATES.contains(word) || WORK.iter().any(|work| word.strip_prefix(work) == Some("ps"));
    if per_second || words.iter().any(is_rate) {
        return Meaning::More;
    }
    let last = words.last().copied().unwrap_or_default();
    if let Some((unit, _)) = UNITS.iter().find(|(_, words)| words.contains(&last)) {
        return Meaning::OtherUnit(unit);
    }
    if words.iter().any(|word| TIMES.contains(word)) { Meaning::Seconds } else { Meaning::Unknown }
}

/// The unit of a metric that is compared: `s`, or nothing where it is not known.
pub fn unit(name: &str) -> &'static str {
    if meaning(name) == Meaning::Seconds { "s" } else { "" }
}

/// The metric to compare by: the one that was asked for, `real`, or the only one.
pub(super) fn primary(
    metrics: &[String],
    asked: Option<&str>,
    less_is_better: bool,
    usual: &str,
) -> Result<String, ImportError> {
    let known = || text::excerpt(&metrics.join(", "), LONGEST);
    let has = |name: &str| metrics.iter().any(|metric| metric == name);
    let name = match (asked, metrics) {
        (Some(asked), _) if has(asked) => asked.to_owned(),
        (Some(asked), _) => {
            return Err(ImportError::NoSuchMetric { metric: text::excerpt(asked, LONGEST), known: known() });
        }
        (None, _) if has(usual) => usual.to_owned(),
        (None, [only]) => only.clone(),
        (None, _) => return Err(ImportError::WhichMetric { known: known() }),
    };
    let metric = text::excerpt(&name, LONGEST);
    match meaning(&name) {
        _ if less_is_better => Ok(name),
        Meaning::Seconds => Ok(name),
        Meaning::OtherUnit(unit) => Err(ImportError::OtherUnit { metric, unit }),
        Meaning::More => Err(ImportError::MoreIsBetter { metric }),
        Meaning::Unknown => Err(ImportError::UnknownMetric { metric }),
    }
}

/// Longer names are cut in errors.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::{Meaning, meaning};

    #[test]
    fn names_say_what_is_measured() {
        for name in
            ["real", "Boot", "boot_time", "wall-clock", "time", "latency", "p99.latency", "seconds_per_op", "init_s"]
        {
            assert_eq!(meaning(name), Meaning::Seconds, "{name}");
        }
        for name in [
            "triad_mbps",
            "ops_per_s",
            "requests/sec",
            "IOPS",
            "read_bandwidth",
            "Throughput",
            "score",
            "mb_s",
            "GBps",
            "MB/s",
        ] {
            assert_eq!(meaning(name), Meaning::More, "{name}");
        }
        for (name, unit) in [("latency_us", "microseconds"), ("time (ms)", "milliseconds"), ("boot_ns", "nanoseconds")]
        {
            assert_eq!(meaning(name), Meaning::OtherUnit(unit), "{name}");
        }
        for name in ["instructions", "max_rss_bytes", "triad", "", "x"] {
            assert_eq!(meaning(name), Meaning::Unknown, "{name}");
        }
    }
}
