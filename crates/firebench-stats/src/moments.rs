//! Mean and spread of a list of numbers.

use crate::{Error, Result};

/// How many, their mean, and the sum of squares around it. One value after another, after Welford (Note on a method for
/// calculating corrected sums of squares and products, Technometrics 4, 1962), so that a large mean does not swallow a
/// small spread, and the next block of a run costs the same as the first.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    pub count: usize,
    pub mean: f64,
    squares: f64,
}

impl Moments {
    /// Of finite values, at least two of `units` ("blocks", "boots"), which `what` names.
    pub fn of(values: &[f64], what: &'static str, units: &'static str) -> Result<Moments> {
        finite(values, what)?;
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.push(*value));
        moments.usable(what, units)
    }

    /// Takes in one more value, which is finite.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let from_mean = value - self.mean;
        self.mean += from_mean / self.count as f64;
        self.squares += from_mean * (value - self.mean);
    }

    /// Refuses fewer than two values, and values whose squares leave the range of numbers.
    pub fn usable(self, what: &'static str, units: &'static str) -> Result<Moments> {
        if self.count < 2 {
            return Err(Error::TooFew { what: units, count: self.count, needed: 2 });
        }
        if self.variance().is_finite() { Ok(self) } else { Err(Error::TooLarge { what }) }
    }

    /// Variance, with n - 1.
    pub fn variance(&self) -> f64 {
        self.squares / self.df()
    }

    /// Standard deviation, with n - 1.
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Degrees of freedom of the deviation.
    pub fn df(&self) -> f64 {
        self.count as f64 - 1.0
    }
}

/// Refuses emptiness, NaN and infinities.
pub(crate) fn finite(values: &[f64], what: &'static str) -> Result<()> {
    if values.is_empty() {
        return Err(Error::Empty { what });
    }
    match values.iter().copied().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((position, value)) => Err(Error::NotFinite { what, position, value }),
        None => Ok(()),
    }
}
