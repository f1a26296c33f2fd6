//! End to end: the built firebench with real VMMs, and real kernels. Every run is followed by a look at what
//! it left behind.
#![cfg(test)]
#![allow(clippy::string_slice, clippy::arithmetic_side_effects, reason = "a test may panic")]
#![allow(unsafe_code, reason = "processes are put into states that firebench must bear")]

#[path = "../support/mod.rs"]
mod support;

mod boot;
mod by_path;
mod cli;
mod command;
mod contenders;
mod dry_run;
mod duet;
mod footprint;
mod hash_loop;
mod host;
mod isolation;
mod nested;
mod origin;
mod repeated;
mod resume;
mod roots;
mod service;
mod tcg;
mod thrown;
mod tune;
