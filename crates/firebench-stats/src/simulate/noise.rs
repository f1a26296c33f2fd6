//! The shapes of noise.

use serde::Serialize;

use crate::random::Random;

/// How boots vary, in ln(t). All shapes but drift and growth have the same standard deviation; all but drift have mean
/// zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Normal.
    Gaussian,
    /// Student's t with 3 degrees of freedom.
    HeavyTail,
    /// Normal, and every boot slower than the one before by a tenth of the standard deviation.
    Drift,
    /// Normal, each boot correlated with the one before it in time, by 0.5.
    Autocorrelation,
    /// Normal, with a standard deviation that doubles after the pilot.
    Growth,
    /// Lognormal (sigma 1, skewness 6.2) for the last contender, normal for the others.
    Skewed,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 6] =
        [Shape::Gaussian, Shape::HeavyTail, Shape::Drift, Shape::Autocorrelation, Shape::Growth, Shape::Skewed];

    /// The name in tables, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Gaussian => "gaussian",
            Shape::HeavyTail => "heavy_tail",
            Shape::Drift => "drift",
            Shape::Autocorrelation => "autocorrelation",
            Shape::Growth => "growth",
            Shape::Skewed => "skewed",
        }
    }
}

/// Drift from boot to boot, in standard deviations.
const DRIFT: f64 = 0.1;
/// Correlation of a boot with the one before.
const CORRELATION: f64 = 0.5;
/// What the standard deviation is multiplied by.
const GROWTH: f64 = 2.0;

/// The noise of a machine, boot after boot, in standard deviations.
pub(super) struct Noise {
    shape: Shape,
    /// Boots so far.
    boots: usize,
    last: Option<f64>,
}

impl Noise {
    pub fn new(shape: Shape) -> Noise {
        Noise { shape, boots: 0, last: None }
    }

    /// The next boot's deviation. `odd` says that it is the contender that differs from the others, `after_pilot` that the
    /// run has had as many blocks as a pilot has.
    pub fn next(&mut self, odd: bool, after_pilot: bool, random: &mut Random) -> f64 {
        let normal = random.normal();
        self.boots += 1;
        match self.shape {
            Shape::HeavyTail => {
                let squares: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
                // The variance of t with 3 degrees of freedom is 3.
                normal / (squares / 3.0).sqrt() / 3.0_f64.sqrt()
            }
            Shape::Drift => normal + DRIFT * self.boots as f64,
            Shape::Autocorrelation => {
                let value = match self.last {
                    Some(last) => CORRELATION * last + (1.0 - CORRELATION.powi(2)).sqrt() * normal,
                    None => normal,
                };
                self.last = Some(value);
                value
            }
            Shape::Growth if after_pilot => GROWTH * normal,
            Shape::Skewed if odd => {
                let e = std::f64::consts::E;
                (normal.exp() - e.sqrt()) / ((e - 1.0) * e).sqrt()
            }
            Shape::Gaussian | Shape::Growth | Shape::Skewed => normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_mean_zero_and_deviation_one() {
        for shape in [Shape::Gaussian, Shape::HeavyTail, Shape::Autocorrelation, Shape::Skewed] {
            let (mut noise, mut random) = (Noise::new(shape), Random::new(5, 0));
            let values: Vec<f64> = (0..400_000).map(|_| noise.next(true, false, &mut random)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let deviation = (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt();
            assert!(mean.abs() < 0.01, "{shape:?}: mean {mean}");
            // The fourth moment of t with 3 degrees of freedom is infinite: its spread settles slowly.
            assert!((deviation - 1.0).abs() < 0.05, "{shape:?}: deviation {deviation}");
        }
    }
}
