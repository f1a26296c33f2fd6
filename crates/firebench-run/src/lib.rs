//! Carries out a plan and reports to a listener what happens: the runner, what it sees on a guest's console, and the
//! nested host.

// Printing panics where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod console;
pub mod drive;
pub mod executor;
pub mod footprint;
pub mod libraries;
pub mod observe;
pub mod runner;
pub mod tally;
