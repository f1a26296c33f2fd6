//! A CSV with a row for each sample: what `firebench export --format csv` writes, and what anybody can.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Figures, ImportError, MAX_SAMPLES, boot, check, iteration};
use crate::report::text;
use crate::store::COLUMNS;

/// Values of one contender by boot, iteration and metric.
type Samples = BTreeMap<u32, BTreeMap<u32, BTreeMap<String, f64>>>;

pub(super) fn parse(text: &str) -> Result<Figures, ImportError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let places = places(reader.headers().map_err(problem)?)?;
    let mut names: Vec<String> = Vec::new();
    let mut samples: Vec<Samples> = Vec::new();
    for (count, record) in reader.records().enumerate() {
        let record = record.map_err(problem)?;
        let line = record.position().map_or(0, csv::Position::line);
        if count == MAX_SAMPLES {
            return Err(ImportError::TooMany);
        }
        let wrong = |problem: String| ImportError::Line { line, problem: text::line(&problem) };
        let [contender, boot, iteration, metric, value] = places.map(|place| record.get(place).unwrap_or_default());
        for (column, field) in [("contender", contender), ("metric", metric)] {
            if field.is_empty() {
                return Err(wrong(format!("no {column}")));
            }
        }
        let whole = |column, field: &str| {
            field.parse::<u32>().map_err(|_| wrong(format!("the {column} {field:?} is no whole number")))
        };
        let (boot, iteration) = (whole("boot", boot)?, whole("iteration", iteration)?);
        let number: f64 = value.parse().map_err(|_| wrong(format!("the value {value:?} is no number")))?;
        let number = check(number).map_err(|problem| wrong(format!("the value {problem}")))?;
        let place = match names.iter().position(|name| name == contender) {
            Some(place) => place,
            None => {
                names.push(contender.to_owned());
                samples.push(Samples::new());
                names.len().saturating_sub(1)
            }
        };
        let Some(of_contender) = samples.get_mut(place) else { continue };
        match of_contender.entry(boot).or_default().entry(iteration).or_default().entry(metric.to_owned()) {
            Entry::Vacant(free) => drop(free.insert(number)),
            Entry::Occupied(_) => {
                return Err(wrong(format!("{contender}, boot {boot}, iteration {iteration} has a {metric} already")));
            }
        }
    }
    if names.is_empty() {
        return Err(ImportError::Empty);
    }
    let several = samples.iter().flat_map(BTreeMap::values).any(|boot| boot.len() > 1);
    let mut notices =
        vec!["boots of the same number are taken for a block: they are compared with each other".to_owned()];
    if several {
        notices.push("the first iteration of each boot is shown apart and does not count".to_owned());
    }
    let contenders = names.into_iter().zip(0..).zip(samples).map(|((name, position), samples)| {
        let iterations =
            |boot: BTreeMap<u32, _>| boot.into_iter().map(|(index, values)| iteration(index, values)).collect();
        (name, samples.into_iter().map(|(number, of_boot)| boot(number, position, iterations(of_boot))).collect())
    });
    Ok(Figures { contenders: contenders.collect(), notices })
}

/// Where the columns are that are wanted.
fn places(header: &csv::StringRecord) -> Result<[usize; 5], ImportError> {
    let wrong = |problem: String| ImportError::Header(text::line(&problem));
    if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(wrong(format!("the column {unknown:?} is not known")));
    }
    let mut places = [0; 5];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, name)| *name == column);
        *place = found.next().ok_or_else(|| wrong(format!("the column {column} is missing")))?.0;
        if found.next().is_some() {
            return Err(wrong(format!("the column {column} is there twice")));
        }
    }
    Ok(places)
}

/// What the reader of CSV says, with the line.
fn problem(error: csv::Error) -> ImportError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields in place of {expected_len}"),
        _ => error.to_string(),
    };
    ImportError::Line { line, problem: text::line(&problem) }
}
