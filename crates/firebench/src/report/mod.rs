//! Reports: one file a format.
//!
//! [`terminal`] and [`markdown`] turn a [`Report`](crate::record::Report) into text and print nothing; [`json`] writes
//! `report.json`; [`files`] puts both into a directory; [`progress`]
//! shows a run while it goes on; [`text`] makes safe what a guest said.

pub mod compare;
mod design;
mod exercised;
mod fairness;
pub mod files;
pub mod findings;
pub mod gate;
mod hosts;
pub mod imported;
pub mod json;
pub mod markdown;
mod markdown_audit;
pub(crate) mod markdown_text;
pub mod progress;
pub mod runs;
pub mod terminal;
pub(crate) mod values;
pub(crate) mod words;

pub use files::{Written, check_directory, write_atomic};

/// Stands on the face of every output whose timings stem from emulated instructions.
pub const EMULATED: &str = "EMULATED: guest instructions were emulated (QEMU TCG, or a nested host on it); these timings \
                            prove that things work and are no statement about speed.";
