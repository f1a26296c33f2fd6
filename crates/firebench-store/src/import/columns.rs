//! Sorts rows of samples into columns, one a contender and metric. Pure.

use std::collections::HashMap;

use firebench_model::figures::{Column, Figures, Sample};
use firebench_text as text;

use super::ImportError;
use super::others::{Contender, MAX_COLUMNS, MAX_CONTENDERS, MAX_METRICS, MAX_NAME};

/// A sample, where it stands and in which block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) boot: u32,
    pub(super) iteration: u32,
    pub(super) block: u32,
    pub(super) line: u64,
    pub(super) value: f64,
}

/// Rows by contender and metric, each in the order in which it came first.
#[derive(Debug, Default)]
pub(super) struct Columns {
    contenders: Names,
    metrics: Names,
    /// Place of each pair of contender and metric.
    places: HashMap<(usize, usize), usize>,
    columns: Vec<((usize, usize), Vec<Row>)>,
    /// The one of the row before: most often it is this one's, too.
    last: usize,
}

/// Names, each with a number.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
    last: usize,
}

impl Names {
    fn number(&mut self, name: &str, line: u64, limit: usize, what: &'static str) -> Result<usize, ImportError> {
        if self.names.get(self.last).is_some_and(|last| last == name) {
            return Ok(self.last);
        }
        self.last = match self.numbers.get(name) {
            Some(&number) => number,
            None if name.len() > MAX_NAME => {
                let problem = format!("a name of {} bytes is too long: {}", name.len(), text::excerpt(name, 40));
                return Err(ImportError::Line { line, problem });
            }
            None if self.names.len() == limit => return Err(ImportError::TooMany { limit, what }),
            None => {
                self.numbers.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
                self.names.len().saturating_sub(1)
            }
        };
        Ok(self.last)
    }
}

impl Columns {
    pub(super) fn add(&mut self, contender: &str, metric: &str, row: Row) -> Result<(), ImportError> {
        let contender = self.contenders.number(contender, row.line, MAX_CONTENDERS, "contenders")?;
        let metric = self.metrics.number(metric, row.line, MAX_METRICS, "metrics")?;
        let key = (contender, metric);
        if self.columns.get(self.last).is_none_or(|(last, _)| *last != key) {
            self.last = match self.places.get(&key) {
                Some(&place) => place,
                None if self.columns.len() == MAX_COLUMNS => {
                    return Err(ImportError::TooMany { limit: MAX_COLUMNS, what: "pairs of contender and metric" });
                }
                None => {
                    self.places.insert(key, self.columns.len());
                    self.columns.push((key, Vec::new()));
                    self.columns.len().saturating_sub(1)
                }
            };
        }
        if let Some((_, rows)) = self.columns.get_mut(self.last) {
            rows.push(row);
        }
        Ok(())
    }

    /// The contenders' figures; the blocks of their boots, too, if the file has them.
    pub(super) fn finish(self, blocks: bool) -> Result<Vec<Contender>, ImportError> {
        let mut contenders: Vec<Contender> =
            self.contenders.names.into_iter().map(|name| Contender { name, figures: Figures::default() }).collect();
        let mut of_blocks: Vec<Vec<(u32, u32, u64)>> = vec![Vec::new(); contenders.len()];
        for ((contender, metric), mut rows) in self.columns {
            let Some(contender_of) = contenders.get_mut(contender) else { continue };
            let metric = self.metrics.names.get(metric).cloned().unwrap_or_default();
            let key = |row: &Row| (row.boot, row.iteration, row.line);
            if !rows.is_sorted_by_key(key) {
                rows.sort_unstable_by_key(key);
            }
            let twice = rows
                .iter()
                .zip(rows.iter().skip(1))
                .find(|(one, next)| (one.boot, one.iteration) == (next.boot, next.iteration));
            if let Some((first, Row { boot, iteration, line, .. })) = twice {
                let name = &contender_of.name;
                let problem = format!(
                    "line {} already has a {metric} for {name}, boot {boot}, iteration {iteration}",
                    first.line
                );
                return Err(ImportError::Line { line: *line, problem: text::line(&problem) });
            }
            if let Some(of_contender) = of_blocks.get_mut(contender).filter(|_| blocks) {
                of_contender.extend(rows.iter().map(|row| (row.boot, row.block, row.line)));
            }
            let sample = |Row { boot, iteration, value, .. }: Row| Sample { boot, iteration, value };
            let column = Column::new(rows.into_iter().map(sample).collect());
            let column = column.map_err(|problem| ImportError::Line { line: 0, problem })?;
            contender_of.figures.metrics.insert(metric, column);
        }
        for (contender, rows) in contenders.iter_mut().zip(of_blocks) {
            contender.figures.blocks = boots_and_blocks(&contender.name, rows)?;
        }
        Ok(contenders)
    }
}

/// The block of each boot; each boot has one, and each block one boot.
fn boots_and_blocks(name: &str, mut rows: Vec<(u32, u32, u64)>) -> Result<Vec<(u32, u32)>, ImportError> {
    rows.sort_unstable();
    rows.dedup_by_key(|(boot, block, _)| (*boot, *block));
    let wrong = |line: u64, problem: String| Err(ImportError::Line { line, problem: text::line(&problem) });
    let neighbours = rows.iter().zip(rows.iter().skip(1));
    if let Some(((boot, block, first), (_, other, line))) = neighbours.clone().find(|(one, next)| one.0 == next.0) {
        return wrong(
            *line,
            format!("boot {boot} of {name} is in block {other} here, but in block {block} in line {first}"),
        );
    }
    let mut by_block = rows.clone();
    by_block.sort_unstable_by_key(|(boot, block, _)| (*block, *boot));
    let neighbours = by_block.iter().zip(by_block.iter().skip(1));
    if let Some(((boot, block, _), (other, _, line))) = neighbours.clone().find(|(one, next)| one.1 == next.1) {
        return wrong(*line, format!("block {block} has two boots of {name}, {boot} and {other}: only one is allowed"));
    }
    Ok(rows.into_iter().map(|(boot, block, _)| (boot, block)).collect())
}
