//! A command of the user's.

use std::time::Duration;

use firebench_model::experiment::Experiment;
use firebench_model::plan::Inputs;
use firebench_protocol::IterationReport;
use firebench_text::excerpt;

use crate::reading::{Fault, Reading};
use crate::workload::{Needs, Side, Speed, Workload};

/// Whatever the user wants to have run. What it must print and how it must end, they may say.
pub struct Command;

/// How long an iteration may take where nobody says: nobody knows how long the command takes.
const AT_LEAST: Duration = Duration::from_secs(600);

/// Characters of a wrong output that a message quotes.
const QUOTED: usize = 60;

impl Workload for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn about(&self) -> &'static str {
        "A command of yours: `firebench run -- COMMAND...`"
    }

    fn says_nothing_of(&self) -> &'static str {
        "whether the command did its work, unless --expect-stdout says what that is"
    }

    fn is_the_users(&self) -> bool {
        true
    }

    fn needs(&self, _: &Experiment, _: Speed) -> Needs {
        Needs::default()
    }

    fn command(&self, side: &Side) -> Vec<String> {
        side.own.clone()
    }

    fn deadline(&self, _: &Inputs, _: Speed) -> Duration {
        AT_LEAST
    }

    fn read(&self, inputs: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        let Some(expected) = &inputs.stdout_sha256 else { return Ok(Reading::default()) };
        let found = output.stdout_sha256.clone().unwrap_or_default();
        if found != *expected {
            let begin = excerpt(output.stdout.lines().next().unwrap_or_default(), QUOTED);
            let why = format!(
                "the command printed {} that begin with \"{begin}\" and have the SHA-256 {}, not the expected {expected}",
                firebench_text::bytes(output.stdout_bytes),
                excerpt(&found, QUOTED.saturating_add(4))
            );
            return Err(Fault::WrongOutput(why));
        }
        Ok(Reading { digest: found, ..Reading::default() })
    }
}
