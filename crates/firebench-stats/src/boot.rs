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

/// A boot in a block: what it comes to, and when in the block it was its turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// What it comes to, on the scale of the differences.
    pub value: f64,
    /// Its place in the order of the block; 0 for all where that is not known.
    pub place: u32,
}

/// What a contender's boot is above the baseline's of the same block.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Difference {
    /// On the scale of the differences: of logarithms, or in the metric's unit.
    pub value: f64,
    /// By how many places it booted later than the baseline; negative if it booted earlier, 0 if that is not known.
    pub later: f64,
    /// What the baseline's boot comes to, on the same scale.
    pub baseline: f64,
}

/// Within each block, the contender's boot less the baseline's: d = y(contender) - y(baseline). Both lists hold one boot a block, in
/// the order of the blocks.
///
/// Errors: lists of different length, empty ones, NaN or infinite values.
pub fn differences(contender: &[Placed], baseline: &[Placed]) -> Result<Vec<Difference>> {
    if contender.len() != baseline.len() {
        return Err(Error::Unpaired {
            what: "boots of the two contenders",
            left: contender.len(),
            right: baseline.len(),
        });
    }
    let differences: Vec<Difference> =
        contender.iter().zip(baseline).map(|(contender, baseline)| contender.above(baseline)).collect();
    finite(&values(&differences), "boots")?;
    Ok(differences)
}

impl Placed {
    /// What this boot is above another one of its block.
    pub fn above(&self, other: &Placed) -> Difference {
        let later = f64::from(self.place) - f64::from(other.place);
        Difference { value: self.value - other.value, later, baseline: other.value }
    }
}

/// The differences alone.
pub fn values(differences: &[Difference]) -> Vec<f64> {
    differences.iter().map(|difference| difference.value).collect()
}

/// The iterations after the warm-up: at least one, all of them finite.
pub(crate) fn counted(iterations: &[f64], warm_up: usize) -> Result<&[f64]> {
    let counted = iterations.get(warm_up..).unwrap_or_default();
    finite(counted, "iterations after the warm-up")?;
    Ok(counted)
}
