//! What all of a driver's parts share.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::probed::Probed;

/// The metrics of a boot, by name.
pub(super) type Values = Vec<(&'static str, f64)>;

/// What the driver and whoever watches the boot both know.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(super) stop: AtomicBool,
    pub(super) probed: Mutex<Probed>,
    values: Mutex<Option<Values>>,
}

impl Shared {
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, probed: &Probed) {
        *lock(&self.probed) = probed.clone();
    }

    pub(super) fn keep(&self, values: Values) {
        *lock(&self.values) = Some(values);
    }

    pub(super) fn kept(&self) -> Option<Values> {
        lock(&self.values).take()
    }

    pub(super) fn is_unused(&self) -> bool {
        lock(&self.values).is_none()
    }
}

/// What is behind a lock, whoever panicked with it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a system call is to be made again.
pub(super) fn is_for_now(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
