//! From runs to series: which runs belong together, and one value of each contender in them. A run is looked at and let go.

use std::rc::Rc;

use firebench_model::metric::{self, Metric};
use firebench_model::record::{ContenderRecord, Report};
use firebench_text as text;

use super::point::{self, LeftOut, Point, Same, Setup};
use crate::judged::Unjudged;
use crate::summary;

/// What was asked for is in no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum HistoryError {
    /// No run has the metric.
    #[error("no run has the metric {metric:?}")]
    #[diagnostic(help("the latest run has the metrics {known}"))]
    NoMetric {
        /// What was asked for.
        metric: String,
        /// Those of the latest run.
        known: String,
    },
    /// No run has the contender.
    #[error("no run has the contender {contender:?}")]
    #[diagnostic(help("the latest run has the contenders {known}"))]
    NoContender {
        /// What was asked for.
        contender: String,
        /// Those of the latest run.
        known: String,
    },
}

/// What is known of the runs that were looked at.
#[derive(Debug)]
pub struct Collected {
    /// The metric that was asked for.
    pub(super) asked: String,
    pub(super) metric: Option<Metric>,
    pub(super) same: Same,
    pub(super) runs: usize,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) older: usize,
    /// Each with its points, the oldest one first, and the runs that are left out of it.
    pub(super) contenders: Vec<(String, Vec<Point>, Vec<LeftOut>)>,
}

/// Takes runs, the latest one first, and keeps what belongs together with the first one that can belong.
#[derive(Debug)]
pub struct Collector {
    asked: String,
    contender: Option<String>,
    /// So many runs are wanted.
    most: usize,
    /// Of the first run that belongs.
    reference: Option<(Metric, Same)>,
    runs: usize,
    left_out: Vec<LeftOut>,
    contenders: Vec<Series>,
    /// What the first run has that could have belonged.
    missing: Option<HistoryError>,
}

/// A contender, its latest run first.
#[derive(Debug)]
struct Series {
    name: String,
    same: Same,
    points: Vec<Point>,
    left_out: Vec<LeftOut>,
}

impl Collector {
    /// For a metric, all contenders or one, and the last so many runs that belong.
    pub fn new(metric: &str, contender: Option<&str>, most: usize) -> Self {
        Collector {
            asked: metric.to_owned(),
            contender: contender.map(str::to_owned),
            most,
            reference: None,
            runs: 0,
            left_out: Vec::new(),
            contenders: Vec::new(),
            missing: None,
        }
    }

    /// Whether no further run is wanted.
    pub fn is_full(&self) -> bool {
        self.runs >= self.most
    }

    /// A run that does not belong, which need not be read for that.
    pub fn leave_out(&mut self, reason: &str) {
        leave(&mut self.left_out, reason);
    }

    /// Looks at a run, which is older than all before it.
    pub fn add(&mut self, report: &Report) {
        match self.belonging(report) {
            Ok(metric) => self.take(report, &metric),
            Err(reason) => self.leave_out(&reason),
        }
    }

    /// The metric of a run that belongs, or why it does not.
    fn belonging(&mut self, report: &Report) -> Result<Metric, String> {
        if report.imported.is_some() {
            return Err(IMPORTED.to_owned());
        }
        if report.emulated {
            return Err(EMULATED.to_owned());
        }
        let shown = || metric::shown(&report.metrics);
        let Some(metric) = shown().find(|metric| metric.name == self.asked) else {
            let known = names(shown().map(|metric| metric.name.as_ref()));
            let metric = text::excerpt(&self.asked, NAMES);
            self.missing.get_or_insert(HistoryError::NoMetric { metric, known });
            return Err("without the metric".to_owned());
        };
        if let Some(contender) = &self.contender
            && !report.contenders.iter().any(|other| other.name == *contender)
        {
            let known = names(report.contenders.iter().map(|contender| contender.name.as_str()));
            let contender = text::excerpt(contender, NAMES);
            self.missing.get_or_insert(HistoryError::NoContender { contender, known });
            return Err("without the contender".to_owned());
        }
        let same = point::same(report);
        let (known, shared) = self.reference.get_or_insert_with(|| (metric.clone(), same.clone()));
        if !metric.is_like(known) {
            return Err("another meaning of the metric".to_owned());
        }
        match differing(shared, &same) {
            Some(fact) => Err(format!("another {fact}")),
            None => Ok(metric.clone()),
        }
    }

    /// Keeps what a run that belongs says.
    fn take(&mut self, report: &Report, metric: &Metric) {
        self.runs = self.runs.saturating_add(1);
        let summary = summary::summarize(report);
        for (record, found) in report.contenders.iter().zip(&summary.contenders) {
            if self.contender.as_ref().is_some_and(|wanted| *wanted != record.name) {
                continue;
            }
            let estimate = found.metrics.iter().find(|found| found.metric.name == metric.name);
            let value = estimate.and_then(|found| found.estimate).filter(|value| value.is_finite());
            self.series(record).take(report, record, metric, value);
        }
    }

    fn series(&mut self, record: &ContenderRecord) -> &mut Series {
        let place = self.contenders.iter().position(|series| series.name == record.name).unwrap_or_else(|| {
            let (name, same) = (record.name.clone(), point::same_of(record));
            self.contenders.push(Series { name, same, points: Vec::new(), left_out: Vec::new() });
            self.contenders.len().saturating_sub(1)
        });
        #[allow(clippy::indexing_slicing, reason = "it was found, or has just been put there")]
        &mut self.contenders[place]
    }

    /// What was collected. `older` runs were not looked at.
    ///
    /// # Errors
    /// [`HistoryError`] where runs could belong, but none has what was asked for.
    pub fn finish(self, older: usize) -> Result<Collected, HistoryError> {
        if let (None, Some(missing)) = (&self.reference, self.missing) {
            return Err(missing);
        }
        let (metric, same) = self.reference.unzip();
        let contenders = self.contenders.into_iter().map(|mut series| {
            series.points.reverse();
            (series.name, series.points, series.left_out)
        });
        Ok(Collected {
            asked: self.asked,
            metric,
            same: same.unwrap_or_default(),
            runs: self.runs,
            left_out: self.left_out,
            older,
            contenders: contenders.collect(),
        })
    }
}

impl Series {
    fn take(&mut self, report: &Report, record: &ContenderRecord, metric: &Metric, value: Option<f64>) {
        if Unjudged::of_accounts(&[record.vmm], metric).is_some() {
            leave(&mut self.left_out, OWN_ACCOUNT);
            return;
        }
        if let Some(fact) = differing(&self.same, &point::same_of(record)) {
            leave(&mut self.left_out, &format!("another {fact}"));
            return;
        }
        let Some(value) = value else {
            leave(&mut self.left_out, "no good boot");
            return;
        };
        let setup: Setup = point::setup(report, record);
        // Most runs are set up like the one after them.
        let setup = match self.points.last() {
            Some(later) if *later.setup == setup => Rc::clone(&later.setup),
            _ => Rc::new(setup),
        };
        let run = report.id.clone().unwrap_or_default();
        self.points.push(Point { run, started: report.started.clone(), value, setup });
    }
}

/// Why a run does not belong of which firebench did not measure the figures.
pub const IMPORTED: &str = "imported figures";

/// Why a run does not belong whose timings say nothing.
pub const EMULATED: &str = "emulated";

/// Why a run says nothing of a contender whose kernel counts CPU time that others took as the workload's.
const OWN_ACCOUNT: &str = "an account of CPU time of its own";

/// So many characters of names are in an error.
const NAMES: usize = 300;

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    text::excerpt(&names.collect::<Vec<_>>().join(", "), NAMES)
}

/// The first fact in which the two differ.
fn differing(one: &Same, other: &Same) -> Option<&'static str> {
    one.iter().find(|(name, value)| other.get(*name) != Some(value)).map(|(name, _)| *name)
}

fn leave(left_out: &mut Vec<LeftOut>, reason: &str) {
    match left_out.iter_mut().find(|left| left.reason == reason) {
        Some(left) => left.runs = left.runs.saturating_add(1),
        None => left_out.push(LeftOut { reason: reason.to_owned(), runs: 1 }),
    }
}
