//! Metrics that can be zero, such as `sys`: compared by raw differences, in the metric's own unit. Everything after
//! this file is the same machinery, with [`Scale::Raw`](crate::Scale::Raw) when it comes to the verdict.

use crate::Result;
use crate::boot::counted;

/// What a boot comes to: the plain mean of its iterations after the first `warm_up` ones, in their unit.
///
/// Errors: no iteration left, NaN or infinite values.
pub fn mean(iterations: &[f64], warm_up: usize) -> Result<f64> {
    let counted = counted(iterations, warm_up)?;
    Ok(counted.iter().sum::<f64>() / counted.len() as f64)
}
