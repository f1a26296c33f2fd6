//! What lists of figures show that nobody measured like that: two lists that hold the same measurements, values that pile up where a clock
//! or whoever looked decided, and the like. Each test says by itself how rarely figures in order look like that; what is coarse
//! looks equal by chance, and the tests reckon with it.

mod ceiling;
mod digits;
mod piles;
mod series;
mod shared;

use statrs::distribution::{Binomial, DiscreteCDF};

pub use ceiling::{Ceiling, ceiling};
pub use digits::{Digits, digits};
pub use piles::{Piles, piles};
pub use series::{Shape, shape};
pub use shared::{Shared, shared};

/// The probability of so many hits at least, of so many tries with a chance each; 1 where that is no probability.
fn at_least(hits: usize, tries: usize, chance: f64) -> f64 {
    let (Some(below), Ok(tries)) = (hits.checked_sub(1), u64::try_from(tries)) else { return 1.0 };
    if !(0.0..1.0).contains(&chance) {
        return 1.0;
    }
    Binomial::new(chance, tries).map_or(1.0, |hits| hits.sf(below as u64))
}

/// In ascending order.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod honest {
    //! Lists of figures as people measure them, from many distributions and with many resolutions: none of them is odd.

    use super::*;
    use crate::random::Random;

    /// A list of `n` values around `centre` seconds, of one of some kinds, at a resolution.
    fn list(random: &mut Random, kind: u32, n: usize, centre: f64, step: f64) -> Vec<f64> {
        let mut drift = 0.0;
        let mut value = |random: &mut Random| {
            drift += 0.002 * centre * random.normal();
            let value = match kind {
                0 => centre * (1.0 + 0.01 * random.normal()),
                1 => centre * (0.2 * random.normal()).exp(),
                2 => centre * (1.0 - random.unit().max(1e-12).ln() * 0.3),
                // Slow boots beside fast ones.
                3 if random.unit() < 0.3 => centre * (1.7 + 0.003 * random.normal()),
                3 => centre * (1.0 + 0.003 * random.normal()),
                4 => centre * (1.0 + 2.0 * random.unit()),
                _ => centre + drift,
            };
            if step > 0.0 { ((value / step).round() * step * 1e9).round() / 1e9 } else { value }
        };
        (0..n).map(|_| value(random).max(0.0)).collect()
    }

    #[test]
    fn lists_in_order_are_not_odd() {
        let mut random = Random::new(7, 0);
        let (mut shared_found, mut piled, mut others, mut tries) = (0, 0, 0, 0);
        for round in 0..3000_u32 {
            let kind = round % 6;
            let step = [0.0, 1e-6, 1e-4, 1e-3, 4e-3, 1e-2][(round / 6 % 6) as usize];
            let n = [5, 10, 20, 40, 80][(round / 36 % 5) as usize];
            let centre = 0.02 * 400_f64.powf(random.unit());
            // The same program in two contenders that are much alike.
            let one = list(&mut random, kind, n, centre, step);
            let beside = centre * (1.0 + 0.01 * random.normal());
            let other = list(&mut random, kind, n, beside, step);
            tries += 1;
            shared_found += usize::from(shared(&one, &other).is_some());
            piled += usize::from([1.0, 0.1].iter().any(|period| piles(&[&one, &other], *period).is_some()));
            let odd = |list: &[f64]| digits(list).is_some() || shape(list).is_some() || ceiling(list, 1.0).is_some();
            others += usize::from(odd(&one) || odd(&other));
        }
        assert_eq!(shared_found, 0, "of {tries}");
        assert!(piled <= tries / 1000, "{piled} of {tries}");
        assert!(others <= tries / 500, "{others} of {tries}");
    }
}

#[cfg(test)]
mod tests {
    use super::at_least;

    #[test]
    fn tails_are_those_of_the_binomial_distribution() {
        assert!((at_least(2, 2, 0.1) - 0.01).abs() < 1e-12);
        assert!((at_least(1, 3, 0.5) - 0.875).abs() < 1e-12);
        assert_eq!((at_least(0, 3, 0.5), at_least(1, 1, 1.0), at_least(1, 1, f64::NAN)), (1.0, 1.0, 1.0));
    }
}
