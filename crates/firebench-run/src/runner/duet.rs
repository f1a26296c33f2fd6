//! All boots of a block at once.

use firebench_model::events::Listener;
use firebench_model::record::{BootRecord, BootStatus};
use firebench_stats::design::Turn;

use super::boot::{Boot, Lived};
use super::error::RunError;
use super::{beside, together};

/// Plays a block; `warm_up` iterations of each boot do not count. Nothing is started before everything is there for all of them.
///
/// # Errors
/// [`RunError`]; nothing has been started then.
pub(super) fn play(boots: &[Boot<'_>], warm_up: u32, listener: &mut dyn Listener) -> Result<Vec<BootRecord>, RunError> {
    let mut ready = Vec::with_capacity(boots.len());
    for boot in boots {
        let mut one = boot.prepare(listener)?;
        one.record.cpus = boot.contender.machine.cpus.clone().unwrap_or_default();
        ready.push(one);
    }
    Ok(judged(together::live(boots, ready, listener, &mut || {}), warm_up))
}

/// What the boots of a block are worth, seen together.
fn judged(block: Vec<Lived>, warm_up: u32) -> Vec<BootRecord> {
    let (mut records, spans): (Vec<BootRecord>, Vec<_>) =
        block.into_iter().map(|lived| (lived.record, lived.spans)).unzip();
    let all = |status: BootStatus| records.iter().all(|record| record.status == status);
    if records.iter().any(|record| record.status == BootStatus::Interrupted) {
        // Those that were done already are done again, for the block is.
        for record in &mut records {
            record.status = BootStatus::Interrupted;
            record.message = Some("the run was stopped".to_owned());
        }
    } else if all(BootStatus::Ok) {
        let warm_up = usize::try_from(warm_up).unwrap_or(usize::MAX);
        for (record, alone) in records.iter_mut().zip(beside::alone(&spans)) {
            record.iterations.iter_mut().zip(alone).for_each(|(iteration, alone)| iteration.alone = alone);
            if record.iterations.iter().skip(warm_up).all(|iteration| iteration.alone) {
                record.status = BootStatus::Void;
                record.message = Some(NONE_BESIDE.to_owned());
            }
        }
    }
    records
}

/// The boot of a turn that the block was cut off before.
pub(super) fn cut_off(turn: &Turn) -> BootRecord {
    let message =
        "firebench was ended amid its block, of which other boots are over: alone it would measure something else";
    BootRecord {
        status: BootStatus::Void,
        message: Some(message.to_owned()),
        ..BootRecord::new(turn.block, turn.position, 1)
    }
}

/// Why a boot is void none of whose iterations counts.
const NONE_BESIDE: &str = "none of its iterations after the warm-up ran beside those of all other contenders, which had not begun or \
                           were done (more --iterations overlap longer)";
