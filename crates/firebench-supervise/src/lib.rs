//! Processes and rights: everything that a launch needs of the machine, and all of firebench's system calls on the host.
//!
//! [`supervise`] starts and ends processes so that none survives and reads the console; [`mod@start`] confines them before their
//! first instruction; `requests` tells them what they are told after it. [`rundir`] and [`mod@sweep`] see to files, [`pagecache`] to the host's memory, [`affinity`] and [`cpusets`] to its CPUs,
//! [`cpulimit`] to what it may use of them, [`signals`] to Ctrl-C. [`kvm`] finds out what stands behind `/dev/kvm`, [`access`]
//! and [`program`] why something may not be opened or run, [`ownership`] whose files are to be trusted; [`probe`] asks programs
//! what they are, and [`mod@work`] has them work in a directory.

pub mod access;
pub mod activity;
pub mod affinity;
mod cgroup;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod child;
pub mod counts;
pub mod cpulimit;
pub mod cpusets;
pub mod exit;
mod hierarchy;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod init;
mod jail;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod keeper;
pub mod kvm;
pub mod left;
mod limits;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod namespaces;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod network;
mod overlay;
pub mod ownership;
pub mod pagecache;
#[expect(unsafe_code, reason = "sockets that neither std nor nix wraps")]
pub mod peer;
pub mod ports;
pub mod probe;
pub mod program;
mod pulse;
mod requests;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod rlimits;
pub mod rundir;
pub mod signals;
mod source;
pub mod start;
pub mod subprocess;
pub mod supervise;
pub mod sweep;
#[expect(unsafe_code, reason = "system calls that neither std nor nix wraps")]
mod sys;
mod tail;
mod vcpus;
pub mod work;

pub use activity::Activity;
pub use child::step::Step;
pub use counts::Counts;
pub use exit::{Exit, Usage};
pub use peer::PeerEnd;
pub use requests::Refusal;
pub use rundir::{RunDir, RunDirError};
pub use signals::Interrupt;
pub use start::Confinement;
pub use start::error::StartError;
pub use supervise::processes::{Processes, Unseen};
pub use supervise::{Isolation, Output, Vm};
pub use sweep::{SweepReport, sweep};
pub use vcpus::Pinned;
