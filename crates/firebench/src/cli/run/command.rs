//! The flags of `firebench run -- COMMAND...`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args};
use firebench_model::experiment::{BUSYBOX_SHELL, CommandSpec, ContenderSpec, Experiment, WorkloadName};

use super::scan::{self, Scan};

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
    /// Run the command for each value of a parameter, from MIN to MAX: {NAME} in a command stands for it; each value becomes a contender
    #[arg(long, short = 'P', value_names = ["NAME", "MIN", "MAX"], num_args = 3, action = ArgAction::Append,
        allow_negative_numbers = true, help_heading = COMMAND)]
    parameter_scan: Vec<String>,
    /// How far the values of --parameter-scan are apart [default: 1]
    #[arg(long, short = 'D', value_name = "STEP", requires = "parameter_scan", help_heading = COMMAND)]
    parameter_step_size: Option<String>,
    /// Run the command for each of these values of a parameter
    #[arg(long, short = 'L', value_names = ["NAME", "VALUE,..."], num_args = 2, action = ArgAction::Append, help_heading = COMMAND)]
    parameter_list: Vec<String>,
    /// Show what the command prints in the first iteration of each boot
    #[arg(long, conflicts_with = "quiet", help_heading = COMMAND)]
    show_output: bool,
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

/// What is wrong with the flags.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum CommandArgsError {
    /// Several commands, and nobody to run them in.
    #[error("{0} does not say where the commands run")]
    #[diagnostic(help("name the contenders, such as --vmm runc to compare the commands with each other there"))]
    Nowhere(&'static str),
    /// Parameters with too many values together.
    #[error("the parameters have more than {} combinations of values", scan::MOST)]
    #[diagnostic(help("choose fewer values: each combination becomes a contender"))]
    Combinations,
    /// Values that there are not.
    #[error("{option} {name}: {wrong}")]
    #[diagnostic(help("write it like -P threads 1 8, -P share 0.5 2 -D 0.5, or -L colour red,green"))]
    Scan {
        /// The option.
        option: &'static str,
        /// The parameter.
        name: String,
        /// What is wrong.
        wrong: String,
    },
}

impl CommandArgs {
    /// Whether a command is given.
    pub(super) fn is_given(&self) -> bool {
        !self.words.is_empty() || !self.command.is_empty()
    }

    /// Whether what it prints is to be shown.
    pub(super) fn shows_output(&self) -> bool {
        self.show_output
    }

    /// The option that makes contenders of several commands, if there is one.
    pub(super) fn several(&self) -> Option<&'static str> {
        let given = [
            ("--command", !self.command.is_empty()),
            ("--parameter-scan", !self.parameter_scan.is_empty()),
            ("--parameter-list", !self.parameter_list.is_empty()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }

    /// The parameters, in the order of the help.
    fn scans(&self) -> Result<Vec<Scan>, CommandArgsError> {
        let step = self.parameter_step_size.as_deref();
        let ranges = self.parameter_scan.chunks(3).filter_map(|words| match words {
            [name, least, most] => Some(("--parameter-scan", name, Scan::range(name, least, most, step))),
            _ => None,
        });
        let lists = self.parameter_list.chunks(2).filter_map(|words| match words {
            [name, values] => Some(("--parameter-list", name, Scan::list(name, values))),
            _ => None,
        });
        let wrong = |option, name: &String| {
            let name = name.clone();
            move |wrong| CommandArgsError::Scan { option, name, wrong }
        };
        let scans = ranges.chain(lists).map(|(option, name, scan)| scan.map_err(wrong(option, name)));
        let scans: Vec<Scan> = scans.collect::<Result<_, _>>()?;
        match scan::are_too_many(&scans) {
            true => Err(CommandArgsError::Combinations),
            false => Ok(scans),
        }
    }

    /// Puts what the flags say into `experiment`, whose workload and contenders are named, or not, on the command line.
    ///
    /// # Errors
    /// [`CommandArgsError`].
    pub(super) fn ask(
        &self,
        experiment: &mut Experiment,
        workload_named: bool,
        contenders_named: bool,
    ) -> Result<(), CommandArgsError> {
        let own = experiment.contenders.iter().any(|contender| contender.command.is_some());
        if (self.is_given() || (own && contenders_named)) && !workload_named {
            make_it_the_workload(experiment);
        }
        let around = [self.shell.is_some(), self.prepare.is_some(), self.conclude.is_some(), self.input.is_some()];
        let more = [!self.env.is_empty(), !self.expect_exit.is_empty(), self.expect_stdout.is_some()];
        if self.is_given() || around.into_iter().chain(more).any(|given| given) {
            self.replace_in(experiment.command.get_or_insert_default());
        }
        match self.several() {
            None => Ok(()),
            Some(option) if !contenders_named => Err(CommandArgsError::Nowhere(option)),
            Some(_) => {
                experiment.contenders = self.contenders(&experiment.specs(), &self.scans()?);
                Ok(())
            }
        }
    }

    /// Each contender with each command and each combination of parameters.
    fn contenders(&self, specs: &[ContenderSpec], scans: &[Scan]) -> Vec<ContenderSpec> {
        let commands: Vec<Option<&Named>> = match self.command.as_slice() {
            [] => vec![None],
            commands => commands.iter().map(Some).collect(),
        };
        let combinations = scan::combinations(scans);
        let mut contenders = Vec::new();
        for spec in specs {
            for named in &commands {
                for parameters in &combinations {
                    let own = Some(spec.name.as_str()).filter(|_| specs.len() > 1);
                    let named_so = named.map(|named| named.name.as_str());
                    let values = parameters.iter().flat_map(|(name, value)| [*name, *value]);
                    let words: Vec<&str> = own.into_iter().chain(named_so).chain(values).collect();
                    let given = |(name, value): &(&str, &str)| format!("{name}={value}");
                    let parameters = parameters.iter().map(given).collect::<Vec<_>>().join(" ");
                    contenders.push(ContenderSpec {
                        name: words.join("-").replace(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c), "_"),
                        command: named.map(|named| named.command.clone()).or_else(|| spec.command.clone()),
                        parameters: (!parameters.is_empty()).then_some(parameters),
                        ..spec.clone()
                    });
                }
            }
        }
        contenders
    }

    /// Makes a command the workload of an experiment with a root of the user's, unless they name another one.
    pub(super) fn ask_for_a_root(&self, experiment: &mut Experiment, named: bool) {
        if !named {
            make_it_the_workload(experiment);
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

fn make_it_the_workload(experiment: &mut Experiment) {
    if let Ok(workload) = WorkloadName::try_from(WORKLOAD.to_owned()) {
        experiment.workload = workload;
    }
}

fn replace<T: Clone>(place: &mut Option<T>, value: &Option<T>) {
    if value.is_some() {
        place.clone_from(value);
    }
}
