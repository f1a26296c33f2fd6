//! Mean and spread of a list of numbers.

use crate::{Error, Result};

/// How many, their mean, and their standard deviation (with n - 1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub count: usize,
    pub mean: f64,
    pub deviation: f64,
}

impl Moments {
    /// Of finite values, at least two; two passes, so that a large mean does not swallow a small spread.
    pub fn of(values: &[f64], what: &'static str) -> Result<Moments> {
        finite(values, what)?;
        if values.len() < 2 {
            return Err(Error::TooFew { what: "blocks", count: values.len(), needed: 2 });
        }
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count - 1) as f64).sqrt();
        if !deviation.is_finite() {
            return Err(Error::TooLarge { what });
        }
        Ok(Moments { count, mean, deviation })
    }

    /// Standard error of the mean.
    pub fn std_error(&self) -> f64 {
        self.deviation / (self.count as f64).sqrt()
    }
}

/// Refuses emptiness, NaN and infinities.
pub(crate) fn finite(values: &[f64], what: &'static str) -> Result<()> {
    if values.is_empty() {
        return Err(Error::Empty { what });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(Error::NotFinite { what, position, value: values[position] }),
        None => Ok(()),
    }
}

/// The middle of `values`, which are sorted on the way; the mean of the two middle ones when their number is even.
/// None when there are none.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    match values.len() % 2 {
        0 => values.get(values.len() / 2 - 1).map(|lower| f64::midpoint(*lower, upper)),
        _ => Some(upper),
    }
}
