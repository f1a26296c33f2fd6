//! The history of contenders over many runs, one file a format.

mod chart;
pub mod markdown;
mod said;
pub mod terminal;
