//! How far apart the two sides of a split lie: the energy distance (Székely and Rizzo 2005) with exponent 1, as Matteson and James
//! scale it. For sides X of m values and Y of n,
//!
//! ```text
//! Q = mn/(m+n) (2/(mn) sum |x_i - y_j|  -  2/(m(m-1)) sum |x_i - x_j|  -  2/(n(n-1)) sum |y_i - y_j|)
//! ```
//!
//! with each pair within a side once. The right side ends at the end of the segment or anywhere before it, as in their paper (2.3):
//! else what is taken back soon would hide itself, for the right side would be a mixture. All splits with all ends of n values take
//! O(n²) steps and O(n) memory.

/// No side of a change point has fewer values: one value, or two, are an outlier.
pub const SHORTEST: usize = 3;

/// A split of a segment in two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// How many values are on its left side.
    pub at: usize,
    /// Q, where its right side has the best end.
    pub statistic: f64,
}

/// The sum of the distances of all pairs: no sum that is computed here exceeds it by more than its length.
pub(super) fn total(values: &[f64]) -> f64 {
    let earlier =
        |(place, value): (usize, &f64)| values.iter().take(place).map(|other| (value - other).abs()).sum::<f64>();
    values.iter().enumerate().map(earlier).sum()
}

/// Splits of segments of up to so many values, with the room that they take.
pub(super) struct Splitter {
    /// Of each number its inverse; of zero nothing.
    inverse: Vec<f64>,
    /// Of each left side, by its length, the sum of distances within it.
    within: Vec<f64>,
    /// Of each left side the sum of distances between it and the right side, as far as that is known.
    between: Vec<f64>,
}

impl Splitter {
    pub(super) fn new(longest: usize) -> Self {
        let inverse = (0..=longest).map(|number| if number == 0 { 0.0 } else { 1.0 / number as f64 }).collect();
        Splitter { inverse, within: Vec::with_capacity(longest), between: Vec::with_capacity(longest) }
    }

    /// The split with the greatest statistic; the first one of equals. None where no side would be long enough.
    pub(super) fn best(&mut self, values: &[f64]) -> Option<Split> {
        let mut best: Option<Split> = None;
        let mut total = 0.0;
        self.within.clear();
        self.between.clear();
        for (count, last) in values.iter().enumerate() {
            // The last value joins the right side of each split before it.
            let mut to_left = 0.0;
            for (value, between) in values.iter().zip(&mut self.between) {
                *between += to_left;
                to_left += (last - value).abs();
            }
            self.within.push(total);
            self.between.push(to_left);
            total += to_left;
            if let Some(split) = self.best_of(count + 1, total)
                && best.is_none_or(|best| split.statistic > best.statistic)
            {
                best = Some(split);
            }
        }
        best
    }

    /// The best split of the first so many values.
    fn best_of(&self, count: usize, total: f64) -> Option<Split> {
        let lefts = self.between.iter().zip(&self.within).enumerate().skip(SHORTEST);
        // One less than the left side has, and one less than the right side.
        let inverses =
            self.inverse.iter().skip(SHORTEST - 1).zip(self.inverse.get(..count.checked_sub(SHORTEST)?)?.iter().rev());
        let mut best = (0, f64::NEG_INFINITY);
        for ((left, (between, within)), (of_left, of_right)) in
            lefts.zip(inverses).take((count + 1).saturating_sub(2 * SHORTEST))
        {
            let right = count - left;
            // Q (m + n) / 2.
            let scaled =
                between - right as f64 * of_left * within - left as f64 * of_right * (total - within - between);
            if scaled > best.1 {
                best = (left, scaled);
            }
        }
        (best.0 > 0).then(|| Split { at: best.0, statistic: 2.0 / count as f64 * best.1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Q as the paper prints it, pair by pair.
    fn by_definition(left: &[f64], right: &[f64]) -> f64 {
        let mean = |pairs: Vec<f64>| pairs.iter().sum::<f64>() / pairs.len() as f64;
        let pairs = |of: &[f64]| {
            (0..of.len()).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| (of[i] - of[j]).abs()).collect()
        };
        let between = left.iter().flat_map(|x| right.iter().map(move |y| (x - y).abs())).collect();
        let (m, n) = (left.len() as f64, right.len() as f64);
        m * n / (m + n) * (2.0 * mean(between) - mean(pairs(left)) - mean(pairs(right)))
    }

    #[test]
    fn the_best_split_is_that_of_the_definition() {
        let mut random = crate::random::Random::new(11, 0);
        let mut splitter = Splitter::new(40);
        for length in 6..40 {
            let shift = (length % 4) as f64;
            let mut value = |i| 1000.0 + random.normal() + if i >= length / 3 && i < length / 2 { shift } else { 0.0 };
            let series: Vec<f64> =
                (0..length).map(&mut value).map(|v: f64| if length % 3 == 0 { v.round() } else { v }).collect();
            let of_end = |at: usize| {
                let ends = at + SHORTEST..=length;
                ends.map(|end| by_definition(&series[..at], &series[at..end])).fold(f64::NEG_INFINITY, f64::max)
            };
            let most = (SHORTEST..=length - SHORTEST).map(of_end).fold(f64::NEG_INFINITY, f64::max);
            let best = splitter.best(&series).unwrap();
            assert!((best.statistic - most).abs() < 1e-9, "{best:?}, {most}");
            assert!((of_end(best.at) - most).abs() < 1e-9, "{best:?}");
        }
        assert_eq!(splitter.best(&[1.0; 5]), None);
    }

    #[test]
    fn the_total_is_that_of_all_pairs() {
        assert_eq!(total(&[1.0, 3.0, 0.0]), 2.0 + 1.0 + 3.0);
        assert_eq!(total(&[]), 0.0);
    }
}
