//! firebench boots one guest image under several virtual machine monitors, runs a workload in it, and says which is
//! faster and whether the comparison was fair.
//!
//! This crate is the product: the command line, the step from an experiment to a plan, and the end of the process. The rest is in
//! crates of its own: `ARCHITECTURE.md`.

// Printing panics where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod blame;
pub mod cli;
pub mod crash;
pub mod dry_run;
pub mod init;
pub mod out_of_memory;
pub mod prepare;
pub mod resume;
pub mod selftest;
pub mod usage;
