//! Which random misdeed a boot gets: a pure function of the seed and the boot's number, so that a test can foretell it.

/// A number in [0, 1) for a boot: output number `boot` of SplitMix64 (Steele, Lea, Flood 2014) from the state `seed`, its upper
/// 53 bits.
pub fn draw(seed: u64, boot: u64) -> f64 {
    let mut z = seed.wrapping_add(boot.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Which one of several that share [0, 1), each with as much of it as its probability, from 0 on in their order; none where
/// the draw falls behind them all.
pub fn choose(seed: u64, boot: u64, probabilities: &[f64]) -> Option<usize> {
    let drawn = draw(seed, boot);
    let mut end = 0.0;
    probabilities.iter().position(|probability| {
        end += probability;
        drawn < end
    })
}
