//! This machine: its facts, its accelerator, the programs on it and how missing ones are fetched; `doctor` and `tune`.

// Printing panics where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod accel;
pub mod contenders;
pub mod doctor;
pub mod facts;
pub mod fetch;
pub mod tools;
pub mod tune;
