//! What is simulated.

use serde::Serialize;

use super::noise::Shape;
use crate::Estimand;
use crate::design::Size;

/// What to simulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Runs behind every row. The standard error of a rate of 5% is 0.7% with 1,000 runs, 0.15% with 20,000.
    pub runs: usize,
    /// Same seed, same table.
    pub seed: u64,
    /// Noise of boots: standard deviation of ln(t) from boot to boot, such as 0.01.
    pub noise: f64,
    /// By how much the last contender of an A/B run is slower, such as 0.02.
    pub effect: f64,
    /// Bound of equivalence, such as 0.02.
    pub delta: f64,
    /// When a run is large enough.
    pub size: Size,
    /// Whether blocks begin with a throw-away boot, as those of real runs do: then a carry-over is in no difference, and is no reason
    /// against a verdict.
    pub throw_away: bool,
    /// Threads to use, at least 1. They change nothing in the table.
    pub threads: usize,
}

impl Default for Settings {
    /// 1% of noise, 2% of difference; equivalence within 2%, ±1% of precision in at most five minutes, as real runs have
    /// them, and throw-away boots; 10,000 runs, in one thread.
    fn default() -> Settings {
        let size = Size::Precision { precision: 0.01, max_seconds: 300.0 };
        Settings { runs: 10_000, seed: 1, noise: 0.01, effect: 0.02, delta: 0.02, size, throw_away: true, threads: 1 }
    }
}

/// What the contenders of a simulated run are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// All equal.
    Aa,
    /// All equal but the last, which is slower.
    Ab,
}

/// Which runs a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Case {
    /// A/A or A/B.
    pub kind: Kind,
    /// The noise.
    #[serde(rename = "noise")]
    pub shape: Shape,
    /// How its runs are judged.
    pub rule: Judged,
    /// Contenders in each block.
    pub contenders: usize,
}

/// How simulated runs are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// As runs are when nothing is said: about the typical boot, until the precision or the verdict.
    Default,
    /// By the band alone.
    Strict,
    /// About the mean cost, after [`BLOCKS`].
    Cost,
    /// About the 95th percentile, after [`BLOCKS`].
    P95,
    /// Two runs at different times, which are described and not judged.
    OneRun,
    /// Five runs of each, at different times: the run is the replicate.
    FiveRuns,
}

/// Blocks of the runs that are about what takes many.
pub const BLOCKS: u32 = 120;

impl Judged {
    /// Its name in tables, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Judged::Default => "default",
            Judged::Strict => "strict",
            Judged::Cost => "cost",
            Judged::P95 => "p95",
            Judged::OneRun => "one_run",
            Judged::FiveRuns => "five_runs",
        }
    }

    /// What the verdicts are about.
    pub fn estimand(self) -> Estimand {
        match self {
            Judged::Default | Judged::Strict | Judged::OneRun | Judged::FiveRuns => Estimand::Typical,
            Judged::Cost => Estimand::Cost,
            Judged::P95 => Estimand::P95,
        }
    }
}
