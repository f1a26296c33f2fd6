//! The host control: a command measured by the same code as in a guest, in an ordinary process of the bare host.

use crate::error::Error;
use crate::files::read;
use crate::measure::Reads;
use crate::report::Reporter;
use crate::series::{Series, greet};
use crate::{facts, sys};
use firebench_protocol::{Event, GuestFacts, HostJob};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Does the job in the file `path` and reports on the standard output; it woke at the uptime `woken`. Fails after `Failed`, or, where there is no job
/// whose nonce a frame could carry, after a line on the standard error.
pub fn run(path: &str, woken: Duration) -> ExitCode {
    let (job, reporter) = match start(path) {
        Ok(started) => started,
        Err(error) => {
            eprintln!("firebench-agent: {error}");
            return ExitCode::FAILURE;
        }
    };
    report_panics(reporter.clone());
    // firebench has arranged that the agent dies with it, and then the command must not go on alone: it is in the agent's
    // process group. Where that is somebody else's, as in a shell script, the agent leaves things as they are.
    if nix::unistd::getpgrp() == nix::unistd::getpid() {
        sys::end_group_with_parent();
    }
    match work(&job, woken, &reporter).and_then(|()| reporter.send(&Event::Done)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            fail(&reporter, error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Everything up to the point where events can be sent.
fn start(path: &str) -> Result<(HostJob, Reporter), Error> {
    let job: HostJob = serde_json::from_str(&read(path)?).map_err(Error::Job)?;
    // As in a guest. And not for the command alone: to start it there would be another way of starting it.
    std::env::set_current_dir("/").map_err(|cause| Error::Read { path: "/".to_owned(), cause })?;
    let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(Error::Report)?;
    let reporter = Reporter::new(File::from(stdout), job.nonce.clone());
    Ok((job, reporter))
}

fn report_panics(reporter: Reporter) {
    panic::set_hook(Box::new(move |panic| {
        fail(&reporter, format!("the agent failed: {panic}"));
        std::process::exit(1);
    }));
}

/// Reports the failure in a frame, or at least as text.
fn fail(reporter: &Reporter, message: String) {
    if let Err(error) = reporter.fail(message.clone()) {
        eprintln!("firebench-agent: {message} ({error})");
    }
}

fn work(job: &HostJob, woken: Duration, reporter: &Reporter) -> Result<(), Error> {
    greet(job.protocol, woken, reporter)?;
    let series = Series { task: &job.task, iterations: job.iterations, reads: Reads::OfCommand };
    let cool = || if job.cold { job.evict.iter().try_for_each(|path| evict(path)) } else { Ok(()) };
    series.run(gather(job), cool, reporter)
}

/// The facts of this machine, but only the CPUs that this process may use.
fn gather(job: &HostJob) -> GuestFacts {
    let disk = job.evict.first().and_then(|path| facts::disk_of(path));
    let mut facts = facts::gather(disk.as_deref(), Vec::new());
    if let Ok(usable) = std::thread::available_parallelism() {
        facts.cpu.online = u32::try_from(usable.get()).unwrap_or(u32::MAX);
    }
    facts
}

/// Drops a file from the page cache.
fn evict(path: &Path) -> Result<(), Error> {
    let drop_pages = || {
        let file = File::open(path)?;
        // Only clean pages are dropped.
        file.sync_all()?;
        Ok(posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?)
    };
    drop_pages().map_err(|cause| Error::Evict { path: path.display().to_string(), cause })
}
