//! Why a run ended early.

use std::path::PathBuf;

use firebench_model::experiment::ExperimentError;
use firebench_model::record::BootStatus;
use firebench_model::throttle;
use firebench_supervise::Interrupt;
use firebench_supervise::pagecache::PageCacheError;
use firebench_vmm::LaunchError;

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
    /// A workload that this firebench does not have.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Experiment(#[from] ExperimentError),
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
    /// What was measured cannot be used.
    #[error("the primary metric has values that cannot be compared")]
    #[diagnostic(help("is the workload too short for its clock? Try a larger --size, or --primary real"))]
    Design(#[from] firebench_stats::Error),
    /// More blocks were left out than count.
    #[error("too many blocks were left out, for boots that failed or cannot be believed{}", last(.0.as_deref()))]
    #[diagnostic(help(
        "the report says why for each boot; if nobody meddles with the guest: is the machine overloaded, is its clock being set? \
         See `firebench doctor`"
    ))]
    Void(Option<String>),
    /// More blocks were left out than count, the last one for a quota.
    #[error("too many blocks were left out; of the last one, a boot is void: {0}")]
    #[diagnostic(help("{}", throttle::REMEDY))]
    HeldUp(String),
    /// The boots that a run should go on after are not those of its design.
    #[error("the boots that are there do not belong to this plan")]
    #[diagnostic(help("begin a new run"))]
    Foreign,
    /// The job cannot be put into an initramfs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
}

/// What a VM says cannot be read any more, or its end not be seen.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the VMM's output cannot be read")]
pub(super) struct Unreadable(#[source] pub(super) std::io::Error);

impl RunError {
    /// The run was stopped by the signal that `interrupt` saw.
    pub fn interrupted(interrupt: &Interrupt) -> Self {
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

/// The last boot that could not be believed.
fn last(boot: Option<&str>) -> String {
    boot.map(|boot| format!("; the last one: {boot}")).unwrap_or_default()
}

fn after(count: u32) -> String {
    if count > 1 { format!(" ({count} attempts)") } else { String::new() }
}

/// What the user can do about a failed boot.
pub(super) fn help(status: BootStatus) -> Option<String> {
    let text = match status {
        BootStatus::Ok | BootStatus::Void | BootStatus::Interrupted => return None,
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
        BootStatus::ProtocolError => {
            "what comes from this VM is not to be trusted; its last words are above. If nobody meddles with its guest: are \
             firebench and firebench-agent from one build? Build both again"
        }
        BootStatus::IterationDeadline => "--iteration-deadline gives it more time, --size makes the payload smaller",
        BootStatus::CommandFailed => {
            "the command's own words are in the message; is everything that it needs in the image (--add)?"
        }
        BootStatus::WrongDigest => {
            "the guest read other bytes than were written: check the image with `firebench image list --verify`, then the \
             disk and the memory of this machine"
        }
        BootStatus::WrongOutput => {
            "run the command that the report names by hand: is it the program that the workload expects?"
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
