//! The report's files: written whole or not at all, and read again for their experiment.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use firebench_os::new_file::NewFile;
use firebench_os::outside;

use super::{ReportError, json, markdown};
use crate::experiment::Experiment;
use crate::record::Report;

/// The line of `report.md` that stands before the block with the experiment.
pub const MARKER: &str = "<!-- firebench experiment -->";

/// The largest experiment or report that is read.
pub const MAX_BYTES: u64 = 256 << 20;

/// The largest experiment, in bytes: one with every setting has some 2 KB.
const MAX_TOML: usize = 1 << 20;

/// Where a report was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// `report.md`.
    pub markdown: PathBuf,
    /// `report.json`.
    pub json: PathBuf,
}

/// Makes `dir` if it is missing, and tries whether a file can be made in it: before a long run, not after it.
///
/// # Errors
/// [`ReportError::Write`].
pub fn check_directory(dir: &Path) -> Result<(), ReportError> {
    let tried = fs::create_dir_all(dir).and_then(|()| temporary(dir, ""));
    tried.map(drop).map_err(|source| ReportError::Write { path: dir.to_owned(), source })
}

/// Puts `report.md` and `report.json` into `dir`, which is made if it is missing. Each file appears whole or not at
/// all, and replaces an older one of its name; a failure leaves no temporary file.
///
/// # Errors
/// [`ReportError::Write`] and [`ReportError::Serialize`].
pub fn write_atomic(dir: &Path, report: &Report) -> Result<Written, ReportError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    let json_text = json::to_json(report)?;
    let written = Written { markdown: dir.join("report.md"), json: dir.join("report.json") };
    fs::create_dir_all(dir).map_err(at(dir))?;
    let json = temporary(dir, &json_text).map_err(at(&written.json))?;
    let markdown = temporary(dir, &markdown::render(report)).map_err(at(&written.markdown))?;
    json.persist(&written.json).map_err(at(&written.json))?;
    markdown.persist(&written.markdown).map_err(at(&written.markdown))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at(dir))?;
    Ok(written)
}

/// A synced file in `dir` that vanishes unless it is given a name.
fn temporary(dir: &Path, text: &str) -> io::Result<NewFile> {
    let mut file = NewFile::in_dir(dir)?;
    file.write_all(text.as_bytes())?;
    file.sync()?;
    Ok(file)
}

/// Reads the experiment out of a `report.md`, a `report.json`, or a TOML file; the content decides which it is.
///
/// # Errors
/// [`ReportError::Read`] and those of the format.
pub fn load_experiment(path: &Path) -> Result<Experiment, ReportError> {
    let text =
        outside::text_or_wait(path, MAX_BYTES).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let markdown = path.extension().is_some_and(|e| e == "md") || text.lines().any(|line| line.trim() == MARKER);
    if text.trim_start().starts_with('{') {
        json::experiment_from_json(&text)
    } else if markdown {
        experiment_from_markdown(&text)
    } else {
        experiment_from_toml(&text)
    }
}

/// TOML becomes many times its size in memory: a text that is no experiment for its length alone is not parsed.
fn experiment_from_toml(text: &str) -> Result<Experiment, ReportError> {
    if text.len() > MAX_TOML {
        return Err(ReportError::Toml(format!("it has more than {} MiB", MAX_TOML >> 20)));
    }
    toml::from_str(text).map_err(|e| ReportError::toml(&e))
}

/// Finds the experiment in a `report.md`: the fenced block after the one [`MARKER`] line that stands outside of any
/// block. What a guest printed lies inside of blocks and cannot bring an experiment of its own.
///
/// # Errors
/// [`ReportError::NoExperiment`], [`ReportError::SeveralExperiments`], [`ReportError::Toml`].
pub fn experiment_from_markdown(text: &str) -> Result<Experiment, ReportError> {
    let blocks = marked_blocks(text);
    match blocks.as_slice() {
        [] => Err(ReportError::NoExperiment),
        [toml] => experiment_from_toml(toml),
        several => Err(ReportError::SeveralExperiments(several.len())),
    }
}

/// The contents of the fenced blocks that follow a marker with nothing but blank lines in between.
fn marked_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut marked = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(fence) = opening_fence(line) {
            let content: Vec<&str> = lines.by_ref().take_while(|line| !closes(line, fence)).collect();
            if marked {
                blocks.push(content.join("\n"));
            }
            marked = false;
        } else if line.trim() == MARKER {
            marked = true;
        } else if !line.trim().is_empty() {
            marked = false;
        }
    }
    blocks
}

/// The run of backticks or tildes that opens a fenced block (CommonMark, 4.5).
fn opening_fence(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(' ');
    let indent = line.len().saturating_sub(text.len());
    let mark = text.chars().next().filter(|c| "`~".contains(*c))?;
    let info = text.trim_start_matches(mark);
    let fence = text.strip_suffix(info)?;
    (indent < 4 && fence.len() >= 3 && !(mark == '`' && info.contains('`'))).then_some(fence)
}

fn closes(line: &str, fence: &str) -> bool {
    let text = line.trim();
    let indent = line.chars().take_while(|c| *c == ' ').count();
    indent < 4 && text.len() >= fence.len() && text.chars().all(|c| fence.starts_with(c))
}
