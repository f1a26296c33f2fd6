//! What a run measures: the metrics, each with its unit, its clock, and which of its values are the better ones. Plain data.
//!
//! A workload declares its metrics, an import says what it knows of those of others, and a report keeps them. Nothing else knows a
//! metric by its name: tables, verdicts, limits and comparisons take the declaration.

pub mod names;

use std::borrow::Cow;

use firebench_stats::{Better, Interval, Judgement, Quantity, Scale, Sentence, Standing, Word};
use serde::{Deserialize, Serialize};

/// A metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// By which samples, limits and options name it.
    pub name: Cow<'static, str>,
    /// What it is, in a few words for people.
    pub title: Cow<'static, str>,
    /// The unit of its values; None where that is not known.
    pub unit: Option<Unit>,
    /// Whose clock or counter it is read from; None where that is not known.
    pub clock: Option<Clock>,
    /// Which of its values are the better ones.
    pub better: Better,
    /// How two of its values are compared: by ratio, or, where a value can honestly be zero, by difference.
    pub scale: Scale,
    /// Whether it is shown and compared, and limits can be set on it. The others are kept for whoever reads the samples.
    pub shown: bool,
}

/// Whose clock or counter a value is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The guest's, or, of a contender that is no VM, its own.
    Guest,
    /// The account that the guest's kernel keeps of CPU time, or, of a contender that is no VM, the host's.
    GuestCpu,
    /// That of the machine that firebench runs on.
    Host,
    /// The VMM's.
    Vmm,
}

/// A unit, by its sign: `s`, `B`, `B/s`, `1/s`, or whatever an import calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unit(Cow<'static, str>);

impl Unit {
    /// Seconds.
    pub const SECONDS: Unit = Unit(Cow::Borrowed("s"));
    /// Bytes.
    pub const BYTES: Unit = Unit(Cow::Borrowed("B"));
    /// Bytes a second.
    pub const BYTES_PER_SECOND: Unit = Unit(Cow::Borrowed("B/s"));
    /// How often a second.
    pub const PER_SECOND: Unit = Unit(Cow::Borrowed("1/s"));

    /// The unit with this sign.
    pub fn new(sign: impl Into<Cow<'static, str>>) -> Self {
        Unit(sign.into())
    }

    /// The unit with this sign, for a declaration.
    pub const fn of(sign: &'static str) -> Self {
        Unit(Cow::Borrowed(sign))
    }

    /// Its sign.
    pub fn sign(&self) -> &str {
        &self.0
    }

    /// How many seconds one of a unit of time is; None of what is no unit of time.
    pub fn seconds(&self) -> Option<f64> {
        Some(match self.sign() {
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            "min" => 60.0,
            "h" => 3600.0,
            _ => return None,
        })
    }
}

impl Metric {
    /// A metric that a workload reads from its own output: by the guest's clock, never zero, and shown.
    pub const fn of_output(name: &'static str, title: &'static str, unit: Unit, better: Better) -> Self {
        Metric {
            name: Cow::Borrowed(name),
            title: Cow::Borrowed(title),
            unit: Some(unit),
            clock: Some(Clock::Guest),
            better,
            scale: Scale::Ratio,
            shown: true,
        }
    }

    /// What it is, as far as words depend on it.
    pub fn quantity(&self) -> Quantity {
        let is_time = self.unit.as_ref().is_some_and(|unit| unit.seconds().is_some());
        if is_time && self.better == Better::Less { Quantity::Time } else { Quantity::Amount(self.better) }
    }

    /// The sign of its unit; empty where that is not known.
    pub fn sign(&self) -> &str {
        self.unit.as_ref().map(Unit::sign).unwrap_or_default()
    }

    /// Its unit, which values are the better ones, and how they are compared where that is not by ratio: `in MB/s, more is better`.
    pub fn meaning(&self) -> String {
        let unit = match self.sign() {
            "" => "in an unknown unit".to_owned(),
            sign => format!("in {sign}"),
        };
        let compared = if self.scale == Scale::Raw { ", compared by difference" } else { "" };
        format!("{unit}, {} is better{compared}", self.better.word())
    }

    /// A judgement on it as a sentence.
    pub fn sentence<'a>(&'a self, contender: &'a str, baseline: &'a str, judgement: &'a Judgement) -> Sentence<'a> {
        let (metric, unit, quantity) = (self.name.as_ref(), self.sign(), self.quantity());
        Sentence { contender, baseline, metric, unit, quantity, judgement }
    }

    /// A judgement on it as programs read it.
    pub fn worded(&self, judgement: &Judgement) -> Worded {
        let Judgement { verdict, interval, scale, delta, .. } = *judgement;
        let standing = verdict.standing(self.better);
        Worded { verdict: verdict.word(self.quantity()), standing, interval, scale, delta }
    }

    /// Whether the values of another can be compared with its own: the unit is the same, which values are the better ones, and how they
    /// are compared.
    pub fn is_like(&self, other: &Metric) -> bool {
        (&self.unit, self.better, self.scale) == (&other.unit, other.better, other.scale)
    }

    /// Whether verdicts can be given on it from the start: it is shown, and never zero.
    pub fn can_be_primary(&self) -> bool {
        self.shown && self.scale == Scale::Ratio
    }
}

/// A judgement whose verdict is in the word that fits its metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Worded {
    /// The verdict.
    pub verdict: Word,
    /// Whether the contender is better or worse; None where neither was found.
    pub standing: Option<Standing>,
    /// As in [`Judgement`].
    pub interval: Interval,
    /// As in [`Judgement`].
    pub scale: Scale,
    /// As in [`Judgement`].
    pub delta: f64,
}

/// A time in seconds, of which less is better.
pub const fn time(name: &'static str, title: &'static str, clock: Clock, scale: Scale, shown: bool) -> Metric {
    let (name, title) = (Cow::Borrowed(name), Cow::Borrowed(title));
    Metric { name, title, unit: Some(Unit::SECONDS), clock: Some(clock), better: Better::Less, scale, shown }
}

/// What is known of every command that runs in a guest, in the order in which it is shown: its times by the guest's clock, and how
/// long the host saw it run.
pub static OF_A_COMMAND: [Metric; 7] = of_a_command(true);

/// The same of a command that is not what is measured: kept for whoever reads the samples.
pub static ASIDE: [Metric; 7] = of_a_command(false);

const fn of_a_command(shown: bool) -> [Metric; 7] {
    [
        time("real", "Time on the clock", Clock::Guest, Scale::Ratio, shown),
        time("user", "CPU time in user mode", Clock::GuestCpu, Scale::Ratio, shown),
        time("sys", "CPU time in the kernel", Clock::GuestCpu, Scale::Raw, shown),
        time("host_real", "Time on the host's clock", Clock::Host, Scale::Ratio, false),
        time("host_report", "Time that the guest's report took to arrive", Clock::Host, Scale::Raw, false),
        time("host_gap", "Time from the frame before the iteration to its start", Clock::Host, Scale::Raw, false),
        time(
            "host_cpu",
            "CPU time that it cost the host, all processes of the contender together",
            Clock::Host,
            Scale::Ratio,
            false,
        ),
    ]
}

/// The metric of this name.
pub fn find<'a>(metrics: &'a [Metric], name: &str) -> Option<&'a Metric> {
    metrics.iter().find(|metric| metric.name == name)
}

/// The metric of this name; where none is declared, one of which nothing is known: no value of it can be compared.
pub fn named<'a>(metrics: &'a [Metric], name: &str) -> Cow<'a, Metric> {
    let unknown = || Metric {
        name: name.to_owned().into(),
        title: name.to_owned().into(),
        unit: None,
        clock: None,
        better: Better::Less,
        scale: Scale::Ratio,
        shown: false,
    };
    find(metrics, name).map_or_else(|| Cow::Owned(unknown()), Cow::Borrowed)
}

/// Metrics of others in the order in which they are shown: those of every command as ever, before them the `primary` one if it is
/// none of these, behind them the rest.
pub fn in_order(mut metrics: Vec<Metric>, primary: &str) -> Vec<Metric> {
    metrics.sort_by_key(|metric| {
        let known = OF_A_COMMAND.iter().position(|known| known.name == metric.name);
        match known {
            Some(place) => (1, place),
            None => (if metric.name == primary { 0 } else { 2 }, 0),
        }
    });
    metrics
}

/// Those that are shown, in their order.
pub fn shown(metrics: &[Metric]) -> impl Iterator<Item = &Metric> + Clone {
    metrics.iter().filter(|metric| metric.shown)
}
