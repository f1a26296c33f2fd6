//! Work on a thread that may hang in the kernel, without hanging with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

/// A KVM that has not answered by then is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Told to the worker when nobody waits for it any more.
pub(super) type Stop = AtomicBool;

/// How the work ended.
#[derive(Debug, PartialEq)]
pub(super) enum Ended<T> {
    /// With a result.
    InTime(T),
    /// It did not finish within the time, or panicked.
    Late,
    /// Never begun: the system has no thread for it. With the error's number.
    NoThread(i32),
}

/// A late worker is interrupted this often, since a signal can fall between its look at [`Stop`] and the system call.
const KICKS: u32 = 10;
/// Between two of them.
const KICK_PAUSE: Duration = Duration::from_millis(5);

/// Runs `work` on a thread of its own and waits for it at most `patience`.
/// A late worker is asked to stop and interrupted with a signal, which makes a system call such as `KVM_RUN` return
/// `EINTR`: left alone it would keep a CPU busy for as long as firebench lives. One that hangs in the kernel for good
/// is left behind; it ends with the process.
pub(super) fn with_timeout<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> Ended<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let (sender, receiver) = mpsc::channel();
    let worker = std::thread::Builder::new().spawn(move || {
        // Nobody listens to a late worker.
        let _ = sender.send(work(&seen));
    });
    let worker = match worker {
        Ok(worker) => worker,
        Err(error) => return Ended::NoThread(error.raw_os_error().unwrap_or(libc::EAGAIN)),
    };
    match receiver.recv_timeout(patience) {
        Ok(result) => Ended::InTime(result),
        Err(_) => {
            stop.store(true, Ordering::SeqCst);
            // The handler does nothing: its being there turns the signal from "end the process" into EINTR.
            extern "C" fn nothing(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}
            if register_signal_handler(SIGRTMIN(), nothing).is_ok() {
                for _ in 0..KICKS {
                    if worker.is_finished() || worker.kill(SIGRTMIN()).is_err() {
                        break;
                    }
                    std::thread::sleep(KICK_PAUSE);
                }
            }
            Ended::Late
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_work_gives_its_result() {
        assert_eq!(with_timeout(Duration::from_secs(10), |_| 7), Ended::InTime(7));
    }

    #[test]
    #[expect(unsafe_code, reason = "a system call that hangs")]
    fn work_that_hangs_in_a_system_call_is_interrupted() {
        let (ended, over) = mpsc::channel();
        let result = with_timeout(Duration::from_millis(20), move |stop| {
            while !stop.load(Ordering::SeqCst) {
                // SAFETY: no descriptors are passed, so poll only sleeps; it returns early with EINTR.
                unsafe { libc::poll(std::ptr::null_mut(), 0, 120_000) };
            }
            let _ = ended.send(());
        });
        assert_eq!(result, Ended::Late);
        // Without it, the sleep lasts twice as long.
        over.recv_timeout(Duration::from_secs(60)).expect("the worker ended after the signal");
    }

    #[test]
    fn a_panic_is_no_result() {
        let quiet = |_: &Stop| -> i32 { std::panic::resume_unwind(Box::new("no message")) };
        assert_eq!(with_timeout(Duration::from_secs(10), quiet), Ended::Late);
    }
}
