//! Faults, injected one at a time: each must end in one clear error with a hint, within its deadline, and leave nothing.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]
#![allow(unsafe_code, reason = "processes are put into states that firebench must bear")]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod by_path;
mod cache;
mod deadlines;
mod doctor;
mod documented;
mod duet;
mod dying;
mod ends;
mod escapes;
mod fetch;
mod hostile;
mod image;
mod injected;
mod isolation;
mod kernel_build;
mod kernels;
mod killed;
mod libkrun;
mod limits;
mod missing;
mod nested;
mod outputs;
mod outside;
mod own;
mod permissions;
mod quota;
mod rlimits;
mod services;
mod signals;
mod space;
mod stopped;
mod store;
mod together;
mod usage;

/// A short run of QEMU under TCG.
pub const SHORT: [&str; 11] =
    ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--boots", "1", "--iterations", "1", "--size"];
/// A payload that is soon read.
pub const SMALL: &str = "1MiB";
/// A payload that TCG hashes for seconds, on any computer.
pub const LARGE: &str = "192MiB";
/// Bytes that a QEMU has read when its guest is amidst the large payload: more than kernel and initramfs, far from all.
const AMID_LARGE: u64 = 64 << 20;

use std::time::Duration;

use firebench_model::record::{BootRecord, Report};

use crate::support::common::{Lab, wait_for};

/// Waits until the lab's QEMU boots its guest.
pub fn await_boot(lab: &Lab) -> u32 {
    wait_for("a QEMU", Duration::from_secs(60), || lab.processes(&["qemu", "microvm", "/boot-"]).first().copied())
}

/// Waits until the lab's QEMU is amidst the first iteration over the large payload.
pub fn await_iteration(lab: &Lab) -> u32 {
    let qemu = await_boot(lab);
    wait_for("the first iteration", Duration::from_secs(120), || {
        let io = std::fs::read_to_string(format!("/proc/{qemu}/io")).ok()?;
        let read: u64 = io.lines().find_map(|line| line.strip_prefix("rchar: "))?.trim().parse().ok()?;
        (read > AMID_LARGE).then_some(qemu)
    })
}

/// The one boot of a report that failed, and says so.
#[track_caller]
pub fn failed_boot(report: &Report) -> &BootRecord {
    assert!(report.failure.is_some());
    match report.contenders.as_slice() {
        [contender] => contender.boots.last().expect("a boot"),
        several => panic!("{} contenders", several.len()),
    }
}
