//! Whose fault an error is, which decides the exit code: the one place where that is said. Pure.
//!
//! *Given*: what the user gave is wrong, on the command line, in the environment or in a file: a flag, a value out of range, a
//! file that is not there or not what it should be. *Machine*: everything else, which is this machine or the run.

use std::error::Error;
use std::io::ErrorKind;

use firebench_analysis::compare::CompareError;
use firebench_analysis::gate::{LimitError, UnknownContender, WrongMetric};
use firebench_analysis::history::{HistoryError, WrongLimit};
use firebench_host::fetch::{BuildError, FetchError};
use firebench_host::tools::{ToolError, VersionError};
use firebench_image::Error as ImageError;
use firebench_model::experiment::{ContenderError, ExperimentError};
use firebench_model::report_error::ReportError;
use firebench_os::outside::Refused;
use firebench_run::executor::nested::NestedError;
use firebench_run::runner::RunError;
use firebench_stats::Error as StatsError;
use firebench_store::import::ImportError;
use firebench_store::operand::OperandError;
use firebench_store::store::StoreError;
use firebench_supervise::subprocess;
use firebench_text::errors::scarcity;
use firebench_vmm::LaunchError;

use crate::prepare::PrepareError;
use crate::resume::ResumeError;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// What the user gave is wrong.
    Given,
    /// This machine, or the run.
    Machine,
}

/// Whose fault an error is.
pub fn blame(error: &(dyn Error + 'static)) -> Blame {
    judge(error, false)
}

/// The same of what went wrong with something that the user named: a file that is not a kernel is a mistake of whoever
/// named it,
/// and a damaged one of the cache is not.
pub fn blame_of_named(error: &(dyn Error + 'static)) -> Blame {
    judge(error, true)
}

fn judge(error: &(dyn Error + 'static), named: bool) -> Blame {
    if scarcity(error).is_none() && is_given(error, named) { Blame::Given } else { Blame::Machine }
}

fn is_given(error: &(dyn Error + 'static), named: bool) -> bool {
    let always = error.is::<ExperimentError>()
        || error.is::<ContenderError>()
        || error.is::<LaunchError>()
        || error.is::<CompareError>()
        || error.is::<UnknownContender>()
        || error.is::<WrongMetric>()
        || error.is::<LimitError>()
        || error.is::<HistoryError>()
        || error.is::<WrongLimit>()
        || error.is::<ImportError>();
    always
        || error.downcast_ref().is_some_and(|error| of_prepare(error, named))
        || error.downcast_ref().is_some_and(|error| of_image(error, named))
        || error.downcast_ref().is_some_and(|error| of_tool(error, named))
        || error.downcast_ref().is_some_and(|error| of_fetch(error, named))
        || error.downcast_ref().is_some_and(of_build)
        || error.downcast_ref().is_some_and(|error| of_subprocess(error, named))
        || error.downcast_ref().is_some_and(|error| of_run(error, named))
        || error.downcast_ref().is_some_and(|error| of_nested(error, named))
        || error.downcast_ref().is_some_and(of_store)
        || error.downcast_ref().is_some_and(of_report)
        || error.downcast_ref().is_some_and(of_operand)
        || error.downcast_ref().is_some_and(|error| !matches!(error, ResumeError::Foreign(_)))
}

fn of_store(error: &StoreError) -> bool {
    match error {
        StoreError::Output(source) => is_absent(source.kind()),
        error => error.is_usage(),
    }
}

fn of_report(error: &ReportError) -> bool {
    match error {
        ReportError::Write { source, .. } => source.kind() == ErrorKind::AlreadyExists || is_absent(source.kind()),
        _ => true,
    }
}

fn of_operand(error: &OperandError) -> bool {
    match error {
        OperandError::Store(error) => of_store(error),
        _ => true,
    }
}

fn of_prepare(error: &PrepareError, named: bool) -> bool {
    match error {
        PrepareError::Experiment(_)
        | PrepareError::Launch(_)
        | PrepareError::HostCpus { .. }
        | PrepareError::BlockMemory { .. }
        | PrepareError::Pin { .. }
        | PrepareError::DuetElsewhere(_)
        | PrepareError::DuetCpus { .. }
        | PrepareError::DuetVcpus { .. }
        | PrepareError::Given { .. }
        | PrepareError::Add(_)
        | PrepareError::OwnImage { .. }
        | PrepareError::NoText { .. }
        | PrepareError::NoContender { .. }
        | PrepareError::NoPvh { .. }
        | PrepareError::NoBootImage { .. }
        | PrepareError::ModulesAlone { .. }
        | PrepareError::NoProgram { .. }
        | PrepareError::Libraries(_)
        | PrepareError::AddedForTheHost { .. }
        | PrepareError::NotInRoot { .. }
        | PrepareError::AddedScript { .. }
        | PrepareError::AddedInRoot { .. }
        | PrepareError::NoDirectoryInRoot { .. }
        | PrepareError::NoCommandInRoot { .. }
        | PrepareError::RootInNested { .. }
        | PrepareError::NoOverlay { .. }
        | PrepareError::NoJail { .. } => true,
        PrepareError::Kernel { error, .. } => of_prepare(error, named),
        PrepareError::Unusable(error) => of_prepare(error, true),
        PrepareError::Tool(error) => of_tool(error, named),
        PrepareError::Fetch(error) => of_fetch(error, named),
        PrepareError::Image(error) => of_image(error, named),
        PrepareError::Nested(error) => of_nested(error, named),
        PrepareError::Run(error) => of_run(error, named),
        _ => false,
    }
}

fn of_image(error: &ImageError, named: bool) -> bool {
    match error {
        ImageError::GuestPath { .. }
        | ImageError::HostFile { .. }
        | ImageError::OwnImage { .. }
        | ImageError::Root { .. }
        | ImageError::NoModules { .. } => true,
        ImageError::NotStatic { .. }
        | ImageError::Busybox { .. }
        | ImageError::NotAKernel { .. }
        | ImageError::Kernel { .. }
        | ImageError::Decompress { .. }
        | ImageError::Package { .. }
        | ImageError::ModuleMissing { .. }
        | ImageError::ModulesNeeded { .. }
        | ImageError::KernelLacks { .. }
        | ImageError::ModuleInvalid { .. } => named,
        ImageError::Io { action, source, .. } => {
            // What is no regular file was never firebench's.
            let refused = Refused::of(source).is_some_and(|refused| refused != Refused::Stopped);
            reads(action) && (named || refused || is_absent(source.kind()))
        }
        _ => false,
    }
}

/// Whether a file was only to be read.
fn reads(action: &str) -> bool {
    ["read", "open", "look at", "find", "list"].contains(&action)
}

/// Whether there is no such file or directory, or something else in its place.
pub fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

fn of_tool(error: &ToolError, named: bool) -> bool {
    match error {
        ToolError::OtherAgent { .. } => named,
        ToolError::Version(error) => of_version(error, named),
        ToolError::Fetched(error) => of_fetch(error, named),
        ToolError::Read(error) => of_image(error, named),
        ToolError::Missing { .. } | ToolError::NoAgent { .. } | ToolError::OtherJailer { .. } => false,
    }
}

fn of_version(error: &VersionError, named: bool) -> bool {
    match error {
        VersionError::NoVersion { .. } | VersionError::TooOld { .. } => named,
        VersionError::Run(error) => of_subprocess(error, named),
    }
}

fn of_subprocess(error: &subprocess::RunError, named: bool) -> bool {
    match error {
        subprocess::RunError::Start { .. } | subprocess::RunError::Failed { .. } => named,
        subprocess::RunError::TimedOut { .. }
        | subprocess::RunError::TooMuch { .. }
        | subprocess::RunError::Stopped
        | subprocess::RunError::Ask { .. } => false,
    }
}

fn of_fetch(error: &FetchError, named: bool) -> bool {
    match error {
        FetchError::TooOld { .. } | FetchError::Debian { .. } | FetchError::NotMade { .. } => true,
        FetchError::NotFirecracker { .. } | FetchError::Busybox { .. } | FetchError::Archive { .. } => named,
        FetchError::File { action, .. } => named && reads(action),
        FetchError::Version(error) => of_version(error, named),
        FetchError::Image(error) => of_image(error, named),
        _ => false,
    }
}

fn of_build(error: &BuildError) -> bool {
    match error {
        // A version that there is not, where there are others.
        BuildError::NoSource { version, known } => version.is_some() && !known.is_empty(),
        _ => false,
    }
}

fn of_run(error: &RunError, named: bool) -> bool {
    match error {
        RunError::Launch(_) => true,
        RunError::Image(error) => of_image(error, named),
        RunError::Design(error) => {
            matches!(error, StatsError::Empty { .. } | StatsError::AllWarmUp { .. } | StatsError::BadPrecision { .. })
        }
        _ => false,
    }
}

fn of_nested(error: &NestedError, named: bool) -> bool {
    match error {
        NestedError::Launch(_) => true,
        NestedError::Image(error) => of_image(error, named),
        NestedError::Runner(error) => of_run(error, named),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;
    use Blame::{Given, Machine};

    fn read(kind: ErrorKind) -> ImageError {
        ImageError::Io { action: "read", path: PathBuf::from("x"), source: kind.into() }
    }

    fn no_kernel() -> ImageError {
        ImageError::NotAKernel { reason: "text".to_owned() }
    }

    #[test]
    fn what_the_user_gave_and_what_the_machine_lacks() {
        let path = || PathBuf::from("x");
        let io = |kind: ErrorKind| io::Error::from(kind);
        let named = |error: ImageError| PrepareError::Unusable(Box::new(error.into()));
        let cases: Vec<(Box<dyn Error>, Blame)> = vec![
            (Box::new(ExperimentError::Zero("--vcpus")), Given),
            (Box::new(PrepareError::from(LaunchError::Vcpus { vmm: "firecracker", max: 32, vcpus: 64 })), Given),
            (
                Box::new(PrepareError::Given {
                    role: "--kernel".to_owned(),
                    path: path(),
                    source: io(ErrorKind::NotFound),
                }),
                Given,
            ),
            (Box::new(PrepareError::HostCpus { name: "a".to_owned(), wanted: 8, available: 2 }), Given),
            (Box::new(PrepareError::ModulesAlone { path: path() }), Given),
            (Box::new(ImageError::NoModules { path: path(), reason: "text".to_owned() }), Given),
            (Box::new(PrepareError::NoKernel), Machine),
            (Box::new(PrepareError::NoBusybox), Machine),
            (Box::new(PrepareError::JailNeedsRoot { name: "a".to_owned(), why: "a chroot" }), Machine),
            (Box::new(PrepareError::from(no_kernel())), Machine),
            (Box::new(named(no_kernel())), Given),
            (Box::new(named(ImageError::NoSpace { path: path(), needed: None, available: None })), Machine),
            (Box::new(named(read(ErrorKind::PermissionDenied))), Given),
            (Box::new(read(ErrorKind::PermissionDenied)), Machine),
            (Box::new(read(ErrorKind::NotFound)), Given),
            (Box::new(ImageError::Io { action: "open", path: path(), source: Refused::KernelsOwn.into() }), Given),
            (Box::new(ImageError::Io { action: "open", path: path(), source: Refused::Stopped.into() }), Machine),
            (Box::new(ImageError::Io { action: "write", path: path(), source: io(ErrorKind::NotFound) }), Machine),
            (Box::new(ReportError::Read { path: path(), source: io(ErrorKind::NotFound) }), Given),
            (Box::new(ReportError::Write { path: path(), source: io(ErrorKind::StorageFull) }), Machine),
            (Box::new(StoreError::Missing(path())), Given),
            (Box::new(StoreError::NoSuchRun("x".to_owned())), Given),
            (Box::new(StoreError::Busy(path())), Machine),
            (Box::new(RunError::Void(None)), Machine),
            (Box::new(RunError::Interrupted(2)), Machine),
            (Box::new(ImportError::Empty), Given),
            (Box::new(OperandError::Nothing("x".to_owned())), Given),
            (Box::new(OperandError::Store(StoreError::Slow(path()))), Machine),
            (Box::new(OperandError::Store(StoreError::NotAStore(path()))), Given),
        ];
        for (error, expected) in cases {
            assert_eq!(blame(error.as_ref()), expected, "{error}");
        }
    }

    #[test]
    fn a_limit_of_the_process_is_nobodys_mistake() {
        let source = io::Error::from_raw_os_error(libc::EMFILE);
        assert_eq!(blame(&ReportError::Read { path: PathBuf::from("x"), source }), Machine);
    }

    #[test]
    fn what_was_named_is_the_users() {
        let error = FetchError::NotFirecracker { path: PathBuf::from("x"), reason: "text".to_owned() };
        assert_eq!((blame(&error), blame_of_named(&error)), (Machine, Given));
    }
}
