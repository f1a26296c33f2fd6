//! The store: what is in it, what is not, and what survives.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

#[allow(dead_code)]
#[path = "../report/fixture.rs"]
mod fixture;
#[path = "../report/host.rs"]
mod host;

mod commands;
mod directions;
mod documented;
mod exported;
mod history;
mod hostile;
mod imported;
mod killed;
mod made_up;
mod oddities;
mod older;
mod opening;
mod recorded;
mod runs;
mod unreadable;

use firebench_model::record::BootRecord;
use firebench_store::store::Done;

/// The boots alone, with the place of their contender.
fn boots(done: Vec<Done>) -> Vec<(usize, BootRecord)> {
    done.into_iter().map(|done| (done.contender, done.boot)).collect()
}
