//! How a run was laid out, and how far it came. Plain data.

use firebench_stats::{Estimand, Rule};
use serde::{Deserialize, Serialize};

/// How a run was laid out, and how far it came. Everything that a verdict needs besides the boots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DesignRecord {
    /// The metric on which verdicts are given, declared before the run.
    pub primary: String,
    /// Seed of the order in which the contenders boot.
    pub seed: u64,
    /// What a verdict is about, declared before the run.
    pub estimand: Estimand,
    /// When the run was to end.
    pub rule: Rule,
    /// Half-width of the interval that the run aimed at, such as 0.01; absent where the number of blocks was given.
    pub precision: Option<f64>,
    /// Seconds that the run was to take at most.
    pub max_seconds: Option<f64>,
    /// Differences up to this size, in either direction, count as none.
    pub delta: f64,
    /// Blocks at the beginning that count for nothing: those of a scout whose boots were no longer than the warm-up that it chose (in
    /// reports of older versions, all of the scout).
    pub scout_blocks: u32,
    /// Iterations at the beginning of each boot that do not count.
    pub warm_up: u32,
    /// Iterations of each boot, warm-up included.
    pub iterations: u32,
    /// Blocks that count that were to be reached; of a run that aims at a precision, about how many its time allows or it takes. Absent until it is known.
    pub planned: Option<u32>,
    /// Why the run ended.
    pub end: Option<RunEnd>,
    /// Whether all contenders of a block booted at once, each on a CPU set, and the sets were swapped at random: then contention between
    /// them is part of what was measured, and [`super::BootRecord::position`] is the number of the set.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub duet: bool,
    /// Each time that the run was taken up again with another time to take.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extended: Vec<Extension>,
}

/// Another time for a run that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// Boots that were done by then.
    pub after_boots: usize,
    /// Seconds that the run may take at most from then on.
    pub max_seconds: f64,
}

impl Default for DesignRecord {
    /// That of the first reports, which did not say.
    fn default() -> Self {
        DesignRecord {
            primary: "real".to_owned(),
            seed: 0,
            estimand: Estimand::Mean,
            rule: Rule::Fixed,
            precision: None,
            max_seconds: None,
            delta: 0.01,
            scout_blocks: 0,
            warm_up: 1,
            iterations: 3,
            planned: None,
            end: None,
            duet: false,
            extended: Vec::new(),
        }
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// The number of blocks that was planned is there, or the precision.
    Planned,
    /// Another block did not fit into the time.
    TimeOver,
    /// Every comparison had its verdict.
    Verdict,
    /// Too many blocks had to be left out for void boots.
    Void,
    /// A signal stopped it.
    Interrupted,
    /// A boot failed for good.
    Failed,
}
