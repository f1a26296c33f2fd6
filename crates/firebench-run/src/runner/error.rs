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
    /// A boot failed in its last attempt.
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
    #[diagnostic(help("check free space and permissions there; TMPDIR sets another directory for temporary files"))]
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
    /// The measured values cannot be compared.
    #[error("the primary metric has values that cannot be compared")]
    #[diagnostic(help("if the workload is too short for its clock, make it longer, or give --primary real"))]
    Design(#[from] firebench_stats::Error),
    /// More blocks were left out than count.
    #[error("too many blocks were left out, because boots failed or cannot be trusted{}", last(.0.as_deref()))]
    #[diagnostic(help(
        "the report gives the reason for each boot; check whether the machine is overloaded or its clock is being set \
        (see `firebench doctor`), or whether somebody tampers with the guest"
    ))]
    Void(Option<String>),
    /// More blocks were left out than count, and the last one because of a CPU quota.
    #[error("too many blocks were left out; the last one has a void boot: {0}")]
    #[diagnostic(help("{}", throttle::REMEDY))]
    HeldUp(String),
    /// The boots of a resumed run do not follow its design.
    #[error("the stored boots do not belong to this plan")]
    #[diagnostic(help("start a new run"))]
    Foreign,
    /// The job cannot be put into an initramfs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
}

/// The output of a VM can no longer be read, or its end cannot be observed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read the VMM's output")]
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

/// The last boot that could not be trusted.
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
            "check that /dev/kvm is usable (`firebench doctor`), and that the kernel has a serial console and an \
            initramfs; --boot-deadline gives the guest more time"
        }
        BootStatus::VmmExited => {
            "read the VMM's last words above, if there are any; `firebench doctor` shows whether /dev/kvm is usable"
        }
        BootStatus::GuestPanicked => {
            "read the last lines of the console above; `firebench run --help` lists what the kernel must have"
        }
        BootStatus::GuestFailed => "read the last lines of the console above, if there are any",
        BootStatus::ProtocolError => {
            "do not trust anything from this VM; its last words are above. If nobody tampers with its guest, build \
            firebench and firebench-agent again: they may be from different builds"
        }
        BootStatus::IterationDeadline => "give the iteration more time with --iteration-deadline, or less work",
        BootStatus::CommandFailed => {
            "read the command's own words in the message; check that everything that it needs is in the image (--add)"
        }
        BootStatus::WrongDigest => {
            "the guest read other bytes than firebench wrote: check the image with `firebench image list --verify`, \
            then the \
             disk and the memory of this machine"
        }
        BootStatus::ServiceFailed => {
            "read the last lines of the console above, if there are any; if nobody tampers with the guest, build firebench and \
             firebench-agent again: they may be from different builds"
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
