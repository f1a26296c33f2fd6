//! What quotas leave of the CPUs: the words for it.

use serde::{Deserialize, Serialize};

/// What control groups do to the CPU time of this process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuLimit {
    /// How many CPUs' worth of time it may use, the least of all quotas that are seen; absent where none is set.
    #[serde(default)]
    pub quota: Option<f64>,
    /// The control group with that quota, by its name in the hierarchy.
    #[serde(default)]
    pub group: Option<String>,
    /// Whether there are groups above those that are seen from here, as in a container: they may have quotas, too.
    #[serde(default)]
    pub hidden: bool,
    /// Seconds, summed over CPUs, for which quotas have kept processes of these groups from running since the groups were made;
    /// absent where the kernel does not say.
    #[serde(default)]
    pub throttled_seconds: Option<f64>,
}
