//! Numbers in, intervals and verdicts out. Pure: no I/O, no clock, nothing known of VMMs or files.
//!
//! What is estimated is a ratio of geometric means: the mean over blocks of the difference in ln(time) between a
//! contender and the baseline. The boot is the replicate, never the iteration.
//!
//! | module | says |
//! |---|---|
//! | [`williams`] | in which order the contenders boot, block after block |
//! | [`design`] | the schedule of a run: which contender boots next, and when it is enough |
//! | [`scout`] | how many iterations to run in a boot, and how many of them are warm-up |
//! | [`boot`] | what a boot comes to, and the differences within blocks |
//! | [`raw`] | the same for metrics that can be zero |
//! | [`stein`] | how many blocks a run needs, from its pilot, and the interval that is right afterwards |
//! | [`median()`] | the middle of a list |
//! | [`interval`] | the interval of a fixed number of blocks, and the band that may be watched after every block |
//! | [`unpaired`] | the interval of contenders that ran apart |
//! | [`rule`] | which of these speaks for a run |
//! | [`verdict`] | lower, higher, equivalent or inconclusive, and gates |
//! | [`direction`] | which of two values is the better one, and a verdict in a word |
//! | [`sentence`] | the verdict in words |
//! | [`simulate`] | how often all of this errs, by simulation |
//! | [`quantile`] | Student's t |

#![allow(clippy::arithmetic_side_effects, reason = "its integers are its own")]

pub mod boot;
pub mod design;
pub mod direction;
mod error;
pub mod interval;
mod median;
mod moments;
pub mod quantile;
mod random;
pub mod raw;
pub mod rule;
pub mod scout;
pub mod sentence;
pub mod simulate;
pub mod stein;
pub mod unpaired;
pub mod verdict;
pub mod williams;

pub use direction::{Better, Quantity, Standing, Word};
pub use error::{Error, Result};
pub use interval::Interval;
pub use median::median;
pub use rule::{Method, Rule};
pub use sentence::Sentence;
pub use verdict::{Judgement, Scale, Verdict};
