//! Seeded random numbers that do not depend on a crate's choices.
//!
//! Generator: ChaCha with 8 rounds, key = the seed's 8 bytes in little-endian order followed by 24 zero bytes, 64-bit
//! block counter from 0, and a 64-bit nonce (0 unless said otherwise). It is read 8 bytes at a time, little-endian.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[derive(Debug, Clone)]
pub(crate) struct Random {
    generator: ChaCha8Rng,
    /// The second of a pair of normal numbers.
    spare: Option<f64>,
}

impl Random {
    /// The generator with nonce `stream`.
    pub fn new(seed: u64, stream: u64) -> Random {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Random { generator, spare: None }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform in 0..`bound`: the next number modulo `bound`, those beyond the last whole multiple of `bound` skipped.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        let skipped = (u64::MAX % bound + 1) % bound;
        loop {
            let number = self.number();
            if number <= u64::MAX - skipped {
                return (number % bound) as usize;
            }
        }
    }

    /// 0..`count` in random order: for i from `count` - 1 down to 1, element i changes places with element below(i + 1).
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }

    /// Standard normal, by Box and Muller's transform.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.unit()).sin_cos();
        self.spare = Some(radius * sine);
        radius * cosine
    }

    /// Uniform in (0, 1]: 53 bits.
    pub fn unit(&mut self) -> f64 {
        ((self.number() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}
