//! Why a run ended early, wherever it took place.

use super::nested::NestedError;
use crate::runner::RunError;

/// Why a run ended early.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ExecutorError {
    /// The run failed, or was stopped.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] RunError),
    /// So did the nested host.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Nested(NestedError),
}

impl From<NestedError> for ExecutorError {
    fn from(error: NestedError) -> Self {
        match error {
            NestedError::Runner(error) => ExecutorError::Run(error),
            error => ExecutorError::Nested(error),
        }
    }
}

impl ExecutorError {
    /// What is to be said where the place itself broke down, so that another one may do better; none of all other errors.
    pub(super) fn breakdown(&self) -> Option<String> {
        match self {
            ExecutorError::Run(_) => None,
            ExecutorError::Nested(error) => error.breakdown(),
        }
    }
}
