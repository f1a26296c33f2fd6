//! Reads what was measured elsewhere: reports of firebench, and the figures of others. Pure but for [`read`].
//!
//! Figures of others become a [`Report`] that says so ([`Report::imported`]). What a run of firebench knows and they do not is
//! empty in it, and no output shows it.

mod accepted;
mod columns;
mod csv;
mod error;
mod hyperfine;
mod list;
mod metrics;
mod options;
mod others;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use firebench_model::experiment::Experiment;
use firebench_model::figures::Column;
use firebench_model::host::HostFacts;
use firebench_model::json;
use firebench_model::metric::{self, Metric};
use firebench_model::record::{
    ContenderRecord, DesignRecord, ImportFormat, Imported, Overhead, PayloadRecord, Report, SCHEMA,
};
use firebench_os::outside::{self, Refused};
use firebench_stats::Rule;
use firebench_text as text;
use firebench_vmm::{Accel, Launch, VmmKind, host};
use others::{Contender, Read};
use serde::de::IgnoredAny;

use crate::content::{self, Content, Object};

pub use accepted::Accepted;
pub use error::ImportError;
pub use options::Options;
pub use others::{MAX_BYTES, MAX_CONTENDERS, MAX_METRICS, MAX_SAMPLES, MAX_UNIT};

/// Reads the file, or the directory of lists, at `path`; `now` stands for the time at which figures of others were measured, which the figures do
/// not contain.
///
/// # Errors
/// [`ImportError`].
pub fn read(path: &Path, now: &str, options: &Options) -> Result<Report, ImportError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    if path.is_dir() {
        let texts = list::texts(path, text_of)?;
        let lists: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        return of_lists(&lists, &name, now, options);
    }
    parse_with(&text_of(path)?, &name, now, options)
}

/// Reads lists of numbers, each with the name of its file, as the run of this name.
///
/// # Errors
/// [`ImportError`].
pub fn of_lists(lists: &[(&str, &str)], name: &str, now: &str, options: &Options) -> Result<Report, ImportError> {
    let metric = options.metric.clone().unwrap_or(DesignRecord::default().primary);
    report(Imported { format: ImportFormat::List, name: text::line(name) }, list::parse(lists, &metric)?, now, options)
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
    let (content, text) = content::of(text, Path::new(name));
    let (format, read) = match content {
        Content::Empty => return Err(ImportError::Empty),
        Content::Markdown => return Err(ImportError::Markdown),
        Content::Object(object) => match object.map_err(|error| broken(&error))? {
            Object::Report => return as_declared(json::from_json(text)?, options),
            Object::Hyperfine => (ImportFormat::Hyperfine, hyperfine::parse(text, &options.accepted)?),
            Object::Unknown => return Err(ImportError::UnknownJson("an object of an unknown kind")),
        },
        Content::Bracket => {
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| broken(&error))?;
            return Err(ImportError::UnknownJson("a list"));
        }
        Content::Numbers => return of_lists(&[(name, text)], name, now, options),
        Content::Lines => (ImportFormat::Csv, csv::parse(text)?),
    };
    report(Imported { format, name: text::line(name) }, read, now, options)
}

/// A report says itself what it compares by: options that say something else cannot be followed.
fn as_declared(report: Report, options: &Options) -> Result<Report, ImportError> {
    let primary = report.primary();
    let otherwise = options.metric.as_ref().is_some_and(|metric| *metric != primary.name)
        || options.better.is_some_and(|better| better != primary.better)
        || options.unit.is_some() && options.unit != primary.unit;
    if otherwise {
        let metric = text::excerpt(&primary.name, 100);
        return Err(ImportError::Declared { metric, meaning: text::excerpt(&primary.meaning(), 100) });
    }
    Ok(report)
}

fn broken(error: &serde_json::Error) -> ImportError {
    ImportError::BrokenJson { line: error.line(), column: error.column() }
}

/// The report of figures that firebench did not measure.
fn report(imported: Imported, read: Read, now: &str, options: &Options) -> Result<Report, ImportError> {
    let Read { contenders, known, said, mut notices } = read;
    let default = DesignRecord::default();
    let metrics: BTreeSet<&String> = contenders.iter().flat_map(|contender| contender.figures.metrics.keys()).collect();
    let metrics: Vec<String> = metrics.into_iter().cloned().collect();
    let primary = metrics::primary(&metrics, options.metric.as_deref(), &default.primary)?;
    let declared = metrics::declared(&metrics, &primary, &known, &said, options)?;
    notices.extend(declared.iter().filter_map(|declared| declared.notice()));
    let declared: Vec<Metric> = declared.into_iter().map(|declared| declared.metric).collect();
    let is_shown = |name: &str| metric::find(&declared, name).is_some_and(|metric| metric.shown);
    let hidden: Vec<&str> = metrics.iter().map(String::as_str).filter(|name| !is_shown(name)).collect();
    if !hidden.is_empty() {
        let names = text::excerpt(&hidden.join(", "), 300);
        notices.push(format!("also in the file and stored, but neither shown nor compared: {names}"));
    }
    let columns = || contenders.iter().flat_map(|contender| contender.figures.metrics.values());
    let iterations = columns().flat_map(Column::by_boot).map(<[_]>::len).max().unwrap_or(0);
    let blocks = contenders.iter().map(|contender| contender.figures.blocks.len()).max().filter(|blocks| *blocks > 0);
    let design = DesignRecord {
        primary: primary.clone(),
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
        metrics: metric::in_order(declared, &primary),
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
        concurrent: 1,
        accel: Accel::Native,
        settings: None,
        cmdline: String::new(),
        launch: Launch::default(),
        command: Vec::new(),
        boots: Vec::new(),
        discarded: Vec::new(),
        figures: Some(figures),
    }
}
