//! Whether the blocks in which a payload is to be read can be, and the buffer that is to be hashed: where only the machine tells how
//! large the payload and the memory are.

use firebench_model::experiment::{Experiment, ExperimentError};
use firebench_model::plan::PlannedContender;
use firebench_text::units::Size;
use firebench_workload::{Speed, Workload};

use super::{PrepareError, disks};

/// Looks before anything is built.
///
/// # Errors
/// [`ExperimentError::LargeBlock`].
pub(super) fn fits_payload(experiment: &Experiment, workload: &dyn Workload, speed: Speed) -> Result<(), PrepareError> {
    let Some(block) = experiment.payload.block() else { return Ok(()) };
    let payload = disks::payload_bytes(experiment, workload, speed)?.map(Size);
    match payload.filter(|&payload| block > payload) {
        Some(payload) => Err(ExperimentError::LargeBlock { block, payload }.into()),
        None => Ok(()),
    }
}

/// Half of a contender's memory is left to everything else in it: kernel, agent, and the page cache through which the payload comes.
///
/// # Errors
/// [`PrepareError::BlockMemory`] for the first contender that has too little.
pub(super) fn fits_memory<'a>(
    experiment: &Experiment,
    mut contenders: impl Iterator<Item = &'a PlannedContender>,
) -> Result<(), PrepareError> {
    let buffer = experiment.hash_loop.and_then(|asked| asked.buffer);
    let (option, block) = match (experiment.payload.block(), buffer) {
        (Some(block), _) => ("--block", block),
        (None, Some(buffer)) => ("--buffer", buffer),
        (None, None) => return Ok(()),
    };
    let memory = |planned: &PlannedContender| Size(u64::from(planned.machine.memory_mib) << 20);
    match contenders.find(|planned| block.0 > memory(planned).0 / 2) {
        Some(planned) => {
            let memory = memory(planned);
            Err(PrepareError::BlockMemory {
                name: planned.name.clone(),
                option,
                block,
                memory,
                most: Size(memory.0 / 2),
            })
        }
        None => Ok(()),
    }
}
