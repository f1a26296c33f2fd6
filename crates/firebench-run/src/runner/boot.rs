//! One boot of one contender, from its start until nothing of it is left.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firebench_model::clock::{self, Known};
use firebench_model::events::{Listener, RunEvent};
use firebench_model::plan::{Plan, PlannedContender, System};
use firebench_model::record::{BootRecord, BootStatus};
use firebench_model::throttle;
use firebench_os::interrupt;
use firebench_stats::design::Turn;
use firebench_supervise::{Exit, Isolation, Output, Vm, cpulimit, pagecache};
use firebench_text as text;
use firebench_vmm::{HostCache, Launch};
use firebench_workload::Workload;

use super::error::Unreadable;
use super::job::{self, nonce};
use super::{RunError, Surroundings};
use crate::console::{Console, Words};
use crate::drive::Driver;
use crate::footprint::{self, Watch};
use crate::observe::{Expected, Observer, Step};
use crate::tally::{Seen, Tally};

/// One boot of one contender.
pub(super) struct Boot<'a> {
    pub(super) plan: &'a Plan,
    pub(super) workload: &'a dyn Workload,
    pub(super) turn: &'a Turn,
    pub(super) contender: &'a PlannedContender,
    pub(super) attempt: u32,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) dir: &'a Path,
}

/// A boot for which everything is there.
pub(super) struct Ready {
    nonce: String,
    launch: Launch,
    /// What a guest boots of it.
    boots: Vec<PathBuf>,
    /// What is known of it.
    pub(super) record: BootRecord,
}

/// All that looks at a boot.
struct Watched<'a, 'b> {
    observer: &'a mut Observer<'b>,
    tally: &'a mut Tally,
    driver: &'a mut Driver,
    boots: &'a [PathBuf],
}

/// A boot that is over.
pub(super) struct Lived {
    /// What there is to say of it.
    pub(super) record: BootRecord,
    /// From when to when each of its iterations ran, by the host's clock.
    pub(super) spans: Vec<Range<Instant>>,
}

impl Boot<'_> {
    /// Writes its files, and sets the state of the page cache.
    ///
    /// # Errors
    /// [`RunError`]; nothing has been started then.
    pub(super) fn prepare(&self, listener: &mut dyn Listener) -> Result<Ready, RunError> {
        let nonce = nonce()?;
        let job = job::write_job(self.plan, self.contender, self.turn.iterations, &nonce, self.dir)?;
        let boots = match &self.contender.system {
            // User Mode Linux is its kernel.
            System::Vm { kernel, .. } if *kernel == self.contender.binary => vec![job.clone()],
            System::Vm { kernel, .. } => vec![kernel.clone(), job.clone()],
            System::Container { .. } | System::Process { .. } => Vec::new(),
        };
        let launch = job::planned_launch(self.contender, job, self.dir)?;
        listener.on_event(&RunEvent::BootStarting {
            contender: self.turn.contender,
            block: self.turn.block,
            attempt: self.attempt,
            launch: Box::new(launch.clone()),
        });
        let cache = pagecache::set(&self.contender.disk, self.host_cache(), interrupt::is_wanted)?;
        let mut record = BootRecord::new(self.turn.block, self.turn.position, self.attempt);
        record.host_cache_resident = Some(cache.fraction());
        Ok(Ready { nonce, launch, boots, record })
    }

    /// Boots and watches it until nothing of it is left. The thread that calls this must stay for so long.
    pub(super) fn live(&self, Ready { nonce, launch, boots, mut record }: Ready, listener: &mut dyn Listener) -> Lived {
        let limit = cpulimit::read(Path::new("/"));
        let started = Instant::now();
        let whole_boots = self.workload.measures_boots();
        let known = Known { whole_boots, ..Known::planned(self.plan, self.contender) };
        let isolation = Isolation { lateness: known.lateness(), ..self.around.isolation() };
        let mut vm = match Vm::start(&launch, &isolation) {
            Ok(vm) => vm,
            Err(error) => {
                record.life_seconds = started.elapsed().as_secs_f64();
                record.status = BootStatus::StartFailed;
                record.message = Some(firebench_text::errors::sentence_and_hint(&error));
                return Lived { record, spans: Vec::new() };
            }
        };
        let expected = Expected {
            iterations: self.turn.iterations,
            workload: self.workload,
            inputs: &self.plan.inputs,
            deadlines: self.plan.deadlines.of(self.contender.concurrent),
            prepares: !self.contender.task.prepare.is_empty(),
        };
        let mut observer = Observer::new(expected, started);
        let executed = vm.executed();
        let mut driver = match Driver::of(&mut vm, self.plan, executed) {
            Ok(driver) => driver,
            Err(error) => {
                record.status = BootStatus::StartFailed;
                record.message = Some(error);
                return Lived { record, spans: Vec::new() };
            }
        };
        let mut tally = Tally::default();
        let watched = Watched { observer: &mut observer, tally: &mut tally, driver: &mut driver, boots: &boots };
        let end = self.listen(&mut vm, watched, &nonce, &mut record, listener);
        drop(driver);
        record.without = vm.confinement().missing.clone();
        // Whatever it reports, the VM is gone: dropping it would do the same.
        let _ = vm.kill();
        tally.charge(&mut observer.iterations);
        record.counts = tally.end(vm.counts());
        let (status, message) = end.unwrap_or_else(|| (BootStatus::Ok, observer.remark().unwrap_or_default()));
        record.life_seconds = started.elapsed().as_secs_f64();
        let limit_after = cpulimit::read(Path::new("/"));
        record.throttled_seconds = throttle::between(limit.as_ref(), limit_after.as_ref());
        record.status = status;
        record.message = (!message.is_empty()).then_some(message);
        record.vmm_cpu = vm.resources().map(|usage| (usage.user.as_secs_f64(), usage.sys.as_secs_f64()));
        record.console_bytes = vm.console_bytes();
        if status != BootStatus::Ok {
            record.last_words = last_words(&vm, &observer);
        }
        record.boot_seconds = observer.boot_seconds;
        record.moments = observer.moments(executed);
        record.facts = observer.facts;
        record.meminfo_before = observer.meminfo_before;
        record.meminfo_after = observer.meminfo_after;
        record.iterations = observer.iterations;
        record.printed = observer.printed;
        record.complained = observer.complained;
        self.read_whole(&mut record);
        // A good boot that is not to be believed is void. A quota is none of emulated boots' concern: they are no statement about speed.
        let held_up = || throttle::void(&record, limit_after.as_ref()).filter(|_| !self.plan.emulated);
        if let (BootStatus::Ok, Some(reason)) =
            (record.status, held_up().or_else(|| clock::check(&record, &known).void))
        {
            record.status = BootStatus::Void;
            let late = vm.latest();
            let by =
                (late > LATE).then(|| format!(" (firebench itself looked up to {:.2} s late)", late.as_secs_f64()));
            record.message = Some(reason + &by.unwrap_or_default());
        }
        Lived { record, spans: observer.spans }
    }

    /// Takes what the workload measures of a whole boot for that of its iteration. A boot that was not whole is no good boot then.
    fn read_whole(&self, record: &mut BootRecord) {
        if record.status != BootStatus::Ok || !self.workload.measures_boots() {
            return;
        }
        let values = self.workload.of_boot(record, self.contender.system.vmm().boots_a_guest());
        match (values, record.iterations.first_mut()) {
            (Ok(values), Some(iteration)) => {
                iteration.metrics.extend(values.into_iter().map(|(name, value)| (name.to_owned(), value)));
            }
            (Err((status, why)), _) => (record.status, record.message) = (status, Some(why)),
            (_, None) => {}
        }
    }

    /// The state of the page cache before the boot. Without a guest it is the workload's own cache, as the guest's is in a VM,
    /// so it begins empty there; and what others had read into it would not count against the workload's limit of memory.
    fn host_cache(&self) -> HostCache {
        match self.contender.system {
            System::Vm { .. } => self.plan.host_cache,
            System::Container { .. } | System::Process { .. } => HostCache::Cold,
        }
    }

    /// Listens until the boot has ended, well (`None`) or badly.
    fn listen(
        &self,
        vm: &mut Vm,
        Watched { observer, tally, driver, boots }: Watched<'_, '_>,
        nonce: &str,
        record: &mut BootRecord,
        listener: &mut dyn Listener,
    ) -> Option<(BootStatus, String)> {
        let mut console = Console::new(nonce);
        let mut watch = None;
        loop {
            let arrived = match vm.next(driver.glance(observer.deadline())) {
                Ok(Output::Console { at, bytes }) => {
                    observer.first_byte.get_or_insert(at);
                    if observer.measures() {
                        tally.heard(at, seen(vm));
                    }
                    console.read(at, &bytes)
                }
                Ok(Output::Exited(exit)) => {
                    observer.gone = Some(Instant::now());
                    let rest = console.finish(Instant::now());
                    let failed = rest.into_iter().find_map(|arrived| self.tell(observer.on_rest(arrived), listener));
                    return failed.or_else(|| observer.vmm_exited(exit, &ended(exit, vm)));
                }
                Ok(Output::Stalled(span)) => match observer.on_stall(span) {
                    Some(void) => return Some(void),
                    None => continue,
                },
                Ok(Output::Refused(refusal)) => {
                    return Some((BootStatus::StartFailed, firebench_text::errors::sentence_and_hint(&refusal)));
                }
                Ok(Output::Deadline) => match driver.failed() {
                    Some(why) => return Some((BootStatus::ServiceFailed, why)),
                    None if Instant::now() < observer.deadline() => continue,
                    None => return Some(driver.explain(missed(vm, observer))),
                },
                Ok(Output::Interrupted) => return Some((BootStatus::Interrupted, "the run was stopped".to_owned())),
                Ok(Output::Flooded) => {
                    return Some((BootStatus::ProtocolError, flooded(vm, self.around.isolation().output_limit)));
                }
                Err(error) => {
                    let message = firebench_text::errors::sentence_and_hint(&Unreadable(error));
                    return Some((BootStatus::StartFailed, message));
                }
            };
            self.pin(vm, record);
            for arrived in arrived {
                let begun = arrived.begun;
                let step = driver.complete(observer.on_arrival(arrived), &mut observer.iterations);
                if Tally::wants(&step) {
                    tally.saw(&step, begun, seen(vm));
                    if let Some(ports) = matches!(step, Step::Up(_)).then(|| vm.ports()).flatten() {
                        tally.used(ports);
                    }
                }
                self.look(&step, begun, vm, boots, &mut watch, record);
                if let Some(failed) = self.tell(step, listener) {
                    return Some(failed);
                }
            }
            // A guest that never stops talking has no more time than one that is silent.
            if Instant::now() > observer.deadline() {
                return Some(driver.explain(missed(vm, observer)));
            }
        }
    }

    /// Has the contender's memory looked at while an iteration runs, where the workload holds still for that. Its report began at `begun`.
    fn look(
        &self,
        step: &Step,
        begun: Instant,
        vm: &Vm,
        boots: &[PathBuf],
        watch: &mut Option<Watch>,
        record: &mut BootRecord,
    ) {
        let Some(still) = self.workload.holds_still(self.plan.emulated) else { return };
        match step {
            Step::Started(_) => {
                let marks = footprint::marks(self.contender.system.vmm(), self.contender.machine.memory_mib, boots);
                *watch = Some(Watch::begin(vm.processes(), marks, still));
            }
            Step::Measured(_) => record.footprint = watch.take().map(|watch| watch.end(begun)),
            Step::Listen | Step::Up(_) | Step::Done | Step::Failed(..) => {}
        }
    }

    /// Binds the vCPUs whose threads are there by now to their CPUs. From its start the whole VMM is confined to those CPUs;
    /// what cannot be bound more closely stays within them.
    fn pin(&self, vm: &Vm, record: &mut BootRecord) {
        let Some(cpus) = &self.contender.machine.cpus else { return };
        if self.contender.system.settings().is_none() || record.pinned.len() >= self.contender.machine.vcpus as usize {
            return;
        }
        if let Ok(pinned) = vm.pin_vcpus(cpus) {
            record.pinned = pinned.iter().map(|pinned| pinned.cpu).collect();
        }
    }

    /// Passes a step on to the listener; returns the failure if it is one.
    fn tell(&self, step: Step, listener: &mut dyn Listener) -> Option<(BootStatus, String)> {
        let contender = self.turn.contender;
        let event = match step {
            Step::Listen | Step::Done => return None,
            Step::Failed(status, message) => return Some((status, message)),
            Step::Up(seconds) => RunEvent::GuestUp { contender, seconds },
            Step::Started(index) => RunEvent::IterationStarting { contender, index },
            Step::Measured(iteration) => RunEvent::IterationDone { contender, iteration: Box::new(iteration) },
        };
        listener.on_event(&event);
        None
    }
}

/// What the host has counted of a VM by now.
fn seen(vm: &mut Vm) -> Seen {
    Seen { counts: vm.counts(), cpu: vm.cpu() }
}

/// How the VMM ended, what it had not done by then, and against which of its limits it ran.
fn ended(exit: Exit, vm: &Vm) -> String {
    let awaited = vm.awaited().map(|awaited| format!("it {awaited}"));
    std::iter::once(exit.to_string()).chain(awaited).chain(vm.limits_hit()).collect::<Vec<_>>().join("; ")
}

/// A deadline has passed: what that means, and what the state of the VMM explains about it.
fn missed(vm: &Vm, observer: &Observer<'_>) -> (BootStatus, String) {
    let (status, message) = observer.deadline_missed(vm.console_bytes());
    match vm.ailment() {
        Some(ailment) => (status, format!("{message} (the VMM {ailment})")),
        None => (status, message),
    }
}

/// Which of its outputs a VM flooded.
fn flooded(vm: &Vm, limit: u64) -> String {
    let (who, what) = if vm.console_bytes() > limit { ("guest", "console") } else { ("VMM", "standard error") };
    format!("the {who} flooded its {what} with more than {}", text::bytes(limit))
}

/// What the VM said last: its log, standard error, and the console, which is usually the most useful.
fn last_words(vm: &Vm, observer: &Observer<'_>) -> Vec<String> {
    let tail = |text: String, name: &str| {
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(LAST_LINES));
        last.map(|line| format!("{name}: {}", Words::shown(line))).collect::<Vec<_>>()
    };
    let mut words = tail(vm.log_tail().unwrap_or_default(), "log");
    words.extend(tail(vm.stderr_tail(), "stderr"));
    words.extend(observer.words.lines().iter().map(|line| format!("console: {line}")));
    words
}

/// How late firebench must have been for the message about a clock to mention it.
const LATE: Duration = Duration::from_millis(100);

/// Lines that are kept of the end of a log and of standard error.
const LAST_LINES: usize = 10;
