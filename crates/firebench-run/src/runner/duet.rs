//! All boots of a block at once.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, BootStatus};
use firebench_stats::design::Turn;

use super::beside;
use super::boot::{Boot, Lived, Ready};
use super::error::RunError;

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
    Ok(judged(live(boots, ready, listener), warm_up))
}

/// A thread for each boot; this one passes on what all of them tell, in the order in which they tell it.
fn live(boots: &[Boot<'_>], ready: Vec<Ready>, listener: &mut dyn Listener) -> Vec<Lived> {
    let (sender, events) = mpsc::channel::<RunEvent>();
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(boots.len());
        for (boot, ready) in boots.iter().zip(ready) {
            let (sender, record) = (sender.clone(), ready.record.clone());
            // Nobody listens any more where the listener has panicked.
            let mut tell = move |event: &RunEvent| drop(sender.send(event.clone()));
            let begun = thread::Builder::new().spawn_scoped(scope, move || boot.live(ready, &mut tell));
            threads.push(begun.map_err(|error| Lived { record: no_thread(record, &error), spans: Vec::new() }));
        }
        drop(sender);
        events.iter().for_each(|event| listener.on_event(&event));
        let end =
            |thread: thread::ScopedJoinHandle<'_, Lived>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        threads.into_iter().map(|thread| thread.map_or_else(|lived| lived, end)).collect()
    })
}

/// A boot for which there was no thread.
fn no_thread(record: BootRecord, error: &std::io::Error) -> BootRecord {
    let message = format!("cannot start a thread to watch it: {error}");
    BootRecord { status: BootStatus::StartFailed, message: Some(message), ..record }
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
