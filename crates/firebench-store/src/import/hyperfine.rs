//! hyperfine's `--export-json`. Its format: `BenchmarkResult` in its `src/benchmark/benchmark_result.rs`.
//!
//! Each execution becomes a boot with one iteration: it is the replicate. hyperfine runs one command after the other, so
//! executions of two commands are never pairs. It knows user and system time as means over all executions only; they go into a
//! notice.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use firebench_model::figures::{Column, Failed, Figures, Sample};
use firebench_model::metric::{self, Metric, Unit};
use firebench_stats::{Better, Scale};
use firebench_text as text;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::others::{Contender, MAX_CONTENDERS, MAX_NAME, MAX_SAMPLES, Read, check};
use super::{Accepted, ImportError};
use crate::unique::Unique;

#[derive(Deserialize)]
struct File {
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    command: String,
    /// Null where it is not known.
    #[serde(default)]
    user: Option<f64>,
    #[serde(default)]
    system: Option<f64>,
    /// Absent where hyperfine left them out: then there is nothing to compare.
    #[serde(default)]
    times: Option<Times>,
    /// Peak resident sets, by execution; not in older files.
    #[serde(default)]
    memory_usage_byte: Option<Vec<f64>>,
    /// By execution, null for one that a signal ended; not in older files.
    #[serde(default)]
    exit_codes: Option<Vec<Option<i32>>>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

/// Times of executions, no more than a file may have.
struct Times(Vec<f64>);

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Limited;
        impl<'de> Visitor<'de> for Limited {
            type Value = Times;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an array of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Times, A::Error> {
                let mut times = Vec::new();
                while let Some(time) = list.next_element()? {
                    if times.len() > MAX_SAMPLES {
                        // The caller says that there are too many.
                        continue;
                    }
                    times.push(time);
                }
                Ok(Times(times))
            }
        }
        deserializer.deserialize_seq(Limited)
    }
}

pub(super) fn parse(json: &str, accepted: &Accepted) -> Result<Read, ImportError> {
    let broken = |problem: String| ImportError::Hyperfine(text::excerpt(&problem, 300));
    let File { results } = serde_json::from_str(json).map_err(|error| broken(words(&error)))?;
    let samples = results.iter().filter_map(|outcome| outcome.times.as_ref());
    if samples.map(|times| times.0.len()).sum::<usize>() > MAX_SAMPLES {
        return Err(ImportError::TooMany { limit: MAX_SAMPLES, what: "samples" });
    }
    if results.len() > MAX_CONTENDERS {
        return Err(ImportError::TooMany { limit: MAX_CONTENDERS, what: "commands" });
    }
    if results.is_empty() {
        return Err(ImportError::Empty);
    }
    let mut names = Unique::default();
    let mut contenders = Vec::new();
    let mut notices = vec![
        "hyperfine runs one command after the other, not in turns: a drift of the machine looks like a difference"
            .to_owned(),
    ];
    for (place, outcome) in results.into_iter().enumerate() {
        let at = |field: &str| format!("results[{place}].{field}");
        let Some(Times(times)) = outcome.times else { return Err(ImportError::Summary) };
        let count = times.len();
        if count == 0 {
            return Err(broken(format!("{} is empty", at("times"))));
        }
        let exit_codes = outcome.exit_codes.unwrap_or_default();
        let memory = outcome.memory_usage_byte.unwrap_or_default();
        for (field, length) in [("exit_codes", exit_codes.len()), ("memory_usage_byte", memory.len())] {
            if length != 0 && length != count {
                return Err(broken(format!("{} has {length} entries for {count} times", at(field))));
            }
        }
        let column = |field: &str, values: Vec<f64>| {
            let sample = |(boot, value): (u32, f64)| {
                let value =
                    check(value).map_err(|problem| broken(format!("execution {boot} of {}: {problem}", at(field))))?;
                Ok(Sample { boot, iteration: 1, value })
            };
            let samples = (1..).zip(values).map(sample).collect::<Result<Vec<_>, ImportError>>()?;
            Column::new(samples).map_err(broken)
        };
        let mut metrics = BTreeMap::from([(REAL.to_owned(), column("times", times)?)]);
        if !memory.is_empty() {
            metrics.insert(MEMORY.to_owned(), column("memory_usage_byte", memory)?);
        }
        let name = name(&outcome.command, &outcome.parameters);
        if name.len() > MAX_NAME {
            return Err(broken(format!("{} has {} bytes, which is too long for a name", at("command"), name.len())));
        }
        let name = names.of(name);
        let failed: Vec<Failed> = (1..)
            .zip(exit_codes)
            .filter(|(_, exit_code)| !accepted.holds(*exit_code))
            .map(|(boot, exit_code)| Failed { boot, exit_code })
            .collect();
        notices.extend(failures(&name, &failed, count));
        if let (Some(user), Some(system)) = (outcome.user, outcome.system) {
            notices.push(format!(
                "{name}: user {user} s and system {system} s in the mean; hyperfine does not record them for each \
                execution"
            ));
        }
        contenders.push(Contender { name, figures: Figures { metrics, blocks: Vec::new(), failed } });
    }
    Ok(Read { contenders, known: known(), said: HashMap::new(), notices })
}

/// What hyperfine measures. What it says of memory is kept and not shown: nobody who times commands asked for it.
fn known() -> Vec<Metric> {
    let real = metric::find(&metric::OF_A_COMMAND, REAL).map(|real| Metric { clock: None, ..real.clone() });
    let memory = Metric {
        name: MEMORY.into(),
        title: "Peak resident set".into(),
        unit: Some(Unit::BYTES),
        clock: None,
        better: Better::Less,
        scale: Scale::Ratio,
        shown: false,
    };
    real.into_iter().chain([memory]).collect()
}

/// The name under which its times go here, and that of its peak resident sets.
const REAL: &str = "real";
const MEMORY: &str = "max_rss_bytes";

/// What is said of executions that do not count.
fn failures(name: &str, failed: &[Failed], of: usize) -> Option<String> {
    let mut codes: BTreeMap<Option<i32>, usize> = BTreeMap::new();
    for Failed { exit_code, .. } in failed {
        let count = codes.entry(*exit_code).or_default();
        *count = count.saturating_add(1);
    }
    let how = |(code, count): (&Option<i32>, &usize)| match code {
        Some(code) => format!("{count} with exit code {code}"),
        None => format!("{count} by a signal"),
    };
    let how: Vec<String> = codes.iter().take(5).map(how).collect();
    (!failed.is_empty()).then(|| {
        format!(
            "{name}: {} of {of} executions failed and do not count ({}); import the file again with --accept-exit-code to count them",
            failed.len(),
            how.join(", ")
        )
    })
}

/// What the reader of JSON says, in words for who knows hyperfine and not this program.
fn words(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let said = said.replace("missing field", "there is no field").replace("invalid type: ", "found ");
    let said =
        said.replace("invalid value: ", "found ").replace("struct Outcome", "an object").replace("f64", "a number");
    let said = said.replace("i32", "a whole number").replace("a sequence", "an array").replace("sequence", "an array");
    format!("line {}, column {}: {}", error.line(), error.column(), said.replace(", expected", " in place of"))
}

/// The command, and the parameters that it does not show itself.
fn name(command: &str, parameters: &BTreeMap<String, Value>) -> String {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all = parameters.iter().map(|(name, parameter)| (name, value(parameter)));
    let hidden: Vec<String> = all
        .filter(|(_, value)| !command.contains(value.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    match (command.trim().is_empty(), hidden.is_empty()) {
        (true, true) => "(no command)".to_owned(),
        (_, true) => command.to_owned(),
        _ => format!("{command} ({})", hidden.join(", ")),
    }
}
