//! Reads what was measured elsewhere: reports of firebench, and the figures of others. Pure but for [`read`].
//!
//! Figures of others become a [`Report`] that says so ([`Report::imported`]). What a run of firebench knows and they do not is
//! empty in it, and no output shows it.

mod csv;
mod error;
mod hyperfine;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firebench_image::outside::{self, Refused};
use firebench_protocol::Counters;
use firebench_stats::Rule;
use firebench_vmm::{Accel, Launch, VmmKind};
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use error::ImportError;

use crate::experiment::Experiment;
use crate::hostfacts::HostFacts;
use crate::record::{
    BootRecord, ContenderRecord, DesignRecord, ImportFormat, Imported, IterationRecord, Overhead, PayloadRecord,
    Report, SCHEMA,
};
use crate::report::{json, text};
use crate::summary::METRICS;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;

/// The most samples that a file of others may have.
pub const MAX_SAMPLES: usize = 1_000_000;

/// Reads the file at `path`; `now` stands for the time at which figures of others were measured, which they do not tell.
///
/// # Errors
/// [`ImportError`].
pub fn read(path: &Path, now: &str) -> Result<Report, ImportError> {
    let bytes = outside::read_or_wait(path, MAX_BYTES).map_err(|error| match Refused::of(&error) {
        Some(Refused::TooLarge { .. }) => ImportError::TooLarge,
        _ => ImportError::Read(error),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| ImportError::NotText)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    parse(&text, &name, now)
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
    // Some programs begin a text with this mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(ImportError::Empty);
    }
    let (format, figures) = if text.trim_start().starts_with(['{', '[']) {
        match serde_json::from_str(text).map_err(|error| ImportError::Report(json::error(&error)))? {
            Kind { schema: Some(_), .. } => return Ok(json::from_json(text)?),
            Kind { results: Some(_), .. } => (ImportFormat::Hyperfine, hyperfine::parse(text)?),
            Kind { .. } => return Err(ImportError::UnknownJson),
        }
    } else {
        (ImportFormat::Csv, csv::parse(text)?)
    };
    Ok(report(Imported { format, name: text::line(name) }, figures, now))
}

/// What others measured.
struct Figures {
    /// Contenders by name, the baseline first.
    contenders: Vec<(String, Vec<BootRecord>)>,
    notices: Vec<String>,
}

/// The report of figures that firebench did not measure.
fn report(imported: Imported, figures: Figures, now: &str) -> Report {
    let boots = || figures.contenders.iter().flat_map(|(_, boots)| boots);
    let iterations = boots().map(|boot| boot.iterations.len()).max().unwrap_or(0);
    let most = figures.contenders.iter().map(|(_, boots)| boots.len()).max().unwrap_or(0);
    let metrics: std::collections::BTreeSet<&String> =
        boots().flat_map(|boot| &boot.iterations).flat_map(|iteration| iteration.metrics.keys()).collect();
    let shown = |metric: &&&String| METRICS.contains(&metric.as_str());
    let hidden: Vec<&str> = metrics.iter().filter(|metric| !shown(metric)).map(|metric| metric.as_str()).collect();
    let mut notices = figures.notices.clone();
    if !hidden.is_empty() {
        notices.push(format!("also in the file, but not in every table: {}", hidden.join(", ")));
    }
    let default = DesignRecord::default();
    let primary = match metrics.first() {
        Some(first) if !metrics.contains(&default.primary) => (*first).clone(),
        _ => default.primary.clone(),
    };
    let design = DesignRecord {
        primary,
        rule: Rule::Fixed,
        warm_up: u32::from(iterations > 1),
        iterations: u32::try_from(iterations).unwrap_or(u32::MAX),
        planned: u32::try_from(most).ok(),
        ..default
    };
    Report {
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
        contenders: figures.contenders.into_iter().map(|(name, boots)| contender(name, boots)).collect(),
        notices,
        failure: None,
    }
}

/// A contender of which nothing is known but its name and its figures.
fn contender(name: String, boots: Vec<BootRecord>) -> ContenderRecord {
    ContenderRecord {
        name,
        vmm: VmmKind::Host,
        version: String::new(),
        binary: PathBuf::new(),
        sha256: String::new(),
        vcpus: 0,
        memory_mib: 0,
        accel: Accel::Native,
        settings: None,
        cmdline: String::new(),
        launch: Launch::default(),
        boots,
    }
}

/// A boot of which nothing is known but its figures.
fn boot(block: u32, position: u32, iterations: Vec<IterationRecord>) -> BootRecord {
    BootRecord { iterations, ..BootRecord::new(block, position, 1) }
}

fn iteration(index: u32, metrics: BTreeMap<String, f64>) -> IterationRecord {
    IterationRecord { index, metrics, counters: Counters::default(), digest: String::new() }
}

/// Whether a value can have been measured: times and counts are what is measured, and neither is below zero.
fn check(value: f64) -> Result<f64, String> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(format!("{value} cannot have been measured")) }
}
