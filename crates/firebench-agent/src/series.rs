//! A measurement from the greeting to its last report: the same events in a guest and on the host.

use crate::child;
use crate::error::Error;
use crate::files::read;
use crate::measure::{self, Reads};
use crate::report::Reporter;
use firebench_protocol::{Event, GuestFacts, Moment, PROTOCOL_VERSION, Task};
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A task to be measured several times.
pub struct Series<'a> {
    /// The task.
    pub task: &'a Task,
    /// How often.
    pub iterations: u32,
    /// Which reads are counted.
    pub reads: Reads<'a>,
}

/// How long the kernel has run.
pub fn uptime() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// The first report, of an agent whose first instruction was executed at the [uptime] `woken`. Fails when the job is of another
/// protocol.
pub fn greet(protocol: u32, woken: Duration, reporter: &Reporter) -> Result<(), Error> {
    let (agent, awake) = (env!("CARGO_PKG_VERSION").to_owned(), uptime().saturating_sub(woken).as_secs_f64());
    reporter.send(&Event::Hello { protocol: PROTOCOL_VERSION, agent, uptime: woken.as_secs_f64(), awake })?;
    if protocol == PROTOCOL_VERSION { Ok(()) } else { Err(Error::Protocol(protocol)) }
}

impl Series<'_> {
    /// Everything between the greeting and `Done`. `cool` runs right before each iteration, outside of what is measured.
    pub fn run(
        &self,
        facts: GuestFacts,
        cool: impl Fn() -> Result<(), Error>,
        reporter: &Reporter,
    ) -> Result<(), Error> {
        if self.iterations == 0 {
            return Err(Error::NoIterations);
        }
        reporter.send(&Event::Facts(Box::new(facts)))?;
        let meminfo = |moment| reporter.send(&Event::Meminfo { moment, text: read("/proc/meminfo")? });
        meminfo(Moment::Before)?;
        for index in 0..self.iterations {
            measure::aside("prepare", &self.task.prepare, self.task)?;
            cool()?;
            reporter.send(&Event::IterationStart { index })?;
            reporter.drain();
            let report = measure::iteration(index, self.task, self.reads)?;
            reporter.send(&Event::Iteration(Box::new(report)))?;
            measure::aside("conclude", &self.task.conclude, self.task)?;
            child::bury_orphans();
        }
        meminfo(Moment::After)
    }
}
