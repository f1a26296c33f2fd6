//! The short run: every seed of every target, and so many mutants of each, always the same. `docs/fuzzing.md`.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use firebench_fuzz::mutate::mutate;
use firebench_fuzz::{TARGETS, run, seeds};

fn short(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = seeds(name);
    assert!(seeds.len() >= 5, "{name} has {} seeds", seeds.len());
    for (index, (seed, contents)) in seeds.iter().enumerate() {
        attempt(name, seed, contents);
        let (_, other) = &seeds[(index + 1) % seeds.len()];
        for number in 0..target.mutants {
            attempt(name, &format!("{seed}.{number}"), &mutate(contents, other, number));
        }
    }
}

/// Runs one input; keeps it where firebench is wrong.
fn attempt(name: &str, input: &str, data: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| run(name, data))).is_err() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{input}"));
        std::fs::write(&path, data).expect("room for the input");
        panic!("see it again: cargo run -p firebench-fuzz --example reproduce {name} {}", path.display());
    }
}

macro_rules! short_runs {
    ($($name:ident)*) => {
        $(#[test] fn $name() { short(stringify!($name)); })*

        #[test]
        fn every_target_has_its_run() {
            assert_eq!(TARGETS.map(|target| target.name), [$(stringify!($name)),*]);
        }
    };
}

short_runs!(frames guest kernel elf cpio deb root release experiment import);

#[test]
fn mutants_are_always_the_same() {
    let mutant = mutate(b"length 123 of a seed", b"another", 5);
    assert_eq!(mutate(b"length 123 of a seed", b"another", 5), mutant);
    assert!((0..100).filter(|&number| mutate(b"length 123", b"other", number) != b"length 123").count() > 80);
}
