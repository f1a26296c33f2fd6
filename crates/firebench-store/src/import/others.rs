//! What is read of the figures of others, and the most of it that there may be.

use std::collections::HashMap;

use firebench_model::figures::Figures;
use firebench_model::metric::Metric;
use firebench_model::metric::names::Known;

/// The ending of the files of a directory that are read.
pub(super) const ENDING: &str = "txt";

/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;

/// The most samples that a file of others may have.
pub const MAX_SAMPLES: usize = 1_000_000;

/// The most contenders that it may have.
pub const MAX_CONTENDERS: usize = 10_000;

/// The most metrics that it may have.
pub const MAX_METRICS: usize = 100;

/// The most pairs of contender and metric that it may have.
pub(super) const MAX_COLUMNS: usize = 100_000;

/// The longest name of a contender or a metric, in bytes.
pub(super) const MAX_NAME: usize = 16 << 10;

/// The longest unit, in bytes.
pub const MAX_UNIT: usize = 40;

/// What others measured.
pub(super) struct Read {
    /// The baseline first.
    pub(super) contenders: Vec<Contender>,
    /// The metrics that the program that wrote the file is known to mean.
    pub(super) known: Vec<Metric>,
    /// What the file says of the others.
    pub(super) said: HashMap<String, Known>,
    pub(super) notices: Vec<String>,
}

/// A contender of others.
pub(super) struct Contender {
    pub(super) name: String,
    pub(super) figures: Figures,
}

/// Whether a value can have been measured: times and counts are what is measured, and neither is below zero.
pub(super) fn check(value: f64) -> Result<f64, String> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(format!("{value} is not a possible measurement")) }
}
