//! What the user names: a run, or several, and a contender of them where one is meant.

use std::path::{Path, PathBuf};

use firebench_analysis::compare::{Operand, Run};
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
        "give a report.json, the directory that it is in, figures of others (hyperfine's JSON, a CSV), or a run's id, the beginning of one, or latest; \
        several runs are a directory with a directory for each, or RUN,RUN,...; RUN:CONTENDER names one contender"
    ))]
    Nothing(String),
    /// One of a list is neither.
    #[error("'{run}' of the list '{list}' is neither a report file nor a stored run")]
    #[diagnostic(help(
        "give runs separated by commas, such as new/1,new/2,new/3; the contender comes last: new/1,new/2:CONTENDER"
    ))]
    NotInList {
        /// What is no run.
        run: String,
        /// The list.
        list: String,
    },
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

/// Reads what `given` names: a report.json, the directory that it is in, or a run of the store; a directory without a report whose
/// directories have one each: all of these, in the order of their names; or several of all that, separated by commas. `:CONTENDER`
/// behind it names one contender. Names of runs and contenders may hold colons, and those of runs commas: the longest part before a
/// colon that is a run is the run, and only what is none is a list.
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
    let find = |run: &str| find(run, lookup, now, options);
    for (run, contender) in &readings {
        if let Some(runs) = find(run)? {
            return operand(given, runs, run, *contender);
        }
    }
    let mut missing = None;
    for (list, contender) in readings {
        match listed(list, &find)? {
            Listed::All(runs) => return operand(given, runs, list, contender),
            Listed::Without(run) => {
                missing.get_or_insert(OperandError::NotInList { run, list: text::line(list) });
            }
            Listed::None => {}
        }
    }
    Err(missing.unwrap_or_else(|| OperandError::Nothing(text::line(given))))
}

/// The runs, of which each must have the contender.
fn operand(given: &str, mut runs: Vec<Run>, named: &str, contender: Option<&str>) -> Result<Operand, OperandError> {
    for Run { report, .. } in &runs {
        if let Some(contender) = contender.filter(|name| report.contenders.iter().all(|known| known.name != *name)) {
            let known: Vec<&str> = report.contenders.iter().map(|known| known.name.as_str()).collect();
            return Err(OperandError::Contender {
                run: text::line(named),
                contender: text::line(contender),
                known: if known.is_empty() { "none".to_owned() } else { text::excerpt(&known.join(", "), 300) },
            });
        }
    }
    if runs.is_empty() {
        return Err(OperandError::Nothing(text::line(given)));
    }
    let first = runs.remove(0);
    Ok(Operand { given: given.to_owned(), first, further: runs, contender: contender.map(str::to_owned) })
}

/// Finds the runs of a name: None where it is none.
type Find<'a> = &'a dyn Fn(&str) -> Result<Option<Vec<Run>>, OperandError>;

/// What a list of names comes to.
enum Listed {
    /// Every one is a run.
    All(Vec<Run>),
    /// This one is none, but others are.
    Without(String),
    /// It is no list of runs.
    None,
}

/// The runs of names with commas between them.
fn listed(list: &str, find: Find) -> Result<Listed, OperandError> {
    let (mut runs, mut missing) = (Vec::new(), None);
    if list.contains(',') {
        for name in list.split(',') {
            match find(name)? {
                Some(found) => runs.extend(found),
                None => missing = missing.or(Some(text::line(name))),
            }
        }
    }
    Ok(match missing {
        _ if runs.is_empty() => Listed::None,
        None => Listed::All(runs),
        Some(name) => Listed::Without(name),
    })
}

/// The runs of a name; a file goes before a run of the store.
fn find(run: &str, lookup: Lookup, now: &str, options: &Options) -> Result<Option<Vec<Run>>, OperandError> {
    let given = Path::new(run);
    let path = if given.is_dir() { given.join("report.json") } else { given.to_owned() };
    if path.exists() {
        let report = read(&path, now, options)?;
        return Ok(Some(vec![Run { given: run.to_owned(), file: Some(path), report }]));
    }
    let repeated = directories(given);
    if !repeated.is_empty() {
        let run = |directory: &PathBuf| {
            let file = directory.join("report.json");
            let report = read(&file, now, options)?;
            Ok(Run { given: directory.to_string_lossy().into_owned(), file: Some(file), report })
        };
        return repeated.iter().map(run).collect::<Result<_, _>>().map(Some);
    }
    if run.is_empty() {
        return Ok(None);
    }
    let stored = lookup(run).map_err(OperandError::Store)?;
    Ok(stored.map(|report| vec![Run { given: run.to_owned(), file: None, report }]))
}

/// The directories in `path` that have a report, in the order of their names.
fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join("report.json").is_file()).collect();
    found.sort_unstable();
    found
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
