//! End to end: the built firebench with real VMMs, real kernels and real faults. Every run is followed by a look at what
//! it left behind.
//!
//! Tests that start VMs run one at a time. How long each took is printed, `e2e` in front. What a computer lacks skips a
//! test, loudly; with `FIREBENCH_TEST_NO_SKIP` set, as `./test` does, it fails it.

mod common;
mod invocation;
mod need;
mod remains;

mod cli;
mod contenders;
mod dry_run;
mod fake;
mod host;
mod nested;
mod resume;
mod tcg;
mod tune;

mod faults;
