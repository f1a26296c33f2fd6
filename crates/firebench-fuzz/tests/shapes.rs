//! Inputs of the shapes that hurt, as large as attackers make them: each target bounds its memory and its work itself. Without
//! those bounds, some of these would take hours.
#![cfg(test)]

use firebench_fuzz::{run, seeds, shapes};

#[test]
fn a_few_megabytes_of_every_shape_that_hurts() {
    for (target, name, bytes) in shapes::all(4 << 20) {
        eprintln!("{target} {name}: {} bytes", bytes.len());
        run(target, &bytes);
    }
}

#[test]
fn a_small_one_of_each_is_a_seed() {
    for (target, name, bytes) in shapes::all(4 << 10) {
        let seeds = seeds(target);
        let seed = seeds.iter().find(|(known, _)| known == name).map(|(_, seed)| seed);
        assert!(seed == Some(&bytes), "write it: cargo run -p firebench-fuzz --example shapes ({target}/{name})");
    }
}
