//! This machine.

use firebench_model::events::Listener;
use firebench_model::plan::Plan;

use super::{Executor, ExecutorError, Place};
use crate::runner::{self, Surroundings};

/// What it is.
pub const PLACE: Place = Place { name: "this machine", this_machine: true, cpus: None };

/// Runs everything here.
#[derive(Debug)]
pub struct Local;

impl Executor for Local {
    fn place(&self) -> Place {
        PLACE
    }

    fn run(
        &self,
        plan: &Plan,
        _: u32,
        around: &Surroundings<'_>,
        listener: &mut dyn Listener,
    ) -> Result<(), ExecutorError> {
        Ok(runner::run(plan, around, listener)?)
    }
}
