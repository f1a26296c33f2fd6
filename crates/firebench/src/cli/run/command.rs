//! The flags of `firebench run -- COMMAND...`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use firebench_model::experiment::{BUSYBOX_SHELL, CommandSpec, ContenderSpec, Experiment, WorkloadName};

/// The heading of these options in the help.
const COMMAND: &str = "A command of yours";

#[derive(Debug, Args)]
pub(crate) struct CommandArgs {
    /// A command of yours to run as the workload, instead of a workload of firebench's: a program of this machine, which firebench
    /// puts into every root at the same path, with its libraries
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<String>,
    /// One of several commands to compare in the contenders of --vmm or --contender, each command in each of them; may be given
    /// several times
    #[arg(long, value_name = "NAME=COMMAND", help_heading = COMMAND, conflicts_with = "words")]
    command: Vec<Named>,
    /// Have a shell read the command as one line: sh for busybox's, or a program of this machine
    #[arg(long, value_name = "SHELL", num_args = 0..=1, default_missing_value = BUSYBOX_SHELL, require_equals = true, help_heading = COMMAND)]
    shell: Option<String>,
    /// A line for busybox's shell right before each iteration, not measured
    #[arg(long, value_name = "LINE", help_heading = COMMAND)]
    prepare: Option<String>,
    /// A line for busybox's shell right after each iteration, not measured
    #[arg(long, value_name = "LINE", help_heading = COMMAND)]
    conclude: Option<String>,
    /// A file for the command's standard input [default: nothing]
    #[arg(long, value_name = "FILE", help_heading = COMMAND)]
    input: Option<PathBuf>,
    /// A variable of the command's environment, which has HOME, PATH and LC_ALL besides; may be given several times
    #[arg(long, value_name = "NAME=VALUE", help_heading = COMMAND)]
    env: Vec<String>,
    /// The exit codes that are in order [default: 0]
    #[arg(long, value_name = "CODE,...", value_delimiter = ',', help_heading = COMMAND)]
    expect_exit: Vec<i32>,
    /// What the command must print in each iteration: a file that holds it, or its SHA-256
    #[arg(long, value_name = "FILE|SHA256", help_heading = COMMAND)]
    expect_stdout: Option<PathBuf>,
}

/// A command with a name.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    command: String,
}

impl FromStr for Named {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, command) = text.split_once('=').ok_or("write it like sorted='sort data.txt'")?;
        Ok(Named { name: name.to_owned(), command: command.to_owned() })
    }
}

/// The workload of these flags.
const WORKLOAD: &str = "command";

/// Several commands, and nobody to run them in.
#[derive(Debug)]
pub(super) struct Nowhere;

impl CommandArgs {
    /// Whether a command is given.
    pub(super) fn is_given(&self) -> bool {
        !self.words.is_empty() || !self.command.is_empty()
    }

    /// Whether several of them are, each of which becomes contenders.
    pub(super) fn are_named(&self) -> bool {
        !self.command.is_empty()
    }

    /// Puts what the flags say into `experiment`, whose contenders are named, or not, on the command line.
    ///
    /// # Errors
    /// [`Nowhere`].
    pub(super) fn ask(&self, experiment: &mut Experiment, contenders_named: bool) -> Result<(), Nowhere> {
        if self.is_given() {
            if let Ok(workload) = WorkloadName::try_from(WORKLOAD.to_owned()) {
                experiment.workload = workload;
            }
        }
        let around = [self.shell.is_some(), self.prepare.is_some(), self.conclude.is_some(), self.input.is_some()];
        let more = [!self.env.is_empty(), !self.expect_exit.is_empty(), self.expect_stdout.is_some()];
        if self.is_given() || around.into_iter().chain(more).any(|given| given) {
            self.replace_in(experiment.command.get_or_insert_default());
        }
        if !self.are_named() {
            return Ok(());
        }
        if !contenders_named {
            return Err(Nowhere);
        }
        let specs = experiment.specs();
        let alone = specs.len() == 1;
        let each = |spec: &ContenderSpec, named: &Named| {
            let name = if alone { named.name.clone() } else { format!("{}-{}", spec.name, named.name) };
            ContenderSpec { name, command: Some(named.command.clone()), ..spec.clone() }
        };
        experiment.contenders =
            specs.iter().flat_map(|spec| self.command.iter().map(move |named| each(spec, named))).collect();
        Ok(())
    }

    /// Makes a command the workload of an experiment with a root of the user's, unless they name another one.
    pub(super) fn ask_for_a_root(&self, experiment: &mut Experiment, named: bool) {
        if let Some(workload) = WorkloadName::try_from(WORKLOAD.to_owned()).ok().filter(|_| !named) {
            experiment.workload = workload;
            experiment.command.get_or_insert_default();
        }
    }

    fn replace_in(&self, spec: &mut CommandSpec) {
        if self.is_given() {
            spec.argv.clone_from(&self.words);
        }
        replace(&mut spec.shell, &self.shell);
        replace(&mut spec.prepare, &self.prepare);
        replace(&mut spec.conclude, &self.conclude);
        replace(&mut spec.input, &self.input);
        replace(&mut spec.expect_stdout, &self.expect_stdout);
        if !self.env.is_empty() {
            spec.env.clone_from(&self.env);
        }
        if !self.expect_exit.is_empty() {
            spec.expect_exit.clone_from(&self.expect_exit);
        }
    }
}

fn replace<T: Clone>(place: &mut Option<T>, value: &Option<T>) {
    if value.is_some() {
        place.clone_from(value);
    }
}
