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
    /// By how much whoever boots right after one of the two comes out higher or lower, relative, where throw-away boots spread that over
    /// all alike.
    pub carried: Option<f64>,
    /// Of several runs, in how many there is what of one run is said above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<OfRuns>,
}

/// What must be said of several runs beside a verdict over them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OfRuns {
    /// Where the two took turns: those in which they do not settle alike.
    pub unsettled: Option<InRuns>,
    /// Those in which one of the two leaves something behind for whoever boots next, and throw-away boots spread that over all alike.
    pub carried: Option<InRuns>,
    /// Where they ran apart, of the contender and of the baseline: those in which its iterations change in the course of a boot.
    pub settling: [Option<InRuns>; 2],
    /// Of the contender and of the baseline: those with boots in a slow mode.
    pub slow: [Option<InRuns>; 2],
}

/// Some of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InRuns {
    /// How many.
    pub runs: usize,
    /// Of how many.
    pub of: usize,
    /// The most that it is there, relative.
    pub by: f64,
}

impl InRuns {
    /// Those of all runs where it is there; none where it is nowhere.
    pub fn of(found: &[Option<f64>]) -> Option<InRuns> {
        let most = found.iter().flatten().copied().max_by(|one, other| one.abs().total_cmp(&other.abs()))?;
        Some(InRuns { runs: found.iter().flatten().count(), of: found.len(), by: most })
    }

    /// "in 2 of 5 runs".
    fn words(&self) -> String {
        format!("in {} of {}", self.runs, text::count(self.of, "run"))
    }

    /// "4%".
    fn most(&self) -> String {
        text::told_percent(self.by.abs())
    }
}

/// "5.0% higher".
pub(crate) fn above(by: f64) -> String {
    format!("{} {}", text::told_percent(by.abs()), if by > 0.0 { "higher" } else { "lower" })
}

/// What is said of a carry-over that throw-away boots take out of the difference.
fn carried_over(runs: &str, by: f64) -> String {
    let above = above(by);
    format!(
        "; {runs}whoever boots right after one of the two comes out {above}, which the throw-away boots spread over all alike"
    )
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

impl OfRuns {
    /// None where there is nothing to say.
    pub fn if_any(self) -> Option<OfRuns> {
        (self != OfRuns::default()).then_some(self)
    }

    fn words(&self, contender: &str, baseline: &str, metric: &Metric) -> String {
        let mut words = String::new();
        let which = |found: &InRuns| if found.by < 0.0 { "falls" } else { "rises" };
        if let Some(found) = &self.unsettled {
            let (runs, which, most) = (found.words(), which(found), found.most());
            words += &format!(
                "; {runs} {contender} {which} against {baseline} in the course of the counted iterations, by up to {most}, and may go on \
                 after them (--warm-up, --iterations)"
            );
        }
        if let Some(found) = &self.carried {
            words += &carried_over(&format!("{} ", found.words()), found.by);
        }
        for (name, found) in [contender, baseline].into_iter().zip(&self.settling) {
            if let Some(found) = found {
                let (runs, which, most) = (found.words(), which(found), found.most());
                words += &format!("; {runs} {name} {which} in the course of the counted iterations, by up to {most}");
            }
        }
        let word = if metric.better == Better::Less { "slow" } else { "low" };
        for (name, found) in [contender, baseline].into_iter().zip(&self.slow) {
            if let Some(found) = found {
                words += &format!("; {word} boots of {name} {} (by up to {})", found.words(), found.most());
            }
        }
        words
    }
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
        if let Some(carried) = self.carried {
            words += &carried_over("", carried);
        }
        if self.apart > 0 {
            let blocks = text::count(self.apart, "block");
            words += &format!("; {blocks} not ranked, too far from the others to say anything of typical boots");
        }
        if self.missing > 0 {
            let blocks = text::count(self.missing, "block");
            words += &format!("; {blocks} without a good boot of each might have come out in any way");
        }
        words + &self.runs.as_ref().map(|runs| runs.words(contender, baseline, metric)).unwrap_or_default()
    }
}
