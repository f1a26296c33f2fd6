//! What must be said beside a verdict, for its reader not to take it for more than it is. Pure.

use firebench_model::metric::Metric;
use firebench_stats::{Better, Estimand};
use firebench_text as text;
use serde::Serialize;

/// What must be said beside a verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Beside {
    /// The two do not settle alike, so the verdict is about these iterations and no later ones.
    pub trend: Option<Unsettled>,
    /// Boots in a slow mode, of the contender and of the baseline; absent where neither has any.
    pub slow: Option<[SlowBoots; 2]>,
    /// Blocks whose difference stands so far apart that it is not ranked.
    pub apart: usize,
    /// Blocks without a good boot of every contender.
    pub missing: usize,
}

/// How the iterations of a contender change against the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unsettled {
    /// Over those that count in the longest boot, relative: -0.04 is 4% less.
    pub change: f64,
    /// Iterations that count in the shortest boot.
    pub iterations: usize,
}

/// The boots of a contender that are in a slow mode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SlowBoots {
    /// How many.
    pub boots: usize,
    /// Of how many.
    pub of: usize,
    /// How far they are from the middle of all, relative; absent where there are none.
    pub by: Option<f64>,
}

impl Beside {
    /// At the end of a verdict's sentence; empty where nothing must be said.
    pub fn words(&self, contender: &str, baseline: &str, metric: &Metric, estimand: Estimand) -> String {
        let mut words = String::new();
        if let Some(Unsettled { change, iterations }) = self.trend {
            let (change, which) = (text::told_percent(change.abs()), if change < 0.0 { "falls" } else { "rises" });
            let first = text::count(iterations, "counted iteration");
            words += &format!(
                "; this is about the first {first} of a boot: in their course {contender} {which} by {change} against {baseline}, \
                 and may go on after them (--warm-up, --iterations)"
            );
        }
        if let Some([of_contender, of_baseline]) = &self.slow {
            let word = if metric.better == Better::Less { "slow" } else { "low" };
            let of = |name: &str, slow: &SlowBoots| {
                let by = slow.by.map(|by| format!(" (by {})", text::told_percent(by.abs()))).unwrap_or_default();
                let count = if slow.boots == 0 { "none".to_owned() } else { slow.boots.to_string() };
                format!("{count} of {name}'s {}{by}", slow.of)
            };
            let lead = if estimand == Estimand::Typical { "this is about a typical boot; " } else { "" };
            words += &format!("; {lead}{word} boots: {}, {}", of(contender, of_contender), of(baseline, of_baseline));
        }
        if self.apart > 0 {
            let blocks = text::count(self.apart, "block");
            words += &format!("; {blocks} not ranked, too far from the others to say anything of typical boots");
        }
        if self.missing > 0 {
            let blocks = text::count(self.missing, "block");
            words += &format!("; {blocks} without a good boot of each might have come out in any way");
        }
        words
    }
}
