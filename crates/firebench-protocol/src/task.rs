//! The task: what each iteration of a measurement does.

use serde::{Deserialize, Serialize};

/// A command, and what is around it. What is around it is not measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The command, without a shell in between; `argv[0]` is an absolute path where the command runs, or
    /// [`crate::AGENT_COMMAND`].
    pub argv: Vec<String>,
    /// Variables beside those that every command has, or in place of these: name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
    /// The directory in which it runs, an absolute path; `/` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The file that it reads as its standard input, an absolute path; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// A command right before each iteration; none when empty. If it fails, so does the boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepare: Vec<String>,
    /// A command right after each iteration; none when empty. If it fails, so does the boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conclude: Vec<String>,
    /// Whether the digest of all that it prints is reported, which takes the time to compute it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub digest: bool,
}

impl Task {
    /// A command with nothing around it.
    pub fn new(argv: Vec<String>) -> Task {
        Task { argv, ..Task::default() }
    }
}
