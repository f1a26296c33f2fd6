//! How a boot ended, and what that means for the run.

use serde::{Deserialize, Serialize};

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootStatus {
    /// Every iteration ran, with an output that its workload takes for right.
    Ok,
    /// The VMM could not be started.
    StartFailed,
    /// The agent did not speak before the boot deadline.
    NeverStarted,
    /// The VMM ended before its guest was done.
    VmmExited,
    /// The guest's kernel panicked.
    GuestPanicked,
    /// The agent reported that it could not go on.
    GuestFailed,
    /// The guest sent what a good agent never sends.
    ProtocolError,
    /// An iteration took longer than its deadline.
    IterationDeadline,
    /// The command ended with a status other than 0.
    CommandFailed,
    /// An iteration's digest was not the payload's.
    WrongDigest,
    /// An iteration's output was not what its workload prints.
    WrongOutput,
    /// Its service did not answer firebench as a good one does.
    ServiceFailed,
    /// The clocks of guest and host disagree by more than the bound, too much of its time was stolen, the guest tells of what
    /// its machine cannot do, a CPU quota held it up, or firebench itself was stopped: nothing that was measured in it is believed.
    Void,
    /// The user or a signal stopped the run.
    Interrupted,
}

impl BootStatus {
    /// Whether another attempt may go better: a guest that hangs in early boot does so now and then under TCG.
    pub fn worth_a_retry(self) -> bool {
        self == BootStatus::NeverStarted
    }

    /// Whether it went wrong for good. An interrupted boot is done again when the run goes on.
    pub fn is_failure(self) -> bool {
        !matches!(self, BootStatus::Ok | BootStatus::Void | BootStatus::Interrupted)
    }

    /// Whether its whole block counts for nothing.
    pub fn leaves_block_out(self) -> bool {
        self.is_failure() || self == BootStatus::Void
    }
}
