//! In what two can differ: one table of facts, and what a difference in each of them means. Pure.
//!
//! A fact is what a run showed of a contender ([`Seen`]), what its report records ([`Recorded`]), or both. Four users take it from
//! here: the audit of two contenders ([`crate::audit`]), the differences of two runs with the warnings about them and the refusal to
//! compare them ([`crate::compare`]), and the continuation of a run that was cut off ([`crate::continuation`]).

mod classes;
mod difference;
mod fact;
mod pauses;
mod rank;
mod recorded;
mod seen;
mod subject;
mod table;

pub use difference::Difference;
pub(crate) use difference::{between, shown};
pub use fact::Fact;
pub use rank::Rank;
pub use recorded::{BetweenRuns, Continued, Recorded, RecordedIn, Refusal};
pub use seen::{LAYOUT, ROOT_DISK, Read, Seen, VMM, Value, Values, Within};
pub use subject::{AuditedContender, is_memory_limited};
pub use table::{BLOCKS, FACTS, recorded, seen};
