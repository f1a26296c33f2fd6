//! Whether the order of a list is that of measurements.

/// An order that measurements do not have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Each value is above the one before it by so much.
    Steps(f64),
    /// They are in ascending or descending order.
    Sorted,
}

/// A list of values that were measured has this order once in so many times, or more rarely: so many distinct ones, in one of two orders.
const LEAST_SORTED: usize = 9;

/// So many values in equal steps are a made-up list.
const LEAST_STEPS: usize = 7;

/// Steps are equal that differ by no more than such a share of the values.
const EQUAL: f64 = 1e-9;

/// The order of a list, where measurements do not have it.
pub fn shape(values: &[f64]) -> Option<Shape> {
    let steps: Vec<f64> = values.iter().zip(values.iter().skip(1)).map(|(one, next)| next - one).collect();
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let first = *steps.first()?;
    let equal = |step: &f64| (step - first).abs() <= EQUAL * largest;
    if values.len() >= LEAST_STEPS && first.abs() > EQUAL * largest && steps.iter().all(equal) {
        return Some(Shape::Steps(first));
    }
    let distinct = 1 + steps.iter().filter(|step| **step != 0.0).count();
    let one_way = steps.iter().all(|step| *step >= 0.0) || steps.iter().all(|step| *step <= 0.0);
    (one_way && distinct >= LEAST_SORTED).then_some(Shape::Sorted)
}

#[cfg(test)]
mod tests {
    use super::{Shape, shape};

    #[test]
    fn made_up_orders_are_found() {
        let steps: Vec<f64> = (0..8).map(|i| 1.3 - f64::from(i) * 0.1).collect();
        assert!(matches!(shape(&steps), Some(Shape::Steps(step)) if (step + 0.1).abs() < 1e-9));
        let squares: Vec<f64> = (0..9).map(|i| f64::from(i * i)).collect();
        assert_eq!(shape(&squares), Some(Shape::Sorted));
        let mixed: Vec<f64> = (0..40).map(|i| f64::from(i * 37 % 41)).collect();
        for honest in [&mixed[..], &squares[..8], &[1.0; 20], &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0], &[]] {
            assert_eq!(shape(honest), None, "{honest:?}");
        }
    }
}
