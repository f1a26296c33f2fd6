//! A comparison of two runs, one file a format.

pub mod markdown;
pub mod terminal;
