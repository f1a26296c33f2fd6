//! The job: what the host wants from the guest.

use serde::{Deserialize, Serialize};

use crate::Task;

/// A per-boot secret, 16 lower-case hexadecimal digits. Every frame of the boot carries it, so that a replay of
/// another boot's frames is refused.
pub type Nonce = String;

/// One job for one boot of one guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// [`crate::PROTOCOL_VERSION`] of the host.
    pub protocol: u32,
    /// Goes into every frame.
    pub nonce: Nonce,
    /// The terminal that frames are written to, such as `/dev/ttyS0`.
    pub console: String,
    /// The file system to switch into before anything runs.
    pub root: Root,
    /// How the agent ends the machine.
    pub end: End,
    /// What to do.
    pub kind: JobKind,
}

/// How a guest ends its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// `reboot(RB_AUTOBOOT)`: for VMMs that have no power to switch off and take a restart for the end.
    Restart,
    /// `reboot(RB_POWER_OFF)`.
    PowerOff,
}

/// The disk that becomes `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// Block device, such as `/dev/vda`. The agent waits for it to appear.
    pub device: String,
    /// File system type; mounted read-only.
    pub fs: String,
    /// Writable places put over the read-only root.
    pub tmpfs: Vec<Tmpfs>,
    /// Whether all else of it is writable, too: what is written goes to memory, and vanishes with the guest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlay: bool,
}

/// A tmpfs put over a directory of the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tmpfs {
    /// Mount point, absolute, existing in the image.
    pub path: String,
    /// Mount options, such as `mode=1777,size=50%`.
    pub options: String,
}

/// The kinds of job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum JobKind {
    /// Measure a command.
    Measure(MeasureJob),
    /// Run one program to its end and pass on what it prints: what the nested host does.
    Exec(ExecJob),
}

/// Measure a command several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureJob {
    /// What each iteration does.
    pub task: Task,
    /// How often, at least 1.
    pub iterations: u32,
    /// Drop the guest's page cache, dentries and inodes before each iteration.
    pub cold: bool,
}

/// Run one program. Each line that it prints on its standard output becomes one [`crate::Event::Output`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecJob {
    /// The command, without a shell in between.
    pub argv: Vec<String>,
    /// Fed to its standard input.
    pub stdin: String,
    /// Environment, nothing else is inherited.
    pub env: Vec<(String, String)>,
}
