//! `--size` and its like: the flags of the workloads' own options.

use clap::{Arg, ArgMatches, Command};
use firebench_workload::{Flag, Given, flags};

/// What the user gave for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlagArgs {
    /// By the flags' names.
    pub(super) given: Given,
}

impl clap::FromArgMatches for FlagArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = FlagArgs::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for Flag { name, .. } in flags() {
            if let Some(text) = matches.get_one::<String>(name) {
                self.given.insert(name, text.clone());
            }
        }
        Ok(())
    }
}

impl clap::Args for FlagArgs {
    fn augment_args(command: Command) -> Command {
        command.args(flags().into_iter().map(|&Flag { name, value, help, check }| {
            let parse = move |text: &str| check(text).map(|()| text.to_owned());
            Arg::new(name).long(name).value_name(value).value_parser(parse).help(help)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
