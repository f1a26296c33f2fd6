//! What firebench's fuzzers do with an input, and what must hold whatever it is. `docs/fuzzing.md` tells how to run them.
//!
//! Each target is one plain function. Three users share it: the libFuzzer binary in `fuzz/`, the short run among the tests
//! (`tests/short.rs`), and `examples/reproduce.rs`, which runs single files. A target panics where firebench is wrong.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a target panics where firebench is wrong"
)]

mod archives;
mod clean;
mod console;
mod figures;
mod heap;
mod images;
pub mod mutate;
pub mod shapes;
mod toml_text;
mod work;

use std::path::PathBuf;

/// One way into firebench for data from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of the libFuzzer binary and of its directory of seeds.
    pub name: &'static str,
    /// What it does with an input.
    pub run: fn(&[u8]),
    /// Mutants of each seed in the short run: fewer where one takes longer.
    pub mutants: u64,
}

/// All targets.
pub const TARGETS: [Target; 10] = [
    Target { name: "frames", run: console::frames, mutants: 200 },
    Target { name: "guest", run: console::guest, mutants: 40 },
    Target { name: "kernel", run: images::kernel, mutants: 100 },
    Target { name: "elf", run: images::elf, mutants: 1000 },
    Target { name: "cpio", run: images::cpio, mutants: 1500 },
    Target { name: "deb", run: archives::deb, mutants: 50 },
    Target { name: "root", run: archives::root, mutants: 100 },
    Target { name: "release", run: archives::release, mutants: 100 },
    Target { name: "experiment", run: toml_text::experiment, mutants: 100 },
    Target { name: "import", run: figures::import, mutants: 60 },
];

/// Does with `data` what the target of this name does.
///
/// # Panics
/// If there is none, and where firebench is wrong.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("the name of a target");
    (target.run)(data);
}

/// The seeds of a target: their names and contents, by name.
///
/// # Panics
/// If they cannot be read.
pub fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut seeds: Vec<(String, Vec<u8>)> = files
        .map(|file| {
            let path = file.expect("a directory that can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a seed that can be read"))
        })
        .collect();
    seeds.sort();
    seeds
}
