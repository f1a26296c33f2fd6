//! What a run needs besides its plan.

use firebench_supervise::{Interrupt, Isolation, RunDir};

/// What a run needs besides its plan.
pub struct Surroundings<'a> {
    /// Where temporary files go.
    pub run_dir: &'a RunDir,
    /// Reports when to stop.
    pub interrupt: &'a Interrupt,
}

impl Surroundings<'_> {
    /// How a VMM is started here.
    pub fn isolation(&self) -> Isolation<'_> {
        Isolation { run_dir: Some(self.run_dir), interrupt: Some(self.interrupt.fd()), ..Isolation::default() }
    }
}
