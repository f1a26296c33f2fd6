//! What people read and write: text that is safe to print, numbers and times in their units, errors as sentences. Pure: nothing
//! here touches the system, and nothing knows what firebench measures.
//!
//! | module | has |
//! |---|---|
//! | `printable` | [`line()`], [`block`], [`clean`], [`json()`]: text from outside without what a terminal would obey |
//! | `layout` | [`cut`], [`excerpt`], [`wrap`], [`fit`]: text in a width |
//! | `numbers` | [`Unit`], [`seconds`], [`duration`], [`bytes`], [`percent`]: numbers as people read them |
//! | `words` | [`count`], [`list`], [`choice`]: words in a sentence |
//! | [`errors`] | an error and its causes as a sentence, with what to do |
//! | [`units`] | sizes, shares and spans of time as people write them |

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

pub mod errors;
mod layout;
mod numbers;
mod printable;
pub mod units;
mod words;

pub use layout::{VERBATIM, cut, excerpt, fit, wrap};
pub use numbers::{
    Unit, bytes, change_percent, difference, duration, exact_percent, percent, rate, ratio, seconds,
    significant_percent, size_percent, told_percent,
};
pub use printable::{block, clean, is_hidden, json, line};
pub use words::{choice, count, list};
