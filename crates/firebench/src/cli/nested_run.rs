//! `firebench nested-run`: carries out a plan inside the nested host. Each event is one line of JSON on standard output.

use std::io::{Read, Write};

use firebench_model::events::RunEvent;
use firebench_model::plan::Plan;
use firebench_run::runner::{self, Surroundings};
use firebench_supervise::{RunDir, ports};
use firebench_text::errors::sentence;

use super::failure::Failure;
use super::system;

/// Standard input does not contain a plan.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("standard input does not contain a plan")]
#[diagnostic(help("do not run this command: firebench itself runs it inside a nested host"))]
struct NoPlan(#[source] serde_json::Error);

pub(super) fn main() -> Result<(), Failure> {
    let result = carry_out();
    if let Err(failure) = &result {
        let hint = failure.error.help().map(|hint| hint.to_string());
        tell(&RunEvent::RunFailed { message: sentence(failure.error.as_ref()), hint });
    }
    result
}

fn carry_out() -> Result<(), Failure> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).map_err(Failure::system("read standard input"))?;
    let plan: Plan = serde_json::from_slice(&text).map_err(|error| Failure::usage(NoPlan(error)))?;
    let interrupt = system::catch_signals()?;
    let run_dir = RunDir::create(&std::env::temp_dir())?;
    // This machine is firebench's own, and no time in it means anything.
    ports::watch();
    runner::run(&plan, &Surroundings { run_dir: &run_dir, interrupt: &interrupt }, &mut tell).map_err(Failure::from_run)
}

/// One line for each event. When nobody reads any more, the nested host is about to end.
fn tell(event: &RunEvent) {
    if let Ok(line) = serde_json::to_string(event) {
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}
