//! What runs in the guests and on the host: one file a workload, and the table of them.
//!
//! A workload is a [`Workload`] in a file of its own and a line in [`ALL`]. It says by which words a user asks for it, what it
//! needs, which command an iteration is, how long that may take, and what its output means. Nothing else names a workload: help,
//! experiment files, plans, the runner, reports and errors go by the table. Pure: no input, no output.

// Printing panics where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

mod believed;
pub mod listed;
mod reading;
mod table;
mod workload;
mod workloads;

pub use believed::read;
pub use reading::{Fault, Reading};
pub use table::{all_primaries, ask, check, find, flags, metrics, of, primaries, primary};
pub use workload::{Difference, Flag, FlagError, Given, Needs, Run, Service, Side, Speed, Workload};
pub use workloads::ALL;
