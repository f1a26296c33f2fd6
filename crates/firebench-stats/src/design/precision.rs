//! How many blocks a precision takes.

use crate::quantile::student_upper;
use crate::rule::ALPHA_END;
use crate::{Judgement, Result};

/// About how many blocks the run will have when every interval has `half_width`; None while one of them has no end.
///
/// A width shrinks with the root of the blocks, and with Student's t as the degrees of freedom grow.
pub(super) fn blocks(judgements: &[Judgement], half_width: f64, so_far: u32) -> Result<Option<u32>> {
    let widest = judgements.iter().map(|judgement| judgement.interval.half_width()).fold(0.0, f64::max);
    if !widest.is_finite() {
        return Ok(None);
    }
    let level = ALPHA_END / judgements.len() as f64 / 2.0;
    let n = f64::from(so_far);
    let now = student_upper(level, n - 1.0)?;
    let needed = |blocks: f64| -> Result<f64> {
        let then = student_upper(level, blocks.max(2.0) - 1.0)?;
        Ok(n * (widest / half_width * then / now).powi(2))
    };
    // Two steps bring it near enough for a forecast. A cast saturates.
    let blocks = needed(needed(n)?.max(n))?.ceil();
    Ok(Some((blocks as u32).max(super::LEAST_PRECISE).max(so_far)))
}
