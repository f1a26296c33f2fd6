//! What can go wrong in the guest, or on the host. The texts go to the host as they are (`Event::Failed`), so each holds its cause.

use firebench_protocol::PROTOCOL_VERSION;
use firebench_protocol::codec::EncodeError;
use nix::errno::Errno;
use std::io;
use thiserror::Error;

/// Why the agent cannot go on.
#[derive(Debug, Error)]
pub enum Error {
    /// A file of the initramfs, /proc or /sys.
    #[error("cannot read {path}: {cause}")]
    Read { path: String, cause: io::Error },
    #[error("cannot write {path}: {cause}")]
    Write { path: String, cause: io::Error },
    #[error("cannot drop {path} from the page cache: {cause}")]
    Evict { path: String, cause: io::Error },
    #[error("cannot read the job: {0}")]
    Job(serde_json::Error),
    #[error("the job uses protocol {0}, but this agent uses {PROTOCOL_VERSION}")]
    Protocol(u32),
    #[error("the job has an empty command")]
    NoCommand,
    #[error("the job does not have an iteration")]
    NoIterations,
    #[error("cannot use the console {path}: {cause}")]
    Console { path: String, cause: io::Error },
    #[error("cannot load the kernel module {name}: {cause}")]
    Module { name: String, cause: Errno },
    #[error("the root device {device} did not appear within {seconds} s")]
    NoRoot { device: String, seconds: u64 },
    #[error("cannot mount {what} on {target}: {cause}")]
    Mount { what: String, target: String, cause: Errno },
    #[error("cannot enter the root: {0}")]
    Enter(Errno),
    #[error("cannot start {command}: {cause}")]
    Spawn { command: String, cause: io::Error },
    #[error("cannot wait for {command}: {cause}")]
    Wait { command: String, cause: io::Error },
    #[error("the command to {what} ({command}) ended with status {status}: {reason}")]
    Aside { what: &'static str, command: String, status: i32, reason: String },
    #[error("cannot report: {0}")]
    Encode(#[from] EncodeError),
    #[error("cannot report: {0}")]
    Report(io::Error),
}
