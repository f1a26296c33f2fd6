//! Whether many values are round: multiples of ten or a hundred of the steps in which they were written. Whoever reads a clock, or types a
//! figure, likes round ones; a clock does not.
//!
//! The values of one decade alone are looked at, for programs write more decimals of smaller numbers; their step is that of all of them, be it
//! ten or four of the last decimal. They must spread over several times the round number, for then the share of round ones is that of any other
//! last digit.

use crate::grain;

use super::{at_least, sorted};

/// Values that are round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Digits {
    /// They are multiples of this.
    pub round: f64,
    /// The step in which they are written.
    pub step: f64,
    /// How many are round.
    pub values: usize,
    /// Of how many.
    pub of: usize,
}

/// From so many values on they say something.
const LEAST: usize = 20;

/// Figures without a liking have so many round ones once in so many times, or more rarely.
const LEVEL: f64 = 1e-6;

/// So much more than the usual share is round.
const MORE: f64 = 0.2;

/// The round values of a list, where they are more than chance explains.
pub fn digits(values: &[f64]) -> Option<Digits> {
    let all = sorted(values);
    let decade = |value: &f64| value.log10().floor();
    let positive = all.get(all.partition_point(|value| *value <= 0.0)..).unwrap_or_default();
    let values = positive.chunk_by(|a, b| decade(a) == decade(b)).max_by_key(|values| values.len())?;
    let decimal = grain::step(values.iter().copied()).filter(|step| *step > 0.0)?;
    // In steps; those of twelve decimals and more are no steps.
    let steps: Vec<u64> = values.iter().map(|value| (value / decimal).round() as u64).collect();
    let of_all = steps.iter().copied().reduce(divisor).filter(|divisor| *divisor > 0)?;
    let at = |place: usize| steps.get(place).copied().unwrap_or_default();
    let spread = (at(steps.len() * 3 / 4) - at(steps.len() / 4)) / of_all;
    for many in [100, 10] {
        let round = steps.iter().filter(|value| *value / of_all % many == 0).count();
        let places: std::collections::BTreeSet<u64> = steps.iter().map(|value| value / of_all / many).collect();
        let chance = 1.0 / many as f64;
        let share = round as f64 / steps.len() as f64;
        let told = steps.len() >= LEAST && spread >= 2 * many && places.len() >= 5;
        if told && share >= chance + MORE && at_least(round, steps.len(), chance) < LEVEL {
            let step = of_all as f64 * decimal;
            return Some(Digits { round: step * many as f64, step, values: round, of: steps.len() });
        }
    }
    None
}

/// The greatest common divisor.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::{Digits, digits};

    #[test]
    fn a_liking_for_round_numbers_is_found() {
        let liked = |i: u32| 1000 + if i % 3 == 0 { i * 37 % 400 } else { i * 37 % 400 / 10 * 10 };
        let values: Vec<f64> = (0..60).map(|i| f64::from(liked(i)) / 1000.0).collect();
        let Digits { round, step, values, of } = digits(&values).expect("round ones");
        assert!((round - 0.01).abs() < 1e-12 && (step - 0.001).abs() < 1e-12 && of == 60 && values >= 40);
    }

    #[test]
    fn what_is_coarse_likes_nothing() {
        let every = |step: u32| -> Vec<f64> { (0..200).map(|i| f64::from(1000 + i * 37 % 400 * step)).collect() };
        assert_eq!([1, 4, 10, 15].map(|step| digits(&every(step))), [None; 4]);
        // As a program writes them that keeps four digits.
        let four: Vec<f64> = (0..200)
            .map(|i| 900.0 + f64::from(i))
            .map(|v| if v < 1000.0 { v + 0.3 } else { (v / 10.0).round() * 10.0 })
            .collect();
        assert_eq!(digits(&four), None);
        assert_eq!((digits(&[]), digits(&[0.0; 30]), digits(&[0.1_f64.sqrt(); 30])), (None, None, None));
    }
}
