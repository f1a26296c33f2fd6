//! A command of the user's, and what is around it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the workload `command` runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// The command, word by word: of every contender that does not have its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// The shell that reads the command as one line; none when absent. `sh` is busybox's, the same program everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// The directory in which it runs, an absolute path; `/` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Variables, each as `NAME=VALUE`, beside HOME, PATH and LC_ALL, which every command has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The file that it reads as its standard input; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<PathBuf>,
    /// A line for busybox's shell right before each iteration, not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepare: Option<String>,
    /// A line for busybox's shell right after each iteration, not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclude: Option<String>,
    /// The exit codes that are in order; 0 alone when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect_exit: Vec<i32>,
    /// What it must print: the SHA-256 of that, or a file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_stdout: Option<PathBuf>,
}

/// The shell that comes with every contender.
pub const BUSYBOX_SHELL: &str = "sh";

impl CommandSpec {
    /// The variables, in their order: name and value.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().filter_map(|text| text.split_once('='))
    }

    /// The words that are executed for the words of a command: those of a shell with one line, where there is a shell.
    pub fn executed(&self, words: Vec<String>) -> Vec<String> {
        match &self.shell {
            Some(shell) => vec![shell.clone(), "-c".to_owned(), words.join(" ")],
            None => words,
        }
    }

    /// What it alone can tell is wrong with it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn check(&self) -> Result<(), CommandError> {
        if is_empty(&self.argv) && !self.argv.is_empty() {
            return Err(CommandError::Empty("command".to_owned()));
        }
        let named = |text: &&String| text.split_once('=').is_some_and(|(name, _)| !name.is_empty());
        if let Some(text) = self.env.iter().find(|text| !named(text)) {
            return Err(CommandError::Variable(text.clone()));
        }
        match self.expect_exit.iter().find(|code| !(0..=255).contains(*code)) {
            Some(code) => Err(CommandError::ExitCode(*code)),
            None => Ok(()),
        }
    }
}

/// Whether words call no program.
pub(super) fn is_empty(words: &[String]) -> bool {
    words.first().is_none_or(|program| program.trim().is_empty())
}

/// A command that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum CommandError {
    /// Nothing to run.
    #[error("{0} is empty")]
    #[diagnostic(help("give it a value, or leave it out"))]
    Empty(String),
    /// A command that is no list of words.
    #[error("the quotes in the command `{0}` are not closed")]
    #[diagnostic(help("close them, or give --shell to have a shell read the line"))]
    Quoting(String),
    /// Not a variable.
    #[error("the variable {0:?} does not have the form NAME=VALUE")]
    #[diagnostic(help("write it like --env COLOUR=red"))]
    Variable(String),
    /// Not a parameter.
    #[error("the parameter {0:?} does not have the form NAME=VALUE")]
    #[diagnostic(help("write it like parameters = \"threads=4 size=2\""))]
    Parameter(String),
    /// Not an exit code.
    #[error("{0} is not an exit code")]
    #[diagnostic(help("exit codes are 0 to 255; a command that a signal N ends has 128 + N"))]
    ExitCode(i32),
}
