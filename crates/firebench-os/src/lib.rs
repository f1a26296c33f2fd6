//! The operating system as everything here uses it: files that appear whole, files that others name or wrote, programs that do
//! not outlive this process, and the user's wish to end. Nothing here knows of guests, VMMs or reports.
//!
//! | module | has |
//! |---|---|
//! | [`deadline`] | points in time to come |
//! | [`interrupt`] | whether the user wants the work to end |
//! | [`leash`] | programs that do not outlive this process, and the size of the files that they write |
//! | [`new_file`] | files that appear whole or not at all |
//! | [`outside`] | files that others name or wrote, opened and read safely |
//! | [`program`] | where the programs of this machine are, and starting one that was just written |
//! | [`mod@run`] | programs run to their end, with what they wrote |

// Nothing from outside may make this panic.
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

pub mod deadline;
pub mod interrupt;
#[expect(unsafe_code, reason = "work between fork and exec")]
pub mod leash;
pub mod new_file;
pub mod outside;
pub mod program;
pub mod run;
