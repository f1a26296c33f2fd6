//! How coarse figures are. A spread of nothing may be a clock, or a file, that has no finer figures.

/// The decimal step that all values are multiples of: 0.01 of 0.25 and 0.1; 0 of values that have more than twelve decimals. Zeros say
/// nothing of it; None where there is nothing else.
pub fn step(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut decimals = None;
    for value in values.into_iter().filter(|value| *value != 0.0) {
        let least = decimals.unwrap_or(0);
        let enough = (least..=MOST_DECIMALS).find(|decimals| is_whole(value * 10_f64.powi(*decimals)));
        match enough {
            Some(enough) => decimals = Some(enough),
            None => return Some(0.0),
        }
    }
    Some(10_f64.powi(-decimals?))
}

/// A step that is finer than this is no coarseness.
const MOST_DECIMALS: i32 = 12;

/// Whether a number is whole, but for what multiplying may have done to its last digits.
fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() <= 4.0 * f64::EPSILON * value.abs()
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn steps_are_those_of_the_figures() {
        assert_eq!(step([0.25, 0.1, 3.0]), Some(0.01));
        assert_eq!(step([1.1, 2.2]), Some(0.1));
        assert_eq!(step([3.0, 1e15]), Some(1.0));
        assert_eq!(step([0.123_456_789, 0.2]), Some(1e-9));
        assert_eq!(step([0.1_f64.sqrt(), 0.1]), Some(0.0));
        assert_eq!((step([0.0, 0.0]), step([])), (None, None));
    }
}
