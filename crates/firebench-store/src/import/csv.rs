//! A CSV with a row for each sample: what `firebench export --format csv` writes, and what anybody can.

use std::collections::HashMap;

use firebench_model::metric::Unit;
use firebench_model::metric::names::{self, Known};
use firebench_stats::Better;
use firebench_text as text;

use super::ImportError;
use super::columns::{Columns, Row};
use super::others::{Contender, MAX_SAMPLES, MAX_UNIT, Read, check};
use crate::store::{BETTER, BLOCK, COLUMNS, UNIT};

pub(super) fn parse(text: &str) -> Result<Read, ImportError> {
    let delimiter = delimiter(text);
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.delimiter(delimiter).comment(Some(b'#')).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| problem(&error))?.clone();
    let line = header.position().map_or(1, csv::Position::line);
    let places = ColumnPositions::find(&header).map_err(|wrong| wrong.at(line))?;
    let mut columns = Columns::default();
    let mut record = csv::StringRecord::new();
    let mut said = Said::default();
    let (mut points, mut commas) = (None, None);
    let mut count = 0_usize;
    while reader.read_record(&mut record).map_err(|error| problem(&error))? {
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |problem: String| ImportError::Line { line, problem: text::line(&problem) };
        if count == MAX_SAMPLES {
            return Err(ImportError::TooMany { limit: MAX_SAMPLES, what: "samples" });
        }
        count = count.saturating_add(1);
        let field = |place: usize| record.get(place).unwrap_or_default().trim();
        let [contender, boot, iteration, metric, value] = places.columns.map(field);
        for (column, field) in [("contender", contender), ("metric", metric)] {
            if field.is_empty() {
                return Err(wrong(format!("the {column} is missing")));
            }
        }
        let whole = |column, field: &str| {
            field.parse::<u32>().map_err(|_| wrong(format!("the {column} {field:?} is not a whole number")))
        };
        if let Some(unit) = places.unit.map(field).filter(|unit| !unit.is_empty()) {
            said.add_unit(metric, unit, line).map_err(wrong)?;
        }
        if let Some(word) = places.better.map(field).filter(|word| !word.is_empty()) {
            said.add_better(metric, word, line).map_err(wrong)?;
        }
        let is_comma = delimiter == b';' && value.contains(',');
        let number: Result<f64, _> = if is_comma { value.replace(',', ".").parse() } else { value.parse() };
        let number = number.map_err(|_| wrong(format!("the value {value:?} is not a number")))?;
        let number = check(number).map_err(|problem| wrong(format!("the value {problem}")))?;
        if is_comma {
            commas.get_or_insert(line);
        } else if value.contains('.') {
            points.get_or_insert(line);
        }
        if let (Some(comma), Some(point)) = (commas, points) {
            let problem = format!("ambiguous decimals: line {comma} uses a comma, and line {point} a point");
            return Err(wrong(problem));
        }
        let (boot, iteration) = (whole("boot", boot)?, whole("iteration", iteration)?);
        let block = places.block.map(|place| whole(BLOCK, field(place))).transpose()?.unwrap_or(0);
        columns.add(contender, metric, Row { boot, iteration, block, line, value: number })?;
    }
    if count == 0 {
        return Err(ImportError::Empty);
    }
    let contenders = columns.finish(places.block.is_some())?;
    Ok(Read { notices: notices(&contenders, &places), contenders, known: Vec::new(), said: said.known() })
}

/// What the file says of each metric, with the line in which it first did.
#[derive(Default)]
struct Said {
    units: HashMap<String, (Unit, u64)>,
    better: HashMap<String, (Better, u64)>,
}

impl Said {
    fn add_unit(&mut self, metric: &str, sign: &str, line: u64) -> Result<(), String> {
        if sign.len() > MAX_UNIT {
            return Err(format!("the unit {:?} is too long", text::excerpt(sign, MAX_UNIT)));
        }
        first_or_same(&mut self.units, metric, names::unit(sign), line).map_err(|(known, first)| {
            format!(
                "the unit of {} is {sign:?} here, but {:?} in line {first}: convert the values to one unit",
                text::excerpt(metric, 100),
                known.sign()
            )
        })
    }

    fn add_better(&mut self, metric: &str, word: &str, line: u64) -> Result<(), String> {
        let better = Better::named(&word.to_lowercase())
            .ok_or_else(|| format!("{:?} in the column {BETTER} is neither less nor more", text::excerpt(word, 40)))?;
        first_or_same(&mut self.better, metric, better, line).map_err(|(known, first)| {
            let name = text::excerpt(metric, 100);
            format!("{} of {name} is better here, but {} in line {first}", better.word(), known.word())
        })
    }

    fn known(self) -> HashMap<String, Known> {
        let mut known: HashMap<String, Known> = HashMap::new();
        for (metric, (unit, _)) in self.units {
            known.entry(metric).or_default().unit = Some(unit);
        }
        for (metric, (better, _)) in self.better {
            known.entry(metric).or_default().better = Some(better);
        }
        known
    }
}

/// Keeps what is said of a metric; an error, with what was said before and in which line, where that is something else.
fn first_or_same<T: PartialEq + Clone>(
    said: &mut HashMap<String, (T, u64)>,
    metric: &str,
    value: T,
    line: u64,
) -> Result<(), (T, u64)> {
    match said.get(metric) {
        Some((known, _)) if *known == value => Ok(()),
        Some(before) => Err(before.clone()),
        None => {
            said.insert(metric.to_owned(), (value, line));
            Ok(())
        }
    }
}

fn notices(contenders: &[Contender], places: &ColumnPositions) -> Vec<String> {
    let mut notices = Vec::new();
    notices.push(if places.block.is_some() {
        "boots of the same block were measured side by side, as the file says: they are compared with each other".to_owned()
    } else {
        "the file has no column 'block', so its boots were not measured side by side: a drift of the machine looks like a \
         difference"
            .to_owned()
    });
    let several = |contender: &Contender| {
        contender.figures.metrics.values().flat_map(|column| column.by_boot()).any(|samples| samples.len() > 1)
    };
    if contenders.iter().any(several) {
        notices.push("the first iteration of each boot is shown apart and does not count".to_owned());
    }
    if !places.ignored.is_empty() {
        let names = text::excerpt(&places.ignored.join(", "), 200);
        notices.push(format!("firebench did not read these columns of the file: {names}"));
    }
    notices
}

/// The character between the fields: of the usual ones, the one in the first line.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|&delimiter| first.contains(char::from(delimiter))).unwrap_or(b',')
}

/// Where the columns are that are read.
struct ColumnPositions {
    /// Those of [`COLUMNS`].
    columns: [usize; COLUMNS.len()],
    block: Option<usize>,
    unit: Option<usize>,
    better: Option<usize>,
    /// Names of those that are not read.
    ignored: Vec<String>,
}

/// What is wrong with a header.
enum Wrong {
    Summary,
    Header(String),
}

impl Wrong {
    fn at(self, line: u64) -> ImportError {
        match self {
            Wrong::Summary => ImportError::Summary,
            Wrong::Header(problem) => ImportError::Header { line, problem: text::line(&problem) },
        }
    }
}

impl ColumnPositions {
    fn find(header: &csv::StringRecord) -> Result<Self, Wrong> {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let known = |name: &&str| COLUMNS.contains(name) || [BLOCK, UNIT, BETTER].contains(name);
        for (place, name) in names.iter().enumerate().filter(|(_, name)| known(&name.as_str())) {
            if places.insert(name, place).is_some() {
                return Err(Wrong::Header(format!("the file has the column {name} twice")));
            }
        }
        if places.is_empty() && ["command", "mean", "stddev"].iter().all(|name| names.iter().any(|n| n == name)) {
            return Err(Wrong::Summary);
        }
        let mut columns = [0; COLUMNS.len()];
        for (place, column) in columns.iter_mut().zip(COLUMNS) {
            let missing = || {
                let there = text::excerpt(&header.iter().collect::<Vec<_>>().join(", "), 100);
                Wrong::Header(format!("the column {column} is missing; the columns are {there}"))
            };
            *place = *places.get(column).ok_or_else(missing)?;
        }
        let ignored = header.iter().zip(&names).filter(|(_, name)| !known(&name.as_str()));
        Ok(ColumnPositions {
            columns,
            block: places.get(BLOCK).copied(),
            unit: places.get(UNIT).copied(),
            better: places.get(BETTER).copied(),
            ignored: ignored.map(|(name, _)| name.trim().to_owned()).collect(),
        })
    }
}

/// What the reader of CSV says, with the line.
fn problem(error: &csv::Error) -> ImportError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "it has {}, but the header has {expected_len}",
                text::count(usize::try_from(*len).unwrap_or(usize::MAX), "field")
            )
        }
        _ => error.to_string(),
    };
    ImportError::Line { line, problem: text::line(&problem) }
}
