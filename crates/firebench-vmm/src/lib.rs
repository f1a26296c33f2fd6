//! Virtual machine monitors: machine and image in, argument vector and files out. Nothing here touches the system, so golden
//! tests hold every launch; what starts one is another crate's.
//!
//! | module | holds |
//! |---|---|
//! | [`machine`] | the words: a machine, an image, a launch |
//! | [`limits`], [`CpuLimit`] | what a VMM may use at most, and what quotas leave of the CPUs |
//! | [`Missing`] | what a machine had to go without |
//! | [`kind`] | what is known of a kind of contender, all of it |
//! | [`kinds`] | the table of kinds |
//! | [`kinds::qemu`], [`kinds::firecracker`], [`kinds::cloud_hypervisor`], [`kinds::crosvm`], [`kinds::kvmtool`] | one VMM each |
//! | [`kinds::bubblewrap`], [`kinds::runc`], [`kinds::gvisor`] | one container each |
//! | [`kinds::uml`] | a Linux that is a program of the host |
//! | [`kinds::host`] | the control, which isolates nothing |
//! | `oci` | what the runtimes of containers read |
//! | [`setting`] | what a contender can be given: one definition each |
//! | [`described`] | settings in words that VMMs share |
//! | [`Requests`] | what a VMM is told after its start |
//! | [`request`], [`preset`] | what the user wants, and from that to a machine |
//! | [`mod@launch`] | from a contender and an image to a launch |

mod cpulimit;
pub mod described;
pub mod kind;
pub mod kinds;
pub mod launch;
pub mod limits;
pub mod machine;
mod missing;
mod not_kinds;
mod oci;
pub mod preset;
pub mod request;
mod requests;
pub mod setting;
mod shell;

pub use cpulimit::CpuLimit;
pub use described::DescribedSettings;
pub use kind::Kind;
pub use kinds::{VmmKind, bubblewrap, cloud_hypervisor, crosvm, firecracker, gvisor, host, kvmtool, qemu, runc, uml};
pub use launch::{Contender, Settings, launch, launch_container, launch_process};
pub use limits::Limits;
pub use machine::{
    Accel, Drive, HostCache, Image, Jail, JailedFile, LOADER, LOADER_PATH, Launch, LaunchError, LaunchFile, Machine,
    Overlay, Paths, Peer, Root, RootFile, Tap, Veth,
};
pub use missing::Missing;
pub use requests::{Request, Requests};
pub use shell::quote;
