//! What may go wrong with a report's files.

use std::io;
use std::path::PathBuf;

use firebench_text as text;

use crate::record::SCHEMA;

/// What went wrong with a report's files.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReportError {
    /// A report or an experiment could not be read.
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(help("give the path of a report.md, a report.json, or an experiment in TOML"))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A report could not be written.
    #[error("cannot write the report to {}: {source}", path.display())]
    #[diagnostic(help("{}", write_hint(source)))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A report holds what its format cannot express.
    #[error("cannot write the report: {0}")]
    #[diagnostic(help("paths in an experiment must be valid UTF-8: rename the file"))]
    Serialize(String),
    /// The JSON is no report.
    #[error("this is not a report of firebench: {0}")]
    #[diagnostic(help(
        "give the report.json that `firebench run --out DIR` wrote; it may have been cut short or edited, or a newer \
        firebench wrote it"
    ))]
    Json(String),
    /// The report has a schema that this version does not read.
    #[error("the report has the schema {found:?}, but this firebench reads {SCHEMA:?}")]
    #[diagnostic(help("{}", schema_hint(found)))]
    Schema {
        /// Its schema.
        found: String,
    },
    /// The report has figures of somebody else.
    #[error("this report does not contain an experiment: firebench imported its figures")]
    #[diagnostic(help("give a report of a run of firebench"))]
    Imported,
    /// The Markdown carries no experiment.
    #[error("no experiment in this document")]
    #[diagnostic(help(
        "a report.md of firebench has a line {} followed by a fenced block of TOML; both must stand outside of other blocks",
        MARKER
    ))]
    NoExperiment,
    /// The Markdown carries several experiments.
    #[error("this document contains {0} experiments: firebench cannot know which one to use")]
    #[diagnostic(help(
        "keep only one line {} with its block, or put the block that you want into a file of its own",
        MARKER
    ))]
    SeveralExperiments(usize),
    /// The TOML is no experiment.
    #[error("this is not an experiment: {0}")]
    #[diagnostic(help("`firebench init` writes an experiment with every key and what it means"))]
    Toml(String),
}

impl ReportError {
    /// toml's message shows the line, which may come from anywhere.
    pub fn toml(error: &toml::de::Error) -> Self {
        ReportError::Toml(text::block(&error.to_string()))
    }
}

fn write_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, or give --out a directory on another disk"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "you may not write there: give --out a directory of your own"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is in the way: give --out another directory"
        }
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
            "there is a directory where the report's file belongs: give --out another directory"
        }
        _ => "give --out a directory that you can write to",
    }
}

fn schema_hint(found: &str) -> &'static str {
    let version = |schema: &str| schema.strip_prefix("firebench.report/").and_then(|n| n.parse::<u64>().ok());
    match (version(found), version(SCHEMA)) {
        (Some(found), Some(own)) if found > own => "a newer firebench wrote it: update this one",
        _ => "give a report.json that firebench wrote",
    }
}

/// The line of `report.md` that stands before the block with the experiment.
pub const MARKER: &str = "<!-- firebench experiment -->";
