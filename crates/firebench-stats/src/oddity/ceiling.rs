//! Whether the largest values of a list are those of somebody who gave up.

use super::sorted;

/// Values at a time-out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceiling {
    /// The time-out.
    pub at: f64,
    /// Values right after it.
    pub values: usize,
    /// All values.
    pub of: usize,
}

/// Seconds that people choose.
const CHOSEN: [f64; 17] =
    [0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0];

/// Right after a time-out is up to such a share of it.
const AFTER: f64 = 0.01;

/// The values at a time-out spread over such a share of it at most.
const WIDTH: f64 = 0.002;

/// So many values say something.
const LEAST: usize = 3;

/// What stands between them and all others is so many times as wide as all others.
const GAP: f64 = 2.0;

/// The values at a time-out in a list of times, of which a second is so many.
pub fn ceiling(values: &[f64], second: f64) -> Option<Ceiling> {
    let sorted = sorted(values);
    let (lowest, highest) = (*sorted.first()?, *sorted.last()?);
    let at =
        CHOSEN.map(|seconds| seconds * second).into_iter().find(|at| (*at..=at * (1.0 + AFTER)).contains(&highest))?;
    let first = sorted.partition_point(|value| *value < highest - WIDTH * at);
    let (below, top) = sorted.split_at(first);
    let least = *top.first()?;
    let gap = least - below.last()?;
    let apart = gap > GAP * (below.last()? - lowest);
    let found = least >= at && top.len() >= LEAST && 2 * top.len() <= sorted.len() && apart;
    found.then_some(Ceiling { at, values: top.len(), of: sorted.len() })
}

#[cfg(test)]
mod tests {
    use super::{Ceiling, ceiling};

    #[test]
    fn who_gave_up_is_found() {
        let mut values: Vec<f64> = (0..12).map(|i| 800.0 + f64::from(i * 7 % 12)).collect();
        assert_eq!(ceiling(&values, 1000.0), None);
        values.extend([30_001.0, 30_004.0, 30_002.5]);
        assert_eq!(ceiling(&values, 1000.0), Some(Ceiling { at: 30_000.0, values: 3, of: 15 }));
        // A slow mode elsewhere, and one that is as wide as the rest.
        values.truncate(12);
        values.extend([1700.0, 1701.0, 1702.0]);
        assert_eq!(ceiling(&values, 1000.0), None);
        values.extend([1990.0, 2001.0, 2012.0]);
        assert_eq!((ceiling(&values, 1000.0), ceiling(&[], 1.0), ceiling(&[1.0; 9], 1.0)), (None, None, None));
    }
}
