//! The numbers of an iteration, and how sentences have them.

use crate::record::IterationRecord;

/// A metric of an iteration, if it is a number.
pub fn value(iteration: &IterationRecord, metric: &str) -> Option<f64> {
    iteration.metrics.get(metric).copied().filter(|value| value.is_finite())
}

/// An iteration's number for people.
pub(super) fn number(iteration: &IterationRecord) -> u64 {
    u64::from(iteration.index).saturating_add(1)
}

/// A number that a guest told: of any size.
pub(super) fn figure(number: f64) -> String {
    if number.abs() < 1e6 { format!("{number:.1}") } else { format!("{number:.1e}") }
}
