//! What two contenders come to beside each other in a metric.

use firebench_stats::Scale;

use crate::boots;

/// The values of both in the metric's unit, and how they compare; None where that is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Whether the effect is a ratio or a difference.
    pub scale: Scale,
    /// A's value.
    pub a: Option<f64>,
    /// B's value.
    pub b: Option<f64>,
    /// b / a, or b - a in the metric's unit.
    pub effect: Option<f64>,
}

impl Estimate {
    /// Of values on the scale: a's, and what b is above it.
    pub fn of(scale: Scale, a: Option<f64>, above: Option<f64>) -> Self {
        let b = a.zip(above).map(|(a, above)| a + above);
        let [a, b, effect] = [a, b, above].map(|value| value.map(|value| in_unit(value, scale)));
        Estimate { scale, a, b, effect }
    }
}

/// A value, or a difference of two, that is on a scale: in the metric's unit, or as a ratio.
pub fn in_unit(value: f64, scale: Scale) -> f64 {
    if scale == Scale::Ratio { value.exp() } else { value }
}

/// In the metric's unit, the mean of values on a scale.
pub fn centre(values: &[f64], scale: Scale) -> Option<f64> {
    boots::mean(values).map(|mean| in_unit(mean, scale))
}
