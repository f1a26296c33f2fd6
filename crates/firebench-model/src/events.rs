//! The one event enum: whoever wants to watch a run (terminal, report, the firebench outside of a nested host)
//! listens to it. The nested host streams these events as JSON, one a line.

use firebench_stats::Judgement;
use firebench_vmm::Launch;
use serde::{Deserialize, Serialize};

use crate::record::{BootRecord, DesignRecord, IterationRecord};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The nested host is being started.
    NestedHostStarting {
        /// Attempt, from 1.
        attempt: u32,
    },
    /// The nested host's agent spoke.
    NestedHostUp {
        /// Seconds since its QEMU was started.
        seconds: f64,
    },
    /// A VM is about to start.
    BootStarting {
        /// Index of the contender in the plan.
        contender: usize,
        /// Block, from 0.
        block: u32,
        /// Attempt, from 1.
        attempt: u32,
        /// How it is started.
        launch: Box<Launch>,
    },
    /// The guest's agent spoke.
    GuestUp {
        /// Index of the contender in the plan.
        contender: usize,
        /// Seconds since the VMM was started.
        seconds: f64,
    },
    /// An iteration begins.
    IterationStarting {
        /// Index of the contender in the plan.
        contender: usize,
        /// From 0.
        index: u32,
    },
    /// An iteration ended.
    IterationDone {
        /// Index of the contender in the plan.
        contender: usize,
        /// What was measured.
        iteration: Box<IterationRecord>,
    },
    /// The VM is gone.
    BootDone {
        /// Index of the contender in the plan.
        contender: usize,
        /// Everything about it.
        boot: Box<BootRecord>,
        /// Whether the same contender boots again at this place: the boot never started, or it is a throw-away boot.
        retried: bool,
    },
    /// A block is complete: what the run knows by now.
    Progress {
        /// The design with all that was decided so far.
        design: Box<DesignRecord>,
        /// Whole blocks so far, without the scout's.
        blocks: u32,
        /// Every contender after the first one against the first one; none while nothing can be said, or may be.
        live: Vec<Judgement>,
        /// Seconds until the run ends, as far as that is known.
        eta_seconds: Option<f64>,
    },
    /// Something that the reader of the report must know.
    Notice {
        /// One sentence.
        text: String,
    },
    /// The run cannot go on.
    RunFailed {
        /// The reason, in a sentence.
        message: String,
        /// What the user can do.
        hint: Option<String>,
    },
}

/// Receives the events of a run, one by one, as they happen.
pub trait Listener {
    /// Called for each event.
    fn on_event(&mut self, event: &RunEvent);
}

impl<F: FnMut(&RunEvent)> Listener for F {
    fn on_event(&mut self, event: &RunEvent) {
        self(event);
    }
}
