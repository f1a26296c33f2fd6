//! hyperfine's `--export-json`. Its format: `BenchmarkResult` in its `src/benchmark/benchmark_result.rs`.
//!
//! Each execution becomes a boot with one iteration: it is the replicate. hyperfine tells user and system time as means over
//! all executions only; they go into a notice.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Figures, ImportError, MAX_SAMPLES, boot, check, iteration};
use crate::record::BootStatus;
use crate::report::text;

#[derive(Deserialize)]
struct File {
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    command: String,
    user: f64,
    system: f64,
    /// Absent where hyperfine was told to leave them out: then there is nothing to compare.
    times: Vec<f64>,
    /// Peak resident sets, by execution; not in older files.
    #[serde(default)]
    memory_usage_byte: Vec<u64>,
    /// By execution, null for one that a signal ended; not in older files.
    #[serde(default)]
    exit_codes: Vec<Option<i32>>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

pub(super) fn parse(json: &str) -> Result<Figures, ImportError> {
    let broken = |problem: String| ImportError::Hyperfine(text::line(&problem));
    let File { results } = serde_json::from_str(json).map_err(|error| broken(error.to_string()))?;
    if results.iter().map(|outcome| outcome.times.len()).sum::<usize>() > MAX_SAMPLES {
        return Err(ImportError::TooMany);
    }
    let mut contenders: Vec<(String, Vec<_>)> = Vec::new();
    let mut notices = vec![
        "hyperfine runs one command after the other, not in turns: a drift of the machine looks like a difference"
            .to_owned(),
    ];
    for (place, outcome) in results.into_iter().enumerate() {
        let at = |field: &str| format!("results[{place}].{field}");
        let count = outcome.times.len();
        if count == 0 {
            return Err(broken(format!("{} is empty", at("times"))));
        }
        for (field, length) in
            [("exit_codes", outcome.exit_codes.len()), ("memory_usage_byte", outcome.memory_usage_byte.len())]
        {
            if length != 0 && length != count {
                return Err(broken(format!("{} has {length} entries for {count} times", at(field))));
            }
        }
        let mut boots = Vec::new();
        for (number, seconds) in (0..).zip(outcome.times) {
            let execution = number as usize;
            let seconds =
                check(seconds).map_err(|problem| broken(format!("{}: {problem}", at(&format!("times[{number}]")))))?;
            let mut iteration = iteration(0, BTreeMap::from([("real".to_owned(), seconds)]));
            iteration.counters.max_rss_bytes = outcome.memory_usage_byte.get(execution).copied().unwrap_or(0);
            let mut boot = boot(number, u32::try_from(place).unwrap_or(u32::MAX), vec![iteration]);
            match outcome.exit_codes.get(execution) {
                None | Some(Some(0)) => {}
                Some(code) => {
                    boot.status = BootStatus::CommandFailed;
                    boot.message =
                        Some(code.map_or("a signal ended it".to_owned(), |code| format!("exit code {code}")));
                }
            }
            boots.push(boot);
        }
        let name = unique(name(&outcome.command, &outcome.parameters), &contenders);
        notices.push(format!(
            "{name}: user {} s and system {} s in the mean; hyperfine does not tell them by execution",
            outcome.user, outcome.system
        ));
        contenders.push((name, boots));
    }
    if contenders.is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(Figures { contenders, notices })
}

/// The command, and the parameters that it does not show itself.
fn name(command: &str, parameters: &BTreeMap<String, String>) -> String {
    let hidden = parameters.iter().filter(|(_, value)| !command.contains(value.as_str()));
    let hidden: Vec<String> = hidden.map(|(name, value)| format!("{name}={value}")).collect();
    if hidden.is_empty() { command.to_owned() } else { format!("{command} ({})", hidden.join(", ")) }
}

/// The name, with a number behind it where others have it already.
fn unique<T>(name: String, others: &[(String, T)]) -> String {
    let is_free = |name: &String| others.iter().all(|(other, _)| other != name);
    let numbered = (2..).map(|number| format!("{name} #{number}"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
}
