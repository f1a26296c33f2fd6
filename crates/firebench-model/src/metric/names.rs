//! What the name of a metric that others measured says of it, and its unit. Only what can honestly be read from a name is read:
//! a rate of errors is no throughput.

use firebench_stats::Better;

use super::{Metric, OF_A_COMMAND, Unit, find};

/// What is known of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Its unit.
    pub unit: Option<Unit>,
    /// Which values are the better ones.
    pub better: Option<Better>,
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

/// Words for units of time, at the end of a name, with the unit's sign.
const UNITS: [(&str, &[&str]); 5] = [
    ("ms", &["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"]),
    ("us", &["us", "µs", "usec", "usecs", "micros", "microsecond", "microseconds"]),
    ("ns", &["ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"]),
    ("min", &["minute", "minutes"]),
    ("h", &["hour", "hours"]),
];

/// Words for rates of work.
const RATES: [&str; 18] = [
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
    "flops",
    "mflops",
    "gflops",
    "mips",
    "bandwidth",
    "throughput",
];

/// Rates that count something each second.
const COUNTS: [&str; 6] = ["ops", "iops", "qps", "rps", "tps", "fps"];

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

/// Words for what nobody wants more of, however often it comes.
const UNWANTED: [&str; 22] = [
    "error", "errors", "err", "errs", "fault", "faults", "miss", "misses", "failure", "failures", "failed", "drop",
    "drops", "dropped", "retry", "retries", "loss", "lost", "timeout", "timeouts", "exits", "switches",
];

/// The words of a name or a unit, in lower case.
fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_second(word: &str) -> bool {
    ["s", "sec", "secs", "second", "seconds"].contains(&word)
}

/// What a name says.
pub fn says(name: &str) -> Known {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let per_second = words.iter().zip(words.iter().skip(1)).any(|(word, next)| {
        // Seconds an operation are a time, operations a second are not.
        is_second(next) && (word == "per" || WORK.contains(&word.as_str()))
    });
    let is_rate =
        |word: &String| RATES.contains(&word.as_str()) || WORK.iter().any(|work| word.strip_prefix(work) == Some("ps"));
    if per_second || words.iter().any(is_rate) {
        let unit = has(&COUNTS).then_some(Unit::PER_SECOND);
        return Known { unit, better: (!has(&UNWANTED)).then_some(Better::More) };
    }
    let last = words.last().map(String::as_str).unwrap_or_default();
    if let Some((sign, _)) = UNITS.iter().find(|(_, words)| words.contains(&last)) {
        return Known { unit: Some(Unit::new(*sign)), better: Some(Better::Less) };
    }
    if has(&TIMES) { Known { unit: Some(Unit::SECONDS), better: Some(Better::Less) } } else { Known::default() }
}

/// The unit of this sign, under the one name that it has here: `sec` is `s`.
pub fn unit(sign: &str) -> Unit {
    if is_second(sign) {
        return Unit::SECONDS;
    }
    let known = UNITS.iter().find(|(_, words)| words.contains(&sign));
    known.map_or_else(|| Unit::new(sign.to_owned()), |(sign, _)| Unit::new(*sign))
}

/// What a unit says: less time is better, more work in a second is.
pub fn unit_says(unit: &Unit) -> Option<Better> {
    if unit.seconds().is_some() {
        return Some(Better::Less);
    }
    let words = words(unit.sign());
    let (last, work) = words.split_last()?;
    let is_work = |word: &String| WORK.contains(&word.as_str());
    let is_rate = is_second(last) && work.iter().any(is_work) || RATES.contains(&last.as_str());
    is_rate.then_some(Better::More)
}

/// A metric of others, from what is said of it, from its unit in their file, and from its name; None where nothing says which values
/// are the better ones.
pub fn of_others(name: &str, said: &Known, unit_in_file: Option<&Unit>) -> Option<Metric> {
    let of_name = says(name);
    let unit = said.unit.as_ref().or(unit_in_file);
    let known = find(&OF_A_COMMAND, name);
    let better = said.better.or_else(|| unit.and_then(unit_says));
    let better = better.or_else(|| known.map(|known| known.better)).or(of_name.better)?;
    let of_name = of_name.unit.or_else(|| known.and_then(|known| known.unit.clone()));
    let unit = unit.cloned().or(of_name);
    let name = name.to_owned().into();
    Some(match known {
        Some(known) => Metric { unit, clock: None, better, ..known.clone() },
        None => Metric {
            title: std::borrow::Cow::clone(&name),
            name,
            unit,
            clock: None,
            better,
            scale: firebench_stats::Scale::Ratio,
            shown: true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_measured() {
        let time = |sign: &'static str| Known { unit: Some(Unit::new(sign)), better: Some(Better::Less) };
        for name in
            ["real", "Boot", "boot_time", "wall-clock", "time", "latency", "p99.latency", "seconds_per_op", "init_s"]
        {
            assert_eq!(says(name), time("s"), "{name}");
        }
        for (name, sign) in [("latency_us", "us"), ("time (ms)", "ms"), ("boot_ns", "ns")] {
            assert_eq!(says(name), time(sign), "{name}");
        }
        for name in
            ["triad_mbps", "ops_per_s", "requests/sec", "IOPS", "read_bandwidth", "Throughput", "mb_s", "GBps", "MB/s"]
        {
            assert_eq!(says(name).better, Some(Better::More), "{name}");
        }
        assert_eq!(says("IOPS").unit, Some(Unit::PER_SECOND));
        for name in ["instructions", "max_rss_bytes", "triad", "", "x", "score", "error_rate", "faults_per_s", "index"]
        {
            assert_eq!(says(name).better, None, "{name}");
        }
    }

    #[test]
    fn units_say_what_is_better() {
        for (sign, better) in [
            ("s", Some(Better::Less)),
            ("ms", Some(Better::Less)),
            ("MB/s", Some(Better::More)),
            ("ops/s", Some(Better::More)),
            ("Gbps", Some(Better::More)),
            ("B", None),
            ("widgets", None),
            ("", None),
        ] {
            assert_eq!(unit_says(&unit(sign)), better, "{sign}");
        }
        assert_eq!(unit("secs"), Unit::SECONDS);
    }

    #[test]
    fn what_is_said_goes_before_the_file_and_that_before_the_name() {
        let said = |unit: Option<&'static str>, better| Known { unit: unit.map(Unit::new), better };
        let nothing = said(None, None);
        assert_eq!(of_others("widgets", &nothing, None), None);
        let by_unit = of_others("triad", &nothing, Some(&unit("MB/s"))).expect("a rate");
        assert_eq!((by_unit.sign(), by_unit.better), ("MB/s", Better::More));
        let asked = of_others("triad", &said(Some("GB/s"), Some(Better::Less)), Some(&unit("MB/s"))).expect("asked");
        assert_eq!((asked.sign(), asked.better), ("GB/s", Better::Less));
        let known = of_others("sys", &nothing, None).expect("a known one");
        assert_eq!((known.scale, known.clock, known.shown), (firebench_stats::Scale::Raw, None, true));
    }
}
