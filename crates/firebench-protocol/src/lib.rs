//! What host and guest say to each other.
//!
//! The host hands the guest one [`Job`] (as `/firebench/job.json`, in a small cpio appended to the initramfs).
//! The guest answers with a stream of [`Event`]s, each in one [frame](codec) on the serial console.
//! On the bare host, the control, the job is a [`HostJob`] and the frames come on the standard output.
//! The guest is untrusted: whatever arrives is bounded, checked and never believed to be well formed.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may panic"))]

pub mod codec;
mod event;
mod host;
mod job;
pub mod service;
mod task;

pub use event::{Counters, CpuFacts, Event, GuestFacts, IterationReport, KernelPause, Moment};
pub use host::HostJob;
pub use job::{End, ExecJob, Job, JobKind, MeasureJob, Nonce, Root, Tmpfs};
pub use task::Task;

/// Version of this protocol. Agent and host must agree exactly; both come from one build.
pub const PROTOCOL_VERSION: u32 = 3;

/// How often the agent says that it is alive while it runs the program of an [`ExecJob`].
pub const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(2);

/// How long a guest does nothing after its first and after its last frame: what it had asked of its host by then can be counted, by
/// whoever comes to look a little late.
pub const QUIET: std::time::Duration = std::time::Duration::from_millis(10);

/// As the first word of a command: the agent's own executable, wherever that is in a guest, in a container or on the host.
pub const AGENT_COMMAND: &str = "firebench-agent";

/// First argument of [`AGENT_COMMAND`] that makes it print SHA-256 digests as `sha256sum` does: `sha256sum --block BYTES FILE...`.
pub const DIGEST_COMMAND: &str = "sha256sum";

/// The option of [`DIGEST_COMMAND`] before the number of bytes that are read at a time.
pub const BLOCK_OPTION: &str = "--block";

/// First argument of [`AGENT_COMMAND`] that makes it hash a buffer again and again: `hash-loop --bytes N --rounds N --seed S`.
pub const HASH_LOOP_COMMAND: &str = "hash-loop";

/// Where the guest finds its job in the initramfs.
pub const JOB_PATH: &str = "/firebench/job.json";

/// The directory in the initramfs that holds kernel modules, in a file each, named `NN-NAME.ko`: loaded in the
/// order of the names. It may be absent (a kernel with everything built in).
pub const MODULES_DIR: &str = "/firebench/modules";

/// Ends the name of a module's file (`NN-NAME.ko.optional`) that the kernel may refuse to load: another one does the same.
pub const OPTIONAL_MODULE: &str = ".optional";
