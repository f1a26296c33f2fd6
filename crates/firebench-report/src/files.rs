//! The report's files: written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use firebench_analysis::findings::Findings;
use firebench_model::report_error::ReportError;
use firebench_os::new_file::NewFile;

use super::{json, markdown};

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
pub fn write_atomic(dir: &Path, findings: &Findings) -> Result<Written, ReportError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Write { path, source }
    };
    let json_text = json::to_json(findings)?;
    let written = Written { markdown: dir.join("report.md"), json: dir.join("report.json") };
    fs::create_dir_all(dir).map_err(at(dir))?;
    let json = temporary(dir, &json_text).map_err(at(&written.json))?;
    let markdown = temporary(dir, &markdown::render(findings)).map_err(at(&written.markdown))?;
    json.persist(&written.json).map_err(at(&written.json))?;
    markdown.persist(&written.markdown).map_err(at(&written.markdown))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at(dir))?;
    Ok(written)
}

/// Puts a page beside the reports of several runs. It appears whole or not at all.
///
/// # Errors
/// [`ReportError::Write`].
pub fn write_page(path: &Path, page: &str) -> Result<(), ReportError> {
    let written = path.parent().ok_or_else(|| io::ErrorKind::NotFound.into()).and_then(|dir| {
        fs::create_dir_all(dir)?;
        temporary(dir, page)?.persist(path)?;
        File::open(dir)?.sync_all()
    });
    written.map_err(|source| ReportError::Write { path: path.to_owned(), source })
}

/// A synced file in `dir` that vanishes unless it is given a name.
fn temporary(dir: &Path, text: &str) -> io::Result<NewFile> {
    let mut file = NewFile::in_dir(dir)?;
    file.write_all(text.as_bytes())?;
    file.sync()?;
    Ok(file)
}
