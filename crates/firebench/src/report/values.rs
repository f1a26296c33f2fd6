//! Values of metrics as people read them: times in the unit in which the fastest has digits, everything else as in the file
//! that it came from.

use firebench_text::{self as text, Unit};

use crate::import::metric;
use crate::record::Report;
use crate::summary::{Comparison, Summary};

/// How the values of a report, or of a comparison of two, are written.
#[derive(Debug, Clone, Copy)]
pub struct Values {
    times: Unit,
    imported: bool,
}

impl Values {
    /// Of the metrics that are shown, in their order, with some of their values: the first one that is a time gives the unit.
    pub fn new<'a>(imported: bool, shown: impl IntoIterator<Item = (&'a str, Vec<f64>)>) -> Self {
        let unknown = Values { times: Unit::Seconds, imported };
        let times = shown.into_iter().find(|(metric, _)| unknown.is_time(metric)).map(|(_, values)| values);
        Values { times: Unit::of(times.unwrap_or_default()), imported }
    }

    /// Of a report.
    pub fn of(report: &Report, summary: &Summary) -> Self {
        let metrics = summary.contenders.first().map(|contender| contender.metrics.as_slice()).unwrap_or_default();
        let values = |place: usize| {
            let of_all = summary.contenders.iter().filter_map(|contender| contender.metrics.get(place));
            of_all.flat_map(|metric| [metric.first, metric.sample.map(|sample| sample.median)]).flatten().collect()
        };
        let shown = metrics.iter().enumerate().map(|(place, metric)| (metric.metric.as_str(), values(place)));
        Values::new(report.imported.is_some(), shown)
    }

    /// Whether the metric is known to be a time in seconds.
    fn is_time(self, name: &str) -> bool {
        !self.imported || metric::unit(name) == "s"
    }

    /// The unit of the times.
    pub fn times(self) -> Unit {
        self.times
    }

    /// The unit of a metric, behind its name: `in milliseconds`.
    pub fn unit(self, metric: &str) -> String {
        if self.is_time(metric) { format!("in {}", self.times.name()) } else { "as in the file".to_owned() }
    }

    /// The sign of its unit: `ms`.
    pub fn sign(self, metric: &str) -> &'static str {
        if self.is_time(metric) { self.times.sign() } else { "as in the file" }
    }

    /// A value without its unit, for a column of eight characters.
    pub fn number(self, metric: &str, value: f64) -> String {
        if self.is_time(metric) { self.times.number(value) } else { text::seconds(value) }
    }

    /// A difference of values without its unit, with its sign.
    pub fn difference(self, metric: &str, value: f64) -> String {
        let number = self.number(metric, value);
        if number.starts_with('-') { number } else { format!("+{number}") }
    }

    /// A comparison in a few characters: `1.009`, or `+115 ms`.
    pub fn comparison(self, metric: &str, comparison: &Comparison) -> String {
        match comparison {
            Comparison::Ratio(ratio) => text::ratio(*ratio, 3),
            Comparison::Difference(difference) if self.is_time(metric) => text::difference(*difference),
            Comparison::Difference(difference) => self.difference(metric, *difference),
            Comparison::Unknown => "unknown".to_owned(),
        }
    }
}
