//! The experiment in a `report.md`: a marked block of TOML.

use crate::experiment::Experiment;
use crate::report_error::ReportError;

pub use crate::report_error::MARKER;

/// The largest experiment, in bytes: one with every setting has some 2 KB.
const MAX_TOML: usize = 1 << 20;

/// TOML becomes many times its size in memory: a text that is no experiment for its length alone is not parsed.
pub fn experiment_from_toml(text: &str) -> Result<Experiment, ReportError> {
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
