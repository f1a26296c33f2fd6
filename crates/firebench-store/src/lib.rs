//! Where runs are kept: the store, the figures of others that come into it, and the one place that finds out what a name on the
//! command line stands for ([`operand`], [`experiment_file`]).

// Printing panics where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

mod content;
pub mod experiment_file;
pub mod import;
pub mod operand;
pub mod store;
mod unique;
