//! Why a run in the nested host ended early.

use firebench_vmm::LaunchError;

use crate::libraries::LibrariesError;
use crate::runner;

/// The number of lines of a broken nested host's console that its notice quotes.
const QUOTED_LINES: usize = 8;

/// Why a run in the nested host ended early.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum NestedError {
    /// The emulated machine did not start, or ended during the run.
    #[error("the nested host broke down: {message}{}", said(.words))]
    #[diagnostic(help(
        "check that the computer has enough free memory and is not overloaded; --accel tcg runs QEMU \
    alone, without a nested host"
    ))]
    Broken {
        /// The reason.
        message: String,
        /// What its console said.
        words: Vec<String>,
    },
    /// The emulated machine cannot be started, or its system does not offer what firebench needs. Another attempt
    /// would end in the same way.
    #[error("the nested host cannot work: {message}{}", said(.words))]
    #[diagnostic(help("{}", unfit_hint(.message)))]
    Unfit {
        /// The reason, as its QEMU or its agent gave it.
        message: String,
        /// What its console said.
        words: Vec<String>,
    },
    /// The emulated machine hangs.
    #[error("the nested host broke down: {message}{}", said(.words))]
    #[diagnostic(help(
        "run it again: QEMU's emulation of a computer with KVM occasionally hangs; --accel tcg runs QEMU alone, \
        without a nested host"
    ))]
    StoodStill {
        /// Where it stood.
        message: String,
        /// What its console said.
        words: Vec<String>,
    },
    /// The run inside it failed.
    #[error("{message}")]
    Run {
        /// The reason, as the firebench inside gave it.
        message: String,
        /// Its hint.
        #[help]
        hint: Option<String>,
    },
    /// A part of the nested host cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Files(#[from] LibrariesError),
    /// An image of the nested host cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
    /// The run could not be carried out.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runner(#[from] runner::RunError),
    /// QEMU cannot be started with these settings.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Launch(#[from] LaunchError),
}

/// The words, each on a line of its own.
fn said(words: &[String]) -> String {
    words.iter().map(|line| format!("\n  {}", firebench_text::line(line))).collect()
}

/// What to do about a nested host that cannot work.
fn unfit_hint(message: &str) -> &'static str {
    if message.contains("kernel module kvm") {
        "its kernel must have KVM for AMD CPUs, and its QEMU must emulate SVM (6.2 or newer); `firebench fetch kernel` gets a kernel that is known to work"
    } else if message.contains("kernel module") || message.contains("cannot mount") {
        "its kernel is unsuitable; `firebench fetch kernel` gets one that is known to work"
    } else if message.contains("QEMU") {
        "QEMU's message above gives the reason: reinstall QEMU (Debian, Ubuntu: `apt-get install --reinstall \
        qemu-system-x86 seabios`), or give another one with --qemu"
    } else {
        "--accel tcg runs QEMU alone, without a nested host"
    }
}

impl NestedError {
    /// What was wrong with a nested host that broke down, and what its console said; None if a new one would break down, too.
    pub(crate) fn breakdown(&self) -> Option<String> {
        match self {
            NestedError::Broken { message, words } | NestedError::StoodStill { message, words } => {
                let words = words.iter().take(QUOTED_LINES).map(|line| format!(" | {line}"));
                Some(format!("{message}{}", words.collect::<String>()))
            }
            _ => None,
        }
    }
}
