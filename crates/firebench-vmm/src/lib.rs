//! Virtual machine monitors: machine and image in, argument vector and files out. Nothing here touches the system, so golden
//! tests hold every launch; what starts one is another crate's.
//!
//! | module | holds |
//! |---|---|
//! | [`machine`] | the words: a machine, an image, a launch |
//! | [`limits`], [`CpuLimit`] | what a VMM may use at most, and what quotas leave of the CPUs |
//! | [`qemu`], [`firecracker`] | one VMM each: its settings, and its launch |
//! | [`host`] | the same of the control, which has no VMM |
//! | [`mod@launch`] | which of them a contender takes |

mod cpulimit;
pub mod firecracker;
pub mod host;
pub mod kernel_words;
pub mod launch;
pub mod limits;
pub mod machine;
pub mod qemu;
mod shell;

pub use cpulimit::CpuLimit;
pub use launch::{Contender, Settings, launch};
pub use limits::Limits;
pub use machine::{
    Accel, Drive, HostCache, Image, Jail, JailedFile, Launch, LaunchError, LaunchFile, Machine, Paths, Tap, VmmKind,
};
pub use shell::quote;
