//! Whether the user wants the work to end: long work looks for it, whatever it reads.
//!
//! There is one answer for the whole process, so that no reader has to be handed it. Who catches signals says once how to
//! look ([`look_with`]); work looks after every [`INTERVAL`] bytes, and ends with [`Interrupted`].

use std::sync::{Arc, PoisonError, RwLock};

/// The user wants the work to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Bytes after which work looks again.
pub const INTERVAL: usize = 64 << 10;

type Look = Arc<dyn Fn() -> bool + Send + Sync>;

static LOOK: RwLock<Option<Look>> = RwLock::new(None);

/// From now on, `look` says whether work shall end. Without it, all work goes on to its end.
pub fn look_with(look: impl Fn() -> bool + Send + Sync + 'static) {
    *LOOK.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(look));
}

/// Whether work shall end.
pub fn is_wanted() -> bool {
    LOOK.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|look| look())
}

/// Ends the work where the user wants that.
///
/// # Errors
/// [`Interrupted`].
pub fn check() -> Result<(), Interrupted> {
    if is_wanted() { Err(Interrupted) } else { Ok(()) }
}
