//! All workloads: a new one is a file beside `memory.rs`, its name here, and its line in [`ALL`].

mod boot;
mod command;
mod footprint;
mod hash_loop;
mod http;
mod memory;
mod served;
mod service;

use crate::workload::Workload;

/// All workloads, in the order in which they are listed.
pub const ALL: &[&dyn Workload] = &[
    &memory::Memory,
    &hash_loop::HashLoop,
    &command::Command,
    &boot::BOOT,
    &boot::SHUTDOWN,
    &service::Service,
    &http::Http,
    &footprint::Footprint,
];
