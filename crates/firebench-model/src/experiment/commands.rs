//! The commands of an experiment: its own, and those of its contenders.

use super::command::is_empty;
use super::{CommandError, CommandSpec, ContenderSpec, Experiment};

impl ContenderSpec {
    /// A word of a command with the contender's values in place of its parameters.
    fn with_parameters(&self, word: String) -> String {
        let given =
            self.parameters.iter().flat_map(|text| text.split_whitespace()).filter_map(|one| one.split_once('='));
        given.fold(word, |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
    }
}

impl Experiment {
    /// Whether the user gives a command to anybody.
    pub fn has_own_commands(&self) -> bool {
        let own = |contender: &ContenderSpec| contender.command.is_some() || contender.parameters.is_some();
        self.command.is_some() || self.contenders.iter().any(own)
    }

    /// The command of each contender as the user gave it, in words; empty where there is none.
    ///
    /// # Errors
    /// [`CommandError::Quoting`] for a contender's own that does not follow the rules of a shell's words.
    pub fn own_commands(&self) -> Result<Vec<Vec<String>>, CommandError> {
        let general = self.command.as_ref().map(|command| command.argv.clone()).unwrap_or_default();
        let shell = self.command.as_ref().is_some_and(|command| command.shell.is_some());
        let words = |line: &str| match shell {
            true => Ok(vec![line.to_owned()]),
            false => shell_words::split(line).map_err(|_| CommandError::Quoting(line.to_owned())),
        };
        let specs = self.specs().into_iter();
        specs
            .map(|spec| {
                let given = spec.command.as_ref().map_or_else(|| Ok(general.clone()), |line| words(line))?;
                Ok(given.into_iter().map(|word| spec.with_parameters(word)).collect())
            })
            .collect()
    }

    /// What can be said of the user's commands without a look at the machine.
    pub(super) fn check_commands(&self) -> Result<(), CommandError> {
        self.command.as_ref().map_or(Ok(()), CommandSpec::check)?;
        let unnamed = |text: &str| {
            text.split_whitespace().find(|word| word.find('=').is_none_or(|at| at == 0)).map(str::to_owned)
        };
        if let Some(text) = self.contenders.iter().find_map(|spec| unnamed(spec.parameters.as_ref()?)) {
            return Err(CommandError::Parameter(text));
        }
        let commands = self.own_commands()?;
        let own =
            self.specs().into_iter().zip(&commands).find(|(spec, words)| spec.command.is_some() && is_empty(words));
        match own {
            Some((spec, _)) => Err(CommandError::Empty(format!("command of contender {}", spec.name))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebench_vmm::{VmmKind, host};

    fn with(command: CommandSpec, own: Option<&str>) -> Experiment {
        let host = ContenderSpec::new("a", VmmKind(&host::KIND));
        let second = ContenderSpec { command: own.map(str::to_owned), ..ContenderSpec::new("b", VmmKind(&host::KIND)) };
        Experiment { command: Some(command), contenders: vec![host, second], ..Experiment::default() }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_contender_may_have_a_command_of_its_own() {
        let command = CommandSpec { argv: words(&["sort", "a b"]), ..CommandSpec::default() };
        let both = with(command.clone(), Some("sort -r 'a b'")).own_commands();
        assert_eq!(both, Ok(vec![words(&["sort", "a b"]), words(&["sort", "-r", "a b"])]));
        let shell = CommandSpec { shell: Some("sh".to_owned()), ..command };
        let lines = with(shell.clone(), Some("sort | uniq 'x")).own_commands().expect("a shell reads its line itself");
        assert_eq!(shell.executed(lines[1].clone()), words(&["sh", "-c", "sort | uniq 'x"]));
        assert_eq!(shell.executed(lines[0].clone()), words(&["sh", "-c", "sort a b"]));
    }

    #[test]
    fn a_parameter_stands_for_its_value() {
        let command =
            CommandSpec { argv: words(&["run", "-t{threads}", "{size}{size}", "{other}"]), ..CommandSpec::default() };
        let mut experiment = with(command, Some("run {threads}"));
        experiment.contenders[1].parameters = Some("threads=4 size=a=b".to_owned());
        assert_eq!(experiment.own_commands().expect("in order")[1], words(&["run", "4"]));
        experiment.contenders[1].command = None;
        assert_eq!(experiment.own_commands().expect("in order")[1], words(&["run", "-t4", "a=ba=b", "{other}"]));
        experiment.contenders[1].parameters = Some("threads".to_owned());
        let error = experiment.check().expect_err("no value").to_string();
        assert_eq!(error, "the parameter \"threads\" does not have the form NAME=VALUE");
    }

    #[test]
    fn what_cannot_be_a_command_is_refused() {
        let command = || CommandSpec { argv: words(&["true"]), ..CommandSpec::default() };
        with(command(), None).check().expect("in order");
        with(CommandSpec { argv: words(&["printf", ""]), ..command() }, None).check().expect("an empty word is a word");
        let wrong = |command, own| with(command, own).check().expect_err("not in order").to_string();
        assert_eq!(wrong(CommandSpec { argv: words(&[" "]), ..command() }, None), "command is empty");
        assert_eq!(wrong(command(), Some("'a")), "the quotes in the command `'a` are not closed");
        assert_eq!(wrong(command(), Some("''")), "command of contender b is empty");
        let env = |text: &str| CommandSpec { env: words(&[text]), ..command() };
        assert_eq!(wrong(env("A"), None), "the variable \"A\" does not have the form NAME=VALUE");
        assert_eq!(wrong(env("=1"), None), "the variable \"=1\" does not have the form NAME=VALUE");
        let code = CommandSpec { expect_exit: vec![0, 256], ..command() };
        assert_eq!(wrong(code, None), "256 is not an exit code");
    }
}
