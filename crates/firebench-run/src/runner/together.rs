//! Several boots at once: those of a block of a duet, or several of one contender.

use std::panic::resume_unwind;
use std::sync::{PoisonError, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, BootStatus};

use super::boot::{Boot, Lived, Ready};

/// How often something else is looked at while they live.
const LOOK: Duration = Duration::from_millis(20);

/// A thread for each boot, released together; this one passes on what all of them tell, in the order in which they tell it, and looks
/// again and again.
pub(super) fn live(
    boots: &[Boot<'_>],
    ready: Vec<Ready>,
    listener: &mut dyn Listener,
    look: &mut dyn FnMut(),
) -> Vec<Lived> {
    let (sender, events) = mpsc::channel::<RunEvent>();
    let gate = RwLock::new(());
    thread::scope(|scope| {
        let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut threads = Vec::with_capacity(boots.len());
        for (boot, ready) in boots.iter().zip(ready) {
            let (sender, record, gate) = (sender.clone(), ready.record.clone(), &gate);
            // Nobody listens any more where the listener has panicked.
            let mut tell = move |event: &RunEvent| drop(sender.send(event.clone()));
            let begun = thread::Builder::new().spawn_scoped(scope, move || {
                drop(gate.read());
                boot.live(ready, &mut tell)
            });
            threads.push(begun.map_err(|error| Lived { record: no_thread(record, &error), spans: Vec::new() }));
        }
        drop(sender);
        drop(closed);
        loop {
            match events.recv_timeout(LOOK) {
                Ok(event) => listener.on_event(&event),
                Err(mpsc::RecvTimeoutError::Timeout) => look(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
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
