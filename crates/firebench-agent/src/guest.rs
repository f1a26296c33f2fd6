//! The life of a guest.

use crate::error::Error;
use crate::exec::Line;
use crate::files::read;
use crate::measure::Reads;
use crate::report::Reporter;
use crate::series::{Series, greet};
use crate::{console, exec, facts, kernel_log, modules, mounts, power};
use firebench_protocol::{End, Event, ExecJob, GuestFacts, JOB_PATH, Job, JobKind, MeasureJob, QUIET};
use std::fs;
use std::panic;
use std::path::Path;
use std::time::Duration;

/// How the machine ends without a job that says how: every VMM treats a restart as the end.
const END_WITHOUT_JOB: End = End::Restart;

/// All of PID 1, which woke at the uptime `woken`: does the job, reports, and ends the machine whatever happens.
pub fn run(woken: Duration) -> ! {
    panic::set_hook(Box::new(|panic| {
        console::emergency(&panic.to_string());
        power::end(END_WITHOUT_JOB);
    }));
    match start() {
        Ok((job, reporter)) => {
            report_panics(reporter.clone(), job.end);
            match work(&job, woken, &reporter).and_then(|()| reporter.send(&Event::Done)) {
                Ok(()) => {}
                Err(error) => fail(&reporter, error.to_string()),
            }
            be_quiet(&reporter);
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
    let console = match console::open(&job.console) {
        Ok(console) => console,
        // The console's driver may be a module. Where it is not, loading comes later, when its failure can be told.
        Err(error) => modules::load_all().and_then(|_| console::open(&job.console)).map_err(|_| error)?,
    };
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

fn work(job: &Job, woken: Duration, reporter: &Reporter) -> Result<(), Error> {
    greet(job.protocol, woken, reporter)?;
    be_quiet(reporter);
    let modules = modules::load_all()?;
    mounts::enter_root(&job.root)?;
    mounts::conveniences();
    match &job.kind {
        JobKind::Measure(measure) => measure_all(measure, &job.root.device, modules, reporter),
        JobKind::Exec(program) => execute(program, reporter),
    }
}

/// Waits until all is said, and as long as somebody may need to look what it took so far.
fn be_quiet(reporter: &Reporter) {
    reporter.drain();
    std::thread::sleep(QUIET);
}

fn measure_all(job: &MeasureJob, device: &str, modules: Vec<String>, reporter: &Reporter) -> Result<(), Error> {
    let disk = Path::new(device).file_name().unwrap_or_default().to_string_lossy();
    let series = Series { task: &job.task, iterations: job.iterations, reads: Reads::OfDevice(&disk) };
    let cool = || if job.cold { drop_caches() } else { Ok(()) };
    let log = kernel_log::read();
    let kernel_lines = log.as_ref().map(|log| u32::try_from(log.len()).unwrap_or(u32::MAX));
    let kernel_pauses = log.as_deref().map(kernel_log::pauses).unwrap_or_default();
    let facts = GuestFacts { kernel_lines, kernel_pauses, ..facts::gather(Some(&disk), modules) };
    series.run(facts, cool, reporter)
}

fn execute(job: &ExecJob, reporter: &Reporter) -> Result<(), Error> {
    mounts::of_a_host();
    let mut passed_on = |line| match line {
        Line::Out(line) => reporter.output(line),
        Line::Err(line) => reporter.text(&line),
    };
    let status = exec::run(job, &mut passed_on, &mut || reporter.send(&Event::Alive))?;
    reporter.send(&Event::Exited { status })
}

/// Empties the page cache, and what the kernel remembers of directories and inodes.
fn drop_caches() -> Result<(), Error> {
    const PATH: &str = "/proc/sys/vm/drop_caches";
    nix::unistd::sync();
    fs::write(PATH, "3").map_err(|cause| Error::Write { path: PATH.to_owned(), cause })
}
