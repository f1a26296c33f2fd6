//! What a command takes over the values of a parameter, as a curve of bars.

use firebench_analysis::findings::Findings;
use firebench_model::experiment::ContenderSpec;

use crate::values::Values;

/// Characters of the longest bar.
const LONGEST: f64 = 40.0;

/// A point of a curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The contender, whose name has the values of its parameters.
    pub of: String,
    /// The estimate of the primary metric with its unit; `-` where there is none.
    pub estimate: String,
    /// The estimate as a bar from 0.
    pub bar: String,
}

/// The curve of the primary metric, with what it is of; None where no contender has a parameter.
pub fn curve(findings: &Findings) -> Option<(String, Vec<Point>)> {
    let report = findings.report;
    let specs = &report.experiment.contenders;
    let parameters = |spec: &&ContenderSpec| spec.parameters.is_some();
    let primary = report.primary();
    let values = Values::of(&findings.summary);
    let estimate = |spec: &ContenderSpec| {
        let summary = findings.summary.contenders.iter().find(|summary| summary.name == spec.name)?;
        summary.metrics.iter().find(|summary| summary.metric.name == primary.name)?.estimate
    };
    let points: Vec<(&ContenderSpec, Option<f64>)> =
        specs.iter().filter(parameters).map(|spec| (spec, estimate(spec))).collect();
    let largest = points.iter().filter_map(|(_, value)| *value).fold(0.0, f64::max);
    let point = |(spec, value): &(&ContenderSpec, Option<f64>)| Point {
        of: spec.name.clone(),
        estimate: value.map_or("-".to_owned(), |v| format!("{} {}", values.number(&primary, v), values.sign(&primary))),
        bar: value.filter(|_| largest > 0.0).map_or_else(String::new, |v| bar(v / largest)),
    };
    (!points.is_empty()).then(|| (primary.name.to_string(), points.iter().map(point).collect()))
}

/// A bar of this share of the longest one.
fn bar(share: f64) -> String {
    "#".repeat((share.clamp(0.0, 1.0) * LONGEST).round() as usize)
}

#[cfg(test)]
mod tests {
    #[test]
    fn bars_have_their_share_of_the_longest() {
        assert_eq!(super::bar(1.0).len(), 40);
        assert_eq!(super::bar(0.5).len(), 20);
        assert_eq!((super::bar(0.0).len(), super::bar(f64::NAN).len(), super::bar(7.0).len()), (0, 0, 40));
    }
}
