//! What the workloads share whose command is the agent's HTTP server.

use std::time::Duration;

use firebench_protocol::service::{SERVE_COMMAND, SERVICE_PORT};
use firebench_protocol::{AGENT_COMMAND, IterationReport};
use firebench_text::excerpt;

use crate::reading::{Fault, Reading};
use crate::workload::Side;

/// The longest that anything may take beside what the user asks for.
pub(super) const LONGEST: Duration = Duration::from_secs(600);

/// Characters of a wrong output that a message quotes.
const QUOTED: usize = 60;

/// A good server says nothing; what firebench measures, it measures itself.
pub(super) fn read(output: &IterationReport) -> Result<Reading, Fault> {
    match output.stdout.lines().next() {
        None => Ok(Reading::default()),
        Some(line) => Err(Fault::WrongOutput(format!("the service printed \"{}\"", excerpt(line, QUOTED)))),
    }
}

/// The server's command line.
pub(super) fn command(side: &Side) -> Vec<String> {
    let mut command = [AGENT_COMMAND, SERVE_COMMAND, "--port"].map(str::to_owned).to_vec();
    command.push(SERVICE_PORT.to_string());
    match (&side.payload, side.body) {
        (Some(payload), _) => command.extend(["--disk".to_owned(), payload.clone()]),
        (None, body) => command.extend(["--body".to_owned(), body.map_or(0, |body| body.0).to_string()]),
    }
    command.extend(side.card.iter().flat_map(|card| ["--card".to_owned(), card.clone()]));
    command
}
