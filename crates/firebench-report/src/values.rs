//! Values of metrics as people read them, in the one place that knows how: times in the unit in which the fastest has digits, bytes and
//! bytes a second with the prefix that fits, everything else in its own unit as it came.

use firebench_analysis::summary::{Comparison, Summary};
use firebench_model::metric::{Metric, Unit};
use firebench_text::{self as text, Unit as Time};

/// How the values of a report, or of a comparison of two, are written: each unit in one way, so that columns can be compared.
#[derive(Debug, Clone, Default)]
pub struct Values {
    ways: Vec<(Unit, Way)>,
}

/// How the values in a unit are written.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// As times; one of the unit is so many seconds.
    Time(f64, Time),
    /// In another unit, of which one is so many.
    Prefixed(f64, &'static str),
    /// As they are.
    Plain,
}

/// Units of 1024 bytes.
const BYTES: [(f64, &str); 5] =
    [(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB"), (1_099_511_627_776.0, "TiB")];

/// Units of 1000 bytes a second, as drives and networks have them.
const RATES: [(f64, &str); 5] = [(1.0, "B/s"), (1e3, "kB/s"), (1e6, "MB/s"), (1e9, "GB/s"), (1e12, "TB/s")];

impl Way {
    fn of(unit: &Unit, values: &[f64]) -> Self {
        if let Some(seconds) = unit.seconds() {
            return Way::Time(seconds, Time::of(values.iter().map(|value| value * seconds)));
        }
        let prefixes = match unit {
            unit if *unit == Unit::BYTES => &BYTES,
            unit if *unit == Unit::BYTES_PER_SECOND => &RATES,
            _ => return Way::Plain,
        };
        let smallest = values.iter().copied().filter(|value| value.is_finite() && *value > 0.0).reduce(f64::min);
        let fitting = |(size, _): &&(f64, &str)| smallest.is_some_and(|smallest| smallest >= *size);
        prefixes.iter().rev().find(fitting).map_or(Way::Plain, |&(size, sign)| Way::Prefixed(size, sign))
    }
}

impl Values {
    /// Of the metrics that are shown, in their order, with some of their values: the first one of a unit decides how all of it are
    /// written.
    pub fn new<'a>(shown: impl IntoIterator<Item = (&'a Metric, Vec<f64>)>) -> Self {
        let mut values = Values::default();
        for (metric, some) in shown {
            if let Some(unit) = metric.unit.as_ref().filter(|unit| values.way_of(unit).is_none()) {
                values.ways.push((unit.clone(), Way::of(unit, &some)));
            }
        }
        values
    }

    /// Of a summary.
    pub fn of(summary: &Summary) -> Self {
        let metrics = summary.contenders.first().map(|contender| contender.metrics.as_slice()).unwrap_or_default();
        let values = |place: usize| {
            let of_all = summary.contenders.iter().filter_map(|contender| contender.metrics.get(place));
            of_all.flat_map(|metric| [metric.first, metric.estimate]).flatten().collect()
        };
        Values::new(metrics.iter().enumerate().map(|(place, metric)| (&metric.metric, values(place))))
    }

    fn way_of(&self, unit: &Unit) -> Option<Way> {
        self.ways.iter().find(|(known, _)| known == unit).map(|(_, way)| *way)
    }

    fn way(&self, metric: &Metric) -> Way {
        let unit = metric.unit.as_ref();
        // A time of which no value is shown.
        let alone = || unit.map_or(Way::Plain, |unit| Way::of(unit, &[]));
        unit.and_then(|unit| self.way_of(unit)).unwrap_or_else(alone)
    }

    /// The unit of a metric in words: `in milliseconds`.
    pub fn unit(&self, metric: &Metric) -> String {
        match (self.way(metric), metric.sign()) {
            (Way::Time(_, time), _) => format!("in {}", time.name()),
            (Way::Prefixed(_, sign), _) => format!("in {sign}"),
            (Way::Plain, "") => "as in the file".to_owned(),
            (Way::Plain, sign) => format!("in {sign}"),
        }
    }

    /// The sign of its unit: `ms`.
    pub fn sign(&self, metric: &Metric) -> String {
        match (self.way(metric), metric.sign()) {
            (Way::Time(_, time), _) => time.sign().to_owned(),
            (Way::Prefixed(_, sign), _) => sign.to_owned(),
            (Way::Plain, "") => "as in the file".to_owned(),
            (Way::Plain, sign) => sign.to_owned(),
        }
    }

    /// A value without its unit, for a column of eight characters.
    pub fn number(&self, metric: &Metric, value: f64) -> String {
        match self.way(metric) {
            Way::Time(seconds, time) => time.number(value * seconds),
            Way::Prefixed(size, _) => text::seconds(value / size),
            Way::Plain => text::seconds(value),
        }
    }

    /// A difference of values without its unit, with its sign.
    pub fn difference(&self, metric: &Metric, value: f64) -> String {
        let number = self.number(metric, value);
        if number.starts_with('-') { number } else { format!("+{number}") }
    }

    /// A comparison in a few characters: `1.009`, or `+115 ms`.
    pub fn comparison(&self, metric: &Metric, comparison: &Comparison) -> String {
        match (comparison, self.way(metric)) {
            (Comparison::Ratio(ratio), _) => text::ratio(*ratio, 3),
            (Comparison::Difference(difference), Way::Time(seconds, _)) => text::difference(difference * seconds),
            (Comparison::Difference(difference), Way::Prefixed(_, sign)) => {
                format!("{} {sign}", self.difference(metric, *difference))
            }
            (Comparison::Difference(difference), Way::Plain) => {
                format!("{} {}", self.difference(metric, *difference), metric.sign()).trim_end().to_owned()
            }
            (Comparison::Unknown, _) => "unknown".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use firebench_stats::Better;

    use super::*;
    use firebench_model::metric;

    #[test]
    fn each_unit_is_written_in_its_way() {
        let metric = |unit: Option<&'static str>| Metric {
            unit: unit.map(Unit::new),
            better: Better::More,
            ..metric::OF_A_COMMAND[0].clone()
        };
        for (unit, value, number, sign, difference) in [
            (Some("s"), 0.0215, "21.500", "ms", "+21.5 ms"),
            (Some("ms"), 21.5, "21.500", "ms", "+21.5 ms"),
            (Some("us"), 12.5, "12.500", "µs", "+12.5 µs"),
            (Some("B"), 3.0 * 1048576.0, "3.000", "MiB", "+3.000 MiB"),
            (Some("B/s"), 12_500_000.0, "12.500", "MB/s", "+12.500 MB/s"),
            (Some("MB/s"), 12.5, "12.500", "MB/s", "+12.500 MB/s"),
            (None, 12.5, "12.500", "as in the file", "+12.500"),
        ] {
            let metric = metric(unit);
            let values = Values::new([(&metric, vec![value])]);
            assert_eq!((values.number(&metric, value).as_str(), values.sign(&metric).as_str()), (number, sign));
            assert_eq!(values.comparison(&metric, &Comparison::Difference(value)), difference);
        }
    }
}
