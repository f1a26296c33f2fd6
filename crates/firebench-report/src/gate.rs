//! What came of the gate, for CI.

mod github;
mod junit;
#[cfg(test)]
mod tests;

pub use github::github;
pub use junit::junit;
