//! Virtual machine monitors.
//!
//! [`mod@launch`] holds the types and one pure function a VMM, in a file of its own ([`qemu`], [`firecracker`]), and one for
//! the control without a VMM ([`host`]): machine and image in, argument vector and files out. Nothing there touches the
//! system, so golden tests hold every launch.
//! What all VMMs share lives beside it: [`supervise`] starts and ends processes so that none survives and reads the
//! console, [`rundir`] and [`mod@sweep`] see to files, [`pagecache`] to the host's memory, [`affinity`] to its CPUs, [`signals`]
//! to Ctrl-C.

// Nothing from outside may make this panic.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
    )
)]

pub mod access;
pub mod activity;
pub mod affinity;
mod cgroup;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod child;
pub mod cpulimit;
pub mod exit;
pub mod firecracker;
pub mod host;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod init;
mod jail;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod keeper;
pub mod kvm;
pub mod launch;
pub mod limits;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod namespaces;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod network;
pub mod ownership;
pub mod pagecache;
pub mod probe;
pub mod program;
mod pulse;
pub mod qemu;
#[expect(unsafe_code, reason = "system calls between fork and exec")]
mod rlimits;
pub mod rundir;
mod shell;
pub mod signals;
pub mod start;
pub mod supervise;
pub mod sweep;
#[expect(unsafe_code, reason = "system calls that neither std nor nix wraps")]
mod sys;
mod tail;
mod vcpus;

pub use activity::Activity;
pub use child::Step;
pub use exit::{Exit, Usage};
pub use launch::{
    Accel, Contender, Drive, Image, Jail, JailedFile, Launch, LaunchError, LaunchFile, Machine, Paths, Settings, Tap,
    VmmKind, launch,
};
pub use limits::Limits;
pub use rundir::{RunDir, RunDirError};
pub use shell::quote;
pub use signals::Interrupt;
pub use start::{Confinement, StartError};
pub use supervise::{Isolation, Output, Vm};
pub use sweep::{SweepReport, sweep};
pub use vcpus::Pinned;
