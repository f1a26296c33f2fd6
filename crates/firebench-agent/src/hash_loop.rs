//! `hash-loop --bytes N --rounds N --seed S`: a buffer of pseudo-random bytes, hashed with SHA-256 again and again. Each round hashes the
//! digest of the round before, then the buffer, so no round can be left out, and nothing of one can be kept for the next. The last digest
//! is printed: whoever knows the seed knows it, too.
//!
//! # The bytes
//! Those of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014), of which `seed`
//! is the first state: its numbers one after the other, each in little-endian order.

use crate::digest::hex;
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints the last digest.
pub fn run(options: &[&str]) -> ExitCode {
    let Some((bytes, rounds, seed)) = read(options) else {
        return failed(&format!("cannot hash in a loop as \"{}\" says", options.join(" ")));
    };
    let Some(buffer) = buffer(seed, bytes) else {
        return failed(&format!("there is no room for a buffer of {bytes} bytes"));
    };
    match writeln!(io::stdout(), "{}", hex(&digest(&buffer, rounds))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("firebench-agent: {why}");
    ExitCode::FAILURE
}

/// Bytes, rounds and seed.
fn read(options: &[&str]) -> Option<(usize, u32, u64)> {
    let ["--bytes", bytes, "--rounds", rounds, "--seed", seed] = options else { return None };
    let rounds = rounds.parse().ok().filter(|&rounds| rounds > 0)?;
    Some((bytes.parse().ok()?, rounds, seed.parse().ok()?))
}

/// No machine that is measured has room for more bytes.
const MOST: usize = 1 << 39;

/// The first bytes of the stream of a seed; None where there is no room for them.
fn buffer(seed: u64, bytes: usize) -> Option<Vec<u8>> {
    if bytes > MOST {
        return None;
    }
    let mut buffer = Vec::new();
    // A few more for a last number that is cut.
    buffer.try_reserve_exact(bytes.checked_add(8)?).ok()?;
    let mut state = seed;
    while buffer.len() < bytes {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        buffer.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    buffer.truncate(bytes);
    Some(buffer)
}

/// The digest of the last round. Before the first one there is none: one round is the SHA-256 of the buffer.
fn digest(buffer: &[u8], rounds: u32) -> Vec<u8> {
    let mut last = Vec::new();
    for _ in 0..rounds {
        last = Sha256::new().chain_update(&last).chain_update(buffer).finalize().to_vec();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(options: &str) -> String {
        let options: Vec<&str> = options.split(' ').collect();
        let (bytes, rounds, seed) = read(&options).expect("options");
        hex(&digest(&buffer(seed, bytes).expect("room"), rounds))
    }

    /// Computed by hashlib of Python, with a SplitMix64 written there.
    #[test]
    fn answers_are_those_of_another_implementation() {
        let first = "85fc08fb17d09e59a50f545884f0732c777cf2a3e5bc3e883f7b17e940f7be3fcd5ecb086734b8e3";
        assert_eq!(hex(&buffer(1_234_567, 40).expect("room")), first);
        for (options, expected) in [
            ("--bytes 0 --rounds 1 --seed 1", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("--bytes 13 --rounds 2 --seed 1", "bcffcaac8644b9ab65b37a09afa036dbad94267a47a7acea6b0e50a80d862581"),
            ("--bytes 13 --rounds 2 --seed 2", "c9f7c854a20c43a530b7e9c2c5cd6ca689bb168453de99ca5fecb268a13b0f2a"),
            (
                "--bytes 65 --rounds 5 --seed 18446744073709551615",
                "08df3cec2e544bc4ee34caf8ccae21b584c3beff48dfb34b3d8f0508c242a95a",
            ),
            ("--bytes 1048576 --rounds 1 --seed 1", "85b66b3a5816d686deb42f2d2473d9a7121ceb75c822b838f958c76ca86ed8ea"),
            ("--bytes 1048576 --rounds 3 --seed 1", "545b9c05eb5dafbcf518c198392bf912b1e1e8a0c1263b809bd8913270172f4c"),
        ] {
            assert_eq!(answer(options), expected, "{options}");
        }
    }

    #[test]
    fn what_is_no_loop_is_refused() {
        for wrong in [
            "",
            "--bytes 1 --rounds 1",
            "--bytes 1 --rounds 0 --seed 1",
            "--bytes -1 --rounds 1 --seed 1",
            "--rounds 1 --bytes 1 --seed 1",
            "--bytes 1 --rounds 1 --seed 18446744073709551616",
        ] {
            assert_eq!(read(&wrong.split(' ').collect::<Vec<_>>()), None, "{wrong}");
        }
        assert_eq!(buffer(1, usize::MAX), None);
        assert_eq!(buffer(1, usize::MAX >> 1), None);
    }
}
