//! Reports a bug in firebench itself: a panic.
//!
//! A panic unwinds, in every profile: what a run holds is ended and removed on the way, as after any other failure.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use crate::out_of_memory;

/// A bug in firebench ended it: EX_SOFTWARE of sysexits(3).
pub const EXIT_BUG: u8 = 70;

/// The run that is under way, if the store keeps it.
static RUN: Mutex<Option<String>> = Mutex::new(None);

/// Does `work`. If it panics, prints an error for the user, and returns [`EXIT_BUG`].
pub fn guard(work: impl FnOnce() -> ExitCode) -> ExitCode {
    panic::set_hook(Box::new(|info| {
        let what = what(info);
        if out_of_memory::is_meant_by(what) {
            out_of_memory::end();
        }
        let run = RUN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Whoever closed standard error does not want to know.
        let _ = std::io::stderr().write_all(message(what, info.location(), run.as_deref()).as_bytes());
    }));
    // What the work left half done is seen by nobody: the process ends here.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(ExitCode::from(EXIT_BUG))
}

/// The store keeps the run `id`, from here on or, with `None`, no longer.
pub fn kept(id: Option<&str>) {
    *RUN.lock().unwrap_or_else(PoisonError::into_inner) = id.map(str::to_owned);
}

fn what<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let what = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref().map(String::as_str));
    what.unwrap_or("without a message")
}

fn message(what: &str, place: Option<&Location<'_>>, run: Option<&str>) -> String {
    let what = what.replace('\n', " ");
    let place = place.map(|place| format!(", at {}:{}", place.file(), place.line())).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let hint = match run {
        Some(id) => {
            format!(
                "the boots that were done are in the store, and `firebench run --resume {id}` continues after \
            them; "
            )
        }
        None => String::new(),
    };
    format!(
        "error: a bug in firebench {version}: {what}{place}\n\
         hint: {hint}please report this bug, with the command and this message\n"
    )
}
