//! The agent, but for one thing: it lies to the host. For tests: see [`report::Lie`].
//!
//! Everything else is the agent's own code, so that it boots, mounts and measures as the agent does.
#![allow(clippy::arithmetic_side_effects, reason = "a program for tests")]
#![allow(dead_code, reason = "the agent's modules have what only its tests use")]

#[path = "../../src/child.rs"]
mod child;
#[path = "../../src/console.rs"]
mod console;
#[allow(dead_code, reason = "a command of the agent that no liar needs")]
#[path = "../../src/digest.rs"]
mod digest;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/exec.rs"]
mod exec;
#[path = "../../src/facts.rs"]
mod facts;
#[path = "../../src/files.rs"]
mod files;
#[path = "../../src/guest.rs"]
mod guest;
#[path = "../../src/host.rs"]
mod host;
#[path = "../../src/kernel_log.rs"]
mod kernel_log;
#[path = "../../src/measure.rs"]
mod measure;
#[path = "../../src/modules.rs"]
mod modules;
#[path = "../../src/mounts.rs"]
mod mounts;
#[path = "../../src/power.rs"]
mod power;
#[path = "../../src/procfs.rs"]
mod procfs;
#[path = "../../src/ready.rs"]
mod ready;
mod report;
#[path = "../../src/series.rs"]
mod series;
#[allow(unsafe_code, reason = "system calls that nix does not wrap")]
#[path = "../../src/sys.rs"]
mod sys;

use std::process::ExitCode;

fn main() -> ExitCode {
    let woken = series::uptime();
    if std::process::id() == 1 {
        guest::run(woken);
    }
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [mode, job] if mode == "host" => host::run(job, woken),
        _ => ExitCode::from(2),
    }
}
