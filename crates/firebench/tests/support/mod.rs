//! What tests with the built programs share: `attacks`, `e2e` and `faults`.
//!
//! Tests that start VMs run one at a time. How long each took is printed, `e2e` in front. What a computer lacks skips a
//! test, loudly; with `FIREBENCH_TEST_NO_SKIP` set, as `./test` does, it fails it.
#![allow(dead_code, reason = "each program of tests uses its part")]

pub mod clean;
pub mod common;
pub mod documented;
pub mod executable;
pub mod fake;
pub mod good;
pub mod invocation;
pub mod need;
pub mod remains;
