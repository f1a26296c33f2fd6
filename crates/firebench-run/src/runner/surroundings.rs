//! What a run needs besides its plan.

use std::time::{Duration, Instant};

use firebench_supervise::{Interrupt, Isolation, RunDir};

/// How often whoever waits looks whether the run is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// What a run needs besides its plan.
pub struct Surroundings<'a> {
    /// Where temporary files go.
    pub run_dir: &'a RunDir,
    /// Reports when to stop.
    pub interrupt: &'a Interrupt,
}

impl Surroundings<'_> {
    /// Waits, but no longer than until somebody wants the run to stop.
    pub fn wait(&self, time: Duration) {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            if left.is_zero() || self.interrupt.signal().is_some() {
                return;
            }
            std::thread::sleep(left.min(GLANCE));
        }
    }

    /// How a VMM is started here.
    pub fn isolation(&self) -> Isolation<'_> {
        Isolation { run_dir: Some(self.run_dir), interrupt: Some(self.interrupt.fd()), ..Isolation::default() }
    }
}
