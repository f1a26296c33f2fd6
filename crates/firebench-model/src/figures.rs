//! What a contender came to that firebench did not measure itself: samples in columns, for a file may hold a million of
//! them. Pure.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// The figures of one contender.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Figures {
    /// The samples of each metric.
    pub metrics: BTreeMap<String, Column>,
    /// The block of each boot, where the file says which boots were measured side by side: (boot, block), by boot.
    pub blocks: Vec<(u32, u32)>,
    /// Boots that count for nothing, by boot.
    pub failed: Vec<Failed>,
}

/// The samples of one metric, by boot and iteration: one at most for each iteration.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(try_from = "Lists")]
pub struct Column(pub(crate) Vec<Sample>);

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The boot, numbered as in the file.
    pub boot: u32,
    /// The iteration, numbered as in the file.
    pub iteration: u32,
    /// Finite, and zero at least.
    pub value: f64,
}

/// A boot whose command failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The boot.
    pub boot: u32,
    /// The exit code; none where a signal ended the command.
    pub exit_code: Option<i32>,
}

/// The samples of one boot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boot<'a> {
    /// Its number.
    pub number: u32,
    /// The value of its first iteration.
    pub first: f64,
    /// What counts in it: the iterations after the warm-up, or all where there are no more than those.
    pub counted: &'a [Sample],
}

impl Column {
    /// A column of these samples, in this order.
    ///
    /// # Errors
    /// In a sentence: an iteration comes twice or in the wrong order, or a value cannot have been measured.
    pub fn new(samples: Vec<Sample>) -> Result<Self, String> {
        let place = |sample: &Sample| (sample.boot, sample.iteration);
        if let Some(bad) = samples.iter().find(|sample| !(sample.value.is_finite() && sample.value >= 0.0)) {
            return Err(format!("boot {}, iteration {} has the value {}", bad.boot, bad.iteration, bad.value));
        }
        if samples.is_sorted_by(|one, next| place(one) < place(next)) {
            Ok(Column(samples))
        } else {
            Err("the samples are not in order".to_owned())
        }
    }

    /// The samples.
    pub fn samples(&self) -> &[Sample] {
        &self.0
    }

    /// The samples of each boot.
    pub fn by_boot(&self) -> impl Iterator<Item = &[Sample]> {
        self.0.chunk_by(|one, next| one.boot == next.boot)
    }
}

impl Figures {
    /// Figures that are consistent.
    ///
    /// # Errors
    /// In a sentence: what is wrong with them.
    pub fn check(self) -> Result<Self, String> {
        if !self.blocks.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Err("the boots of the blocks are not in order".to_owned());
        }
        if !self.failed.is_sorted_by(|one, next| one.boot < next.boot) {
            return Err("the failed boots are not in order".to_owned());
        }
        let mut blocks: Vec<u32> = self.blocks.iter().map(|(_, block)| *block).collect();
        blocks.sort_unstable();
        match blocks.iter().zip(blocks.iter().skip(1)).find(|(one, next)| one == next) {
            Some((block, _)) => Err(format!("two boots are in block {block}")),
            None => Ok(self),
        }
    }

    /// How a boot failed; None of one that counts.
    pub fn failure(&self, boot: u32) -> Option<&Failed> {
        let place = self.failed.binary_search_by_key(&boot, |failed| failed.boot).ok()?;
        self.failed.get(place)
    }

    /// The block of a boot.
    pub fn block(&self, boot: u32) -> Option<u32> {
        let place = self.blocks.binary_search_by_key(&boot, |(boot, _)| *boot).ok()?;
        self.blocks.get(place).map(|(_, block)| *block)
    }

    /// The good boots that have this metric.
    pub fn boots(&self, metric: &str, warm_up: u32) -> impl Iterator<Item = Boot<'_>> {
        let warm_up = usize::try_from(warm_up).unwrap_or(usize::MAX);
        let good = self.metrics.get(metric).into_iter().flat_map(Column::by_boot).filter_map(move |samples| {
            let first = samples.first()?;
            let counted = samples.get(warm_up..).filter(|counted| !counted.is_empty()).unwrap_or(samples);
            Some(Boot { number: first.boot, first: first.value, counted })
        });
        good.filter(|boot| self.failure(boot.number).is_none())
    }
}

/// What a file holds, before it was looked at.
#[derive(Deserialize)]
struct Unchecked {
    metrics: BTreeMap<String, Column>,
    blocks: Vec<(u32, u32)>,
    failed: Vec<Failed>,
}

impl TryFrom<Unchecked> for Figures {
    type Error = String;

    fn try_from(Unchecked { metrics, blocks, failed }: Unchecked) -> Result<Self, String> {
        Figures { metrics, blocks, failed }.check()
    }
}

#[derive(Deserialize)]
struct Lists {
    boots: Vec<u32>,
    iterations: Vec<u32>,
    values: Vec<f64>,
}

impl TryFrom<Lists> for Column {
    type Error = String;

    fn try_from(Lists { boots, iterations, values }: Lists) -> Result<Self, String> {
        if boots.len() != values.len() || iterations.len() != values.len() {
            return Err("boots, iterations and values are not equally many".to_owned());
        }
        let sample = |((boot, iteration), value)| Sample { boot, iteration, value };
        Column::new(boots.into_iter().zip(iterations).zip(values).map(sample).collect())
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lists = serializer.serialize_struct("Column", 3)?;
        lists.serialize_field("boots", &List(&self.0, |sample| sample.boot))?;
        lists.serialize_field("iterations", &List(&self.0, |sample| sample.iteration))?;
        lists.serialize_field("values", &List(&self.0, |sample| sample.value))?;
        lists.end()
    }
}

/// One number of each sample, as an array.
struct List<'a, T>(&'a [Sample], fn(&Sample) -> T);

impl<T: Serialize> Serialize for List<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}
