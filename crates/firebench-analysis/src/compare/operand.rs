//! What is compared.

use firebench_model::record::Report;

/// A run, and one contender of it where one is named.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// As it was given.
    pub given: String,
    /// The run.
    pub report: Report,
    /// The only contender that is looked at.
    pub contender: Option<String>,
}
