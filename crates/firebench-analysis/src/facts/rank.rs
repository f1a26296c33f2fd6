//! How much a difference matters.

/// What it means that two contenders do not share a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing for the times.
    Harmless,
    /// It may be the reason why one is faster.
    Explains,
    /// They did not do the same work, or not with the same means.
    Voids,
}
