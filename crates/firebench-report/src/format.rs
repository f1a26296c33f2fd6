//! What a format of reports is.

use firebench_analysis::findings::Findings;
use firebench_model::report_error::ReportError;

use super::style::Style;

/// A format in which a report can be shown. Its table is [`formats::ALL`](crate::formats::ALL).
#[derive(Debug)]
pub struct Format {
    /// Its name, as `firebench show --format` takes it.
    pub name: &'static str,
    /// What it is for, in help.
    pub about: &'static str,
    /// Writes a report in it. The style is that of the terminal which the text may be for.
    pub render: fn(&Findings, Style) -> Result<String, ReportError>,
}
