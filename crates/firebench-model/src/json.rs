//! `report.json`: every raw number of a run. `docs/report-schema.md` documents each field.

use firebench_text as text;
use serde::{Deserialize, Serialize};

use crate::experiment::Experiment;
use crate::metric;
use crate::old_reports;
use crate::record::{Imported, Report, SCHEMA, SCHEMA_1};
use crate::report_error::ReportError;

/// What every version of the schema has.
#[derive(Deserialize)]
struct Head {
    schema: String,
}

/// A report of which only the experiment is wanted.
#[derive(Deserialize)]
struct ExperimentOnly {
    #[serde(default)]
    imported: Option<Imported>,
    experiment: Experiment,
}

/// A value as JSON for people and programs, with escapes for all that a terminal must not be given.
///
/// # Errors
/// When it holds what JSON cannot say.
pub fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(text::json(&serde_json::to_string_pretty(value)?) + "\n")
}

/// Reads a `report.json`. Fields that this version does not know are ignored.
///
/// # Errors
/// [`ReportError::Schema`] for a schema that this version does not read, [`ReportError::Json`] for anything that is no report.
pub fn from_json(text: &str) -> Result<Report, ReportError> {
    check_schema(text)?;
    let mut report: Report = serde_json::from_str(text).map_err(|e| error(&e))?;
    old_reports::settle(&mut report);
    unfit(&report).map_or(Ok(report), |unfit| Err(ReportError::Json(unfit)))
}

/// What is wrong with a report that has all its fields, in a sentence without its end.
fn unfit(report: &Report) -> Option<String> {
    if report.contenders.is_empty() {
        return Some("it has no contender".to_owned());
    }
    let primary = &report.design.primary;
    let undeclared = || format!("it does not declare its primary metric {:?}", text::excerpt(primary, 100));
    report.unfit_name().or_else(|| metric::find(&report.metrics, primary).is_none().then(undeclared))
}

/// The experiment of a report.
///
/// # Errors
/// As [`from_json`].
pub fn experiment_from_json(text: &str) -> Result<Experiment, ReportError> {
    check_schema(text)?;
    let only: ExperimentOnly = serde_json::from_str(text).map_err(|e| error(&e))?;
    if only.imported.is_some() { Err(ReportError::Imported) } else { Ok(only.experiment) }
}

/// serde_json's message quotes the file, which may come from anywhere.
pub fn error(error: &serde_json::Error) -> ReportError {
    ReportError::Json(text::line(&error.to_string()))
}

/// Whether a text has a schema that this version reads.
///
/// # Errors
/// As [`from_json`].
pub fn check_schema(text: &str) -> Result<(), ReportError> {
    let head: Head = serde_json::from_str(text).map_err(|e| error(&e))?;
    if [SCHEMA, SCHEMA_1].contains(&head.schema.as_str()) {
        Ok(())
    } else {
        Err(ReportError::Schema { found: text::line(&head.schema) })
    }
}
