//! What is compared.

use std::path::PathBuf;

use firebench_model::record::Report;

/// A run, as it was named.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What was given for it: a file, a directory, or an id.
    pub given: String,
    /// The file of its report; none of a run of the store.
    pub file: Option<PathBuf>,
    /// What it left.
    pub report: Report,
}

/// One side of a comparison: a run, or several that carried out the same experiment; and one contender of them where one is named.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// As it was given.
    pub given: String,
    /// The first of its runs.
    pub first: Run,
    /// The others, which must be like it.
    pub further: Vec<Run>,
    /// The only contender that is looked at.
    pub contender: Option<String>,
}

impl Operand {
    /// A single run.
    pub fn of_run(given: &str, report: Report, contender: Option<String>) -> Self {
        let first = Run { given: given.to_owned(), file: None, report };
        Operand { given: given.to_owned(), first, further: Vec::new(), contender }
    }

    /// Its runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// What its first run left.
    pub fn report(&self) -> &Report {
        &self.first.report
    }
}
