//! Plain lists: a file holds the values of one contender, a number a line, each of a boot of its own. A directory of such files is a run: its
//! contenders are called after the files.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use firebench_model::figures::{Column, Figures, Sample};
use firebench_text as text;

use super::ImportError;
use super::others::{Contender, ENDING, MAX_BYTES, MAX_CONTENDERS, MAX_NAME, MAX_SAMPLES, Read, check};
use crate::content::is_number;

/// The texts of a directory's lists, as `read` gives them, with the names of the files, in the order of these.
pub(super) fn texts(
    directory: &Path,
    read: impl Fn(&Path) -> Result<String, ImportError>,
) -> Result<Vec<(String, String)>, ImportError> {
    let entries = std::fs::read_dir(directory).map_err(ImportError::Read)?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.map_err(ImportError::Read)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        if paths.len() == MAX_CONTENDERS {
            return Err(ImportError::TooMany { limit: MAX_CONTENDERS, what: "lists" });
        }
        paths.push(path);
    }
    if paths.is_empty() {
        return Err(ImportError::NoLists);
    }
    paths.sort_unstable_by(|a, b| a.file_stem().cmp(&b.file_stem()));
    let mut left = MAX_BYTES;
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let text = read(&path).map_err(|error| in_file(&name, error))?;
        left = left.checked_sub(u64::try_from(text.len()).unwrap_or(u64::MAX)).ok_or(ImportError::TooLarge)?;
        texts.push((name, text));
    }
    Ok(texts)
}

/// An error with the name of the list in which it is.
fn in_file(name: &str, error: ImportError) -> ImportError {
    ImportError::List { name: text::excerpt(name, 100), problem: error.to_string() }
}

/// The contenders of lists, in their order: each is the name of a file and its text.
pub(super) fn parse(lists: &[(&str, &str)], metric: &str) -> Result<Read, ImportError> {
    let mut left = MAX_SAMPLES;
    let mut contenders: Vec<Contender> = Vec::with_capacity(lists.len());
    for (file, text) in lists {
        let one = values(text, &mut left);
        let column = match lists.len() {
            1 => one?,
            _ => one.map_err(|error| in_file(file, error))?,
        };
        let name = text::line(Path::new(file).file_stem().unwrap_or_default().to_string_lossy().as_ref());
        if name.len() > MAX_NAME || contenders.iter().any(|known| known.name == name) {
            let problem = "another list has the same name, or it is too long".to_owned();
            return Err(in_file(file, ImportError::Line { line: 1, problem }));
        }
        let figures = Figures { metrics: BTreeMap::from([(metric.to_owned(), column)]), ..Figures::default() };
        contenders.push(Contender { name, figures });
    }
    let notices = vec![
        "the lists do not say which boots were measured side by side: a drift of the machine looks like a difference"
            .to_owned(),
    ];
    Ok(Read { contenders, known: Vec::new(), said: HashMap::new(), notices })
}

/// The values of a list; `left` are the samples that it may have.
fn values(text: &str, left: &mut usize) -> Result<Column, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let count = text.lines().filter(|line| is_value(line)).count();
    *left = left.checked_sub(count).ok_or(ImportError::TooMany { limit: MAX_SAMPLES, what: "samples" })?;
    let mut samples = Vec::with_capacity(count);
    for ((number, line), boot) in (1..).zip(text.lines()).filter(|(_, line)| is_value(line)).zip(1..) {
        let wrong = |problem: String| ImportError::Line { line: number, problem: text::line(&problem) };
        let line = line.trim();
        let value = if is_number(line) { line.parse::<f64>().ok() } else { None };
        let value = value.ok_or_else(|| wrong(format!("{:?} is not a number", text::excerpt(line, 40))))?;
        let value = check(value).map_err(|problem| wrong(format!("the value {problem}")))?;
        samples.push(Sample { boot, iteration: 1, value });
    }
    if samples.is_empty() {
        return Err(ImportError::Empty);
    }
    Column::new(samples).map_err(|problem| ImportError::Line { line: 0, problem })
}

/// Whether a line has a value: neither space alone nor a comment.
fn is_value(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}
