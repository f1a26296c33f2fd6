//! Attacks: guests that lie about their times, and other people's programs, paths and records. Each must end in one clear
//! sentence, and none in a figure or a file that the attacker chose.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]
#![allow(unsafe_code, reason = "the shared support starts processes")]

#[path = "../support/mod.rs"]
mod support;

mod documented;
mod guests;
mod neighbours;
mod times;
mod voids;
