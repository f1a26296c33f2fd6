//! What every executor is.

use std::fmt::Debug;

use firebench_model::events::Listener;
use firebench_model::plan::Plan;

use super::error::ExecutorError;
use crate::runner::Surroundings;

/// Carries out plans somewhere.
pub trait Executor: Debug {
    /// What its machine is.
    fn place(&self) -> Place;

    /// Carries out what is left of `plan`, whose paths are those of this machine, and tells `listener` all that happens. `attempt`
    /// counts from 1: each one is carried out in a place of its own.
    ///
    /// # Errors
    /// [`ExecutorError`]; the listener has by then got every boot that is over.
    fn run(
        &self,
        plan: &Plan,
        attempt: u32,
        around: &Surroundings<'_>,
        listener: &mut dyn Listener,
    ) -> Result<(), ExecutorError>;
}

/// What the machine of an executor is, as far as a plan depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is this machine: its CPUs, its pool of huge pages and this user's rights are those that count.
    pub this_machine: bool,
    /// The number of its CPUs, where it is not this machine.
    pub cpus: Option<u32>,
}
