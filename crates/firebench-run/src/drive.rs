//! firebench at the other end of a contender's card: it asks the service in there until that answers, and then as fast or as often as the
//! workload says. All of its times are the host's.
//!
//! The client is firebench's own, on blocking sockets with a thread each: between an answer and its time lies one system call, and no queue
//! of a runtime. What comes from a guest has bounds: the length of a head, the length that was asked for, and a time for every answer.

mod client;
mod load;
mod probe;

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use firebench_image::digest;
use firebench_protocol::service::{BODY_PATH, GREETING, SHUTDOWN_PATH, body};
use firebench_supervise::PeerEnd;
use firebench_workload::{Bytes, Drive};

use client::{Client, Trouble};
pub use probe::Probed;

/// How long the service goes on after its last answer that counts, so that what it reports of its beginning and of its end are two things
/// to the host's clock.
const REST: Duration = Duration::from_millis(30);

/// How long the driver may take for its end once the service has ended.
const LAST: Duration = Duration::from_secs(5);

/// How often whoever watches the boot looks whether the driver has failed.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// The metrics of a boot, by name.
pub(crate) type Values = Vec<(&'static str, f64)>;

/// What the driver and whoever watches the boot both know.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    stop: AtomicBool,
    probed: Mutex<Probed>,
}

impl Shared {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn note(&self, probed: &Probed) {
        *self.probed.lock().unwrap_or_else(PoisonError::into_inner) = probed.clone();
    }
}

/// A driver at work, in a thread of its own. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Driver {
    thread: Option<JoinHandle<Result<Values, Trouble>>>,
    shared: Arc<Shared>,
}

impl Driver {
    /// Begins to ask, of a launch that was started at `started`. No answer may take longer than `patience`.
    ///
    /// # Errors
    /// Where there is no thread.
    pub(crate) fn start(
        end: PeerEnd,
        drive: Drive,
        started: Instant,
        patience: Duration,
    ) -> Result<Driver, std::io::Error> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().spawn(move || work(&end, &drive, started, patience, &theirs))?;
        Ok(Driver { thread: Some(thread), shared })
    }

    /// Why it has given up, if it has.
    pub(crate) fn failed(&mut self) -> Option<String> {
        if !self.thread.as_ref()?.is_finished() {
            return None;
        }
        // A good end stays for whoever asks for it.
        match self.thread.take()?.join() {
            Ok(Ok(values)) => {
                self.thread = std::thread::Builder::new().spawn(move || Ok(values)).ok();
                None
            }
            Ok(Err(trouble)) => Some(trouble.to_string()),
            Err(_) => Some("firebench's own client failed".to_owned()),
        }
    }

    /// What it has measured, once the service has ended.
    ///
    /// # Errors
    /// Why there is nothing, in a sentence without its end.
    pub(crate) fn end(&mut self) -> Result<Values, String> {
        let early = || "the service ended before firebench had its answers".to_owned();
        let begun = Instant::now();
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            if begun.elapsed() > LAST {
                return Err(early());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(values))) => Ok(values),
            Some(Ok(Err(trouble))) => Err(trouble.to_string()),
            Some(Err(_)) | None => Err(early()),
        }
    }

    /// What has answered so far, in a clause.
    pub(crate) fn progress(&self) -> String {
        self.shared.probed.lock().unwrap_or_else(PoisonError::into_inner).to_string()
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
        let reference = match &drive.body {
            Bytes::Pattern(bytes) => body(usize::try_from(bytes.0).unwrap_or(usize::MAX)),
            Bytes::File { bytes, sha256 } => {
                let found = client.fetch(BODY_PATH, usize::try_from(*bytes).unwrap_or(usize::MAX))?;
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

/// Whether a system call is to be made again.
fn is_for_now(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
