//! An error of the command line: how the terminal shows it, and its exit code.

use std::io::IsTerminal;

use firebench_run::executor::ExecutorError;
use firebench_run::runner::RunError;
use firebench_store::store::StoreError;
use firebench_supervise::Interrupt;

use super::exit_codes::{EXIT_FAILED, EXIT_USAGE};
use super::style::style;
use crate::blame::{Blame, blame, blame_of_named};

/// A system call that failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot {action}")]
#[diagnostic(help("run `firebench doctor` to see what this machine lacks"))]
struct SystemError {
    action: &'static str,
    source: std::io::Error,
}

/// An error on its way to the terminal, with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(super) error: Box<dyn miette::Diagnostic + Send + Sync>,
    pub(super) code: u8,
}

impl Failure {
    /// A mistake in the command line or an input file, of an error that `blame` does not know.
    pub(super) fn usage(error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        Failure { error: Box::new(error), code: EXIT_USAGE }
    }

    /// For `map_err`: the system refuses to do `action`.
    pub(super) fn system(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| SystemError { action, source }.into()
    }

    /// A run that failed or was stopped.
    pub(super) fn from_run(error: RunError) -> Self {
        match error.signal().and_then(|signal| u8::try_from(signal.saturating_add(128)).ok()) {
            Some(code) => Failure { error: Box::new(error), code },
            None => error.into(),
        }
    }

    /// The result of work that `interrupt` may have stopped: then the error is the interruption, whatever error the
    /// work returned.
    pub(super) fn unless_stopped<T, E: Into<Failure>>(
        result: Result<T, E>,
        interrupt: &Interrupt,
    ) -> Result<T, Failure> {
        match result {
            Err(_) if interrupt.signal().is_some() => Err(Failure::from_run(RunError::interrupted(interrupt))),
            result => result.map_err(Into::into),
        }
    }

    /// Whether a signal stopped it.
    pub(super) fn signal(&self) -> bool {
        self.code > 128
    }

    /// A run that failed or was stopped, wherever it took place.
    pub(super) fn from_executor(error: ExecutorError) -> Self {
        match error {
            ExecutorError::Run(error) => Failure::from_run(error),
            ExecutorError::Nested(error) => error.into(),
        }
    }

    /// What went wrong with a file that the user named.
    pub(super) fn of_named(error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        let code = exit_code(blame_of_named(&error));
        Failure { error: Box::new(error), code }
    }

    /// An error of the store.
    pub(super) fn from_store(error: StoreError) -> Self {
        error.into()
    }

    /// The error as the terminal shows it.
    pub(super) fn render(&self) -> String {
        let text = firebench_text::errors::render(self.error.as_ref());
        if std::io::stderr().is_terminal() { firebench_text::fit(&text, style(true).width) } else { text }
    }

    /// The error in a sentence.
    pub(super) fn sentence(&self) -> String {
        firebench_text::errors::sentence(self.error.as_ref())
    }
}

/// [`blame`](crate::blame::blame) says what the exit code is.
impl<E: miette::Diagnostic + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let code = exit_code(blame(&error));
        Failure { error: Box::new(error), code }
    }
}

pub(super) fn exit_code(blame: Blame) -> u8 {
    match blame {
        Blame::Given => EXIT_USAGE,
        Blame::Machine => EXIT_FAILED,
    }
}
