//! The life of a guest.

use crate::error::Error;
use crate::exec::Line;
use crate::report::Reporter;
use crate::{child, console, exec, facts, measure, modules, mounts, power};
use firebench_protocol::{End, Event, ExecJob, JOB_PATH, Job, JobKind, MeasureJob, Moment, PROTOCOL_VERSION};
use nix::time::{ClockId, clock_gettime};
use std::fs;
use std::panic;
use std::path::Path;
use std::time::Duration;

/// How the machine ends when there is no job that says it: every VMM takes a restart for the end.
const END_WITHOUT_JOB: End = End::Restart;

/// All of PID 1: does the job, reports, and ends the machine whatever happens.
pub fn run() -> ! {
    panic::set_hook(Box::new(|panic| {
        console::emergency(&panic.to_string());
        power::end(END_WITHOUT_JOB);
    }));
    match start() {
        Ok((job, reporter)) => {
            report_panics(reporter.clone(), job.end);
            match work(&job, &reporter).and_then(|()| reporter.send(&Event::Done)) {
                Ok(()) => {}
                Err(error) => fail(&reporter, error.to_string()),
            }
            reporter.drain();
            power::end(job.end);
        }
        Err(error) => {
            console::emergency(&error.to_string());
            power::end(END_WITHOUT_JOB);
        }
    }
}

/// Everything up to the point where events can be sent.
fn start() -> Result<(Job, Reporter), Error> {
    mounts::kernel_file_systems()?;
    let job: Job = serde_json::from_str(&read(JOB_PATH)?).map_err(Error::Job)?;
    console::quieten_kernel();
    let console = console::open(&job.console)?;
    console::detach_standard_streams();
    let reporter = Reporter::new(console, job.nonce.clone());
    Ok((job, reporter))
}

fn report_panics(reporter: Reporter, end: End) {
    panic::set_hook(Box::new(move |panic| {
        fail(&reporter, format!("the agent failed: {panic}"));
        reporter.drain();
        power::end(end);
    }));
}

/// Reports the failure in a frame, or at least as text.
fn fail(reporter: &Reporter, message: String) {
    if let Err(error) = reporter.fail(message.clone()) {
        console::emergency(&format!("{message} ({error})"));
    }
}

fn work(job: &Job, reporter: &Reporter) -> Result<(), Error> {
    reporter.send(&Event::Hello {
        protocol: PROTOCOL_VERSION,
        agent: env!("CARGO_PKG_VERSION").to_owned(),
        uptime: uptime(),
    })?;
    if job.protocol != PROTOCOL_VERSION {
        return Err(Error::Protocol(job.protocol));
    }
    let modules = modules::load_all()?;
    mounts::enter_root(&job.root)?;
    mounts::conveniences();
    match &job.kind {
        JobKind::Measure(measure) => measure_all(measure, &job.root.device, modules, reporter),
        JobKind::Exec(program) => execute(program, reporter),
    }
}

fn measure_all(job: &MeasureJob, device: &str, modules: Vec<String>, reporter: &Reporter) -> Result<(), Error> {
    if job.iterations == 0 {
        return Err(Error::NoIterations);
    }
    let disk = Path::new(device).file_name().unwrap_or_default().to_string_lossy();
    reporter.send(&Event::Facts(Box::new(facts::gather(&disk, modules))))?;
    let meminfo = |moment| reporter.send(&Event::Meminfo { moment, text: read("/proc/meminfo")? });
    meminfo(Moment::Before)?;
    for index in 0..job.iterations {
        if job.cold {
            drop_caches()?;
        }
        reporter.send(&Event::IterationStart { index })?;
        reporter.drain();
        let report = measure::iteration(index, &job.argv, Some(&disk))?;
        reporter.send(&Event::Iteration(Box::new(report)))?;
        child::bury_orphans();
    }
    meminfo(Moment::After)
}

fn execute(job: &ExecJob, reporter: &Reporter) -> Result<(), Error> {
    let status = exec::run(job, &mut |line| match line {
        Line::Out(line) => reporter.output(line),
        Line::Err(line) => reporter.text(&line),
    })?;
    reporter.send(&Event::Exited { status })
}

/// Empties the page cache, and what the kernel remembers of directories and inodes.
fn drop_caches() -> Result<(), Error> {
    const PATH: &str = "/proc/sys/vm/drop_caches";
    nix::unistd::sync();
    fs::write(PATH, "3").map_err(|cause| Error::Write { path: PATH.to_owned(), cause })
}

/// Seconds since the guest's kernel started.
fn uptime() -> f64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0.0, |time| Duration::from(time).as_secs_f64())
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })
}
