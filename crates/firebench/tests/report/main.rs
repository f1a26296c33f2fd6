//! Reports: what people and programs read of a run.
#![cfg(test)]
#![allow(clippy::string_slice, clippy::arithmetic_side_effects, reason = "a test may panic")]

mod audit;
mod counted;
mod exercised;
mod files;
mod findings;
mod fixture;
mod host;
mod hostile;
mod origin;
mod pairs;
mod progress;
mod referee;
mod rendered;
mod schema;
mod summary;
