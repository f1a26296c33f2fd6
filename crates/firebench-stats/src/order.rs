//! The order of the contenders within blocks: every block is shuffled by itself, whatever came before.
//!
//! So chance alone, and it is firebench's own, decides which of two contenders boots first. If they are equal, a block's
//! difference has as good a chance of being positive as of being negative, whatever the machine does over time: drift,
//! neighbours, a period of any length. Balanced orders (Williams squares, which firebench had before) promise that for some
//! noises only: one whose period is 8/3 boots made 14% false alarms with them. What chance leaves unbalanced, the analysis takes
//! out: see [`typical`](crate::typical).
//!
//! # The orders, stated
//! Each block is a random permutation of 0..k. The permutations come from ChaCha8 with the seed as key (the seed's 8 bytes in
//! little-endian order, then 24 zero bytes; block counter and nonce 0), read as little-endian 64-bit numbers: for i from k-1 down
//! to 1, element i of 0..k changes places with element j, j being the next number modulo i+1 (numbers beyond the last whole
//! multiple of i+1 are skipped).

use crate::random::Random;

/// Blocks without end for `contenders` contenders, each an order of 0..`contenders`: the same seed gives the same orders, for
/// ever and everywhere.
pub fn blocks(contenders: usize, seed: u64) -> Blocks {
    Blocks { contenders, random: Random::new(seed, 0) }
}

/// What [`blocks`] gives.
#[derive(Debug, Clone)]
pub struct Blocks {
    contenders: usize,
    random: Random,
}

impl Blocks {
    /// The next block's order.
    pub fn shuffled(&mut self) -> Vec<usize> {
        self.random.permutation(self.contenders)
    }
}

impl Iterator for Blocks {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        Some(self.shuffled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_as_likely_as_any_other_whatever_came_before() {
        let mut counts = std::collections::BTreeMap::new();
        let orders: Vec<Vec<usize>> = blocks(3, 7).take(36_001).collect();
        orders.windows(2).for_each(|pair| *counts.entry(pair.to_vec()).or_insert(0_i32) += 1);
        assert_eq!(counts.len(), 36, "six orders after each of six");
        // 1,000 are expected of each; the standard deviation is 31.
        assert!(counts.values().all(|count| (count - 1_000).abs() < 160), "{counts:?}");
    }

    #[test]
    fn orders_follow_the_seed() {
        let orders = |seed| blocks(4, seed).take(40).collect::<Vec<_>>();
        assert_eq!(orders(1), orders(1));
        assert_ne!(orders(1), orders(2));
    }

    #[test]
    fn lone_contenders_and_none_do_not_hang() {
        assert_eq!(blocks(1, 3).take(3).collect::<Vec<_>>(), [[0], [0], [0]]);
        assert_eq!(blocks(0, 3).next(), Some(vec![]));
    }
}
