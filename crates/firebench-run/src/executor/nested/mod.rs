//! The nested host: an emulated machine with a working /dev/kvm, in which firebench runs itself.
//!
//! On a computer without a usable /dev/kvm, every boot of a run takes place in one emulated machine (QEMU, TCG, AMD SVM
//! switched on). Its PID 1 is the guest agent with an [`ExecJob`]; that starts this very firebench with the plan on its
//! standard input, and each event of the run comes back as one line of output, in a frame on the serial console.

mod error;
mod files;
mod launch;
mod monitor;
mod pulse;
mod standstill;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use files::Moved;
use firebench_image::cache::Cache;
use firebench_image::initramfs;
use firebench_image::tools::{self, ToolsDisk};
use firebench_model::events::{Listener, RunEvent};
use firebench_model::plan::{Plan, PlannedContender};
use firebench_os::deadline;
use firebench_protocol::codec::Item;
use firebench_protocol::{End, Event, ExecJob, Job, JobKind, PROTOCOL_VERSION, Root, Tmpfs};
use firebench_supervise::{Exit, Isolation, Output, Vm};
use firebench_vmm::{Launch, LaunchError};
use standstill::Watch;

use super::{Executor, ExecutorError, Place};
use crate::console::{Console, Words};
use crate::runner::{self, Surroundings};

pub use error::NestedError;
pub use files::INNER_COMMAND;
pub use launch::{CPUS, NestedMachine, launch};

/// What it is.
pub const PLACE: Place = Place { name: "nested host", this_machine: false, cpus: Some(CPUS) };

/// Directories of the nested host's root disk.
const MOUNT_POINTS: [&str; 5] = ["/dev", "/proc", "/sys", "/run", SCRATCH];
/// Temporary files of the nested host. Not `/tmp`: a program of the user's may come from there.
const SCRATCH: &str = "/scratch";
/// The time limit for the first frame of the nested host's agent, however busy the computer is. It takes about 5 s,
/// and a nested host that stands still is noticed much earlier.
const BOOT_DEADLINE: Duration = Duration::from_secs(300);
/// The message for one that sends no frame.
const SILENT: &str = "it sent nothing for too long";
/// Bytes of events of all boots: some thousand boots' worth.
const OUTPUT_LIMIT: u64 = 1 << 30;

/// A plan moved into a nested host, ready to start.
#[derive(Debug)]
pub struct Nested {
    /// The plan's contenders as they are inside.
    contenders: Vec<PlannedContender>,
    machine: NestedMachine,
    /// Initramfs of the nested host without its job.
    base: Vec<u8>,
    /// Keeps it in the cache.
    _tools: ToolsDisk,
}

/// What the nested host is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The QEMU that emulates it.
    pub qemu: PathBuf,
    /// This firebench, a static executable.
    pub firebench: PathBuf,
    /// The agent.
    pub agent: PathBuf,
    /// ELF vmlinux of its own; the guests may have others.
    pub kernel: PathBuf,
    /// Modules of the nested host, in load order.
    pub modules: Vec<PathBuf>,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// The host's TSC frequency in kHz.
    pub tsc_khz: u32,
    /// Whether its QEMU filters its system calls.
    pub sandbox: bool,
}

impl Parts {
    /// The machine as it will be, for show: its own disk is not built.
    pub fn outline(&self, plan: &Plan) -> NestedMachine {
        let mut drives = vec![PathBuf::from("the-nested-hosts-own-disk")];
        for contender in plan.contenders.iter().filter(|contender| contender.system.settings().is_some()) {
            if !drives.contains(&contender.disk) {
                drives.push(contender.disk.clone());
            }
        }
        self.machine(drives)
    }

    fn machine(&self, drives: Vec<PathBuf>) -> NestedMachine {
        NestedMachine {
            qemu: self.qemu.clone(),
            memory_mib: self.memory_mib,
            tsc_khz: self.tsc_khz,
            kernel: self.kernel.clone(),
            initramfs: PathBuf::new(),
            sandbox: self.sandbox,
            drives,
        }
    }
}

impl Nested {
    /// Moves `plan` in: makes the nested host's root disk, unless the cache has it.
    ///
    /// # Errors
    /// [`NestedError`] when a part is missing.
    pub fn prepare(plan: &Plan, parts: &Parts, cache: &Cache) -> Result<Self, NestedError> {
        let Moved { contenders, files, drives } = files::move_in(plan, &parts.firebench)?;
        let tools = tools::build_tools_disk(cache, &files, &MOUNT_POINTS.map(Path::new))?;
        let machine = parts.machine(std::iter::once(tools.path.clone()).chain(drives).collect());
        let base = initramfs::build_base(&parts.agent, &parts.modules)?;
        Ok(Nested { contenders, machine, base, _tools: tools })
    }

    /// The machine, without its initramfs.
    pub fn machine(&self) -> &NestedMachine {
        &self.machine
    }

    /// The launch with its initramfs (base and job) at `initramfs`.
    ///
    /// # Errors
    /// [`LaunchError`] when a path cannot be given to QEMU.
    pub fn launch(&self, initramfs: PathBuf) -> Result<Launch, LaunchError> {
        launch(&NestedMachine { initramfs, ..self.machine.clone() })
    }

    fn attempt(
        &self,
        plan: &Plan,
        attempt: u32,
        around: &Surroundings<'_>,
        listener: &mut dyn Listener,
    ) -> Result<(), NestedError> {
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| runner::RunError::Io { action, path, source }
        };
        let nonce = runner::nonce()?;
        let dir = around.run_dir.boot_dir(attempt).map_err(io("make", around.run_dir.path()))?;
        let initramfs = runner::write_with_job(self.base.clone(), &job(plan, &nonce)?, &dir)?;
        let machine = NestedMachine { initramfs, ..self.machine.clone() };
        let launch = launch(&machine)?;
        let isolation = Isolation { output_limit: OUTPUT_LIMIT, ..around.isolation() };
        let started = Instant::now();
        let mut vm = Vm::start(&launch, &isolation)
            .map_err(|error| unfit(format!("cannot start its QEMU: {}", firebench_text::errors::sentence(&error))))?;
        let mut listening = Listening {
            up: false,
            started,
            deadline: deadline::after(started, BOOT_DEADLINE),
            silence: longest_silence(plan),
            watch: Watch::new(&vm, machine.monitor()),
            failure: None,
            words: Words::default(),
        };
        let mut result = listening.listen(&mut vm, Console::new(&nonce), around, listener);
        let _ = vm.kill();
        if let Err(
            NestedError::Broken { words, .. }
            | NestedError::Unfit { words, .. }
            | NestedError::StoodStill { words, .. },
        ) = &mut result
        {
            *words = listening.words.lines();
            words.extend(vm.stderr_tail().lines().map(|line| format!("stderr: {line}")));
        }
        result
    }
}

impl Executor for Nested {
    fn place(&self) -> Place {
        PLACE
    }

    fn run(
        &self,
        plan: &Plan,
        attempt: u32,
        around: &Surroundings<'_>,
        listener: &mut dyn Listener,
    ) -> Result<(), ExecutorError> {
        listener.on_event(&RunEvent::NestedHostStarting { attempt });
        let inside = Plan { contenders: self.contenders.clone(), ..plan.clone() };
        Ok(self.attempt(&inside, attempt, around, listener)?)
    }
}

/// What the nested host's agent has to do.
fn job(plan: &Plan, nonce: &str) -> Result<Job, NestedError> {
    let plan = serde_json::to_string(plan)
        .map_err(|error| NestedError::Broken { message: error.to_string(), words: Vec::new() })?;
    let tmpfs = |path: &str, options: &str| Tmpfs { path: path.to_owned(), options: options.to_owned() };
    Ok(Job {
        protocol: PROTOCOL_VERSION,
        nonce: nonce.to_owned(),
        console: "/dev/ttyS0".to_owned(),
        root: Root {
            device: "/dev/vda".to_owned(),
            fs: "ext4".to_owned(),
            tmpfs: vec![tmpfs(SCRATCH, "mode=1777"), tmpfs("/run", "mode=755")],
            overlay: false,
        },
        end: End::Restart,
        kind: JobKind::Exec(ExecJob {
            argv: files::inner_argv(),
            stdin: plan,
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("TMPDIR".to_owned(), SCRATCH.to_owned())],
        }),
    })
}

/// Longer than the firebench inside can be silent while everything is in order.
fn longest_silence(plan: &Plan) -> Duration {
    let deadlines = plan.deadlines;
    let longest = deadlines.boot.max(deadlines.iteration);
    Duration::from_secs(longest.saturating_add(deadlines.power_off).saturating_add(60))
}

/// An error that would be the same in the next nested host.
fn unfit(message: String) -> NestedError {
    NestedError::Unfit { message, words: Vec::new() }
}

/// The state of one attempt.
struct Listening {
    /// Whether its agent has sent a frame.
    up: bool,
    started: Instant,
    deadline: Instant,
    silence: Duration,
    watch: Watch,
    failure: Option<(String, Option<String>)>,
    words: Words,
}

impl Listening {
    fn listen(
        &mut self,
        vm: &mut Vm,
        mut console: Console,
        around: &Surroundings<'_>,
        listener: &mut dyn Listener,
    ) -> Result<(), NestedError> {
        loop {
            match vm.next(self.deadline.min(self.watch.next_look())) {
                Ok(Output::Console { at, bytes }) => {
                    for arrived in console.read(at, &bytes) {
                        if let Some(result) = self.on_item(at, arrived.item, listener) {
                            return result;
                        }
                    }
                }
                // What QEMU itself gives up before anything runs in it is its firmware, its options, its files.
                Ok(Output::Exited(exit @ Exit::Code(1..))) if !self.up => {
                    return Err(unfit(format!("its QEMU ended before it was up ({exit})")));
                }
                Ok(Output::Exited(exit)) => {
                    // An agent without a console of its own has its last words on the kernel's.
                    let words = self.words.lines();
                    let said = words.iter().find_map(|line| line.split_once("firebench-agent: ")).filter(|_| !self.up);
                    return Err(match said {
                        Some((_, reason)) => unfit(reason.to_owned()),
                        None => self.error(format!("its QEMU ended ({exit})")),
                    });
                }
                Ok(Output::Deadline) => {}
                // Nobody listened meanwhile. The firebench inside times its boots by the nested host's clock.
                Ok(Output::Stalled(span)) => self.deadline = deadline::after(self.deadline, span),
                Ok(Output::Interrupted) => return Err(runner::RunError::interrupted(around.interrupt).into()),
                Ok(Output::Refused(refusal)) => return Err(self.error(refusal.to_string())),
                Ok(Output::Flooded) => return Err(self.error("it flooded its console".to_owned())),
                Err(error) => return Err(self.error(format!("cannot read its output: {error}"))),
            }
            if let Some(message) = self.watch.look(vm) {
                return Err(NestedError::StoodStill { message, words: Vec::new() });
            }
            // Nothing but frames counts, however much else its console says; and no heartbeat alone.
            if Instant::now() > self.deadline {
                return Err(self.error(SILENT.to_owned()));
            }
        }
    }

    fn error(&self, message: String) -> NestedError {
        NestedError::Broken { message, words: Vec::new() }
    }

    /// Something arrived; the end of the run if it was that.
    fn on_item(&mut self, at: Instant, item: Item, listener: &mut dyn Listener) -> Option<Result<(), NestedError>> {
        let event = match item {
            Item::Event { event, .. } => event,
            Item::Console(line) => {
                self.words.push(line);
                return None;
            }
            Item::Damaged(damage) => return Some(Err(self.error(format!("damaged frame: {damage}")))),
        };
        if let Some(text) = self.watch.heard() {
            listener.on_event(&RunEvent::Notice { text });
        }
        // A heart that beats is no progress.
        if event != Event::Alive {
            self.deadline = deadline::after(at, self.silence);
        }
        match event {
            Event::Hello { .. } => {
                self.up = true;
                listener.on_event(&RunEvent::NestedHostUp {
                    seconds: at.saturating_duration_since(self.started).as_secs_f64(),
                });
                None
            }
            Event::Output { line } => {
                match serde_json::from_str(&line) {
                    Ok(RunEvent::RunFailed { message, hint }) => self.failure = Some((message, hint)),
                    Ok(event) => listener.on_event(&event),
                    // Whatever it was, the run would go on without it.
                    Err(error) => {
                        self.words.push(line);
                        return Some(Err(self.error(format!("the firebench inside says what is no event: {error}"))));
                    }
                }
                None
            }
            Event::Exited { status } => Some(match self.failure.take() {
                Some((message, hint)) => Err(NestedError::Run { message, hint }),
                None if status == 0 => Ok(()),
                None => Err(self.error(format!("the firebench inside ended with status {status}"))),
            }),
            // A disk that is late may be in time the next time.
            Event::Failed { message } if message.contains("did not appear within") => Some(Err(self.error(message))),
            // The agent says why it cannot go on: the next one could not, either.
            Event::Failed { message } => Some(Err(unfit(message))),
            Event::Done => Some(Ok(())),
            Event::Alive => None,
            Event::Facts(_) | Event::Meminfo { .. } | Event::IterationStart { .. } | Event::Iteration(_) => {
                Some(Err(self.error("its agent sent an event that belongs to a measurement".to_owned())))
            }
        }
    }
}
