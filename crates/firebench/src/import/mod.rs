//! Reads what was measured elsewhere: reports of firebench, and the figures of others. Pure but for [`read`].
//!
//! Figures of others become a [`Report`] that says so ([`Report::imported`]). What a run of firebench knows and they do not is
//! empty in it, and no output shows it.

mod columns;
mod csv;
mod error;
mod hyperfine;
pub mod metric;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use firebench_os::outside::{self, Refused};
use firebench_stats::Rule;
use firebench_text as text;
use firebench_vmm::{Accel, Launch, VmmKind, host};
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use error::ImportError;

use crate::experiment::Experiment;
use crate::figures::{Column, Figures};
use crate::hostfacts::HostFacts;
use crate::record::{ContenderRecord, DesignRecord, ImportFormat, Imported, Overhead, PayloadRecord, Report, SCHEMA};
use crate::report::json;
use crate::summary::METRICS;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;

/// The most samples that a file of others may have.
pub const MAX_SAMPLES: usize = 1_000_000;

/// The most contenders that it may have.
pub const MAX_CONTENDERS: usize = 10_000;

/// The most metrics that it may have.
pub const MAX_METRICS: usize = 100;

/// The most pairs of contender and metric that it may have.
const MAX_COLUMNS: usize = 100_000;

/// The longest name of a contender or a metric, in bytes.
const MAX_NAME: usize = 16 << 10;

/// How figures of others are read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The metric to compare by, in place of `real`.
    pub metric: Option<String>,
    /// Whether less of it is better although its name does not say that it is a time in seconds.
    pub less_is_better: bool,
    /// Executions that count although their commands failed.
    pub accepted: Accepted,
}

/// Exit codes of executions that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Accepted {
    /// 0 alone.
    #[default]
    Zero,
    /// 0 and these.
    Codes(Vec<i32>),
    /// Every one, also where a signal ended the command.
    All,
}

impl Accepted {
    /// Whether an execution counts that ended with this code, or by a signal.
    fn holds(&self, code: Option<i32>) -> bool {
        match self {
            Accepted::All => true,
            Accepted::Zero => code == Some(0),
            Accepted::Codes(codes) => code.is_some_and(|code| code == 0 || codes.contains(&code)),
        }
    }
}

impl FromStr for Accepted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Accepted::All);
        }
        let codes: Result<Vec<i32>, _> = text.split(',').map(|code| code.trim().parse()).collect();
        codes.map(Accepted::Codes).map_err(|_| "give all, or exit codes with commas between them: 1,3".to_owned())
    }
}

/// Reads the file at `path`; `now` stands for the time at which figures of others were measured, which they do not tell.
///
/// # Errors
/// [`ImportError`].
pub fn read(path: &Path, now: &str, options: &Options) -> Result<Report, ImportError> {
    let text = text_of(path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    parse_with(&text, &name, now, options)
}

/// The text of the file at `path`.
///
/// # Errors
/// [`ImportError::Read`], and others for files that are too large or hold no text.
pub fn text_of(path: &Path) -> Result<String, ImportError> {
    let bytes = outside::read_or_wait(path, MAX_BYTES).map_err(|error| match Refused::of(&error) {
        Some(Refused::TooLarge { .. }) => ImportError::TooLarge,
        _ => ImportError::Read(error),
    })?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(ImportError::Utf16);
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        ImportError::NotText { line: good.iter().filter(|byte| **byte == b'\n').count().saturating_add(1) }
    })
}

/// Which fields a JSON has.
#[derive(Deserialize)]
struct Kind {
    schema: Option<IgnoredAny>,
    results: Option<IgnoredAny>,
}

/// Reads the text of a file with this name; its content decides what it is.
///
/// # Errors
/// [`ImportError`].
pub fn parse(text: &str, name: &str, now: &str) -> Result<Report, ImportError> {
    parse_with(text, name, now, &Options::default())
}

/// [`parse`], as the options say.
///
/// # Errors
/// [`ImportError`].
pub fn parse_with(text: &str, name: &str, now: &str, options: &Options) -> Result<Report, ImportError> {
    // Some programs begin a text with this mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (format, read) = match text.trim_start().chars().next() {
        None => return Err(ImportError::Empty),
        Some('{') => match serde_json::from_str(text).map_err(|error| broken(&error))? {
            Kind { schema: Some(_), .. } => return Ok(json::from_json(text)?),
            Kind { results: Some(_), .. } => (ImportFormat::Hyperfine, hyperfine::parse(text, &options.accepted)?),
            Kind { .. } => return Err(ImportError::UnknownJson("an object of an unknown kind")),
        },
        Some('[') => {
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| broken(&error))?;
            return Err(ImportError::UnknownJson("a list"));
        }
        Some(_) => (ImportFormat::Csv, csv::parse(text)?),
    };
    report(Imported { format, name: text::line(name) }, read, now, options)
}

fn broken(error: &serde_json::Error) -> ImportError {
    ImportError::BrokenJson { line: error.line(), column: error.column() }
}

/// What others measured.
struct Read {
    /// The baseline first.
    contenders: Vec<Contender>,
    notices: Vec<String>,
}

/// A contender of others.
struct Contender {
    name: String,
    figures: Figures,
}

/// The report of figures that firebench did not measure.
fn report(imported: Imported, read: Read, now: &str, options: &Options) -> Result<Report, ImportError> {
    let Read { contenders, mut notices } = read;
    let default = DesignRecord::default();
    let metrics: BTreeSet<&String> = contenders.iter().flat_map(|contender| contender.figures.metrics.keys()).collect();
    let metrics: Vec<String> = metrics.into_iter().cloned().collect();
    // What hyperfine says of memory is no choice that a user has to make.
    let usual = default.primary.as_str();
    let primary = metric::primary(&metrics, options.metric.as_deref(), options.less_is_better, usual)?;
    let hidden = |metric: &&String| **metric != primary && !METRICS.contains(&metric.as_str());
    let hidden: Vec<&str> = metrics.iter().filter(hidden).map(String::as_str).collect();
    if !hidden.is_empty() {
        let names = text::excerpt(&hidden.join(", "), 300);
        notices.push(format!("also in the file, kept, but neither shown nor compared: {names}"));
    }
    let columns = || contenders.iter().flat_map(|contender| contender.figures.metrics.values());
    let iterations = columns().flat_map(Column::by_boot).map(<[_]>::len).max().unwrap_or(0);
    let blocks = contenders.iter().map(|contender| contender.figures.blocks.len()).max().filter(|blocks| *blocks > 0);
    let design = DesignRecord {
        primary,
        rule: Rule::Fixed,
        warm_up: u32::from(iterations > 1),
        iterations: u32::try_from(iterations).unwrap_or(u32::MAX),
        planned: blocks.and_then(|blocks| u32::try_from(blocks).ok()),
        ..default
    };
    Ok(Report {
        schema: SCHEMA.to_owned(),
        id: None,
        imported: Some(imported),
        firebench: env!("CARGO_PKG_VERSION").to_owned(),
        started: now.to_owned(),
        duration: 0.0,
        overhead: Overhead::default(),
        experiment: Experiment::default(),
        design,
        accelerator: Accel::Native,
        emulated: false,
        accelerator_reason: String::new(),
        nested_host: None,
        host: HostFacts::default(),
        payload: PayloadRecord { bytes: 0, sha256: String::new(), source: String::new() },
        command: Vec::new(),
        artifacts: Vec::new(),
        contenders: contenders.into_iter().map(contender).collect(),
        notices,
        failure: None,
    })
}

/// A contender of which nothing is known but its name and its figures.
fn contender(Contender { name, figures }: Contender) -> ContenderRecord {
    ContenderRecord {
        name,
        vmm: VmmKind(&host::KIND),
        version: String::new(),
        binary: PathBuf::new(),
        sha256: String::new(),
        vcpus: 0,
        memory_mib: 0,
        accel: Accel::Native,
        settings: None,
        cmdline: String::new(),
        launch: Launch::default(),
        boots: Vec::new(),
        figures: Some(figures),
    }
}

/// Whether a value can have been measured: times and counts are what is measured, and neither is below zero.
fn check(value: f64) -> Result<f64, String> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(format!("{value} cannot have been measured")) }
}
