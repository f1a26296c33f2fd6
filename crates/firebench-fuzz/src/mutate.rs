//! Seeded mutations for the short run: the same seed gives the same mutant, everywhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// No mutant is longer, in bytes.
const LONGEST: usize = 64 << 10;

/// Numbers at which length fields go wrong.
const NUMBERS: [u64; 14] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    1 << 20,
    (1 << 20) + 1,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    i64::MAX as u64,
    u64::MAX,
];

/// What parsers look for, and what terminals do.
const WORDS: [&str; 12] = [
    "\n@firebench1 ",
    "[   58.875005] x\n",
    "\x1b[31m",
    "\u{9b}31m",
    "\u{202e}",
    "\0",
    "\"",
    "\\",
    "NaN",
    "1e999",
    "../../x",
    "|",
];

/// Mutant number `number` of `seed`; `other` is what it may be spliced with.
pub fn mutate(seed: &[u8], other: &[u8], number: u64) -> Vec<u8> {
    let mut random = Random(ChaCha8Rng::seed_from_u64(number));
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        step(&mut bytes, other, &mut random);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn step(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = at + random.below((bytes.len() - at).min(64) + 1);
    match random.below(8) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let repeated = bytes[at..end].repeat(random.below(64) + 1);
            drop(bytes.splice(at..at, repeated));
        }
        4 => {
            let from = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        5 => binary_field(bytes, at, random),
        6 => digits(bytes, at, random),
        _ => drop(bytes.splice(at..at, WORDS[random.below(WORDS.len())].bytes())),
    }
}

/// Overwrites 1, 2, 4 or 8 bytes, of either order.
fn binary_field(bytes: &mut [u8], at: usize, random: &mut Random) {
    let number = NUMBERS[random.below(NUMBERS.len())];
    let width = 1 << random.below(4);
    let mut field: Vec<u8> = number.to_le_bytes().into_iter().take(width).collect();
    if random.below(2) == 0 {
        field.reverse();
    }
    for (byte, new) in bytes.iter_mut().skip(at).zip(field) {
        *byte = new;
    }
}

/// Replaces the first number in digits from here on: by a decimal one, or, as wide as the place allows, by one in the octal
/// digits of tar or the hexadecimal ones of cpio.
fn digits(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(start) = (at..bytes.len()).find(|&start| bytes[start].is_ascii_digit()) else { return };
    let end = start + bytes[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let number = NUMBERS[random.below(NUMBERS.len())];
    let (text, end) = match random.below(3) {
        0 => (number.to_string(), end),
        1 => (format!("{number:011o}"), end.min(start + 11)),
        _ => (format!("{:08x}", number as u32), end.min(start + 8)),
    };
    drop(bytes.splice(start..end, text.into_bytes()));
}

struct Random(ChaCha8Rng);

impl Random {
    /// A number below `bound`. (Not quite uniform: nobody minds.)
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }
}
