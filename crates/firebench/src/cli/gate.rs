//! What every subcommand with a gate has in common: its options, and where the outcomes go.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use firebench_analysis::gate::{self, Limit, Outcome};
use firebench_os::new_file::NewFile;
use firebench_report as report;
use firebench_stats::verdict::Gate;
use firebench_stats::{Better, Standing};
use firebench_text as text;

use super::exit_codes::{EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION, EXIT_UNFAIR};
use super::failure::Failure;
use super::output;
use crate::blame::is_absent;

/// The heading of these options in the help.
const GATE: &str = "Gate";

#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// Fail if the whole interval is beyond a limit: 'real > +3%', 'user < -5%', 'sys > +0.1s', 'NAME: real > +3%'
    #[arg(long, value_name = "LIMIT", help_heading = GATE)]
    pub(super) fail_if: Vec<Limit>,
    /// Exit with code 4 if a limit is undecided or, without limits, if a verdict is inconclusive
    #[arg(long, help_heading = GATE)]
    pub(super) require_verdict: bool,
    /// Apply limits even if the contenders do not compare like with like, such as 1 vCPU against 2
    #[arg(long, help_heading = GATE)]
    pub(super) allow_unfair: bool,
    /// Also write the outcomes as annotations to standard error
    #[arg(long, value_enum, value_name = "WHERE", help_heading = GATE)]
    annotate: Option<Annotate>,
    /// Also write the outcomes to a file, as JUnit XML
    #[arg(long, value_name = "FILE", help_heading = GATE)]
    junit: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Annotate {
    /// Workflow commands
    Github,
}

impl GateArgs {
    /// The outcomes as the options want them.
    pub(super) fn settle(&self, outcomes: &mut [Outcome]) {
        let upside_down =
            |outcome: &&Outcome| outcome.judged.metric.better == Better::More && outcome.standing() == Standing::Better;
        if let Some(outcome) = outcomes.iter().find(upside_down) {
            output::tell(&text::line(&format!(
                "note: more of {} is better, so '{}' limits how much better it may become; use < to guard against a \
                loss",
                outcome.judged.metric.name, outcome.limit
            )));
            output::tell("\n");
        }
        if self.allow_unfair {
            gate::allow_unfair(outcomes);
        } else if outcomes.iter().any(|outcome| outcome.gate == Gate::Unfair) {
            output::tell(
                "note: a limit neither fails nor passes where contenders do not compare like with like: make them alike, or give \
                 --allow-unfair if that difference is what you want to measure\n",
            );
        }
    }

    /// Tries whether the file of `--junit` can be written: before a long run, not after it.
    pub(super) fn check_output(&self) -> Result<(), Failure> {
        let Some(file) = &self.junit else { return Ok(()) };
        let tried = match file.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => NewFile::beside(file).map(drop),
        };
        tried.map_err(|source| cannot_write(file, source))
    }

    /// Writes the outcomes to where the options say, and gives the exit code. `suite` says what was compared;
    /// `conclusive`, whether every verdict is there.
    pub(super) fn finish(&self, outcomes: &[Outcome], suite: &str, conclusive: bool) -> Result<u8, Failure> {
        if let Some(file) = &self.junit {
            let xml = report::gate::junit(outcomes, suite, self.require_verdict);
            write(file, &xml).map_err(|source| cannot_write(file, source))?;
        }
        if let Some(Annotate::Github) = self.annotate {
            output::tell(&report::gate::github(outcomes));
        }
        if self.fail_if.is_empty() && self.require_verdict && !conclusive {
            return Ok(EXIT_INCONCLUSIVE);
        }
        Ok(exit_code(outcomes, self.require_verdict))
    }
}

fn cannot_write(file: &Path, source: io::Error) -> Failure {
    let is_given = is_absent(source.kind());
    let error = CannotWrite { file: file.to_owned(), source };
    if is_given { Failure::usage(error) } else { error.into() }
}

/// The file appears whole or not at all.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut new = NewFile::beside(file)?;
    new.write_all(text.as_bytes())?;
    new.persist(file)
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {}", file.display())]
#[diagnostic(help("give --junit a file in a directory that you can write to"))]
struct CannotWrite {
    file: PathBuf,
    source: io::Error,
}

/// The exit code: a regression counts for more than what compares unlike things, and that for more than what is undecided, which
/// counts where verdicts are required.
pub fn exit_code(outcomes: &[Outcome], require_verdict: bool) -> u8 {
    let any = |gate| outcomes.iter().any(|outcome| outcome.gate == gate);
    match () {
        () if any(Gate::Beyond) => EXIT_REGRESSION,
        () if any(Gate::Unfair) => EXIT_UNFAIR,
        () if require_verdict && any(Gate::Undecided) => EXIT_INCONCLUSIVE,
        () => EXIT_OK,
    }
}

#[cfg(test)]
mod tests {
    use Gate::{Beyond, Undecided, Unfair, Within};

    use super::*;
    use firebench_analysis::beside::Beside;
    use firebench_analysis::judged::{Judged, Unjudged};

    fn outcome(gate: Gate) -> Outcome {
        let judged = Judged {
            contender: "slow".to_owned(),
            baseline: "qemu".to_owned(),
            metric: firebench_model::metric::OF_A_COMMAND[0].clone(),
            unlike: Vec::new(),
            beside: Beside::default(),
            judgement: Err(Unjudged::NoValue),
        };
        Outcome { limit: "real > 3%".parse().expect("a limit"), judged, gate }
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_outcome() {
        for (gates, code, required) in [
            (&[Within][..], 0, 0),
            (&[Undecided], 0, 4),
            (&[Beyond, Within], 1, 1),
            (&[Undecided, Beyond, Within], 1, 1),
            (&[Unfair], 5, 5),
            (&[], 0, 0),
        ] {
            let outcomes: Vec<Outcome> = gates.iter().copied().map(outcome).collect();
            assert_eq!([exit_code(&outcomes, false), exit_code(&outcomes, true)], [code, required], "{gates:?}");
        }
    }
}
