//! The experiment in a file that somebody names: a report, or TOML.

use std::path::Path;

use firebench_model::experiment::Experiment;
use firebench_model::json;
use firebench_model::markdown_block::{experiment_from_markdown, experiment_from_toml};
use firebench_model::report_error::ReportError;
use firebench_os::outside;

use crate::content::{self, Content};

/// The largest experiment or report that is read.
pub const MAX_BYTES: u64 = 256 << 20;

/// Reads the experiment out of a `report.md`, a `report.json`, or a TOML file; the content decides which it is.
///
/// # Errors
/// [`ReportError::Read`] and those of the format.
pub fn load_experiment(path: &Path) -> Result<Experiment, ReportError> {
    let text =
        outside::text_or_wait(path, MAX_BYTES).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    match content::of(&text, path) {
        (Content::Object(_), text) => json::experiment_from_json(text),
        (Content::Markdown, text) => experiment_from_markdown(text),
        (Content::Empty | Content::Bracket | Content::Numbers | Content::Lines, text) => experiment_from_toml(text),
    }
}
