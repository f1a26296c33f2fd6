//! A running VM: its console, its end, and the certainty that nothing of it survives.
//!
//! One thread, no busy waiting: [`Vm::next`] sleeps in one `ppoll` over the console, standard error, the process and
//! the user's interrupt. Twice a second it wakes up, to see whether it was kept from it.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use firebench_vmm::{Launch, Limits};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::activity::{self, Activity};
use crate::cgroup::Cgroup;
use crate::counts::{Counters, Counts};
use crate::exit::{Exit, Usage};
use crate::limits::{self, Events, Seen};
use crate::ports::{self, Ports};
use crate::pulse::Pulse;
use crate::requests::{Conversation, Refusal};
use crate::rlimits::Inherited;
use crate::rundir::RunDir;
use crate::source::Source;
use crate::start::error::StartError;
use crate::start::{Confinement, Started, start};
use crate::sys;
use crate::tail::{self, Tail};
use crate::vcpus::{self, Pinned};

/// Most bytes of one [`Output::Console`].
pub const CHUNK: usize = 64 * 1024;

/// How long the console is left alone after it was read. VMMs write it byte by byte, and waking up for each byte costs
/// several percent of a core; this way it is less than one. What comes after a silence is still read at once.
pub const REST: Duration = Duration::from_millis(2);

/// The longest sleep. Whoever comes back from it much later was stopped.
const SLEEP: Duration = Duration::from_millis(500);

/// How long a process may take to die of SIGKILL: only one that waits for a disk in the kernel needs longer.
const DEATH: Duration = Duration::from_secs(10);

/// How a VM is held and watched.
#[derive(Debug, Clone, Copy)]
pub struct Isolation<'a> {
    /// Where the control group is noted, so that a [`sweep`](crate::sweep()) finds it if firebench is killed.
    pub run_dir: Option<&'a RunDir>,
    /// Becomes readable when the user wants to stop, and stays so: [`Interrupt::fd`](crate::signals::Interrupt::fd).
    pub interrupt: Option<BorrowedFd<'a>>,
    /// Bytes of console (and, counted apart, of standard error) beyond which the VM is [`Output::Flooded`].
    pub output_limit: u64,
    /// How late firebench may be at looking after the VM before that is an [`Output::Stalled`]: more than a busy computer
    /// keeps a process waiting.
    pub lateness: Duration,
}

impl Default for Isolation<'_> {
    /// No run directory, no interrupt, 64 MiB, one second.
    fn default() -> Self {
        Isolation { run_dir: None, interrupt: None, output_limit: 64 << 20, lateness: Duration::from_secs(1) }
    }
}

/// What happened next to a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The guest's serial console said something.
    Console {
        /// When it was read, on CLOCK_MONOTONIC: the first bytes after a silence at once, others up to [`REST`] after
        /// they arrived.
        at: Instant,
        /// At most [`CHUNK`] bytes, never none. Untrusted.
        bytes: Vec<u8>,
    },
    /// The VMM's process ended, and everything that it had said before is delivered.
    Exited(Exit),
    /// The deadline passed while nothing happened.
    Deadline,
    /// The user wants to stop.
    Interrupted,
    /// More output than [`Isolation::output_limit`]. Nothing more is read.
    Flooded,
    /// It did not take what it is told after its start. Nothing more is told.
    Refused(Refusal),
    /// For about so long nobody looked after the VM: firebench was stopped, the machine slept, or whoever called
    /// [`Vm::next`] was busy with something else. When the VM did what it did meanwhile is not known.
    Stalled(Duration),
}

/// A running VM. Dropping it kills it.
///
/// The kernel kills it too when the *thread* that started it ends: start and watch a VM on one thread that stays.
#[derive(Debug)]
pub struct Vm {
    pid: Pid,
    pidfd: OwnedFd,
    executed: Instant,
    console: Source,
    rest_until: Instant,
    stderr: Source,
    stderr_tail: Tail,
    buffer: Box<[u8]>,
    output_limit: u64,
    interrupt: Option<OwnedFd>,
    /// What it is still to be told.
    requests: Option<Conversation>,
    pulse: Pulse,
    cgroup: Option<Cgroup>,
    confinement: Confinement,
    limits: Option<Limits>,
    inherited: Inherited,
    events: Events,
    log: Option<PathBuf>,
    end: Option<(Exit, Usage)>,
    counters: Option<Counters>,
    /// CPU time, user and system, that its control group counted until then.
    cpu: Option<(Duration, Duration)>,
    /// Ends with firebench or with this: its keeper waits for that.
    _life: Option<OwnedFd>,
}

impl Vm {
    /// Writes the launch's files and starts its command: in a session, process group and (where possible) control
    /// group and namespaces of its own, on the launch's CPUs and within its limits, with no descriptor, signal setting or
    /// environment variable of firebench but PATH and TMPDIR, and (where possible) no right to write but to its directory.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub fn start(launch: &Launch, isolation: &Isolation<'_>) -> Result<Vm, StartError> {
        let interrupt = isolation.interrupt.map(|fd| fd.try_clone_to_owned()).transpose();
        let interrupt = interrupt.map_err(|source| StartError::System { what: "watch for interrupts", source })?;
        let Started { pid, pidfd, executed, stdout, stderr, cgroup, confinement, life } =
            start(launch, isolation.run_dir)?;
        let mut vm = Vm {
            pid,
            pidfd,
            executed,
            console: Source::new(stdout),
            rest_until: Instant::now(),
            stderr: Source::new(stderr),
            stderr_tail: Tail::default(),
            buffer: vec![0; CHUNK].into_boxed_slice(),
            output_limit: isolation.output_limit,
            interrupt,
            requests: None,
            pulse: Pulse::new(isolation.lateness),
            cgroup,
            confinement,
            limits: launch.limits.clone(),
            inherited: Inherited::now(),
            events: Events::default(),
            log: launch.log.clone(),
            end: None,
            counters: None,
            cpu: None,
            _life: life,
        };
        let requests = launch.requests.as_ref().map(Conversation::new).transpose();
        vm.requests = requests.map_err(|source| StartError::System { what: "look for the VMM's socket", source })?;
        Ok(vm)
    }

    /// Sleeps until something happens, `deadline` at the latest.
    ///
    /// An interrupt comes before everything else; console output that is there comes before the end of the process,
    /// and both before a deadline that has passed. That nobody looked for a while comes before what is found afterwards. A guest that never stops talking is flooded in the end: whoever cannot
    /// wait for that looks at the time.
    ///
    /// # Errors
    /// When the system fails, which leaves nothing to do but [`Vm::kill`].
    pub fn next(&mut self, deadline: Instant) -> io::Result<Output> {
        let mut stalled = self.pulse.beat(Duration::ZERO);
        loop {
            let (ready, slept) = self.wait(deadline)?;
            stalled = self.pulse.beat(slept).or(stalled);
            if ready.interrupt {
                return Ok(Output::Interrupted);
            }
            if let (Some(span), None) = (stalled, self.end) {
                return Ok(Output::Stalled(span));
            }
            if self.console.total.max(self.stderr.total) > self.output_limit {
                return Ok(Output::Flooded);
            }
            if let Some(refusal) = self.tell() {
                return Ok(Output::Refused(refusal));
            }
            if ready.stderr {
                let bytes = self.stderr.read(&mut self.buffer)?;
                self.stderr_tail.push(bytes);
            }
            if ready.console {
                let at = Instant::now();
                let bytes = self.console.read(&mut self.buffer)?;
                if !bytes.is_empty() {
                    self.rest_until = at.checked_add(REST).unwrap_or(at);
                    return Ok(Output::Console { at, bytes: bytes.to_vec() });
                }
            } else if let (Some((exit, _)), false) = (self.end, ready.stderr) {
                return Ok(Output::Exited(exit));
            } else if ready.ended {
                // Once more around: it may have spoken between the look at the console and its end.
                self.finish()?;
            } else if self.end.is_none() && Instant::now() >= deadline {
                // Also while standard error never falls silent.
                return Ok(Output::Deadline);
            }
        }
    }

    /// Ends the VM and everything that it started, and waits until they are gone. Harmless when called again, or after
    /// the end.
    ///
    /// # Errors
    /// When a process does not die, or its control group cannot be removed.
    pub fn kill(&mut self) -> io::Result<Exit> {
        let exit = match self.end {
            Some((exit, _)) => exit,
            None => {
                // What may fail here is tried again, and told, by `finish`.
                let _ = self.kill_all();
                self.await_death()?;
                self.finish()?
            }
        };
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove()?;
        }
        self.cgroup = None;
        Ok(exit)
    }

    /// The process id of the VMM, which is also that of its process group.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw() as u32
    }

    /// Binds the thread of vCPU N to `cpus[N]`, for every vCPU that has a thread by now and an entry in `cpus`, and says
    /// which, by vCPU. Does no harm when called again, so call it whenever the VM said something until all are there. Until
    /// then they run anywhere on [`Launch::cpus`], which should be the same CPUs.
    ///
    /// VMMs make these threads when they start; QEMU's are known only when the launch was made for
    /// [`Machine::cpus`](firebench_vmm::Machine::cpus). After the VM's end there are none.
    ///
    /// # Errors
    /// When a CPU does not exist or may not be used, or the system refuses.
    pub fn pin_vcpus(&self, cpus: &[u32]) -> io::Result<Vec<Pinned>> {
        // Once waited for, its id could be somebody else's.
        if self.end.is_some() { Ok(Vec::new()) } else { vcpus::pin(self.pid.as_raw(), cpus) }
    }

    /// When its program was executed.
    pub fn executed(&self) -> Instant {
        self.executed
    }

    /// What holds the VM, and what had to be gone without.
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// Which of its limits the VM ran against, as far as that can be seen after its end: a sentence each.
    pub fn limits_hit(&self) -> Vec<String> {
        let Some((exit, usage)) = self.end else { return Vec::new() };
        let seen = Seen { exit, usage, events: self.events, stderr: &self.stderr_tail() };
        limits::hit(self.limits.as_ref(), self.inherited, seen)
    }

    /// How late firebench was, at most, at looking after the VM.
    pub fn latest(&self) -> Duration {
        self.pulse.latest()
    }

    /// Bytes of console read so far.
    pub fn console_bytes(&self) -> u64 {
        self.console.total
    }

    /// The last 16 KiB that the VMM wrote to standard error, as far as read by [`Vm::next`]. Untrusted text.
    pub fn stderr_tail(&self) -> String {
        self.stderr_tail.text()
    }

    /// The last 16 KiB of the VMM's log file; `None` where it has none or it cannot be read. Untrusted text.
    pub fn log_tail(&self) -> Option<String> {
        tail::of_file(self.log.as_deref()?).ok()
    }

    /// What is seen of a VMM from which nothing comes: such as `is stopped`. None where nothing is to be seen.
    pub fn ailment(&self) -> Option<String> {
        if self.end.is_none() && sys::is_stopped(self.pid.as_raw()) {
            Some("is stopped, for example by SIGSTOP".to_owned())
        } else if let Some(awaited) = self.awaited() {
            Some(awaited)
        } else {
            self.console.is_closed().then(|| "has closed its console".to_owned())
        }
    }

    /// What it has not done yet of what it was told after its start: such as `has not answered PUT /actions`.
    pub fn awaited(&self) -> Option<String> {
        self.requests.as_ref().and_then(Conversation::awaited)
    }

    /// What the VMM's threads have done so far; nothing once it has ended.
    pub fn activity(&self) -> Activity {
        if self.end.is_some() { Activity::default() } else { activity::of(self.pid.as_raw()) }
    }

    /// The CPU time that all processes of the VM have taken from the host so far, in whatever mode; None where nobody counts that.
    pub fn cpu(&self) -> Option<Duration> {
        let (user, sys) = self.cgroup.as_ref()?.cpu_time()?;
        Some(user.saturating_add(sys))
    }

    /// What the VMM used in its life, and all that it started, where a control group counts that; `None` while it runs, and where
    /// nobody knows what its processes used.
    pub fn resources(&self) -> Option<Usage> {
        let (_, usage) = self.end?;
        match self.cpu {
            Some((user, sys)) => Some(Usage { user, sys, ..usage }),
            // Those of a process namespace of its own may have ended without anybody who waited for them.
            None => Some(usage).filter(|_| !self.confinement.process_namespace),
        }
    }

    /// What KVM has counted of the VM so far, also after its end, if it was asked for before; None where there is no KVM, or nobody may
    /// read what it counts.
    pub fn counts(&mut self) -> Option<Counts> {
        if self.counters.is_none() && self.end.is_none() {
            self.counters = Counters::of(self.pid.as_raw());
        }
        self.counters.as_ref().map(Counters::read)
    }

    /// The I/O ports that the guest has used so far; None where nobody counts them ([`ports::watch`]), and after its end.
    pub fn ports(&self) -> Option<Ports> {
        if self.end.is_some() { None } else { ports::of(self.pid.as_raw()) }
    }

    /// Goes on telling it what it is told after its start, without waiting; nothing once it has ended.
    fn tell(&mut self) -> Option<Refusal> {
        let told = self.requests.as_mut().filter(|_| self.end.is_none())?.go_on();
        if !matches!(told, Ok(false)) {
            self.requests = None;
        }
        told.err()
    }

    /// Waits for any of the sources, but not longer than `deadline` nor [`SLEEP`], and not at all after the end. Says how long
    /// it meant to wait at most, too.
    fn wait(&self, deadline: Instant) -> io::Result<(Ready, Duration)> {
        let ended = self.end.is_some();
        let now = Instant::now();
        let requests = self.requests.as_ref().filter(|_| !ended);
        let longest = requests.and_then(Conversation::patience).unwrap_or(SLEEP).min(SLEEP);
        let left = if ended { Duration::ZERO } else { deadline.saturating_duration_since(now).min(longest) };
        let until = now.checked_add(left).unwrap_or(now);
        if !ended {
            std::thread::sleep(self.rest_until.min(until).saturating_duration_since(now));
        }
        let sources = [
            self.interrupt.as_ref().map(AsFd::as_fd),
            self.console.fd(),
            self.stderr.fd(),
            (!ended).then(|| self.pidfd.as_fd()),
        ];
        let mut polled: Vec<_> = sources.iter().flatten().map(|&fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        // Looked after whatever woke this up.
        polled.extend(requests.and_then(Conversation::watched).map(|(fd, events)| PollFd::new(fd, events)));
        loop {
            match ppoll(&mut polled, Some(until.saturating_duration_since(Instant::now()).into()), None) {
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        // An end of file or an error is something to read, too.
        let mut events = polled.iter().map(|fd| fd.any().unwrap_or(true));
        let [interrupt, console, stderr, ended] =
            sources.map(|source| source.is_some() && events.next().unwrap_or(false));
        Ok((Ready { interrupt, console, stderr, ended }, left))
    }

    /// The process has ended: ends what it leaves behind, and takes it out of the process table.
    fn finish(&mut self) -> io::Result<Exit> {
        if let Some(cgroup) = &self.cgroup {
            self.events = cgroup.events();
        }
        // Before waiting for it: afterwards, its process group's id could be somebody else's.
        let killed = self.kill_all();
        let (exit, usage) = sys::wait4(self.pid.as_raw())?;
        self.cpu = self.cgroup.as_ref().and_then(Cgroup::cpu_time);
        self.end = Some((exit, usage));
        killed.map(|()| exit)
    }

    fn kill_all(&self) -> io::Result<()> {
        for result in [killpg(self.pid, Signal::SIGKILL), kill(self.pid, Signal::SIGKILL)] {
            match result {
                // EPERM: all that is left in the group has become another user; the control group is for those.
                Ok(()) | Err(nix::errno::Errno::ESRCH | nix::errno::Errno::EPERM) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.cgroup.as_ref().map_or(Ok(()), Cgroup::kill)
    }

    fn await_death(&self) -> io::Result<()> {
        let start = Instant::now();
        loop {
            let left = DEATH.saturating_sub(start.elapsed());
            let mut polled = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut polled, Some(left.into()), None) {
                Ok(0) => {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        format!(
                            "process {} did not end after \
                SIGKILL",
                            self.pid
                        ),
                    ));
                }
                Err(nix::errno::Errno::EINTR) => {}
                result => return result.map(|_| ()).map_err(io::Error::from),
            }
        }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // Nobody is left to tell. Whoever wants to know calls `kill`.
        let _ = self.kill();
    }
}

/// Which sources have something.
#[derive(Debug, Clone, Copy)]
struct Ready {
    interrupt: bool,
    console: bool,
    stderr: bool,
    ended: bool,
}
