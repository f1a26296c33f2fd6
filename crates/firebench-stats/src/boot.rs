//! From the iterations of a boot to one number, and from boots to the differences within blocks.

use crate::moments::finite;
use crate::{Error, Result};

/// What a boot comes to: the mean of ln(t) over its iterations after the first `warm_up` ones. `iterations` are
/// positive, in any unit, as long as it is the same in all boots.
///
/// Errors: no iteration left, NaN or infinite values, values that are not above zero.
pub fn log_mean(iterations: &[f64], warm_up: usize) -> Result<f64> {
    let counted = counted(iterations, warm_up)?;
    if let Some((position, value)) = counted.iter().copied().enumerate().find(|(_, value)| *value <= 0.0) {
        return Err(Error::NotPositive { position, value });
    }
    Ok(counted.iter().map(|value| value.ln()).sum::<f64>() / counted.len() as f64)
}

/// Within each block, the contender's boot less the baseline's: d = y(contender) - y(baseline). Both lists hold one
/// value a block, in the order of the blocks.
///
/// Errors: lists of different length, empty ones, NaN or infinite values.
pub fn differences(contender: &[f64], baseline: &[f64]) -> Result<Vec<f64>> {
    if contender.len() != baseline.len() {
        return Err(Error::Unpaired {
            what: "boots of the two contenders",
            left: contender.len(),
            right: baseline.len(),
        });
    }
    finite(contender, "boots")?;
    finite(baseline, "boots")?;
    Ok(contender.iter().zip(baseline).map(|(contender, baseline)| contender - baseline).collect())
}

/// The iterations after the warm-up: at least one, all of them finite.
pub(crate) fn counted(iterations: &[f64], warm_up: usize) -> Result<&[f64]> {
    let counted = iterations.get(warm_up..).unwrap_or_default();
    finite(counted, "iterations after the warm-up")?;
    Ok(counted)
}
