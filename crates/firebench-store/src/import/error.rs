//! What is wrong with a file that cannot be imported.

use std::io;

use firebench_model::report_error::ReportError;

/// The formats that can be imported.
const READABLE: &str = "firebench reads its own report.json, hyperfine's JSON (`hyperfine --export-json FILE`), a CSV with the columns \
                        contender, boot, iteration, metric, value, and lists of numbers";

/// What to do with a metric of which nothing is known.
const SAY: &str =
    "add --better less or --better more, and --unit if it has one, or choose another metric with --metric";

/// Why a file cannot be imported. Nothing of it is stored.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ImportError {
    /// It cannot be read.
    #[error("it cannot be read")]
    #[diagnostic(help("give the path of a report.json, of hyperfine's JSON, or of a CSV"))]
    Read(#[source] io::Error),
    /// It is too large.
    #[error("it is larger than {} MiB", super::others::MAX_BYTES >> 20)]
    #[diagnostic(help("split it and import the parts one by one"))]
    TooLarge,
    /// It has too many samples, contenders or metrics.
    #[error("it has more than {limit} {what}")]
    #[diagnostic(help("split it and import the parts one by one"))]
    TooMany {
        /// How many it may have.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// A directory without lists.
    #[error("the directory does not have a list: no file in it ends in .{}", super::others::ENDING)]
    #[diagnostic(help(
        "a directory is read as lists of numbers, NAME.txt for each contender, with one number on a line; give the path of any other file"
    ))]
    NoLists,
    /// Something is wrong with one of the lists of a directory.
    #[error("{name}: {problem}")]
    #[diagnostic(help("a list has one number on each line, and comments that begin with #"))]
    List {
        /// Its file.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// It is not text.
    #[error("line {line} is not UTF-8 text")]
    #[diagnostic(help("save it as UTF-8; {READABLE}"))]
    NotText {
        /// Which line, from 1.
        line: usize,
    },
    /// It is text in another encoding.
    #[error("it is UTF-16 text")]
    #[diagnostic(help("save it as UTF-8"))]
    Utf16,
    /// It does not contain a measurement.
    #[error("it does not contain a measurement")]
    #[diagnostic(help("{READABLE}"))]
    Empty,
    /// It is not valid JSON.
    #[error("the JSON is broken at line {line}, column {column}")]
    #[diagnostic(help("write the file again: it may have been cut short or edited"))]
    BrokenJson {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// JSON of another program.
    #[error("this JSON is {0}: neither a report of firebench nor results of hyperfine")]
    #[diagnostic(help("{READABLE}; convert the file to such a CSV"))]
    UnknownJson(&'static str),
    /// A report.md.
    #[error("it contains a run's experiment, but not its results")]
    #[diagnostic(help("give the report.json that lies beside it"))]
    Markdown,
    /// A report that compares by something else than the options say.
    #[error("this report compares by {metric} ({meaning}), and --metric, --better and --unit cannot change that")]
    #[diagnostic(help(
        "leave them out; to read figures of others in another way, import the file from which this report was made"
    ))]
    Declared {
        /// Its primary metric.
        metric: String,
        /// What that is.
        meaning: String,
    },
    /// It is not a report.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Report(#[from] ReportError),
    /// The file is not in hyperfine's format.
    #[error("this is not in hyperfine's format: {0}")]
    #[diagnostic(help(
        "give the file that `hyperfine --export-json FILE` wrote; it may have been cut short or edited"
    ))]
    Hyperfine(String),
    /// hyperfine's results without single executions.
    #[error("this is hyperfine's summary: it has means, but not the time of each execution")]
    #[diagnostic(help("export the executions: `hyperfine --export-json FILE`, then import FILE"))]
    Summary,
    /// A CSV with a wrong header.
    #[error("line {line}: {problem}")]
    #[diagnostic(help(
        "the first line names the columns: contender, boot, iteration, metric, value, and, where they are needed, block \
        (boots measured side by side), unit and better; in any order"
    ))]
    Header {
        /// Which one, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A CSV with a wrong line.
    #[error("line {line}: {problem}")]
    #[diagnostic(help(
        "each line is one sample: contender, boot (a whole number), iteration (a whole number), metric, value (a number); \
        a unit and better (less or more) are the same in all lines of a metric"
    ))]
    Line {
        /// Which one, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The file does not have the metric that was asked for.
    #[error("it does not have the metric '{metric}'")]
    #[diagnostic(help("it has {known}"))]
    NoSuchMetric {
        /// The metric.
        metric: String,
        /// Those that are there.
        known: String,
    },
    /// The file has several metrics, and `real` is not one of them.
    #[error("it has several metrics and none is 'real': firebench cannot tell which one to compare by")]
    #[diagnostic(help("choose one with --metric: {known}"))]
    WhichMetric {
        /// Those that are there.
        known: String,
    },
    /// It is not known whether less or more of the metric is better.
    #[error("firebench cannot know whether less or more of '{metric}' is better")]
    #[diagnostic(help("{SAY}"))]
    UnknownMetric {
        /// The metric.
        metric: String,
    },
}
