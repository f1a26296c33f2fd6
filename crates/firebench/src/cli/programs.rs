//! `--qemu PATH` and its like: an option for each kind that has a program.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use firebench_vmm::kind::Program;
use firebench_vmm::{VmmKind, kinds};

use firebench_host::fetch;
use firebench_model::experiment::Programs;

/// The programs that the user names, by option or variable.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProgramArgs {
    /// All of them.
    pub(super) programs: Programs,
}

/// The kinds that have a program, by name.
fn kinds_with_programs() -> Vec<(VmmKind, &'static Program)> {
    let mut all: Vec<_> = kinds::all().filter_map(|kind| Some((kind, kind.0.program.as_ref()?))).collect();
    all.sort_by_key(|(kind, _)| kind.0.name);
    all
}

/// The names of the options, as clap knows them.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    kinds_with_programs().into_iter().map(|(kind, _)| kind.0.name)
}

impl ProgramArgs {
    /// Puts them in place of those in `programs`.
    pub(super) fn replace_in(&self, programs: &mut Programs) {
        for (kind, _) in kinds_with_programs() {
            if let Some(path) = self.programs.get(kind) {
                programs.set(kind, path.to_owned());
            }
        }
    }

    /// A kind whose program an option names, and not its variable.
    pub(super) fn by_option(&self) -> Option<VmmKind> {
        let of_option = |kind: VmmKind, program: &Program| {
            let path = self.programs.get(kind)?;
            std::env::var_os(program.variable).is_none_or(|value| value != *path.as_os_str()).then_some(kind)
        };
        kinds_with_programs().into_iter().find_map(|(kind, program)| of_option(kind, program))
    }
}

impl clap::FromArgMatches for ProgramArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut named = ProgramArgs::default();
        named.update_from_arg_matches(matches)?;
        Ok(named)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (kind, _) in kinds_with_programs() {
            if let Some(path) = matches.get_one::<PathBuf>(kind.0.name) {
                self.programs.set(kind, path.clone());
            }
        }
        Ok(())
    }
}

impl clap::Args for ProgramArgs {
    fn augment_args(command: Command) -> Command {
        command.args(kinds_with_programs().into_iter().map(|(kind, program)| {
            let fetched = if fetch::installer(kind).is_some() { "the fetched one, else " } else { "" };
            Arg::new(kind.0.name)
                .long(kind.0.name)
                .value_name("PATH")
                .env(program.variable)
                .hide_env_values(true)
                .value_parser(value_parser!(PathBuf))
                .help(format!("The {} to run [default: {fetched}the one on PATH]", kind.title))
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
