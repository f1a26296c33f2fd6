//! What is wrong with a file that cannot be imported.

use std::io;

use crate::report::ReportError;

/// Why a file cannot be imported. Nothing of it is stored.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ImportError {
    /// It cannot be read.
    #[error("it cannot be read")]
    #[diagnostic(help("give the path of a report.json, of hyperfine's JSON, or of a CSV"))]
    Read(#[source] io::Error),
    /// It is too large.
    #[error("it is larger than {} MiB", super::MAX_BYTES >> 20)]
    #[diagnostic(help("import a part of it at a time"))]
    TooLarge,
    /// It has too many samples.
    #[error("it has more than {} samples", super::MAX_SAMPLES)]
    #[diagnostic(help("import a part of it at a time"))]
    TooMany,
    /// It is not text.
    #[error("it is not UTF-8 text")]
    #[diagnostic(help("give a report.json, hyperfine's JSON (--export-json), or a CSV"))]
    NotText,
    /// It holds nothing.
    #[error("it holds no measurement")]
    #[diagnostic(help("give a report.json, hyperfine's JSON (--export-json), or a CSV"))]
    Empty,
    /// JSON of somebody else.
    #[error("this JSON is neither a report of firebench nor results of hyperfine")]
    #[diagnostic(help("a report has a field \"schema\", hyperfine's file (--export-json) a field \"results\""))]
    UnknownJson,
    /// It is no report.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Report(#[from] ReportError),
    /// hyperfine writes no such file.
    #[error("these are no results of hyperfine: {0}")]
    #[diagnostic(help(
        "give the file that `hyperfine --export-json FILE` wrote; it may have been cut short or edited"
    ))]
    Hyperfine(String),
    /// A CSV with a wrong header.
    #[error("line 1: {0}")]
    #[diagnostic(help("the first line names the columns contender, boot, iteration, metric and value, in any order"))]
    Header(String),
    /// A CSV with a wrong line.
    #[error("line {line}: {problem}")]
    #[diagnostic(help(
        "each line is one sample: contender, boot (a whole number), iteration (a whole number), metric, value (a number)"
    ))]
    Line {
        /// Which one, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}
