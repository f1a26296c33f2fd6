//! firebench at the other end of a contender's card: it asks the service in there until that answers, and then as fast or as often as the
//! workload says. All of its times are the host's.
//!
//! The client is firebench's own, on blocking sockets with a thread each: between an answer and its time lies one system call, and no queue
//! of a runtime. What comes from a guest has bounds: the length of a head, the length that was asked for, and a time for every answer.

mod client;
mod load;
mod probe;
mod probed;
mod shared;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use firebench_image::digest;
use firebench_model::plan::Plan;
use firebench_model::record::{BootStatus, IterationRecord};
use firebench_model::service::{Bytes, Drive};
use firebench_os::deadline::after;
use firebench_protocol::service::{BODY_PATH, GREETING, MAX_BODY, SHUTDOWN_PATH, body};
use firebench_supervise::{PeerEnd, Vm};

use crate::observe::Step;
use client::{Client, Trouble};
use shared::{Shared, Values, lock};

/// How long the service goes on after its last answer that counts, so that what it reports of its beginning and of its end are two things
/// to the host's clock.
const REST: Duration = Duration::from_millis(30);

/// How long an answer may take at real speed, and emulated.
const ANSWER: Duration = Duration::from_secs(10);
const EMULATED_ANSWER: Duration = Duration::from_secs(120);

/// How long the driver may take for its end once the service has ended.
const LAST: Duration = Duration::from_secs(5);

/// How often whoever watches the boot looks whether the driver has failed.
const GLANCE: Duration = Duration::from_millis(50);

/// Whoever drives the service of a boot, in a thread of its own; nobody, where the workload has none. Dropping it ends it.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    thread: Option<JoinHandle<Result<Values, Trouble>>>,
    shared: Arc<Shared>,
}

impl Driver {
    /// Begins to ask, as a plan says, of what was started at `started`.
    ///
    /// # Errors
    /// Why it cannot, in a sentence.
    pub(crate) fn of(vm: &mut Vm, plan: &Plan, started: Instant) -> Result<Driver, String> {
        let Some(drive) = plan.inputs.drive.clone() else { return Ok(Driver::default()) };
        let Some(end) = vm.peer.take() else { return Err("the boot has no network to ask its service in".to_owned()) };
        let patience = if plan.emulated { EMULATED_ANSWER } else { ANSWER };
        Driver::start(end, drive, started, patience)
    }

    /// Begins to ask at that end. No answer may take longer than `patience`.
    fn start(end: PeerEnd, drive: Drive, started: Instant, patience: Duration) -> Result<Driver, String> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().spawn(move || work(&end, &drive, started, patience, &theirs));
        let thread = thread.map_err(|error| format!("cannot start a thread to ask the service: {error}"))?;
        Ok(Driver { thread: Some(thread), shared })
    }

    /// Until when to wait for something else, when `deadline` is the time by which it must happen: a driver is looked after meanwhile.
    pub(crate) fn glance(&self, deadline: Instant) -> Instant {
        if self.thread.is_some() { deadline.min(after(Instant::now(), GLANCE)) } else { deadline }
    }

    /// Why it has given up, if it has: a sentence without its end.
    pub(crate) fn failed(&mut self) -> Option<String> {
        self.thread.as_ref().filter(|thread| thread.is_finished())?;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(values))) => {
                // It stays for whoever asks for what came of it.
                self.shared.keep(values);
                None
            }
            Some(Ok(Err(trouble))) => Some(trouble.to_string()),
            Some(Err(_)) | None => Some("firebench's own client failed".to_owned()),
        }
    }

    /// A step of the boot, with what was measured of the service where it is a measured one.
    pub(crate) fn complete(&mut self, step: Step, iterations: &mut [IterationRecord]) -> Step {
        let Step::Measured(mut iteration) = step else { return step };
        if self.thread.is_none() && self.shared.is_unused() {
            return Step::Measured(iteration);
        }
        match self.end() {
            Ok(values) => {
                iteration.metrics.extend(values.into_iter().map(|(name, value)| (name.to_owned(), value)));
                if let Some(last) = iterations.last_mut() {
                    *last = iteration.clone();
                }
                Step::Measured(iteration)
            }
            Err(why) => Step::Failed(BootStatus::ServiceFailed, why),
        }
    }

    /// What it has measured, once the service has ended.
    fn end(&mut self) -> Result<Values, String> {
        let begun = Instant::now();
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && begun.elapsed() < LAST {
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(why) = self.failed() {
            return Err(why);
        }
        self.shared
            .kept()
            .ok_or_else(|| format!("the service ended before firebench had its answers: {}", self.progress()))
    }

    /// What a missed deadline means, with what the service had answered by then.
    pub(crate) fn explain(&self, (status, message): (BootStatus, String)) -> (BootStatus, String) {
        let asks = self.thread.is_some() && status.is_failure();
        (status, if asks { format!("{message}: {}", self.progress()) } else { message })
    }

    /// What has answered so far, in a clause.
    fn progress(&self) -> String {
        lock(&self.shared.probed).to_string()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// All of the driver's work.
fn work(
    end: &PeerEnd,
    drive: &Drive,
    started: Instant,
    patience: Duration,
    shared: &Shared,
) -> Result<Values, Trouble> {
    let (probed, place) = probe::until_it_answers(end, started, shared)?;
    let mut values = probed.values();
    let stream = end.connections.get(place).ok_or(Trouble::Stopped)?;
    if let Some(load) = &drive.load {
        end.widen().map_err(|error| Trouble::system("widen the queue of the tap", &error))?;
        let mut client = Client::new(stream, patience, shared)?;
        let length = usize::try_from(drive.body.length()).unwrap_or(usize::MAX).min(MAX_BODY);
        let reference = match &drive.body {
            Bytes::Pattern { .. } => body(length),
            Bytes::Payload { sha256, .. } => {
                let found = client.fetch(BODY_PATH, length)?;
                match digest::sha256(&found) {
                    right if right == *sha256 => found,
                    wrong => return Err(Trouble::Wrong(format!("its body has the SHA-256 {wrong}, not {sha256}"))),
                }
            }
        };
        drop(client);
        values.extend(load::all(end, load, &reference, patience, shared)?);
    }
    std::thread::sleep(REST);
    let stream = end.connections.get(place).ok_or(Trouble::Stopped)?;
    match Client::new(stream, patience, shared)?.ask(SHUTDOWN_PATH, GREETING) {
        // Its machine may be gone before its last answer has left it.
        Ok(()) | Err(Trouble::Closed | Trouble::Broken(_)) => Ok(values),
        Err(trouble) => Err(trouble),
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a test may panic")]
mod tests;
