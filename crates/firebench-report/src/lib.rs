//! Reports: one file a format, and the table of them in [`formats`].
//!
//! [`terminal`], [`markdown`] and [`json`] turn the findings of a report into text and print nothing; [`files`] puts `report.md` and
//! `report.json` into a directory; [`progress`] shows a run while it goes on.

pub mod at_once;
pub mod compare;
pub mod counted;
pub mod curve;
pub mod design;
pub mod exercised;
pub mod fairness;
pub mod files;
pub mod findings;
pub mod format;
pub mod formats;
pub mod gate;
pub mod history;
pub mod hosts;
pub mod imported;
pub mod markdown_audit;
pub mod markdown_text;
mod odd;
pub mod origin;
pub mod progress;
pub mod runs;
pub mod style;
pub mod values;
pub mod words;

pub use formats::{json, markdown, terminal};

pub use files::{Written, check_directory, write_atomic, write_page};

/// Stands on the face of every output whose timings stem from emulated instructions.
pub const EMULATED: &str = "EMULATED: guest instructions were emulated (QEMU TCG, or a nested host on it); these timings \
                            prove that things work and are no statement about speed.";
