//! How fast the payload is made and hashed: what bounds the building of a disk from below.

use divan::Bencher;
use divan::counter::BytesCount;
use firebench_image::digest::sha256;
use firebench_image::payload::Payload;

/// Enough to run for a tenth of a second.
const BYTES: u64 = 64 << 20;

fn main() {
    divan::main();
}

/// Generating and hashing, as it happens while a disk is built.
#[divan::bench(sample_count = 20)]
fn seeded_and_hashed(bencher: Bencher) {
    bencher.counter(BytesCount::new(BYTES)).bench(|| Payload::seeded(BYTES).digest().map(|digest| digest.is_some()));
}

/// Hashing alone; the rest is ChaCha.
#[divan::bench(sample_count = 20)]
fn hashed(bencher: Bencher) {
    let bytes = vec![7; BYTES as usize];
    bencher.counter(BytesCount::new(BYTES)).bench(|| sha256(&bytes));
}
