//! The runner: carries out a plan, boot by boot, and tells a listener what happens.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use firebench_image::initramfs;
use firebench_protocol::{End, Job, JobKind, MeasureJob, PROTOCOL_VERSION, Root, Tmpfs};
use firebench_vmm::pagecache::{self, PageCacheError};
use firebench_vmm::{Drive, Image, Interrupt, Isolation, Launch, LaunchError, Output, Paths, RunDir, Vm, launch};

use crate::console::Console;
use crate::events::{Listener, RunEvent};
use crate::observe::{Observer, Step};
use crate::plan::{Plan, PlannedBoot, PlannedContender};
use crate::record::{BootRecord, BootStatus};

/// Why a run ended early.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunError {
    /// A boot failed, and no attempt was left.
    #[error("{contender}, boot {boot}: {message}{}", after(*.attempts))]
    Boot {
        /// Whose boot.
        contender: String,
        /// Which one, from 1.
        boot: u32,
        /// Attempts that were made.
        attempts: u32,
        /// How it failed.
        status: BootStatus,
        /// The reason, in a sentence.
        message: String,
        /// What the user can do.
        #[help]
        help: Option<String>,
    },
    /// A signal stopped the run.
    #[error("stopped by {}; everything was ended and cleaned up", signal_name(*.0))]
    Interrupted(i32),
    /// A VMM cannot build the machine.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Launch(#[from] LaunchError),
    /// A file of the run could not be written or read.
    #[error("cannot {action} {}", path.display())]
    #[diagnostic(help("check free space and permissions there; TMPDIR chooses another directory for temporary files"))]
    Io {
        /// Such as `write`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The host's page cache cannot be controlled.
    #[error(transparent)]
    #[diagnostic(transparent)]
    PageCache(#[from] PageCacheError),
    /// The job cannot be put into an initramfs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
}

impl RunError {
    /// The run was stopped by the signal that `interrupt` saw.
    pub(crate) fn interrupted(interrupt: &Interrupt) -> Self {
        RunError::Interrupted(interrupt.signal().unwrap_or(libc::SIGINT))
    }

    /// The signal that stopped the run, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self {
            RunError::Interrupted(signal) => Some(*signal),
            _ => None,
        }
    }
}

fn after(count: u32) -> String {
    if count > 1 { format!(" ({count} attempts)") } else { String::new() }
}

/// What a run needs besides its plan.
pub struct Surroundings<'a> {
    /// Where temporary files go.
    pub run_dir: &'a RunDir,
    /// Tells when to stop.
    pub interrupt: &'a Interrupt,
}

impl Surroundings<'_> {
    /// How a VMM is started here.
    pub(crate) fn isolation(&self) -> Isolation<'_> {
        Isolation { run_dir: Some(self.run_dir), interrupt: Some(self.interrupt.fd()), ..Isolation::default() }
    }
}

/// Carries out `plan`. It stops at the first boot that fails for good: a comparison with holes is none.
///
/// # Errors
/// [`RunError`]; the listener has by then got the failed boot's record.
pub fn run(plan: &Plan, around: &Surroundings<'_>, listener: &mut dyn Listener) -> Result<(), RunError> {
    let mut number = 0;
    for planned in &plan.boots {
        let contender = &plan.contenders[planned.contender];
        for attempt in 1.. {
            let dir = around.run_dir.boot_dir(number).map_err(|source| RunError::Io {
                action: "make",
                path: around.run_dir.path().to_owned(),
                source,
            })?;
            number += 1;
            let boot = Boot { plan, planned, contender, attempt, around, dir: &dir };
            let record = boot.run(listener);
            let removed = std::fs::remove_dir_all(&dir);
            let record = record?;
            let retried = record.status.worth_a_retry() && attempt < plan.attempts;
            let (status, message) = (record.status, record.message.clone());
            listener.on_event(&RunEvent::BootDone { contender: planned.contender, boot: Box::new(record), retried });
            removed.map_err(|source| RunError::Io { action: "remove", path: dir, source })?;
            match status {
                BootStatus::Ok => break,
                BootStatus::Interrupted => return Err(RunError::interrupted(around.interrupt)),
                _ if retried => {}
                _ => {
                    return Err(RunError::Boot {
                        contender: contender.contender.name.clone(),
                        boot: planned.block + 1,
                        attempts: attempt,
                        status,
                        message: message.unwrap_or_default(),
                        help: help(status),
                    });
                }
            }
        }
    }
    Ok(())
}

/// What the user can do about a failed boot.
fn help(status: BootStatus) -> Option<String> {
    let text = match status {
        BootStatus::Ok | BootStatus::Interrupted => return None,
        BootStatus::StartFailed => "run `firebench doctor` to see what this machine lacks",
        BootStatus::NeverStarted => {
            "is /dev/kvm a usable one (`firebench doctor`)? Does the kernel have a serial console and an initramfs? \
             --boot-deadline gives it more time"
        }
        BootStatus::VmmExited => "the VMM's last words are above; `firebench doctor` tells whether /dev/kvm is usable",
        BootStatus::GuestPanicked => {
            "the last lines of the console are above; does the kernel have what --kernel must have (`firebench run --help`)?"
        }
        BootStatus::GuestFailed => "the last lines of the console are above",
        BootStatus::ProtocolError => "are firebench and firebench-agent from one build? Build both again",
        BootStatus::IterationDeadline => "--iteration-deadline gives it more time, --size makes the payload smaller",
        BootStatus::CommandFailed => {
            "the command's own words are in the message; is everything that it needs in the image (--add)?"
        }
        BootStatus::Void => "is the machine overloaded, or its clock being set? `firebench doctor` looks at it",
        BootStatus::WrongDigest => {
            "the guest read other bytes than were written: check the image with `firebench image list --verify`, then the \
             disk and the memory of this machine"
        }
    };
    Some(text.to_owned())
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGTERM => "SIGTERM",
        libc::SIGHUP => "SIGHUP",
        _ => "Ctrl-C",
    }
}

/// One boot of one contender.
struct Boot<'a> {
    plan: &'a Plan,
    planned: &'a PlannedBoot,
    contender: &'a PlannedContender,
    attempt: u32,
    around: &'a Surroundings<'a>,
    dir: &'a Path,
}

impl Boot<'_> {
    fn run(&self, listener: &mut dyn Listener) -> Result<BootRecord, RunError> {
        let nonce = nonce()?;
        let initramfs = write_initramfs(self.plan, self.contender, &nonce, self.dir)?;
        let launch = planned_launch(self.plan, self.contender, initramfs, self.dir)?;
        let index = self.planned.contender;
        listener.on_event(&RunEvent::BootStarting {
            contender: index,
            block: self.planned.block,
            attempt: self.attempt,
            launch: Box::new(launch.clone()),
        });
        let disk = &self.plan.image.disk;
        let cache = pagecache::set(disk, self.plan.host_cache)?;
        let mut record = self.empty_record(cache.fraction());
        let started = Instant::now();
        let mut vm = match Vm::start(&launch, &self.around.isolation()) {
            Ok(vm) => vm,
            Err(error) => {
                record.status = BootStatus::StartFailed;
                record.message = Some(crate::errors::sentence(&error));
                return Ok(record);
            }
        };
        let mut observer = Observer::new(self.plan, started);
        let end = self.listen(&mut vm, &mut observer, &nonce, listener);
        // Whatever it reports, the VM is gone: dropping it would do the same.
        let _ = vm.kill();
        let (status, message) = end.unwrap_or((BootStatus::Ok, String::new()));
        record.life_seconds = started.elapsed().as_secs_f64();
        record.status = status;
        record.message = (!message.is_empty()).then_some(message);
        record.vmm_cpu = vm.resources().map(|usage| (usage.user.as_secs_f64(), usage.sys.as_secs_f64()));
        record.console_bytes = vm.console_bytes();
        if status != BootStatus::Ok {
            record.last_words = last_words(&vm, &observer);
        }
        record.boot_seconds = observer.boot_seconds;
        record.facts = observer.facts;
        record.meminfo_before = observer.meminfo_before;
        record.meminfo_after = observer.meminfo_after;
        record.iterations = observer.iterations;
        Ok(record)
    }

    /// Listens until the boot has ended, well (`None`) or badly.
    fn listen(
        &self,
        vm: &mut Vm,
        observer: &mut Observer<'_>,
        nonce: &str,
        listener: &mut dyn Listener,
    ) -> Option<(BootStatus, String)> {
        let mut console = Console::new(nonce);
        loop {
            let arrived = match vm.next(observer.deadline()) {
                Ok(Output::Console { at, bytes }) => console.read(at, &bytes),
                Ok(Output::Exited(exit)) => {
                    let rest = console.finish(Instant::now());
                    let failed = rest.into_iter().find_map(|arrived| self.tell(observer.on_arrival(arrived), listener));
                    return failed.or_else(|| observer.vmm_exited(&exit.to_string()));
                }
                Ok(Output::Deadline) => return Some(observer.deadline_missed()),
                Ok(Output::Interrupted) => return Some((BootStatus::Interrupted, "the run was stopped".to_owned())),
                Ok(Output::Flooded) => {
                    return Some((BootStatus::ProtocolError, "the guest floods its console".to_owned()));
                }
                Err(error) => {
                    return Some((BootStatus::StartFailed, format!("the VMM's output cannot be read: {error}")));
                }
            };
            for arrived in arrived {
                if let Some(failed) = self.tell(observer.on_arrival(arrived), listener) {
                    return Some(failed);
                }
            }
        }
    }

    /// Passes a step on to the listener; returns the failure if it is one.
    fn tell(&self, step: Step, listener: &mut dyn Listener) -> Option<(BootStatus, String)> {
        let contender = self.planned.contender;
        let event = match step {
            Step::Listen => return None,
            Step::Failed(status, message) => return Some((status, message)),
            Step::Up(seconds) => RunEvent::GuestUp { contender, seconds },
            Step::Started(index) => RunEvent::IterationStarting { contender, index },
            Step::Measured(iteration) => RunEvent::IterationDone { contender, iteration: Box::new(iteration) },
        };
        listener.on_event(&event);
        None
    }

    fn empty_record(&self, resident: f64) -> BootRecord {
        BootRecord {
            block: self.planned.block,
            position: self.planned.position,
            attempt: self.attempt,
            status: BootStatus::Ok,
            message: None,
            boot_seconds: None,
            life_seconds: 0.0,
            host_cache_resident: Some(resident),
            facts: None,
            meminfo_before: None,
            meminfo_after: None,
            iterations: Vec::new(),
            vmm_cpu: None,
            pinned: Vec::new(),
            without: Vec::new(),
            console_bytes: 0,
            last_words: Vec::new(),
        }
    }
}

/// Writes the initramfs of one boot into `dir`: the shared one, and the job behind it.
///
/// # Errors
/// [`RunError`] when a file cannot be read or written.
pub fn write_initramfs(
    plan: &Plan,
    contender: &PlannedContender,
    nonce: &str,
    dir: &Path,
) -> Result<PathBuf, RunError> {
    let base = &plan.image.initramfs;
    let mut bytes =
        std::fs::read(base).map_err(|source| RunError::Io { action: "read", path: base.clone(), source })?;
    let end = contender.contender.settings.end();
    bytes.extend(initramfs::append_job(&job(plan, end, nonce))?);
    let path = dir.join("initramfs");
    std::fs::write(&path, bytes).map_err(|source| RunError::Io { action: "write", path: path.clone(), source })?;
    Ok(path)
}

/// What the guest's agent has to do.
fn job(plan: &Plan, end: End, nonce: &str) -> Job {
    let tmpfs = |path: &str| Tmpfs { path: path.to_owned(), options: "mode=1777".to_owned() };
    Job {
        protocol: PROTOCOL_VERSION,
        nonce: nonce.to_owned(),
        console: "/dev/ttyS0".to_owned(),
        root: Root { device: "/dev/vda".to_owned(), fs: "ext4".to_owned(), tmpfs: vec![tmpfs("/tmp"), tmpfs("/run")] },
        end,
        kind: JobKind::Measure(MeasureJob { argv: plan.command.clone(), iterations: plan.iterations, cold: plan.cold }),
    }
}

/// The launch of a contender of `plan` with its files in `work_dir`. Pure.
///
/// # Errors
/// [`LaunchError`] when the VMM cannot build the machine.
pub fn planned_launch(
    plan: &Plan,
    contender: &PlannedContender,
    initramfs: PathBuf,
    work_dir: &Path,
) -> Result<Launch, LaunchError> {
    let image = Image {
        kernel: plan.image.kernel.clone(),
        cmdline: contender.cmdline.clone(),
        initramfs,
        disk: Drive { path: plan.image.disk.clone(), read_only: true },
    };
    let paths = Paths { binary: contender.binary.clone(), work_dir: work_dir.to_owned() };
    launch(&contender.contender, &image, &paths)
}

/// What the VM said last: its log, standard error, and the console, which as a rule tells most.
fn last_words(vm: &Vm, observer: &Observer<'_>) -> Vec<String> {
    let label = |label: &str, line: &str| format!("{label}: {line}");
    let tail = |text: String, name: &str| {
        let lines: Vec<_> = text.lines().map(|line| label(name, line)).collect();
        lines[lines.len().saturating_sub(10)..].to_vec()
    };
    let mut words = tail(vm.log_tail().unwrap_or_default(), "log");
    words.extend(tail(vm.stderr_tail(), "stderr"));
    words.extend(observer.words.lines().iter().map(|line| label("console", line)));
    words
}

/// A fresh nonce.
///
/// # Errors
/// [`RunError::Io`] when the system has no random numbers.
pub fn nonce() -> Result<String, RunError> {
    const SOURCE: &str = "/dev/urandom";
    let mut bytes = [0u8; 8];
    std::fs::File::open(SOURCE).and_then(|mut file| file.read_exact(&mut bytes)).map_err(|source| RunError::Io {
        action: "read",
        path: SOURCE.into(),
        source,
    })?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}
