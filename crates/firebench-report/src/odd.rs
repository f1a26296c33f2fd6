//! What is odd in figures of others, in a sentence.

use firebench_analysis::oddities::{Odd, Oddity};
use firebench_model::metric::Metric;
use firebench_stats::oddity::{Ceiling, Digits, Piles, Shape, Shared};
use firebench_text as text;

/// Contenders that a sentence lists.
const LISTED: usize = 6;

/// Characters of a contender's name.
const NAME: usize = 60;

/// The sentence.
pub(crate) fn sentence(oddity: &Oddity) -> String {
    let Oddity { metric, contenders, what } = oddity;
    let name = text::excerpt(&metric.name, NAME);
    let all: Vec<String> = contenders.iter().map(|contender| text::excerpt(contender, NAME)).collect();
    let who = list(all.iter().cloned());
    let value = |value: f64| value_of(metric, value);
    match what {
        Odd::Shared(Shared { values, of, in_order }) => {
            let [one, other] = of;
            let order = if *in_order { ", in the same order" } else { "" };
            format!(
                "{who} share measurements: {values} values of {name} are in both ({one} and {other} in all{order}), which chance does not \
                explain. They cannot be compared: one may be a part of the other, or a copy."
            )
        }
        Odd::Piles(Piles { period, at, values, of, .. }) => format!(
            "{who}: {values} of {of} values of {name} lie right after multiples of {}, around {}: whoever waited and looked again was measured, not the \
            contenders. No difference below {} means anything.",
            value(*period),
            list(at.iter().map(|at| value(*at))),
            value(*period)
        ),
        Odd::Digits(Digits { round, step, values, of }) => format!(
            "{who}: {values} of {of} values of {name} are multiples of {}, although they are written in steps of {}: somebody liked round numbers.",
            value(*round),
            value(*step)
        ),
        Odd::Shape(Shape::Steps(step)) => {
            format!(
                "{who}: each value of {name} differs from the one before by exactly {}: nobody measured that.",
                value(step.abs())
            )
        }
        Odd::Shape(Shape::Sorted) => format!(
            "{who}: the values of {name} are sorted: the order in which they were measured is lost, and with it any sign of a drift."
        ),
        Odd::Ceiling(Ceiling { at, values, of }) => format!(
            "{who}: {values} of {of} values of {name} lie right after {}, far from all others: somebody gave up after that time, and they \
            are no measurements.",
            value(*at)
        ),
        Odd::Partial { has, of } => format!(
            "{who}: {has} of {of} boots have a value of {name}, the others were left out. What was left out may be what failed or was slow."
        ),
        Odd::Unequal(counts) => {
            let each = all.iter().zip(counts).map(|(name, count)| format!("{name} {count}"));
            format!(
                "The contenders do not have equally many boots with a value of {name}: {}. If some were left out, they may be those that failed or \
                were slow.",
                list(each)
            )
        }
    }
}

fn list(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    match all.get(..LISTED).filter(|_| all.len() > LISTED) {
        Some(first) => format!("{} and {} more", first.join(", "), all.len().saturating_sub(LISTED)),
        None => text::list(&all),
    }
}

/// A value in words: a time in its best unit, others in the metric's.
fn value_of(metric: &Metric, value: f64) -> String {
    match metric.unit.as_ref().and_then(|unit| unit.seconds()) {
        Some(seconds) => text::duration(value * seconds),
        None => text::line(&format!("{value} {}", metric.sign())).trim_end().to_owned(),
    }
}
