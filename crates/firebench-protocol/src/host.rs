//! The job of the host control: the same measurement without a guest.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Nonce, Task};

/// What `firebench-agent host FILE` reads from FILE: measure a command on the bare host, as an ordinary process.
///
/// The answer is that of a guest with a [`crate::MeasureJob`], [`crate::Event`] for event, as [frames](crate::codec) on
/// the standard output. Nothing is mounted, no module is loaded, and no machine ends with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostJob {
    /// [`crate::PROTOCOL_VERSION`] of the one who wrote it.
    pub protocol: u32,
    /// Goes into every frame.
    pub nonce: Nonce,
    /// What each iteration does.
    pub task: Task,
    /// How often, at least 1.
    pub iterations: u32,
    /// Drop the files of [`HostJob::evict`] from the page cache before each iteration.
    pub cold: bool,
    /// The files that the command reads, absolute paths. An ordinary process must not empty the page cache of the whole
    /// machine, as a guest does with its own, so it drops these alone. What other processes have mapped stays, and so does
    /// everything on a tmpfs.
    pub evict: Vec<PathBuf>,
}
