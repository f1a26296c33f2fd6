//! How figures of others are read, as far as the user says it.

use firebench_model::metric::Unit;
use firebench_stats::Better;

use super::accepted::Accepted;

/// How figures of others are read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The metric to compare by, instead of `real`.
    pub metric: Option<String>,
    /// Which of its values are the better ones, whatever its name says.
    pub better: Option<Better>,
    /// The unit of its values, whatever its name and the file say.
    pub unit: Option<Unit>,
    /// Executions that count although their commands failed.
    pub accepted: Accepted,
}
