//! From a report to what it means, as pure functions: which boots count ([`boots`]), what they come to ([`summary`]), what KVM counted
//! ([`counted`]), how fair the comparison was ([`audit`]), what is odd in figures of others ([`oddities`]), what must be said beside a
//! verdict ([`beside`]), what its workload says of a run ([`remarks`]), how two reports compare ([`compare`]), whether a run can go on
//! ([`continuation`]), what several of a contender at once came to ([`at_once`]), when a contender changed over many runs
//! ([`history`]), what an old experiment published beside ours ([`origin`]), and whether limits are kept ([`gate`]). In what two can differ, [`facts`] says for all of them.

// Printing panics where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod at_once;
pub mod audit;
pub mod beside;
pub mod boots;
pub mod compare;
pub mod continuation;
pub mod counted;
mod doubts;
pub mod facts;
pub mod findings;
pub mod gate;
pub mod history;
pub mod judged;
pub mod oddities;
pub mod origin;
pub mod paired;
pub mod remarks;
pub mod summary;
