//! `report.json` as it is written: every raw number of a run, and what was found in them.

use firebench_analysis::findings::Findings;
use firebench_model::json::pretty;
use firebench_model::record::Report;
use firebench_model::report_error::ReportError;
use serde::Serialize;

use crate::findings::Found;
use crate::format::Format;

/// For programs.
pub(crate) const FORMAT: Format =
    Format { name: "json", about: "As in report.json", render: |findings, _| to_json(findings) };

/// A report with what it found: what is read back is the report, the findings are computed from it.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    findings: Found,
}

/// Writes a report and its findings as JSON, indented, with a line end after it.
///
/// # Errors
/// [`ReportError::Serialize`] when the report holds a path that is not valid UTF-8.
pub fn to_json(findings: &Findings) -> Result<String, ReportError> {
    pretty(&Document { report: findings.report, findings: Found::of(findings) })
        .map_err(|e| ReportError::Serialize(e.to_string()))
}
