//! What the metrics of an import are: as the user says, as the program that wrote the file means them, as the file says, or as their
//! names do. Pure.

use std::collections::HashMap;

use firebench_model::metric::names::{self, Known};
use firebench_model::metric::{self, Metric, Unit};
use firebench_stats::Quantity;
use firebench_text as text;

use super::ImportError;
use super::options::Options;

/// Longer names are cut in errors and notices.
const LONGEST: usize = 200;

/// The metric to compare by: the one that was asked for, the usual one, or the only one.
pub(super) fn primary(metrics: &[String], asked: Option<&str>, usual: &str) -> Result<String, ImportError> {
    let known = || text::excerpt(&metrics.join(", "), LONGEST);
    let has = |name: &str| metrics.iter().any(|metric| metric == name);
    match (asked, metrics) {
        (Some(asked), _) if has(asked) => Ok(asked.to_owned()),
        (Some(asked), _) => Err(ImportError::NoSuchMetric { metric: text::excerpt(asked, LONGEST), known: known() }),
        (None, _) if has(usual) => Ok(usual.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(ImportError::WhichMetric { known: known() }),
    }
}

/// A metric, and where its description comes from.
pub(super) struct Declared {
    pub(super) metric: Metric,
    /// Where nobody said it: it was read from its unit in the file, or from its name.
    guessed: Option<&'static str>,
    /// Options of the command line are about it.
    primary: bool,
}

impl Declared {
    /// What the reader must know: what was guessed from a name that is not a time in seconds.
    pub(super) fn notice(&self) -> Option<String> {
        let from = self.guessed.filter(|_| self.metric.shown)?;
        let name = text::excerpt(&self.metric.name, LONGEST);
        let otherwise = if self.primary { " (--better and --unit change that)" } else { "" };
        Some(format!("{name} is {}, guessed from {from}{otherwise}", self.metric.meaning()))
    }
}

/// What is known of the metrics; none of which nothing says which values are the better ones, but for the primary one, which must say it.
pub(super) fn declared(
    metrics: &[String],
    primary: &str,
    known: &[Metric],
    in_file: &HashMap<String, Known>,
    options: &Options,
) -> Result<Vec<Declared>, ImportError> {
    let mut declared = Vec::new();
    for name in metrics {
        let is_primary = name == primary;
        let said = match is_primary {
            true => Known { unit: options.unit.clone(), better: options.better },
            false => Known::default(),
        };
        match declare(name, said, known, in_file.get(name).cloned().unwrap_or_default()) {
            Some(mut one) => {
                one.metric.shown |= is_primary;
                one.primary = is_primary;
                declared.push(one);
            }
            None if is_primary => {
                return Err(ImportError::UnknownMetric { metric: text::excerpt(name, LONGEST) });
            }
            None => {}
        }
    }
    Ok(declared)
}

/// What is `said` with options goes before what is said `in_file`.
fn declare(name: &str, said: Known, known: &[Metric], in_file: Known) -> Option<Declared> {
    if let Some(known) = metric::find(known, name) {
        let unit = said.unit.clone().or_else(|| known.unit.clone());
        let better = said.better.unwrap_or(known.better);
        return Some(Declared { metric: Metric { unit, better, ..known.clone() }, guessed: None, primary: false });
    }
    let said = Known { better: said.better.or(in_file.better), ..said };
    let unit = in_file.unit.as_ref();
    let metric = names::of_others(name, &said, unit)?;
    let is_plain = metric.quantity() == Quantity::Time && metric.unit == Some(Unit::SECONDS);
    let unit_says = said.unit.as_ref().or(unit).and_then(names::unit_says);
    let from = if unit_says.is_some() { "its unit" } else { "its name" };
    let guessed = (said.better.is_none() && !is_plain).then_some(from);
    Some(Declared { metric, guessed, primary: false })
}
