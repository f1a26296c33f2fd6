//! The design of a run: how often what is measured, and when it is enough.

use firebench_stats::Estimand;
use firebench_text::units::{Share, Span};
use serde::{Deserialize, Serialize};

use super::Settle;

/// How many boots and iterations, from which cache state, and when to stop. What is absent is chosen when the plan is made: on a real accelerator a
/// precision of 1% in at most five minutes, and throw-away boots; on an emulated one three boots of each contender.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// The metric on which verdicts are given, instead of the workload's first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// Boots of each contender, which is the number of blocks. Instead of a precision.
    #[serde(default, alias = "blocks", skip_serializing_if = "Option::is_none")]
    pub boots: Option<u32>,
    /// Half-width of the interval at which the run is good enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Share>,
    /// How long a run that aims at a precision may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_time: Option<Span>,
    /// Differences up to this size count as none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Share>,
    /// What verdicts are about: the typical boot, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimand: Option<Estimand>,
    /// Judge by the anytime-valid confidence band only, at 5%.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// End as soon as every comparison has its verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop_on_verdict: bool,
    /// Boot all contenders of a block at once, on CPU sets that are swapped at random.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duet: bool,
    /// Something is asked that who is faster does not answer, such as a limit.
    #[serde(skip)]
    pub to_the_end: bool,
    /// What is done so that no boot feels the one before it, or all alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Settle>,
    /// Seed of the order in which the contenders boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Where the files of the root disk lie in it, another place for each number; 0 is where they always are. What a whole run is slower
    /// or faster by for that, only runs of other layouts show.
    #[serde(default, skip_serializing_if = "is_default")]
    pub layout: u32,
    /// Iterations in each boot, warm-up included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u32>,
    /// Iterations at the beginning of each boot that do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<u32>,
    /// Drop the guest's caches before each iteration.
    #[serde(default)]
    pub cold: bool,
    /// State of the host's page cache of the root disk before each boot.
    #[serde(default)]
    pub host_cache: HostCacheChoice,
    /// Failed boots that the run tolerates: the block is left out, and the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u32>,
    /// Seconds until the agent must have spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_deadline: Option<u64>,
    /// Seconds that an iteration may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration_deadline: Option<u64>,
}

fn is_default(layout: &u32) -> bool {
    *layout == 0
}

/// State of the host's page cache of the root disk before each boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostCacheChoice {
    /// Warm where the disk fits beside the guest's memory, else cold.
    #[default]
    Auto,
    /// The whole disk is in it.
    Warm,
    /// Nothing of the disk is in it.
    Cold,
}
