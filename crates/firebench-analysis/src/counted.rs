//! What KVM counted of the contenders, side by side, and the judgements on it. A count is no time: it says the same on a slow host and on
//! a fast one, so it is judged under emulation, too. Pure.

pub mod devices;

use devices::DeviceUse;
use firebench_model::counts::{BootCounts, Counts};
use firebench_model::metric::{Clock, Metric, Unit};
use firebench_model::record::{BootRecord, ContenderRecord, Report};
use firebench_stats::boot::{self, Placed};
use firebench_stats::{Better, Estimand, Ground, Judgement, Rule, Scale, median, verdict};

use crate::boots::{self, Coarse};
use crate::judged::Unjudged;
use crate::paired::Paired;
use crate::summary::Summary;

/// A part of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// From the start of the VM until its first frame.
    Boot,
    /// An iteration that counts, on average.
    Iteration,
    /// From its last frame until it is gone.
    Shutdown,
}

impl Part {
    /// All, in their order.
    pub const ALL: [Part; 3] = [Part::Boot, Part::Iteration, Part::Shutdown];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Boot => "boot",
            Part::Iteration => "iteration",
            Part::Shutdown => "shutdown",
        }
    }
}

/// One of KVM's counters.
#[derive(Debug, PartialEq, Eq)]
pub struct Counter {
    /// KVM's name.
    pub name: &'static str,
    /// What it counts, in the plural.
    pub title: &'static str,
    /// Whether it counts what the guest asked for. The others count what the clock brings, too, such as its ticks: they depend on how
    /// long something takes, and so, under emulation, on how fast that is.
    pub asked: bool,
}

/// Those that are shown. Source of what they count: the kernel's `arch/x86/kvm/`, where each is incremented.
pub static SHOWN: [Counter; 4] = [
    Counter { name: "io_exits", title: "I/O port exits", asked: true },
    Counter { name: "mmio_exits", title: "MMIO exits", asked: true },
    Counter { name: "pf_fixed", title: "page faults of KVM", asked: false },
    Counter { name: "exits", title: "exits in all", asked: false },
];

/// Every counter of every part.
fn all() -> impl Iterator<Item = (Part, &'static Counter)> {
    Part::ALL.into_iter().flat_map(|part| SHOWN.iter().map(move |counter| (part, counter)))
}

/// Every counter of every part, with the metric that a limit calls it by: `boot_io_exits`.
pub fn metrics() -> impl Iterator<Item = (Part, &'static Counter, Metric)> {
    all().map(|(part, counter)| (part, counter, metric(part, counter)))
}

/// What a counter counts in a part: `boot, I/O port exits`.
fn title(part: Part, counter: &Counter) -> String {
    format!("{}, {}", part.name(), counter.title)
}

fn metric(part: Part, counter: &Counter) -> Metric {
    let unit = if counter.name == "pf_fixed" { Unit::of("faults") } else { Unit::of("exits") };
    Metric {
        name: format!("{}_{}", part.name(), counter.name).into(),
        title: title(part, counter).into(),
        clock: Some(Clock::Host),
        shown: false,
        ..Metric::of_output("", "", unit, Better::Less)
    }
}

/// What was counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// The names of the contenders, in their order.
    pub contenders: Vec<String>,
    /// A row for each counter of each part that counted something.
    pub rows: Vec<Row>,
    /// What the I/O ports that the boots used belong to; empty where nobody counted them.
    pub devices: Vec<DeviceUse>,
    /// Intervals that share the error rate.
    pub together: usize,
}

/// One counter in one part of the boots.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The part.
    pub part: Part,
    /// The counter.
    pub counter: &'static Counter,
    /// The median of the good boots of each contender, in their order; None where nothing was counted.
    pub typical: Vec<Option<f64>>,
    /// The pairs of the run that were judged.
    pub judged: Vec<JudgedCount>,
}

impl Row {
    /// What was counted: `boot, I/O port exits`.
    pub fn title(&self) -> String {
        title(self.part, self.counter)
    }
}

/// A contender against its baseline in one count.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedCount {
    /// Its name.
    pub contender: String,
    /// What it is compared with.
    pub baseline: String,
    /// What came of it: of geometric means, or, where something is zero, of means.
    pub judgement: Judgement,
}

/// What KVM counted in a run; None where nobody could read it.
pub fn counted(report: &Report, summary: &Summary) -> Option<Counted> {
    let rows: Vec<_> = all()
        .map(|(part, counter)| {
            let of = |contender| typical(contender, report, part, counter.name);
            (part, counter, report.contenders.iter().map(of).collect::<Vec<Option<f64>>>())
        })
        .filter(|(_, _, typical)| typical.iter().flatten().any(|&count| count > 0.0))
        .collect();
    let pairs: Vec<Paired> =
        summary.pairs.iter().filter_map(|pair| paired(report, &pair.baseline, &pair.contender)).collect();
    let is_judged = |counter: &Counter| is_judged(report, counter);
    let together = rows.iter().filter(|(_, counter, _)| is_judged(counter)).count().saturating_mul(pairs.len());
    let row = |(part, counter, typical): (Part, &'static Counter, Vec<Option<f64>>)| {
        let of_pair = |pair: &Paired| {
            let [baseline, contender] = pair.names.map(str::to_owned);
            Some(JudgedCount { contender, baseline, judgement: judge(report, pair, part, counter.name, together)? })
        };
        let judged = if is_judged(counter) { pairs.iter().filter_map(of_pair).collect() } else { Vec::new() };
        Row { part, counter, typical, judged }
    };
    let rows: Vec<Row> = rows.into_iter().map(row).collect();
    (!rows.is_empty()).then_some(Counted {
        contenders: report.contenders.iter().map(|c| c.name.clone()).collect(),
        rows,
        devices: devices::used(report),
        together,
    })
}

fn is_judged(report: &Report, counter: &Counter) -> bool {
    counter.asked || !report.emulated
}

/// A pair in one count, as one of `comparisons` that share the error rate.
///
/// # Errors
/// [`Unjudged`], where it is not judged.
pub fn judge_one(
    report: &Report,
    pair: &Paired,
    (part, counter): (Part, &Counter),
    comparisons: usize,
) -> Result<Judgement, Unjudged> {
    if !is_judged(report, counter) {
        return Err(Unjudged::Emulated);
    }
    if pair.baseline.len() < 2 {
        return Err(Unjudged::TooFew);
    }
    judge(report, pair, part, counter.name, comparisons).ok_or(Unjudged::NoValue)
}

/// The boots of two contenders side by side; None where one was not counted, or there are too few.
fn paired<'a>(report: &'a Report, baseline: &str, contender: &str) -> Option<Paired<'a>> {
    let named = |name: &str| report.contenders.iter().find(|contender| contender.name == name);
    let paired = Paired::of(report, named(baseline)?, named(contender)?);
    let counted = paired.baseline.iter().chain(&paired.contender).all(|boot| boot.counts.is_some());
    (counted && paired.baseline.len() >= 2).then_some(paired)
}

/// The middle of what the good boots counted.
fn typical(contender: &ContenderRecord, report: &Report, part: Part, name: &str) -> Option<f64> {
    let good = boots::good(contender, &report.design);
    median(good.into_iter().filter_map(|boot| count(boot, report, part, name)))
}

/// What was counted in a part of a boot.
fn count(boot: &BootRecord, report: &Report, part: Part, name: &str) -> Option<f64> {
    let BootCounts { boot: up, iterations, shutdown, .. } = boot.counts.as_ref()?;
    let of = |counts: &Counts| counts.get(name).map(|&count| count as f64);
    match part {
        Part::Boot => of(up),
        Part::Shutdown => of(shutdown),
        Part::Iteration => {
            let counted = |index: u32| iterations.get(usize::try_from(index).ok()?).and_then(of);
            let counts: Option<Vec<f64>> = boots::sample(boot, &report.design).map(|i| counted(i.index)).collect();
            boots::mean(&counts?)
        }
    }
}

fn judge(report: &Report, pair: &Paired, part: Part, name: &str, together: usize) -> Option<Judgement> {
    let values = |boots: &[&BootRecord]| -> Option<Vec<f64>> {
        boots.iter().map(|boot| count(boot, report, part, name)).collect()
    };
    let (baseline, contender) = (values(&pair.baseline)?, values(&pair.contender)?);
    on(report, pair, [&baseline, &contender], Scale::Ratio, together)
        .or_else(|| on(report, pair, [&baseline, &contender], Scale::Raw, together))
}

/// The judgement on counts of the baseline and of the contender, on a scale; None where there is none.
fn on(report: &Report, pair: &Paired, counts: [&[f64]; 2], scale: Scale, together: usize) -> Option<Judgement> {
    let placed = |counts: &[f64], boots: &[&BootRecord]| -> Option<Vec<Placed>> {
        let value = |count: f64| boots::of_iterations(&[count], scale).ok();
        let placed = |(&count, boot): (&f64, &&BootRecord)| Some(Placed { value: value(count)?, place: boot.position });
        counts.iter().zip(boots).map(placed).collect()
    };
    let [baseline, contender] = counts;
    let differences =
        boot::differences(&placed(contender, &pair.contender)?, &placed(baseline, &pair.baseline)?).ok()?;
    let sizes = [baseline, contender].map(|counts| boots::mean(counts).unwrap_or_default());
    let ground = Ground {
        span: if scale == Scale::Ratio { 1.0 } else { sizes[0] },
        grain: boots::grain(sizes.map(|size| Coarse { step: Some(1.0), size }), scale),
        ..Ground::new(Estimand::Mean, Rule::Fixed, together)
    };
    let delta = match scale {
        Scale::Ratio => report.design.delta,
        Scale::Raw => boots::difference_that_counts(report.design.delta, sizes.map(Some)).ok()?,
    };
    verdict::judge_of(Estimand::Mean, ground.last(&differences).ok()?, scale, delta).ok()
}
