//! What the user names: a run, and a contender of it where one is meant.

use std::path::{Path, PathBuf};

use firebench_analysis::compare::Operand;
use firebench_model::record::Report;
use firebench_text as text;

use crate::import::{self, ImportError, Options};
use crate::store::StoreError;

/// Finds a run by its id, the beginning of one, or `latest`: None if there is none.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Result<Option<Report>, StoreError>;

/// Why an operand cannot be loaded.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OperandError {
    /// Neither a file nor a run.
    #[error("'{0}' is neither a report file nor a stored run")]
    #[diagnostic(help(
        "give a report.json, the directory that it is in, figures of others (hyperfine's JSON, a CSV), or a run's id, the beginning of one, or latest; RUN:CONTENDER names one contender"
    ))]
    Nothing(String),
    /// A report.md.
    #[error("{} contains a run's experiment, but not its results", .0.display())]
    #[diagnostic(help("give the report.json that lies beside it"))]
    Markdown(PathBuf),
    /// A file that cannot be read, or is neither a report nor figures of others.
    #[error("cannot compare {}", path.display())]
    #[diagnostic(help("{}", source.help().map(|help| help.to_string()).unwrap_or_default()))]
    Report {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ImportError>,
    },
    /// The run has no such contender.
    #[error("'{run}' does not have a contender '{contender}'")]
    #[diagnostic(help("it has {known}"))]
    Contender {
        /// The run.
        run: String,
        /// The contender that is not in it.
        contender: String,
        /// The contenders that are in it.
        known: String,
    },
    /// The store failed.
    #[error("{0}")]
    Store(StoreError),
}

/// Reads what `given` names: a report.json, the directory that it is in, or a run of the store; and `:CONTENDER` behind
/// it. Names of runs and contenders may hold colons: the longest part before a colon that is a run is the run.
///
/// # Errors
/// [`OperandError`].
pub fn load(given: &str, lookup: Lookup) -> Result<Operand, OperandError> {
    load_with(given, lookup, "", &Options::default())
}

/// [`load`], also of figures of others: `now` stands for the time at which they were measured, the options say how they are read.
///
/// # Errors
/// [`OperandError`].
pub fn load_with(given: &str, lookup: Lookup, now: &str, options: &Options) -> Result<Operand, OperandError> {
    let mut readings = vec![(given, None)];
    readings.extend(
        given
            .rmatch_indices(':')
            .filter_map(|(at, _)| Some((given.get(..at)?, Some(given.get(at.saturating_add(1)..)?)))),
    );
    for (run, contender) in readings {
        let Some(report) = find(run, lookup, now, options)? else { continue };
        if let Some(contender) = contender.filter(|name| report.contenders.iter().all(|known| known.name != *name)) {
            let known: Vec<&str> = report.contenders.iter().map(|known| known.name.as_str()).collect();
            return Err(OperandError::Contender {
                run: text::line(run),
                contender: text::line(contender),
                known: if known.is_empty() { "none".to_owned() } else { text::excerpt(&known.join(", "), 300) },
            });
        }
        return Ok(Operand { given: given.to_owned(), report, contender: contender.map(str::to_owned) });
    }
    Err(OperandError::Nothing(text::line(given)))
}

/// The run of a name; a file goes before a run of the store.
fn find(run: &str, lookup: Lookup, now: &str, options: &Options) -> Result<Option<Report>, OperandError> {
    let path = Path::new(run);
    let path = if path.is_dir() { path.join("report.json") } else { path.to_owned() };
    if path.exists() {
        return read(&path, now, options).map(Some);
    }
    if run.is_empty() { Ok(None) } else { lookup(run).map_err(OperandError::Store) }
}

fn read(path: &Path, now: &str, options: &Options) -> Result<Report, OperandError> {
    let at = |source| OperandError::Report { path: path.to_owned(), source: Box::new(source) };
    let text = import::text_of(path).map_err(at)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    import::parse_with(&text, &name, now, options).map_err(|error| match error {
        ImportError::Markdown => OperandError::Markdown(path.to_owned()),
        error => at(error),
    })
}
