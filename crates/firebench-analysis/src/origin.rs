//! The experiment that firebench grew out of, as a series of experiments of ours, and what it published beside what we find. Pure.
//!
//! [`published`] is a table of facts: its measures, its figures, and what each of them had really measured. [`plan`] makes experiments of
//! it. [`beside`] puts figures of ours into its cells. A measure whose workload this firebench does not have is not measured, and says so:
//! when the workload is in the table of workloads, the measure is planned.

pub mod beside;
pub mod plan;
pub mod published;

pub use beside::{Cell, Ours, Outcome, Row, rows};
pub use plan::{Asked, Planned, Series, Unplanned, series};
pub use published::{Column, FIGURES, Figure, MEASURES, Measure, SETS};
