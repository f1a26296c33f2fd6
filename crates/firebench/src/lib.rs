//! firebench boots one guest image under several virtual machine monitors, runs a workload in it, and says which is
//! faster and whether the comparison was fair.
//!
//! The data goes one way: experiment, plan, boots, observations, summary, report. Whoever wants to watch listens to
//! [`events`].

// Nothing from outside may make this panic; printing does where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
    )
)]

pub mod accel;
pub mod audit;
pub mod boots;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod compare;
pub mod console;
pub mod crash;
mod deadline;
pub mod doctor;
pub mod dry_run;
pub mod errors;
pub mod events;
pub mod experiment;
pub mod experiment_file;
pub mod fetch;
pub mod figures;
pub mod findings;
pub mod gate;
pub mod hostfacts;
pub mod import;
pub mod init;
pub mod json;
pub mod judged;
pub mod markdown_block;
pub mod meminfo;
pub mod memory;
pub mod metric;
pub mod missing;
pub mod nested;
mod new_file;
pub mod observe;
pub mod operand;
pub mod plan;
pub mod prepare;
pub mod preset;
pub mod record;
pub mod report;
pub mod report_error;
pub mod resume;
pub mod runner;
pub mod runs;
pub mod store;
pub mod subprocess;
pub mod summary;
pub mod throttle;
pub mod tools;
pub mod tune;
pub mod units;
pub mod usage;

pub use firebench_image::digest;
