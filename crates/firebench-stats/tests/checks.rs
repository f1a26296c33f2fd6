//! What the checks find in the boots of a run, and what they leave alone.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use firebench_stats::checks::{Found, Ran, matters, of_pair};
use firebench_stats::order;

const ITERATIONS: usize = 8;
const DELTA: f64 = 0.02;

/// A number between -0.5 and 0.5 that looks like chance (the mixing of splitmix64), always the same in the same place.
fn chance(place: u64) -> f64 {
    let mut x = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// A run: what its contenders are like, and the boots that come of it.
struct Run {
    contenders: usize,
    blocks: usize,
    /// By how much each iteration is above the one before, in ln(t), of each contender.
    rises: [f64; 3],
    /// By how much each contender slows down whoever boots next.
    leaves: [f64; 3],
    seed: u64,
}

const CALM: Run = Run { contenders: 2, blocks: 24, rises: [0.0; 3], leaves: [0.0; 3], seed: 1 };

impl Run {
    fn boots(&self) -> Vec<(u32, usize, Vec<f64>)> {
        let (mut boots, mut before) = (Vec::new(), None);
        for (block, order) in order::blocks(self.contenders, self.seed).take(self.blocks).enumerate() {
            for contender in order {
                let place = (self.seed << 40) + ((block as u64) << 20) + ((contender as u64) << 10);
                let level = 0.02 * chance(place) + before.map_or(0.0, |before: usize| self.leaves[before]);
                let value = |i: usize| {
                    let rise = self.rises[contender] * i as f64;
                    (level + rise + 0.01 * chance(place + 1 + i as u64)).exp()
                };
                boots.push((block as u32, contender, (0..ITERATIONS).map(value).collect()));
                before = Some(contender);
            }
        }
        boots
    }

    fn found(&self, pair: [usize; 2]) -> Found {
        of_pair(&borrowed(&self.boots()), pair, self.contenders - 1, matters(DELTA, None))
    }
}

fn borrowed(boots: &[(u32, usize, Vec<f64>)]) -> Vec<Ran<'_>> {
    boots.iter().map(|(block, contender, counted)| Ran { block: *block, contender: *contender, counted }).collect()
}

#[test]
fn equal_contenders_without_a_trend_have_nothing() {
    for contenders in [2, 3] {
        let found = |seed| {
            let run = Run { contenders, seed, ..CALM };
            (1..contenders).any(|contender| run.found([0, contender]).is_something())
        };
        assert!(!found(CALM.seed));
        // A trend, and either of two as a carrier, at 2% each; some of what chance finds is too small to matter.
        let alarms = (0..1_000).filter(|seed| found(*seed)).count();
        assert!(alarms <= 60, "{alarms} of 1,000 with {contenders} contenders");
    }
}

#[test]
fn a_contender_whose_iterations_fall_is_found() {
    for seed in 0..20 {
        let trend = Run { rises: [0.0, -0.01, 0.0], seed, ..CALM }.found([0, 1]).trend.expect("a trend");
        assert!((trend.size + 0.07).abs() < 0.01, "{trend:?}");
        assert_eq!(trend.iterations, ITERATIONS);
        // The baseline's rise against the contender's fall is the same with another sign.
        let trend = Run { rises: [-0.01, 0.0, 0.0], seed, ..CALM }.found([0, 1]).trend.expect("a trend");
        assert!((trend.size - 0.07).abs() < 0.01, "{trend:?}");
    }
}

#[test]
fn a_trend_of_both_is_none() {
    for seed in 0..20 {
        let found = Run { rises: [-0.01; 3], seed, ..CALM }.found([0, 1]);
        assert_eq!(found.trend, None, "it is the same for both");
    }
}

#[test]
fn a_trend_is_that_of_its_pair() {
    let run = Run { contenders: 3, rises: [0.0, 0.0, -0.01], ..CALM };
    assert_eq!(run.found([0, 1]).trend, None);
    assert!(run.found([0, 2]).trend.is_some());
}

#[test]
fn small_trends_do_not_matter() {
    // 0.2% in all, of which a quarter of 2% is more; 24 blocks would see it.
    let run = Run { rises: [0.0, -0.000_3, 0.0], blocks: 2_000, ..CALM };
    assert_eq!(run.found([0, 1]).trend, None);
    let boots = run.boots();
    let found = of_pair(&borrowed(&boots), [0, 1], 1, 1e-4);
    assert!(found.trend.is_some(), "it is there: {found:?}");
}

#[test]
fn what_is_left_behind_is_found_with_its_carrier() {
    for seed in 0..20 {
        let run = Run { contenders: 3, blocks: 40, leaves: [0.0, 0.0, 0.05], seed, ..CALM };
        let found = run.found([0, 2]).carry_over.expect("a carry-over");
        assert_eq!(found.of, 2, "seed {seed}: {found:?}");
        assert!((found.size - 0.05).abs() < 0.02, "{found:?}");
        let run = Run { leaves: [0.05, 0.0, 0.0], ..run };
        let found = run.found([0, 1]).carry_over.expect("a carry-over");
        assert_eq!(found.of, 0, "seed {seed}: {found:?}");
        assert!((found.size - 0.05).abs() < 0.02, "{found:?}");
    }
}

/// That one slows down whoever comes next looks like the other one speeding up: it is found, if not who it is.
#[test]
fn what_is_left_behind_is_found_of_two() {
    for leaves in [[0.05, 0.0, 0.0], [0.0, 0.05, 0.0], [-0.05, 0.0, 0.0]] {
        for seed in 0..20 {
            let found = Run { blocks: 40, leaves, seed, ..CALM }.found([0, 1]);
            assert!(found.carry_over.is_some(), "{leaves:?}, seed {seed}");
        }
    }
}

#[test]
fn fewer_than_four_blocks_find_nothing() {
    for blocks in 0..4 {
        for seed in 0..20 {
            let run = Run { blocks, rises: [0.0, -0.1, 0.0], leaves: [0.5, 0.0, 0.0], seed, ..CALM };
            assert_eq!(run.found([0, 1]), Found::default());
        }
    }
    assert!(Run { blocks: 4, rises: [0.0, -0.1, 0.0], ..CALM }.found([0, 1]).is_something());
}

/// Boots that count for nothing are no part of a slope; but whoever boots after one has it before them.
#[test]
fn what_counts_for_nothing_is_left_out() {
    let mut boots = Run { rises: [0.0, -0.1, 0.0], ..CALM }.boots();
    for (block, contender, counted) in &mut boots {
        if *block >= 3 && *contender == 1 {
            counted.clear();
        }
    }
    assert_eq!(of_pair(&borrowed(&boots), [0, 1], 1, 0.0), Found::default());
    assert_eq!(of_pair(&[], [0, 1], 1, 0.0), Found::default());
    // One iteration has no slope.
    let mut boots = CALM.boots();
    boots.iter_mut().for_each(|(_, _, counted)| counted.truncate(1));
    assert_eq!(of_pair(&borrowed(&boots), [0, 1], 1, 0.0).trend, None);
}
