//! Virtual machine monitors.
//!
//! [`launch`] holds the types and one pure function a VMM, in a file of its own ([`qemu`], [`firecracker`]): machine and
//! image in, argument vector and files out. Nothing there touches the system, so golden tests hold every launch.
//! What all VMMs share lives beside it: starting and ending processes so that none survives, reading the console.

pub mod firecracker;
pub mod launch;
pub mod qemu;

pub use launch::{
    Accel, Contender, Drive, Image, Launch, LaunchError, LaunchFile, Machine, Paths, Settings, Tap, VmmKind, launch,
};
