//! Numbers in, intervals and verdicts out. Pure: no I/O, no clock, nothing known of VMMs or files.
//!
//! What is estimated is a ratio: the [typical](typical) difference in ln(time) between a contender and the baseline within blocks, or
//! the mean one. The boot is the replicate, never the iteration.
//!
//! | module | says |
//! |---|---|
//! | [`order`] | in which order the contenders boot, block after block |
//! | [`design`] | the schedule of a run: which contender boots next, and when it is enough |
//! | [`scout`] | how many iterations to run in a boot, and how many of them are warm-up |
//! | [`boot`] | what a boot comes to, and the differences within blocks |
//! | [`raw`] | the same for metrics that can be zero |
//! | [`typical`] | the typical difference, and its interval |
//! | [`cost`] | the ratio of mean costs, and its interval |
//! | [`tail`] | the ratio of the slow ends, such as the 95th percentile, and its interval |
//! | [`signed_rank`] | what that interval is made of |
//! | [`modes`] | boots that are slow, apart from all others |
//! | [`grain`] | how coarse figures are |
//! | [`oddity`] | what lists of figures show that nobody measured like that |
//! | [`median()`] | the middle of a list |
//! | [`interval`] | Student's interval, and the band that may be watched after every block |
//! | [`checks`] | what would make a difference mean something else: trends within boots, what one boot leaves for the next |
//! | [`unpaired`] | the interval of contenders that ran apart |
//! | [`rule`] | which of these speaks for a run, and of what |
//! | [`verdict`] | lower, higher, equivalent or inconclusive, and gates |
//! | [`direction`] | which of two values is the better one, and a verdict in a word |
//! | [`change`] | from which run on a series of runs lies elsewhere |
//! | [`sentence`] | the verdict in words |
//! | [`simulate`] | how often all of this errs, by simulation |
//! | [`quantile`] | Student's t |

#![allow(clippy::arithmetic_side_effects, reason = "its integers are its own")]

pub mod boot;
pub mod change;
pub mod checks;
pub mod cost;
pub mod design;
pub mod direction;
mod error;
pub mod grain;
pub mod interval;
mod line;
mod median;
pub mod modes;
mod moments;
pub mod oddity;
pub mod order;
pub mod quantile;
mod random;
pub mod raw;
pub mod rule;
pub mod scout;
pub mod sentence;
pub mod signed_rank;
pub mod simulate;
pub mod tail;
pub mod typical;
pub mod unpaired;
pub mod verdict;

pub use direction::{Better, Quantity, Standing, Word};
pub use error::{Error, Result};
pub use interval::{Interval, Replicate};
pub use median::median;
pub use rule::{Estimand, Ground, Method, Rule};
pub use sentence::Sentence;
pub use verdict::{Judgement, Scale, Verdict};
