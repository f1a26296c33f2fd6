//! What every subcommand with a gate has in common: its options, and where the outcomes go.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use firebench_os::new_file::NewFile;
use firebench_stats::verdict::Gate;

use super::Failure;
use crate::gate::{self, Limit, Outcome};

/// Apart from the subcommand's own options in its help.
const GATE: &str = "Gate";

#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// Fail when the whole interval is beyond a limit: 'real > +3%', 'user < -5%', 'sys > +0.1s', 'NAME: real > +3%'
    #[arg(long, value_name = "LIMIT", help_heading = GATE)]
    pub(super) fail_if: Vec<Limit>,
    /// Exit with 4 where a limit is undecided, or, without limits, a verdict inconclusive
    #[arg(long, help_heading = GATE)]
    pub(super) require_verdict: bool,
    /// Let a limit decide also where the contenders do not compare like with like, such as 1 vCPU against 2
    #[arg(long, help_heading = GATE)]
    pub(super) allow_unfair: bool,
    /// Also write the outcomes as annotations to standard error
    #[arg(long, value_enum, value_name = "WHERE", help_heading = GATE)]
    annotate: Option<Annotate>,
    /// Also write the outcomes to a file, as JUnit's XML
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
        if self.allow_unfair {
            gate::allow_unfair(outcomes);
        } else if outcomes.iter().any(|outcome| outcome.gate == Gate::Unfair) {
            super::tell(
                "note: a limit neither fails nor passes where contenders do not compare like with like: make them alike, or give \
                 --allow-unfair if that difference is what you want to measure\n",
            );
        }
    }

    /// Writes the outcomes to where the options say, and gives the exit code. `suite` says what was compared;
    /// `conclusive`, whether every verdict is there.
    pub(super) fn finish(&self, outcomes: &[Outcome], suite: &str, conclusive: bool) -> Result<u8, Failure> {
        if let Some(file) = &self.junit {
            let xml = gate::junit(outcomes, suite, self.require_verdict);
            write(file, &xml).map_err(|source| CannotWrite { file: file.clone(), source })?;
        }
        if let Some(Annotate::Github) = self.annotate {
            super::tell(&gate::github(outcomes));
        }
        if self.fail_if.is_empty() && self.require_verdict && !conclusive {
            return Ok(super::EXIT_INCONCLUSIVE);
        }
        Ok(gate::exit_code(outcomes, self.require_verdict))
    }
}

/// The file appears whole or not at all.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut new = NewFile::beside(file)?;
    new.write_all(text.as_bytes())?;
    new.persist(file)
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {}", file.display())]
#[diagnostic(help("give --junit a file in a directory that you can write to"))]
struct CannotWrite {
    file: PathBuf,
    source: std::io::Error,
}
