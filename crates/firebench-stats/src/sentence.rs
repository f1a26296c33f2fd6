//! A verdict in words.

use std::fmt;

use crate::rule::ALPHA_END;
use crate::verdict::{Judgement, Range, Scale, Verdict};
use crate::{Estimand, Interval, Quantity, Replicate, tail};

/// Displays a judgement as a sentence without a full stop, such as
/// `firecracker is 1.8% slower than qemu in real (95% CI 0.9% to 2.7%, 24 blocks)`, or, of what is no time,
/// `b is 20.0% higher than a in bandwidth, which is better (95% CI 18.1% to 21.9%, 24 blocks)`.
#[derive(Debug, Clone, Copy)]
pub struct Sentence<'a> {
    /// Name of the contender.
    pub contender: &'a str,
    /// Name of what it is compared with.
    pub baseline: &'a str,
    /// Name of the metric.
    pub metric: &'a str,
    /// The metric's unit, used on the raw scale only: "s".
    pub unit: &'a str,
    /// What the metric is, and which of its values are the better ones.
    pub quantity: Quantity,
    /// What is said.
    pub judgement: &'a Judgement,
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sentence { contender, baseline, judgement, .. } = *self;
        let metric = self.measured();
        let effect = judgement.effect();
        match (judgement.verdict, judgement.scale) {
            (Verdict::Lower | Verdict::Higher, scale) => {
                let lower = judgement.verdict == Verdict::Lower;
                let size = if lower { negated(effect) } else { effect };
                let value = self.value(size.estimate);
                let word = judgement.verdict.word(self.quantity).text();
                match (self.quantity, scale) {
                    (Quantity::Time, Scale::Ratio) => {
                        write!(f, "{contender} is {value} {word} than {baseline} in {metric}")?;
                    }
                    (Quantity::Time, Scale::Raw) => {
                        let more = if lower { "less" } else { "more" };
                        write!(f, "{contender} takes {value} {more} {metric} than {baseline}")?;
                    }
                    (Quantity::Amount(better), _) => {
                        write!(f, "{contender} is {value} {word} than {baseline} in {metric}")?;
                        let standing = judgement.verdict.standing(better);
                        standing.map_or(Ok(()), |standing| write!(f, ", which is {}", standing.word()))?;
                    }
                }
                self.ground(f, size)
            }
            (Verdict::Equivalent, _) => {
                let within = self.plain(judgement.delta);
                write!(f, "{contender} and {baseline} are equivalent within {within} in {metric}")?;
                self.ground(f, effect)
            }
            (Verdict::Inconclusive, scale) => {
                write!(f, "{contender} and {baseline} in {metric}: inconclusive: ")?;
                let most = if scale == Scale::Ratio { MOST_POSSIBLE } else { f64::MAX };
                if effect.low.is_finite() && effect.high <= most {
                    let (less, more) = (self.value(-effect.low), self.value(effect.high));
                    match (self.quantity, scale) {
                        (Quantity::Time, Scale::Raw) => write!(f, "{contender} may take {less} less or {more} more")?,
                        (quantity, _) => {
                            let [lower, higher] =
                                [Verdict::Lower, Verdict::Higher].map(|verdict| verdict.word(quantity).text());
                            write!(f, "{contender} may be {less} {lower} or {more} {higher}")?;
                        }
                    }
                    return self.ground(f, effect);
                }
                let interval = &judgement.interval;
                write!(f, "{} cannot decide anything", Sample(interval))?;
                let enough = self.enough();
                if interval.is_of_blocks() && interval.blocks < enough {
                    write!(f, "; add `--boots {enough}`")?;
                }
                Ok(())
            }
        }
    }
}

impl Sentence<'_> {
    /// What the sentence is about: `real`, or `the 95th percentile of real`.
    fn measured(&self) -> String {
        let metric = self.metric;
        match self.judgement.estimand {
            Estimand::Typical | Estimand::Mean => metric.to_owned(),
            Estimand::Cost => format!("{metric} on average"),
            Estimand::P95 => format!("the 95th percentile of {metric}"),
            Estimand::P99 => format!("the 99th percentile of {metric}"),
        }
    }

    /// A number of blocks that can decide something, for a run that had fewer and could not.
    fn enough(&self) -> usize {
        let of_tail = |share| tail::enough(share, ALPHA_END, 1).ok();
        self.judgement.estimand.tail().and_then(of_tail).unwrap_or(ENOUGH_BLOCKS)
    }

    /// The interval, and how many blocks or boots the sentence stands on.
    fn ground(&self, f: &mut fmt::Formatter<'_>, effect: Range) -> fmt::Result {
        let interval = &self.judgement.interval;
        let confidence = Percent(interval.confidence, 0);
        let (low, high) = (self.value(effect.low), self.value(effect.high));
        let caution = if interval.is_of_too_few_blocks() { ": too few to rely on" } else { "" };
        write!(f, " ({confidence} CI {low} to {high}, {}{caution})", Sample(interval))
    }

    /// An effect with as many decimals as the interval deserves.
    fn value(&self, effect: f64) -> String {
        let decimals = self.decimals();
        match self.judgement.scale {
            Scale::Ratio => Percent(effect, decimals).to_string(),
            Scale::Raw => self.with_unit(&Rounded(effect, decimals).to_string()),
        }
    }

    /// A number that somebody chose, as it was chosen.
    fn plain(&self, effect: f64) -> String {
        match self.judgement.scale {
            // Twelve digits are more than anybody types, and hide what multiplying by 100 does to the last ones.
            Scale::Ratio => format!("{}%", (effect * 1e14).round() / 1e12),
            // A share of what was measured: three digits of it.
            Scale::Raw => {
                let scale = 10_f64.powf((2.0 - effect.abs().log10().floor()).clamp(0.0, 12.0));
                let rounded = (effect * scale).round() / scale;
                let large = rounded.abs() >= LARGE;
                self.with_unit(&if large { Rounded(rounded, 0).to_string() } else { rounded.to_string() })
            }
        }
    }

    /// A number with the metric's unit, if that is known.
    fn with_unit(&self, number: &str) -> String {
        if self.unit.is_empty() { number.to_owned() } else { format!("{number} {}", self.unit) }
    }

    /// One significant digit of the interval's half-width, but at least one decimal, and enough of them that an end
    /// that is not zero does not look like it; at most six.
    fn decimals(&self) -> usize {
        const MOST: usize = 6;
        let effect = self.judgement.effect();
        let unit = match self.judgement.scale {
            Scale::Ratio => 100.0,
            Scale::Raw => 1.0,
        };
        let smallest = [(effect.high - effect.low) / 2.0, effect.low.abs(), effect.high.abs()]
            .into_iter()
            .filter(|size| *size > 0.0)
            .fold(f64::INFINITY, f64::min);
        (1..MOST).find(|decimals| smallest * unit * 10_f64.powi(*decimals as i32) >= 0.5).unwrap_or(MOST)
    }
}

fn negated(range: Range) -> Range {
    Range { estimate: -range.estimate, low: -range.high, high: -range.low }
}

/// A run that leaves more than this possible (1000% more) says nothing.
const MOST_POSSIBLE: f64 = 10.0;

/// So many blocks can decide something about a typical boot.
const ENOUGH_BLOCKS: usize = 10;

/// A share as a percentage.
struct Percent(f64, usize);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        if percent > MOST { f.write_str("more than 1e300%") } else { write!(f, "{}%", Rounded(percent, self.1)) }
    }
}

/// Percentages beyond this are not told apart: not much more is a number to a computer.
const MOST: f64 = 1e300;

/// From here on, numbers are written with an exponent: nobody counts their digits.
const LARGE: f64 = 1e9;

/// A number with so many decimals, and never "-0.0".
struct Rounded(f64, usize);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() >= LARGE {
            return write!(f, "{:.2e}", self.0);
        }
        let text = format!("{:.*}", self.1, self.0);
        let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
        f.write_str(if is_zero { text.trim_start_matches('-') } else { &text })
    }
}

/// "24 blocks", or, of contenders that ran apart, "24 and 20 boots", or "5 and 5 runs"; of contenders that
/// took turns in each of several runs, "5 runs".
struct Sample<'a>(&'a Interval);

impl fmt::Display for Sample<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interval { blocks, baseline_boots, replicate, .. } = *self.0;
        match (baseline_boots, blocks) {
            (Some(baseline), contender) => write!(f, "{contender} and {baseline} {}", replicate.plural()),
            (None, runs) if replicate == Replicate::Run => write!(f, "{runs} runs"),
            (None, 1) => f.write_str("1 block"),
            (None, blocks) => write!(f, "{blocks} blocks"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Better;
    use crate::verdict::judge;

    fn between(low: f64, high: f64) -> Interval {
        let replicate = crate::Replicate::Boot;
        let centre = f64::midpoint(low, high);
        Interval { centre, low, high, blocks: 24, baseline_boots: None, replicate, confidence: 0.95 }
    }

    fn sentence(scale: Scale, effects: [f64; 2], delta: f64) -> String {
        let difference = |effect: f64| if scale == Scale::Ratio { effect.ln_1p() } else { effect };
        let [low, high] = effects.map(difference);
        let interval = between(low, high);
        let judgement = judge(interval, scale, delta).expect("delta is fine");
        let (metric, unit) = if scale == Scale::Ratio { ("real", "s") } else { ("sys", "s") };
        Sentence {
            contender: "firecracker",
            baseline: "qemu",
            metric,
            unit,
            quantity: Quantity::Time,
            judgement: &judgement,
        }
        .to_string()
    }

    #[test]
    fn verdicts_in_words() {
        let said = |low, high| sentence(Scale::Ratio, [low, high], 0.01);
        assert_eq!(said(0.009, 0.027), "firecracker is 1.8% slower than qemu in real (95% CI 0.9% to 2.7%, 24 blocks)");
        assert_eq!(
            said(-0.027, -0.009),
            "firecracker is 1.8% faster than qemu in real (95% CI 0.9% to 2.7%, 24 blocks)"
        );
        assert_eq!(
            said(-0.003, 0.004),
            "firecracker and qemu are equivalent within 1% in real (95% CI -0.3% to 0.4%, 24 blocks)"
        );
        assert_eq!(
            said(-0.01, 0.024),
            "firecracker and qemu in real: inconclusive: firecracker may be 1.0% faster or 2.4% slower (95% CI -1.0% to 2.4%, 24 blocks)"
        );
    }

    #[test]
    fn what_is_no_time_is_higher_or_lower_and_better_or_worse() {
        let said = |effects: [f64; 2], better| {
            let [low, high] = effects.map(f64::ln_1p);
            let interval = between(low, high);
            let judgement = judge(interval, Scale::Ratio, 0.01).expect("delta is fine");
            let quantity = Quantity::Amount(better);
            Sentence { contender: "b", baseline: "a", metric: "triad", unit: "MB/s", quantity, judgement: &judgement }
                .to_string()
        };
        let higher = "b is 20% higher than a in triad, which is better (95% CI 18% to 22%, 24 blocks)";
        assert_eq!(said([0.18, 0.22], Better::More).replace(".0%", "%"), higher);
        assert_eq!(said([0.18, 0.22], Better::Less).replace(".0%", "%"), higher.replace("better", "worse"));
        let lower = "b is 20% lower than a in triad, which is worse (95% CI 18% to 22%, 24 blocks)";
        assert_eq!(said([-0.22, -0.18], Better::More).replace(".0%", "%"), lower);
        assert_eq!(said([-0.22, -0.18], Better::Less).replace(".0%", "%"), lower.replace("worse", "better"));
        for better in [Better::Less, Better::More] {
            let equal = said([-0.003, 0.004], better);
            assert_eq!(equal, "b and a are equivalent within 1% in triad (95% CI -0.3% to 0.4%, 24 blocks)");
        }
    }

    #[test]
    fn raw_metrics_in_words() {
        let said = |low, high| sentence(Scale::Raw, [low, high], 0.05);
        assert_eq!(said(0.1, 0.3), "firecracker takes 0.2 s more sys than qemu (95% CI 0.1 s to 0.3 s, 24 blocks)");
        assert_eq!(said(-0.3, -0.1), "firecracker takes 0.2 s less sys than qemu (95% CI 0.1 s to 0.3 s, 24 blocks)");
        assert_eq!(
            said(-0.02, 0.03),
            "firecracker and qemu are equivalent within 0.05 s in sys (95% CI -0.02 s to 0.03 s, 24 blocks)"
        );
    }

    #[test]
    fn raw_metrics_of_an_unknown_unit_and_of_any_size_in_words() {
        let said = |centre: f64, half_width: f64, delta| {
            let quantity = Quantity::Amount(Better::Less);
            let interval = between(centre - half_width, centre + half_width);
            let judgement = judge(interval, Scale::Raw, delta).expect("delta is fine");
            Sentence { contender: "a", baseline: "b", metric: "faults", unit: "", quantity, judgement: &judgement }
                .to_string()
        };
        assert_eq!(
            said(2.0, 1.0, 0.1),
            "a is 2.0 higher than b in faults, which is worse (95% CI 1.0 to 3.0, 24 blocks)"
        );
        assert!(said(0.0, 0.01, 0.02 * 1.234_567).contains("equivalent within 0.0247 in faults (95%"));
        let huge = said(2e300, 1e300, 0.1);
        assert_eq!(
            huge,
            "a is 2.00e300 higher than b in faults, which is worse (95% CI 1.00e300 to 3.00e300, 24 blocks)"
        );
    }

    #[test]
    fn ratios_beyond_all_numbers_are_said_in_finite_words() {
        let said = |centre: f64| {
            let judgement = judge(between(centre - 0.1, centre + 0.1), Scale::Ratio, 0.01).expect("delta is fine");
            let quantity = Quantity::Time;
            Sentence { contender: "b", baseline: "a", metric: "real", unit: "s", quantity, judgement: &judgement }
                .to_string()
        };
        let most = "more than 1e300%";
        assert_eq!(said(1400.0), format!("b is {most} slower than a in real (95% CI {most} to {most}, 24 blocks)"));
        assert!(said(-1400.0).starts_with("b is 100.0% faster than a in real (95% CI 100.0% to 100.0%"));
        assert!(said(600.0).starts_with("b is 3.77e262% slower"), "{}", said(600.0));
    }

    #[test]
    fn contenders_that_ran_apart_in_words() {
        let interval = crate::unpaired::welch(&[0.11, 0.10, 0.12], &[0.01, 0.0], 0.05, 1).expect("an interval");
        let judgement = judge(interval, Scale::Ratio, 0.01).expect("delta is fine");
        let sentence = Sentence {
            contender: "new",
            baseline: "old",
            metric: "real",
            unit: "s",
            quantity: Quantity::Time,
            judgement: &judgement,
        };
        assert!(sentence.to_string().ends_with(", 3 and 2 boots)"), "{sentence}");
        let judgement = judge(interval.of_runs(), Scale::Ratio, 0.01).expect("delta is fine");
        let sentence = Sentence { judgement: &judgement, ..sentence };
        assert!(sentence.to_string().ends_with(", 3 and 2 runs)"), "{sentence}");
    }

    #[test]
    fn small_numbers_are_not_rounded_away() {
        let said = sentence(Scale::Ratio, [0.0003, 0.018], 0.01);
        assert!(said.contains("(95% CI 0.03% to 1.80%,"), "{said}");
        let said = sentence(Scale::Ratio, [-0.00001, 0.018], 0.01);
        assert!(said.contains("(95% CI -0.001% to 1.800%,"), "{said}");
        let said = sentence(Scale::Ratio, [0.0, 0.018], 0.01);
        assert!(said.contains("(95% CI 0.0% to 1.8%,"), "{said}");
    }

    #[test]
    fn too_few_blocks_in_words() {
        let interval = Interval { blocks: 3, ..between(f64::NEG_INFINITY, f64::INFINITY) };
        let judgement = judge(interval, Scale::Ratio, 0.01).expect("delta is fine");
        let sentence = Sentence {
            contender: "a",
            baseline: "b",
            metric: "real",
            unit: "s",
            quantity: Quantity::Time,
            judgement: &judgement,
        }
        .to_string();
        assert_eq!(sentence, "a and b in real: inconclusive: 3 blocks cannot decide anything; add `--boots 10`");
    }

    #[test]
    fn chosen_numbers_are_shown_as_chosen() {
        for (delta, shown) in
            [(0.01, "within 1% "), (0.07, "within 7% "), (0.005, "within 0.5% "), (0.123, "within 12.3% ")]
        {
            let said = sentence(Scale::Ratio, [-0.0001, 0.0001], delta);
            assert!(said.contains(shown), "{said}");
        }
    }
}
