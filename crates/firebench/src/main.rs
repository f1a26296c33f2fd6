//! firebench: benchmarks microVM monitors.
fn main() {}
