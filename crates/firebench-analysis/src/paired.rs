//! The boots of two contenders side by side, and the judgement on them. Pure.

use std::collections::BTreeSet;

use firebench_model::metric::Metric;
use firebench_model::record::{BootRecord, ContenderRecord, DesignRecord, Report, RunEnd};
use firebench_stats::boot::{self, Difference, Placed};
use firebench_stats::checks::Found;
use firebench_stats::{Ground, Judgement, Rule, Scale, grain, verdict};
use firebench_vmm::VmmKind;

use crate::beside::Beside;
use crate::boots::Coarse;
use crate::judged::Unjudged;
use crate::{boots, doubts};

/// The good boots of two contenders in the blocks in which both have one, and no other contender's boot is void or failed.
#[derive(Debug, Clone, Default)]
pub struct Paired<'a> {
    /// The two, the baseline first.
    pub names: [&'a str; 2],
    /// Their kinds.
    kinds: Vec<VmmKind>,
    /// One a block.
    pub baseline: Vec<&'a BootRecord>,
    /// One a block, of the same blocks.
    pub contender: Vec<&'a BootRecord>,
}

impl<'a> Paired<'a> {
    /// Of a run's contenders.
    pub fn of(report: &Report, baseline: &'a ContenderRecord, contender: &'a ContenderRecord) -> Self {
        let left_out = boots::blocks_left_out(report);
        let blocks =
            |contender| -> BTreeSet<u32> { boots::good(contender, &report.design).iter().map(|b| b.block).collect() };
        let both: BTreeSet<u32> = &blocks(baseline) & &blocks(contender);
        let of = |contender: &'a ContenderRecord| {
            let mut boots = boots::good(contender, &report.design);
            boots.retain(|boot| both.contains(&boot.block) && !left_out.contains(&boot.block));
            boots.sort_by_key(|boot| boot.block);
            boots
        };
        let names = [baseline, contender].map(|contender| contender.name.as_str());
        let kinds = vec![baseline.vmm, contender.vmm];
        Paired { names, kinds, baseline: of(baseline), contender: of(contender) }
    }

    /// What the contender's boots are above the baseline's, block by block, on a scale.
    ///
    /// # Errors
    /// [`Unjudged::Zero`] and [`Unjudged::NoValue`].
    pub fn differences(&self, design: &DesignRecord, metric: &str, scale: Scale) -> Result<Vec<Difference>, Unjudged> {
        let of = |boots: &[&BootRecord]| {
            let values = boots::values_on(boots, design, metric, scale)?;
            let placed = |(value, boot): (f64, &&BootRecord)| Placed { value, place: boot.position };
            Ok(values.into_iter().zip(boots).map(placed).collect::<Vec<Placed>>())
        };
        boot::differences(&of(&self.contender)?, &of(&self.baseline)?).map_err(|_| Unjudged::NoValue)
    }

    /// How the contender compares with the baseline in a metric: on its scale, or by difference where a ratio would be one to zero.
    pub fn compare(&self, design: &DesignRecord, metric: &Metric) -> Option<(Scale, f64)> {
        if Unjudged::of_accounts(&self.kinds, metric).is_some() {
            return None;
        }
        let on = |scale| {
            let differences = self.differences(design, &metric.name, scale)?;
            let span = self.span(design, &metric.name, scale);
            let centre = boots::estimand_on(design.estimand, scale).centre(&differences, span);
            centre.map(|centre| (scale, centre)).map_err(|_| Unjudged::TooFew)
        };
        boots::on_a_scale(metric, on).ok()
    }

    /// The judgement on a metric, by the rule that was chosen before the run, as one of `comparisons` that share the error
    /// rate; and what must be said beside it.
    pub fn judge(&self, report: &Report, metric: &Metric, comparisons: usize) -> (Result<Judgement, Unjudged>, Beside) {
        let by_numbers = self.by_numbers(report, metric, comparisons);
        let Found { trend, carry_over } = doubts::found(report, self.names, &metric.name, by_numbers.as_ref().ok(), 1);
        let (carried, is_spread) = (carry_over.map(|found| found.size.exp_m1()), doubts::spreads_carry_over(report));
        let judgement = match carried {
            Some(size) if !report.emulated && !is_spread => Err(Unjudged::CarryOver(size)),
            _ => by_numbers,
        };
        let differences = self.differences(&report.design, &metric.name, Scale::Ratio).unwrap_or_default();
        let beside = doubts::beside(report, [&self.baseline, &self.contender], &differences, metric, trend);
        (judgement, Beside { carried: carried.filter(|_| is_spread), ..beside })
    }

    /// The judgement on a metric, whatever there is to be said against it.
    fn by_numbers(&self, report: &Report, metric: &Metric, comparisons: usize) -> Result<Judgement, Unjudged> {
        let design = &report.design;
        if report.emulated {
            return Err(Unjudged::Emulated);
        }
        if let Some(reason) = Unjudged::of_accounts(&self.kinds, metric) {
            return Err(reason);
        }
        if self.baseline.len() < 2 {
            return Err(Unjudged::TooFew);
        }
        boots::on_a_scale(metric, |scale| {
            let differences = self.differences(design, &metric.name, scale)?;
            let interval = self
                .ground_of(report, &metric.name, scale, comparisons)
                .last(&differences)
                .map_err(|_| Unjudged::NoValue)?;
            let delta = match scale {
                Scale::Ratio => design.delta,
                Scale::Raw => {
                    let primary = report.primary();
                    let (measure, one) = boots::measured_by(metric, &primary);
                    let size = |boots: &Vec<&BootRecord>| Some(boots::size(boots, design, &measure.name)? * one);
                    boots::difference_that_counts(design.delta, [&self.baseline, &self.contender].map(size))?
                }
            };
            verdict::judge_of(design.estimand, interval, scale, delta).map_err(|_| Unjudged::NoValue)
        })
    }

    /// What every interval of the two depends on, whatever the metric.
    pub fn ground(&self, report: &Report, comparisons: usize) -> Ground {
        let design = &report.design;
        Ground {
            planned: design.planned.and_then(|planned| usize::try_from(planned).ok()),
            watched: is_watched(design, self.baseline.len()),
            missing: boots::blocks_left_out(report).len(),
            ..Ground::new(design.estimand, design.rule, comparisons)
        }
    }

    /// What the interval of a metric depends on, beside the differences.
    fn ground_of(&self, report: &Report, metric: &str, scale: Scale, comparisons: usize) -> Ground {
        let design = &report.design;
        let coarse = |boots: &Vec<&BootRecord>| {
            let counted = boots.iter().flat_map(|boot| boots::sample(boot, design));
            let figures = counted.filter_map(|iteration| iteration.metrics.get(metric).copied());
            Coarse { step: grain::step(figures), size: boots::size(boots, design, metric).unwrap_or_default() }
        };
        Ground {
            estimand: boots::estimand_on(design.estimand, scale),
            span: self.span(design, metric, scale),
            grain: boots::grain([&self.baseline, &self.contender].map(coarse), scale),
            ..self.ground(report, comparisons)
        }
    }

    /// The size of the values, on a scale.
    fn span(&self, design: &DesignRecord, metric: &str, scale: Scale) -> f64 {
        match scale {
            Scale::Ratio => 1.0,
            Scale::Raw => boots::size(&self.baseline, design, metric).unwrap_or_default(),
        }
    }
}

/// Whether a run of so many blocks ended, or went on, because of the verdicts that were seen by then.
fn is_watched(design: &DesignRecord, blocks: usize) -> bool {
    let reached = |planned: u32| usize::try_from(planned).is_ok_and(|planned| blocks >= planned);
    if design.rule == Rule::Fixed && design.planned.is_some_and(reached) {
        return false;
    }
    match design.end {
        Some(RunEnd::Planned | RunEnd::TimeOver | RunEnd::Void | RunEnd::Failed) => !design.extended.is_empty(),
        Some(RunEnd::Verdict | RunEnd::Interrupted) | None => true,
    }
}
